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
from functools import cache
from itertools import chain, groupby, repeat
from typing import Literal

import opencc

from models.errors import XiaobaoError

Language = Literal["zh", "other", "empty"]

# Default-ignorable code points that are not of category Cf: joiners and fillers that show
# nothing, variation selectors, and what Unicode reserves for more of them.
_HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2065\u3164\ufe00-\ufe0f\uffa0"
    "\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
# Of category Cf, yet drawn: number signs of other scripts, annotation and Egyptian controls.
_DRAWN = re.compile(
    "[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\ufff9-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f]"
)
# Hangul vowels and finals compose with what precedes by rule, so no decomposition lists them.
_JAMO = re.compile("[\u1161-\u1175\u11a8-\u11c2]")
# The planes where Unicode assigns characters; the others hold nothing that any step changes.
_ASSIGNED = (range(0x40000), range(0xE0000, 0xE1000))
_LONG_PIECE = 30

_HAN = re.compile(
    "[々〇\u2e80-\u2fdf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
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
    alphabet = _alphabet()
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
    shown = _alphabet().unseen.sub("", text)
    if _SEEN.search(shown) is None:
        return "empty"
    rest = _HAN.sub("", shown)
    words = sum(1 for _ in _LATIN_WORD.finditer(shown))
    others = sum(map(str.isalpha, _LATIN_WORD.sub("", rest))) + words
    han = len(shown) - len(rest)
    return "zh" if han and han >= others else "other"


def has_han(text: str) -> bool:
    """Whether any Han character stands in the text: without one there is no Chinese to read."""
    return _HAN.search(text) is not None


@dataclass(frozen=True, slots=True)
class _Alphabet:
    """What each step does to which characters.

    ``single`` maps one character to one and is applied first, ``longer`` one to several;
    ``ignorable`` are removed (``unseen`` finds runs of them), ``followers`` are these and what may
    compose with its predecessor; ``work`` finds where ``single`` has not done everything, each
    time with all the followers.
    """

    single: dict[int, str]
    longer: dict[str, str]
    ignorable: frozenset[str]
    followers: frozenset[str]
    work: re.Pattern[str]
    unseen: re.Pattern[str]


def _folded(text: str, mapped: str, alphabet: _Alphabet) -> NormalisedText:
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
    piece: str, at: int, alphabet: _Alphabet
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


@cache
def _alphabet() -> _Alphabet:
    chars = [chr(point) for point in chain(*_ASSIGNED)]
    ignorable = frozenset(filter(_shows_nothing, chars))
    simplified = _simplified()
    folded = {
        char: unicodedata.normalize("NFKC", char).translate(simplified)
        for char in chars
        if unicodedata.decomposition(char) and char not in ignorable
    }
    single = {
        ord(char): after for char, after in folded.items() if len(after) == 1 and after != char
    }
    longer = {char: after for char, after in folded.items() if len(after) > 1}
    followers = ignorable | _joiners(chars)
    start, after = _ranges({"\r", *followers, *longer}), _ranges(followers)
    return _Alphabet(
        single={**dict.fromkeys(range(0xD800, 0xE000), "\ufffd"), **simplified, **single},
        longer=longer,
        ignorable=ignorable,
        followers=followers,
        # One class in front, as searching for one class is quick.
        work=re.compile(rf"[{start}](?:(?<=\r)\n?|(?<!\r)[{after}]*+)"),
        unseen=re.compile(f"[{_ranges(ignorable)}]+"),
    )


def _shows_nothing(char: str) -> bool:
    if unicodedata.category(char) == "Cf":
        return not _DRAWN.match(char)
    return _HIDDEN.match(char) is not None


def _joiners(chars: Sequence[str]) -> frozenset[str]:
    """The characters that may compose or change places with what stands before them."""
    canonical = (unicodedata.decomposition(char).split() for char in chars)
    seconds = {
        chr(int(parts[1], 16)) for parts in canonical if len(parts) == 2 and parts[0][0] != "<"
    }
    seconds.update(filter(_JAMO.match, chars))
    firsts = ((char, unicodedata.normalize("NFKD", char)[0]) for char in chars)
    return frozenset(c for c, first in firsts if unicodedata.combining(first) or first in seconds)


def _simplified() -> dict[int, str]:
    """Traditional and Japanese forms of Han characters, each with its simplified form.

    OpenCC maps some characters to simplified forms beyond the basic plane, which no vocabulary
    or font holds: those stay. Japanese forms count only where they are no simplified character
    themselves (芸 and 欠 stay) and end in one; GB 2312 is the list of those.
    """
    simple = _converted("t2s")
    japanese = {char: simple.get(after, after) for char, after in _converted("jp2t").items()}
    for char, after in japanese.items():
        if not char.encode("gb2312", "ignore") and after.encode("gb2312", "ignore"):
            simple.setdefault(char, after)
    # 薴 becomes 苧, which becomes 苎, and 戱 goes by way of 戯: once must be enough.
    return {ord(char): simple.get(after, after) for char, after in simple.items()}


def _converted(config: str) -> dict[str, str]:
    han = [chr(point) for point in _ASSIGNED[0] if _HAN.match(chr(point))]
    after = opencc.OpenCC(config).convert("\n".join(han)).split("\n")
    pairs = zip(han, after, strict=True)
    return {
        one: other for one, other in pairs if one != other and len(other) == 1 and other <= "\uffff"
    }


def _ranges(chars: Iterable[str]) -> str:
    """The inside of a character class; ranges, as beyond the basic plane each one costs time."""
    points = enumerate(sorted(map(ord, chars)))
    runs = (list(run) for _, run in groupby(points, key=lambda pair: pair[1] - pair[0]))
    return "".join(rf"\U{run[0][1]:08x}-\U{run[-1][1]:08x}" for run in runs)


def _check_span(start: int, end: int, *, length: int) -> None:
    if not 0 <= start <= end <= length:
        raise OffsetError(f"span {start}-{end}: wanted 0 <= start <= end <= {length}")
