"""The decision: signs and marks found in one case to a level, by the codebook's policy alone.

Marks come first, then the signs that are left. Pure and independent of order: names no sign, mark,
group or level, reads no text, and advises who should look, never how a case is handled.

Adding a mark never raises a level, whatever the codebook says: marks only take signs away, make
them count for less, restrict or cap, and every rule asks for at least so much.
"""

from collections.abc import Collection
from dataclasses import dataclass

from models import reasons
from models.codebook import Codebook, Mark, Sign
from models.errors import XiaobaoError
from models.rules import Condition, GenreRule


class PolicyError(XiaobaoError):
    """A sign or mark that the codebook does not know."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The level of one case and how it came about; all tuples in codebook order.

    ``shown``: signs left after the marks; ``suppressed``: (sign, mark) pairs; ``counted``: the
    shown signs that may lift the level; ``route``: where the case goes instead of getting a
    level; ``reasons``: Chinese sentences for a reviewer. ``points`` are the counted weights,
    capped per group: they order cases of one level and mean nothing else.
    """

    level: str
    shown: tuple[str, ...] = ()
    suppressed: tuple[tuple[str, str], ...] = ()
    counted: tuple[str, ...] = ()
    route: str | None = None
    reasons: tuple[str, ...] = ()
    points: float = 0


@dataclass(frozen=True, slots=True)
class _Case:
    """What is weighed: the marks found, the signs they leave and those of them that count."""

    codebook: Codebook
    marks: tuple[Mark, ...]
    shown: tuple[Sign, ...]
    counted: tuple[Sign, ...]
    genre_rule: GenreRule | None

    def factor_of(self, sign: Sign) -> float:
        """The least that any mark lets the sign count for, 1 where none discounts it."""
        return min((m.factor for m in self.marks if sign.id in m.discounted), default=1.0)


def decide(
    signs: Collection[str], marks: Collection[str], *, codebook: Codebook, genre: str | None
) -> Decision:
    """The level for the ``signs`` and ``marks`` found in a text of ``genre``.

    Raises PolicyError on an id that is not in the codebook; a genre without a rule, or None,
    restricts nothing.
    """
    _check_known(signs, marks, codebook)
    present = tuple(sign for sign in codebook.signs if sign.id in signs)
    held = tuple(mark for mark in codebook.marks if mark.id in marks)
    suppressed = tuple((s, m) for s in present for m in held if s.id in m.suppressed)
    pairs = tuple((sign.id, mark.id) for sign, mark in suppressed)
    if any(mark.no_level for mark in held):
        return _without_level(present, held, codebook)
    case = _weigh(present, held, codebook, genre)
    level, witnesses, capping = _level_of(case)
    return Decision(
        level=level,
        shown=tuple(sign.id for sign in case.shown),
        suppressed=pairs,
        counted=tuple(sign.id for sign in case.counted),
        route=_route_of(held, codebook),
        reasons=(
            *reasons.of_level(level, witnesses, codebook),
            *reasons.of_caps(capping, level, codebook),
            *reasons.of_marks(held, present, case.shown),
            *reasons.of_rest(case.shown, case.counted, witnesses, case.genre_rule),
        ),
        points=_points(case.counted, case),
    )


def _check_known(signs: Collection[str], marks: Collection[str], codebook: Codebook) -> None:
    unknown = set(signs) - {sign.id for sign in codebook.signs}
    unknown |= set(marks) - {mark.id for mark in codebook.marks}
    if unknown:
        wanted = f"signs and marks of codebook {codebook.version}"
        raise PolicyError(f"decision: found {', '.join(sorted(unknown))}, wanted {wanted}")


def _without_level(
    present: tuple[Sign, ...], held: tuple[Mark, ...], codebook: Codebook
) -> Decision:
    silent = tuple(mark for mark in held if mark.no_level)
    return Decision(
        level=codebook.levels[0].id,
        suppressed=tuple((sign.id, mark.id) for sign in present for mark in silent),
        route=_route_of(silent, codebook),
        reasons=reasons.of_help(silent, codebook),
    )


def _route_of(held: tuple[Mark, ...], codebook: Codebook) -> str | None:
    wanted = {mark.route for mark in held}
    return next((route.id for route in codebook.routes if route.id in wanted), None)


def _weigh(
    present: tuple[Sign, ...], held: tuple[Mark, ...], codebook: Codebook, genre: str | None
) -> _Case:
    hidden = frozenset[str]().union(*(mark.suppressed for mark in held))
    shown = tuple(sign for sign in present if sign.id not in hidden)
    rules = _genre_rules(held, codebook, genre)
    counted = tuple(s for s in shown if all(s.group in rule.groups for rule in rules))
    return _Case(codebook, held, shown, counted, rules[0] if rules else None)


def _genre_rules(
    held: tuple[Mark, ...], codebook: Codebook, genre: str | None
) -> tuple[GenreRule, ...]:
    genres = {genre} if genre is not None else {mark.genre for mark in held}
    return tuple(rule for rule in codebook.policy.genres if rule.genre in genres)


def _level_of(case: _Case) -> tuple[str, tuple[Sign, ...], tuple[Mark, ...]]:
    """The level, the signs that lift it above the floor, and the marks that hold it down."""
    codebook, policy = case.codebook, case.codebook.policy
    if not case.shown:
        return codebook.levels[0].id, (), ()
    reached = [
        (codebook.rank_of(rule.level), _witnesses(condition, case))
        for rule in policy.rules
        for condition in rule.any_of
        if _holds(condition, rank=codebook.rank_of(rule.level), case=case)
    ]
    floor = (codebook.rank_of(policy.floor), ())
    rank, witnesses = max([floor, *reached], key=lambda reach: reach[0])
    limits = {mark: _limit_of(mark, case) for mark in case.marks}
    lowest = min([rank, *limits.values()])
    capping = tuple(m for m, limit in limits.items() if limit == lowest < rank)
    return codebook.levels[lowest].id, () if capping else witnesses, capping


def _witnesses(condition: Condition, case: _Case) -> tuple[Sign, ...]:
    least = case.codebook.strength_rank_of(condition.strength)
    rank_of = case.codebook.strength_rank_of
    return tuple(sign for sign in case.counted if rank_of(sign.strength) >= least)


def _holds(condition: Condition, *, rank: int, case: _Case) -> bool:
    witnesses = _witnesses(condition, case)
    groups = {sign.group for sign in witnesses}
    return (
        sum(case.factor_of(sign) for sign in witnesses) >= condition.signs
        and len(groups) >= condition.groups
        and (not condition.one_of_groups or bool(groups & condition.one_of_groups))
        and _points(witnesses, case) >= condition.points
        and any(not _under_ceiling(sign, rank, case.codebook) for sign in witnesses)
    )


def _under_ceiling(sign: Sign, rank: int, codebook: Codebook) -> bool:
    return any(
        (not ceiling.strengths or sign.strength in ceiling.strengths)
        and (not ceiling.groups or sign.group in ceiling.groups)
        and sign.id not in ceiling.except_signs
        for ceiling in codebook.policy.ceilings
        if codebook.rank_of(ceiling.level) < rank
    )


def _limit_of(mark: Mark, case: _Case) -> int:
    """The rank of the highest level that the mark allows."""
    codebook, cap = case.codebook, mark.cap
    if cap is None or _lifts_cap(mark, case):
        return len(codebook.levels) - 1
    return codebook.rank_of(cap.level)


def _lifts_cap(mark: Mark, case: _Case) -> bool:
    if mark.cap is None or mark.cap.unless_strength is None:
        return False
    rank_of = case.codebook.strength_rank_of
    least = rank_of(mark.cap.unless_strength)
    return any(
        sign.group in mark.cap.unless_groups and rank_of(sign.strength) >= least
        for sign in case.counted
    )


def _points(signs: tuple[Sign, ...], case: _Case) -> float:
    totals: dict[str, float] = {}
    for sign in signs:
        totals[sign.group] = totals.get(sign.group, 0) + sign.weight * case.factor_of(sign)
    return sum(min(total, case.codebook.policy.max_points_per_group) for total in totals.values())
