"""The codebook: signs of proxy-surrender agents, protective marks, levels and the policy.

An insurer's file, read from YAML into frozen dataclasses. Knows nothing about texts or scores;
``policy`` applies what stands here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from models.errors import XiaobaoError
from models.marks import Mark, MarkScope, mark_from
from models.rules import DecisionPolicy, RuleVocabulary, policy_from
from models.strict_yaml import Entry, check_ids, read_entry, read_text

__all__ = [
    "AGENT_SIGNS",
    "WHERE",
    "Codebook",
    "CodebookError",
    "DecisionPolicy",
    "Level",
    "Mark",
    "Named",
    "Sign",
    "Strength",
    "default_codebook",
    "load_codebook",
    "parse_codebook",
]

AGENT_SIGNS: Traversable = files("models") / "taxonomies" / "agent_signs.yaml"
WHERE = ("text", "intake", "contact", "evidence", "link")

_LONGEST_LEVEL = 16  # characters of its id: what a register's columns hold
_TOP_KEYS = (
    *("version", "levels", "strengths", "groups", "routes", "signs", "marks"),
    *("decision_policy", "sources"),
)
_SIGN_KEYS = (
    *("id", "zh", "group", "where", "strength", "weight", "definition", "phrasings"),
    *("lookalike", "innocent_reading_zh", "verify", "verify_zh", "basis", "odd_writing"),
)


class CodebookError(XiaobaoError):
    """A codebook file that cannot be used: names file, id, value found and value wanted."""


@dataclass(frozen=True, slots=True)
class Level:
    """How carefully a person should look; nothing else follows from it."""

    id: str
    zh: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Named:
    """A group or route: an id and its Chinese name."""

    id: str
    zh: str


@dataclass(frozen=True, slots=True)
class Strength:
    """How seldom a sign is innocent.

    A sign so strong is believed only where an agent is behind the text with at least the
    probability ``agent_from``, 0-1.
    """

    id: str
    zh: str
    agent_from: float = 0.0


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign; ``innocent_reading`` and ``verify`` are Chinese and shown with it, always.

    ``where`` says what can show it (some of WHERE); ``weight`` is a start value, in points.
    ``odd_writing``: it is one of how a text is written, and believed of no text written plainly.
    """

    id: str
    zh: str
    group: str
    where: tuple[str, ...]
    strength: str
    weight: float
    definition: str
    phrasings: tuple[str, ...]
    innocent_reading: str
    verify: str
    basis: tuple[str, ...] = ()
    odd_writing: bool = False


@dataclass(frozen=True, slots=True)
class Codebook:
    """Levels and strengths lowest first, routes most urgent first.

    The order of ``signs`` and of ``marks`` is the order of the network's outputs.
    """

    version: str
    levels: tuple[Level, ...]
    strengths: tuple[Strength, ...]
    groups: tuple[Named, ...]
    routes: tuple[Named, ...]
    signs: tuple[Sign, ...]
    marks: tuple[Mark, ...]
    policy: DecisionPolicy

    def rank_of(self, level_id: str) -> int:
        """The place of a level, 0 the lowest; ValueError on an unknown level."""
        return _ids(self.levels).index(level_id)

    def strength_rank_of(self, strength_id: str) -> int:
        """The place of a strength, 0 the weakest; ValueError on an unknown strength."""
        return _ids(self.strengths).index(strength_id)

    def sign_of(self, sign_id: str) -> Sign:
        """The sign with this id; KeyError where there is none."""
        return {sign.id: sign for sign in self.signs}[sign_id]

    def implied_by(self, cause: str) -> frozenset[str]:
        """The marks of a text whose primary cause this is, whether or not its words carry them."""
        return frozenset(mark.id for mark in self.marks if mark.sets.get("cause") == cause)

    def mark_of(self, mark_id: str) -> Mark:
        """The mark with this id; KeyError where there is none."""
        return {mark.id: mark for mark in self.marks}[mark_id]


def parse_codebook(text: str, *, name: str) -> Codebook:
    """The codebook in a YAML text; ``name`` stands for the file in a CodebookError."""
    top = read_entry(text, name=name, error=CodebookError)
    top.check_keys(_TOP_KEYS)
    version = top.text("version", wanted='a version in quotes, such as "0.1"')
    levels = tuple(_level(entry) for entry in _listed(top, "levels", at_least=2))
    strengths = tuple(_strength(entry) for entry in _listed(top, "strengths", at_least=1))
    groups = _named(top, "groups", at_least=1)
    routes = _named(top, "routes", at_least=0)
    signs = _signs(top, strengths=_ids(strengths), groups=_ids(groups))
    vocabulary = RuleVocabulary(_ids(levels), _ids(strengths), _ids(groups), _ids(signs))
    wanted = "rules for the machine: a table with floor, points, rules"
    policy = policy_from(top.entry("decision_policy", wanted=wanted), vocabulary=vocabulary)
    scope = MarkScope(
        vocabulary, {sign.id: sign.group for sign in signs}, _ids(routes), policy.floor
    )
    marks = tuple(mark_from(entry, scope=scope) for entry in top.entries("marks"))
    check_ids((*top.entries("signs"), *top.entries("marks")))
    return Codebook(version, levels, strengths, groups, routes, signs, marks, policy)


def load_codebook(source: Traversable | Path) -> Codebook:
    """The codebook in a file; CodebookError where it is not text in UTF-8."""
    return parse_codebook(read_text(source, error=CodebookError), name=str(source))


@cache
def default_codebook() -> Codebook:
    """The codebook that comes with the package."""
    return load_codebook(AGENT_SIGNS)


def _level(entry: Entry) -> Level:
    entry.check_keys(("id", "zh", "meaning", "meaning_zh"))
    id_ = entry.text("id", wanted="an id")
    if len(id_) > _LONGEST_LEVEL:
        entry.refuse("id", found=f"{len(id_)} characters", wanted=f"{_LONGEST_LEVEL} at most")
    return Level(
        id=id_,
        zh=entry.text("zh", wanted="a Chinese name"),
        meaning=entry.text("meaning_zh", wanted="a Chinese sentence on what the level means"),
    )


def _strength(entry: Entry) -> Strength:
    entry.check_keys(("id", "zh", "meaning", "agent_from"))
    name = entry.text("zh", wanted="a Chinese name")
    agent_from = entry.share("agent_from") if "agent_from" in entry.fields else 0.0
    return Strength(entry.text("id"), name, agent_from)


def _named(top: Entry, key: str, *, at_least: int) -> tuple[Named, ...]:
    entries = _listed(top, key, at_least=at_least)
    for entry in entries:
        entry.check_keys(("id", "zh", "meaning"))
    return tuple(
        Named(entry.text("id"), entry.text("zh", wanted="a Chinese name")) for entry in entries
    )


def _signs(top: Entry, *, strengths: tuple[str, ...], groups: tuple[str, ...]) -> tuple[Sign, ...]:
    sources = check_ids(top.entries("sources"))
    return tuple(
        _sign(entry, strengths=strengths, groups=groups, sources=sources)
        for entry in _listed(top, "signs", at_least=1)
    )


def _sign(
    entry: Entry,
    *,
    strengths: tuple[str, ...],
    groups: tuple[str, ...],
    sources: tuple[str, ...],
) -> Sign:
    entry.check_keys(_SIGN_KEYS)
    return Sign(
        id=entry.text("id", wanted="an id"),
        zh=entry.text("zh", wanted="a Chinese name"),
        group=entry.choice("group", groups),
        where=entry.choices("where", WHERE),
        strength=entry.choice("strength", strengths),
        weight=entry.number("weight"),
        definition=entry.text("definition", wanted="a definition"),
        phrasings=entry.texts("phrasings"),
        innocent_reading=entry.text("innocent_reading_zh", wanted="an innocent reading in Chinese"),
        verify=entry.text("verify_zh", wanted="how to verify, in Chinese"),
        basis=entry.choices("basis", sources),
        odd_writing=entry.flag("odd_writing"),
    )


def _listed(top: Entry, key: str, *, at_least: int) -> tuple[Entry, ...]:
    entries = top.entries(key)
    check_ids(entries)
    if len(entries) < at_least:
        raise top.fail(key, found=f"{len(entries)} entries", wanted=f"at least {at_least}")
    return entries


def _ids(nodes: Sequence[Level | Strength | Named | Sign]) -> tuple[str, ...]:
    return tuple(node.id for node in nodes)
