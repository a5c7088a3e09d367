"""Text: the one form in which networks read it, with an exact way back to the original.

Limits: knows nothing about tokens, windows or personal data, and drops no visible character.
NFKC makes full-width punctuation ASCII (，is , and … is three dots). Simplifying goes character
by character, without a dictionary of phrases, so that 乾 is 干 even in 乾隆.
"""

import re
import unicodedata
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby, repeat
from typing import Literal

from models.alphabet import HAN, Alphabet, make_alphabet
from models.errors import XiaobaoError

Language = Literal["zh", "other", "empty"]

_LONG_PIECE = 30

_LATIN_WORD = re.compile("[A-Za-z\uff21-\uff3a\uff41-\uff5a]+")
_SEEN = re.compile(r"[^\s\x00-\x1f\x7f-\x9f]")


class OffsetError(XiaobaoError, IndexError):
    """A span that does not lie within its text."""


@dataclass(frozen=True, slots=True)
class NormalisedText:
    """A text, its normalised form and the map between them.

    Character ``k`` of ``text`` was produced by ``original[starts[k]:ends[k]]``; both arrays
    have the length of ``text`` and never decrease. They are None where every character stands
    where it stood. What lies between two such slices was removed.
    """

    original: str
    text: str
    starts: Sequence[int] | None = field(default=None, repr=False, compare=False)
    ends: Sequence[int] | None = field(default=None, repr=False, compare=False)

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """The smallest slice of the original whose characters produced ``text[start:end]``.

        A span that cuts what one character or one composition became (the 株 of ㈱) grows to
        the whole of it. An empty span stays empty, before the character that follows it.

        Law: for ``a, b = original_span(start, end)``, ``normalise(original[a:b]).text`` is
        ``text`` sliced by ``normalised_span(a, b)``; it is ``text[start:end]`` if nothing was cut.
        Raises OffsetError outside ``0 <= start <= end <= len(text)``.
        """
        _check_span(start, end, length=len(self.text))
        if self.starts is None or self.ends is None:
            return start, end
        if start < end:
            return self.starts[start], self.ends[end - 1]
        place = self.starts[start] if start < len(self.starts) else max(self.ends[-1:], default=0)
        return place, place

    def normalised_span(self, start: int, end: int) -> tuple[int, int]:
        """The smallest slice of ``text`` that holds all that ``original[start:end]`` produced.

        Empty where the slice is empty or holds only removed characters.
        Raises OffsetError outside ``0 <= start <= end <= len(original)``.
        """
        _check_span(start, end, length=len(self.original))
        if self.starts is None or self.ends is None:
            return start, end
        last = bisect_left(self.starts, end)
        first = bisect_right(self.ends, start) if start < end else last
        return min(first, last), last


def normalise(text: str) -> NormalisedText:
    """The normalised form of any string; never fails, and changes nothing when applied twice.

    In this order: lone surrogates become U+FFFD; line ends (CR LF, CR) become LF; what shows
    nothing is removed (zero-width characters, joiners, variation selectors, fillers, tags);
    NFKC; traditional and Japanese forms of Han characters become simplified ones, one for one.
    White space is kept, although NFKC makes an ideographic space an ordinary one.
    """
    alphabet = make_alphabet()
    # One for one, and sound before composing: NFKC of a text is NFKC of its characters' NFKC.
    mapped = text.translate(alphabet.single)
    if alphabet.work.search(mapped) is None:
        return NormalisedText(text, mapped)
    return _folded(text, mapped, alphabet)


def language_of(text: str) -> Language:
    """``zh`` where Han characters are at least half of the letters, else ``other``.

    A word in Latin letters counts as one letter, for it says about as much as one Han character.
    ``empty`` where nothing can be seen; a text without letters (emoji, digits) is ``other``.
    """
    shown = make_alphabet().unseen.sub("", text)
    if _SEEN.search(shown) is None:
        return "empty"
    rest = HAN.sub("", shown)
    words = sum(1 for _ in _LATIN_WORD.finditer(shown))
    others = sum(map(str.isalpha, _LATIN_WORD.sub("", rest))) + words
    han = len(shown) - len(rest)
    return "zh" if han and han >= others else "other"


def has_han(text: str) -> bool:
    """Whether any Han character stands in the text: without one there is no Chinese to read."""
    return HAN.search(text) is not None


def _folded(text: str, mapped: str, alphabet: Alphabet) -> NormalisedText:
    parts: list[str] = []
    starts, ends = array("I"), array("I")
    done = 0
    for match in alphabet.work.finditer(mapped):
        at = match.start()
        if done < at and mapped[at] in alphabet.followers:
            at -= 1  # the plain character that a mark may compose with
        folded, first, last = _fold_piece(mapped[at : match.end()], at, alphabet)
        if done < at:
            parts.append(mapped[done:at])
            starts.extend(range(done, at))
            ends.extend(range(done + 1, at + 1))
        parts.append(folded)
        starts.extend(first)
        ends.extend(last)
        done = match.end()
    parts.append(mapped[done:])
    starts.extend(range(done, len(mapped)))
    ends.extend(range(done + 1, len(mapped) + 1))
    stayed = len(starts) == len(text) and starts == array("I", range(len(text)))
    return NormalisedText(text, "".join(parts), *(() if stayed else (starts, ends)))


def _fold_piece(
    piece: str, at: int, alphabet: Alphabet
) -> tuple[str, Iterable[int], Iterable[int]]:
    """What a piece that begins at ``at`` becomes, and where each of its characters came from."""
    if piece[0] == "\r":
        return "\n", (at,), (at + len(piece),)
    if longer := alphabet.longer.get(piece):
        return longer, repeat(at, len(longer)), repeat(at + 1, len(longer))
    before = alphabet.unseen.sub("", piece)
    kept = [at + i for i, char in enumerate(piece) if char not in alphabet.ignorable]
    after = _compose(before).translate(alphabet.single)
    if after == before:
        return after, kept, (place + 1 for place in kept)
    return after, repeat(kept[0], len(after)), repeat(kept[-1] + 1, len(after))


def _compose(text: str) -> str:
    if len(text) <= _LONG_PIECE:
        return unicodedata.normalize("NFKC", text)
    # The interpreter orders marks in quadratic time: hand it long runs already in order.
    decomposed = chain.from_iterable(unicodedata.normalize("NFKD", char) for char in text)
    runs = groupby(decomposed, key=lambda char: unicodedata.combining(char) > 0)
    ordered = (sorted(run, key=unicodedata.combining) if marks else run for marks, run in runs)
    return unicodedata.normalize("NFKC", "".join(chain.from_iterable(ordered)))


def _check_span(start: int, end: int, *, length: int) -> None:
    if not 0 <= start <= end <= length:
        raise OffsetError(f"span {start}-{end}: wanted 0 <= start <= end <= {length}")
