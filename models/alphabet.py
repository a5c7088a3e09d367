"""The alphabet of normalising: which characters become, join or vanish into what.

Made from Unicode's own tables and OpenCC's; knows characters, never a text.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, groupby

import opencc

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

HAN = re.compile("[々〇\u2e80-\u2fdf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


@dataclass(frozen=True, slots=True)
class Alphabet:
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


@cache
def make_alphabet() -> Alphabet:
    """The one alphabet there is, made at the first call (a moment) and kept."""
    every = "".join(chr(point) for point in chain(*_ASSIGNED))
    decomposed = {char: parts for char in every if (parts := unicodedata.decomposition(char))}
    ignorable = _ignorable(every)
    simplified = _simplified("".join(HAN.findall(every)))
    folded = {
        char: unicodedata.normalize("NFKC", char).translate(simplified)
        for char in decomposed
        if char not in ignorable
    }
    single = {
        ord(char): after for char, after in folded.items() if len(after) == 1 and after != char
    }
    longer = {char: after for char, after in folded.items() if len(after) > 1}
    followers = ignorable | _joiners(every, decomposed)
    start, after = _ranges({"\r", *followers, *longer}), _ranges(followers)
    return Alphabet(
        single={**dict.fromkeys(range(0xD800, 0xE000), "\ufffd"), **simplified, **single},
        longer=longer,
        ignorable=ignorable,
        followers=followers,
        # One class in front, as searching for one class is quick.
        work=re.compile(rf"[{start}](?:(?<=\r)\n?|(?<!\r)[{after}]*+)"),
        unseen=re.compile(f"[{_ranges(ignorable)}]+"),
    )


def _ignorable(every: str) -> frozenset[str]:
    """The characters that show nothing."""
    formats = {char for char in every if unicodedata.category(char) == "Cf"}
    return frozenset(formats.difference(_DRAWN.findall(every)).union(_HIDDEN.findall(every)))


def _joiners(every: str, decomposed: Mapping[str, str]) -> frozenset[str]:
    """The characters that may compose or change places with what stands before them."""
    canonical = map(str.split, decomposed.values())
    seconds = {
        chr(int(parts[1], 16)) for parts in canonical if len(parts) == 2 and parts[0][0] != "<"
    }
    seconds.update(_JAMO.findall(every))
    # What has no decomposition begins with itself.
    firsts = {char: unicodedata.normalize("NFKD", char)[0] for char in decomposed}
    begin = {char for char, first in firsts.items() if first in seconds}
    marks = {char for char in every if unicodedata.combining(firsts.get(char, char))}
    return frozenset(marks | begin | seconds.difference(firsts))


def _simplified(han: str) -> dict[int, str]:
    """Traditional and Japanese forms of Han characters, each with its simplified form.

    OpenCC maps some characters to simplified forms beyond the basic plane, which no vocabulary
    or font holds: those stay. Japanese forms count only where they are no simplified character
    themselves (芸 and 欠 stay) and end in one; GB 2312 is the list of those.
    """
    simple = _converted(han, "t2s")
    japanese = {char: simple.get(after, after) for char, after in _converted(han, "jp2t").items()}
    for char, after in japanese.items():
        if not char.encode("gb2312", "ignore") and after.encode("gb2312", "ignore"):
            simple.setdefault(char, after)
    # 薴 becomes 苧, which becomes 苎, and 戱 goes by way of 戯: once must be enough.
    return {ord(char): simple.get(after, after) for char, after in simple.items()}


def _converted(han: str, config: str) -> dict[str, str]:
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
