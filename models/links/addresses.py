"""Addresses: one spelling for the many ways in which one place is written.

City, street with number, named building, room. Knows forms, not maps: no list of real places.
"""

import re
from dataclasses import dataclass

from models.text import normalise

_HAN = "\u4e00-\u9fff"
_DIGITS = str.maketrans("零〇一二三四五六七八九", "00123456789")
_NUMERAL = re.compile(
    "(?<![零〇一二三四五六七八九十百])[零〇一二三四五六七八九十百]++(?=[号幢栋座楼室层单排组队弄巷])"
)
_PROVINCE = re.compile(rf"^(?:中国)?[{_HAN}]{{2,7}}?(?:省|自治区)")
_BRACKET = re.compile(r"\(([^()]*)\)")
_PLACE = re.compile(rf"[{_HAN}]{{2,8}}")
_ADMIN = re.compile(rf"[{_HAN}]{{1,4}}?(?:自治区|省|市|(?<![社小园])区|县|镇|街道)|[{_HAN}]{{2}}乡")
_BUILT = (
    "中心|大厦|公寓|广场|花园|小区|新村|新邨|宿舍|家园|大楼|家属院|创业园|产业园|电子厂|厂|苑|村"
)
_SITE = re.compile(rf"([{_HAN}]{{2}})({_BUILT})")
_STREET = re.compile(rf"([{_HAN}]{{2}})(大道|胡同|路|街|巷|弄|里|桥)(\d+)")
_BLOCK = re.compile(r"([A-Z])(?=\d|座|栋|幢|楼|-)|(\d+|[东西南北])(?:座|栋|幢|号楼|楼(?!\d?层))")
_PART = re.compile(r"(\d+|[A-Z])(?:单元|组|排|队)")
# 3-2-401 is 3栋2单元401, 3-401 is 3栋401.
_DASHED = re.compile(r"(?<![\dA-Z-])(\d{1,3})-(?:(\d{1,2})-)?(\d{3,5})(?![\d-])")
_FLOOR_ROOM = re.compile(r"(\d+)(?:层|楼)(\d+)")
_ROOM = re.compile(r"(\d{2,5})(?:室|号|房)?$|-(\d{2,5})")


@dataclass(frozen=True, slots=True)
class Place:
    """``unit``: the very door; ``site``: the building, estate, village or house number.

    A named building without a room has no unit: hundreds may live or work there.
    """

    unit: str | None
    site: str | None


def parse_address(address: str) -> Place | None:
    """The place of an address in one spelling; None where it says too little to compare."""
    plain = _plain(address)
    city = "".join(_PLACE.findall(plain))[:2]
    rest = _ADMIN.sub("", plain, count=3) if len(city) == 2 else plain
    site = _site_of(rest, city)
    if site is None:
        words = re.sub(r"[^\w]", "", rest)
        return Place(f"{city}|{words}", None) if len(words) >= 4 else None
    name, after = site
    block = next((a or b for a, b in reversed(_BLOCK.findall(after)) if a or b), "")
    letters = re.findall(r"[A-Z]", after)
    block = letters[0] if letters else block
    part = _PART.search(after)
    room = _room_of(after)
    numbered = name.count("|") == 2  # a street and its number: few doors
    door = (name, block, part[1] if part else "", room)
    return Place("|".join(door) if room or numbered else None, name)


def city_of(address: str | None) -> str | None:
    """The first two characters of the city or county: enough to tell two apart."""
    found = "".join(_PLACE.findall(_plain(address)))[:2] if address else ""
    return found or None


def _plain(address: str) -> str:
    text = normalise(address).text.upper()
    moved = [inner for inner in _BRACKET.findall(text) if _is_place(inner)]
    kept = _BRACKET.sub(lambda found: "" if _is_place(found[1]) else found[1], text)
    joined = re.sub(r"\s+", "", "".join((*moved, kept)))
    digits = _NUMERAL.sub(lambda found: _arabic(found[0]), _PROVINCE.sub("", joined))
    return _DASHED.sub(_undashed, digits)


def _undashed(found: re.Match[str]) -> str:
    block, part, room = found.groups()
    return f"{block}栋{part}单元{room}" if part else f"{block}栋{room}"


def _is_place(words: str) -> bool:
    ends = re.search("[座栋幢楼室点]$|代|转", words)
    return _PLACE.fullmatch(words) is not None and ends is None


def _arabic(numeral: str) -> str:
    if not set(numeral) & {"十", "百"}:
        return numeral.translate(_DIGITS)
    total, digit = 0, 0
    for char in numeral:
        if char in "十百":
            total += (digit or 1) * (10 if char == "十" else 100)
            digit = 0
        else:
            digit = int(char.translate(_DIGITS))
    return str(total + digit)


def _site_of(rest: str, city: str) -> tuple[str, str] | None:
    """The site's name, and what the address says after it."""
    built = list(_SITE.finditer(rest))
    if built:
        found = built[-1]
        return f"{city}|{found[1]}{found[2]}", rest[found.end() :]
    street = _STREET.search(rest)
    if street is None:
        return None
    return f"{city}|{street[1]}{street[2]}|{street[3]}", rest[street.end() :].lstrip("号")


def _room_of(after: str) -> str:
    if found := _FLOOR_ROOM.search(after):
        return f"{int(found[1])}{found[2]}"
    found = _ROOM.search(after)
    return (found[1] or found[2]) if found else ""
