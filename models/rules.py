"""Decision rules as data: what signs must show for a level. Applies nothing; see ``policy``.

Every rule only asks for more, so that taking a sign away can never raise a level.
"""

from dataclasses import dataclass

from models.record import GENRES
from models.strict_yaml import Entry

_POLICY_KEYS = ("principles", "floor", "points", "rules", "ceilings", "genres")
_CONDITION_KEYS = ("strength", "signs", "groups", "one_of_groups", "points")
_CEILING_KEYS = ("level", "statement", "strengths", "groups", "except_signs")


@dataclass(frozen=True, slots=True)
class RuleVocabulary:
    """The ids that rules may name; levels and strengths lowest first."""

    levels: tuple[str, ...]
    strengths: tuple[str, ...]
    groups: tuple[str, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """What counting signs of ``strength`` or more must show, all of it at once.

    ``signs`` is how many (a discounted sign is a fraction of one), ``groups`` from how many
    groups, ``one_of_groups`` where at least one of them must stand, ``points`` their sum.
    """

    strength: str
    signs: float = 1
    groups: int = 1
    one_of_groups: frozenset[str] = frozenset()
    points: float = 0


@dataclass(frozen=True, slots=True)
class LevelRule:
    """A level is reached when any of its conditions holds."""

    level: str
    statement: str
    any_of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Signs that, among themselves, lift no case above ``level``. Empty sets mean all."""

    level: str
    statement: str
    strengths: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    except_signs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GenreRule:
    """In texts of ``genre`` (called ``zh``) only signs of ``groups`` count."""

    genre: str
    zh: str
    statement: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class DecisionPolicy:
    """How signs make a level. ``floor`` is the level of any sign left after the marks."""

    floor: str
    max_points_per_group: float
    rules: tuple[LevelRule, ...]
    ceilings: tuple[Ceiling, ...] = ()
    genres: tuple[GenreRule, ...] = ()
    principles: tuple[str, ...] = ()


def policy_from(entry: Entry, *, vocabulary: RuleVocabulary) -> DecisionPolicy:
    """The policy in an entry of a codebook file; raises the entry's error on an unknown id."""
    entry.check_keys(_POLICY_KEYS)
    points = entry.entry("points")
    points.check_keys(("statement", "max_per_group"))
    rules = tuple(_rule(rule, vocabulary) for rule in entry.entries("rules"))
    if not rules:
        raise entry.fail("rules", found="nothing", wanted="at least one rule for a level")
    return DecisionPolicy(
        floor=entry.choice("floor", vocabulary.levels[1:]),
        max_points_per_group=points.number("max_per_group"),
        rules=rules,
        ceilings=tuple(_ceiling(ceiling, vocabulary) for ceiling in entry.entries("ceilings")),
        genres=tuple(_genre(genre, vocabulary) for genre in entry.entries("genres")),
        principles=entry.texts("principles"),
    )


def _rule(entry: Entry, vocabulary: RuleVocabulary) -> LevelRule:
    entry.check_keys(("level", "statement", "any_of"))
    conditions = tuple(_condition(each, vocabulary) for each in entry.entries("any_of"))
    if not conditions:
        raise entry.fail("any_of", found="nothing", wanted="at least one condition")
    level = entry.choice("level", vocabulary.levels[1:])
    return LevelRule(level, entry.text("statement"), conditions)


def _condition(entry: Entry, vocabulary: RuleVocabulary) -> Condition:
    entry.check_keys(_CONDITION_KEYS)
    return Condition(
        strength=entry.choice("strength", vocabulary.strengths),
        signs=entry.number("signs", default=1),
        groups=int(entry.number("groups", default=1)),
        one_of_groups=frozenset(entry.choices("one_of_groups", vocabulary.groups)),
        points=entry.number("points", default=0, above=-1),
    )


def _ceiling(entry: Entry, vocabulary: RuleVocabulary) -> Ceiling:
    entry.check_keys(_CEILING_KEYS)
    strengths = entry.choices("strengths", vocabulary.strengths)
    groups = entry.choices("groups", vocabulary.groups)
    if not strengths and not groups:
        raise entry.fail("", found="neither strengths nor groups", wanted="one of them")
    return Ceiling(
        level=entry.choice("level", vocabulary.levels),
        statement=entry.text("statement"),
        strengths=frozenset(strengths),
        groups=frozenset(groups),
        except_signs=frozenset(entry.choices("except_signs", vocabulary.signs)),
    )


def _genre(entry: Entry, vocabulary: RuleVocabulary) -> GenreRule:
    entry.check_keys(("genre", "zh", "statement", "groups"))
    return GenreRule(
        genre=entry.choice("genre", GENRES),
        zh=entry.text("zh", wanted="a Chinese name"),
        statement=entry.text("statement"),
        groups=frozenset(entry.choices("groups", vocabulary.groups)),
    )
