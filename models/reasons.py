"""Chinese sentences that tell a reviewer how a level came about. Decides nothing.

Knows how to speak, not what about: every name comes from the codebook. A sentence says what was
found and who should look; it never says what a customer is.
"""

from collections.abc import Iterable

from models.codebook import Codebook, Mark, Sign
from models.rules import GenreRule


def of_level(level: str, witnesses: tuple[Sign, ...], codebook: Codebook) -> tuple[str, ...]:
    """Which signs lift the case to ``level``; nothing where none does."""
    if not witnesses:
        return ()
    names = {strength.id: strength.zh for strength in codebook.strengths}
    weakest = min(witnesses, key=lambda sign: codebook.strength_rank_of(sign.strength)).strength
    mixed = "及以上" if any(sign.strength != weakest for sign in witnesses) else ""
    groups = len({sign.group for sign in witnesses})
    spread = f",涉及{groups}个方面" if groups > 1 else ""
    called = codebook.levels[codebook.rank_of(level)].zh
    return (f"{_quoted(witnesses)}属于{names[weakest]}{mixed}迹象{spread},{called}",)


def of_caps(capping: tuple[Mark, ...], level: str, codebook: Codebook) -> tuple[str, ...]:
    """Which marks hold the case at ``level``; nothing where none does."""
    if not capping:
        return ()
    called = codebook.levels[codebook.rank_of(level)].zh
    return (f"已识别{_quoted(capping)},提示不高于“{called}”",)


def of_marks(
    held: tuple[Mark, ...], present: tuple[Sign, ...], shown: tuple[Sign, ...]
) -> tuple[str, ...]:
    """What each mark holds down, and what it asks of the reviewer."""
    return tuple(
        sentence for mark in held if (sentence := _of_mark(mark, present=present, shown=shown))
    )


def of_rest(
    shown: tuple[Sign, ...],
    counted: tuple[Sign, ...],
    witnesses: tuple[Sign, ...],
    genre_rule: GenreRule | None,
) -> tuple[str, ...]:
    """Which signs remain as a note, and which do not count in a text of this genre."""
    aside = tuple(sign for sign in shown if sign not in counted)
    rest = tuple(sign for sign in counted if sign not in witnesses)
    called = genre_rule.zh if genre_rule else ""
    lines = (f"文本为{called},{_quoted(aside)}不计入级别,仅作记录",) if aside else ()
    return (*lines, f"{_quoted(rest)}仅作记录") if rest else lines


def of_help(silent: tuple[Mark, ...], codebook: Codebook) -> tuple[str, ...]:
    """What a case needs that gets no level, most urgent first: an offer, never an accusation."""
    urgency = [route.id for route in codebook.routes]
    names = {route.id: route.zh for route in codebook.routes}
    ordered = sorted(silent, key=lambda mark: [*urgency, mark.route].index(mark.route))
    return tuple(
        mark.advice or f"已识别“{mark.zh}”,请转“{names.get(mark.route or '', '人工处理')}”"
        for mark in ordered
    )


def _of_mark(mark: Mark, *, present: tuple[Sign, ...], shown: tuple[Sign, ...]) -> str:
    hidden = tuple(sign for sign in present if sign.id in mark.suppressed)
    lighter = tuple(sign for sign in shown if sign.id in mark.discounted)
    held_down = [f"不计{_quoted(hidden)}"] if hidden else []
    held_down += [f"{_quoted(lighter)}折减计入"] if lighter else []
    if held_down:
        advice = f";{mark.advice}" if mark.advice else ""
        return f"已识别“{mark.zh}”,{','.join(held_down)}{advice}"
    return f"已识别“{mark.zh}”:{mark.advice}" if mark.advice else ""


def _quoted(named: Iterable[Sign | Mark]) -> str:
    return "、".join(f"“{each.zh}”" for each in named)
