"""The root-cause taxonomy: an insurer's table of causes, read from YAML into frozen dataclasses.

Knows two levels: parents (level 1) and leaves. Holds what may be alleged, not what is true, and
knows nothing about texts, networks or thresholds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from models.errors import XiaobaoError
from models.strict_yaml import Entry, check_ids, read_entry, read_text

ROOT_CAUSES: Traversable = files("models") / "taxonomies" / "root_causes.yaml"
EXCLUDE_WORDS = ("demand", "any_substantive")

_FILE_KEYS = (
    *("version", "level1", "technical", "technical_parent", "fallback"),
    *("facets", "primary_rules"),
)
_PARENT_KEYS = (
    *("id", "zh", "definition", "include", "exclude", "examples", "children"),
    *("bulletin_type", "codes"),
)
_CAUSE_KEYS = ("id", "zh", "definition", "examples", "exclude", "bulletin_type", "codes")


class TaxonomyError(XiaobaoError):
    """A taxonomy file that cannot be used: names file, id, value found and value wanted."""


@dataclass(frozen=True, slots=True)
class Exclude:
    """When a text belongs elsewhere: ``to`` is a cause, a parent or one of EXCLUDE_WORDS."""

    to: str
    when: str


@dataclass(frozen=True, slots=True)
class Parent:
    """A level-1 cause. Without children it is also its own leaf; ``codes`` map to other tables."""

    id: str
    zh: str
    definition: str
    bulletin_type: str
    include: tuple[str, ...] = ()
    excludes: tuple[Exclude, ...] = ()
    codes: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Cause:
    """A leaf. ``parent`` is a level-1 id; a ``technical`` cause needs no evidence."""

    id: str
    zh: str
    definition: str
    examples: tuple[str, ...]
    parent: str
    bulletin_type: str
    excludes: tuple[Exclude, ...] = ()
    technical: bool = False
    codes: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class RootCauseTaxonomy:
    """Parents and causes; ``causes`` in output order, technical ones last.

    The position of a cause is the network's output index. ``fallback`` is the cause of a text in
    which no cause was found.
    """

    version: str
    parents: tuple[Parent, ...]
    causes: tuple[Cause, ...]
    fallback: str
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    primary_rules: tuple[str, ...] = ()

    @property
    def leaves(self) -> tuple[str, ...]:
        """Ids of the causes in output order."""
        return tuple(cause.id for cause in self.causes)

    def cause_of(self, cause_id: str) -> Cause:
        """The cause with this id; KeyError where there is none."""
        return {cause.id: cause for cause in self.causes}[cause_id]

    def parent_of(self, cause_id: str) -> Parent:
        """The level-1 cause above a leaf; KeyError on an unknown leaf."""
        return {parent.id: parent for parent in self.parents}[self.cause_of(cause_id).parent]

    def name_of(self, node_id: str) -> str:
        """The Chinese name of a leaf or parent; KeyError on an unknown id."""
        names = {parent.id: parent.zh for parent in self.parents}
        return (names | {cause.id: cause.zh for cause in self.causes})[node_id]

    def bulletin_type_of(self, cause_id: str) -> str:
        """The regulator's dispute type of a leaf: its own, else its parent's."""
        return self.cause_of(cause_id).bulletin_type


def parse_taxonomy(text: str, *, name: str) -> RootCauseTaxonomy:
    """The taxonomy in a YAML text; ``name`` stands for the file in a TaxonomyError."""
    top = read_entry(text, name=name, error=TaxonomyError)
    top.check_keys(_FILE_KEYS)
    version = top.text("version", wanted='a version in quotes, such as "0.1"')
    level1 = top.entries("level1")
    if not level1:
        raise top.fail("level1", found="nothing", wanted="at least one cause")
    substantive = [cause for entry in level1 for cause in _leaves_under(entry)]
    technical = top.entries("technical")
    above = () if not technical else (top.entry("technical_parent"),)
    causes = (*substantive, *(_technical(entry, up) for up in above for entry in technical))
    parents = tuple(_parent(entry) for entry in (*level1, *above))
    check_ids((*level1, *above, *technical))
    _check_excludes((*level1, *_children(level1)), parents, causes)
    return RootCauseTaxonomy(
        version=version,
        parents=parents,
        causes=causes,
        fallback=top.choice("fallback", tuple(cause.id for cause in causes)),
        facets=_facets(top),
        primary_rules=top.texts("primary_rules"),
    )


def load_taxonomy(source: Traversable | Path) -> RootCauseTaxonomy:
    """The taxonomy in a file; TaxonomyError where it cannot be read or is not UTF-8."""
    return parse_taxonomy(read_text(source, error=TaxonomyError), name=str(source))


@cache
def default_taxonomy() -> RootCauseTaxonomy:
    """The taxonomy that comes with the package."""
    return load_taxonomy(ROOT_CAUSES)


def _leaves_under(entry: Entry) -> tuple[Cause, ...]:
    parent = _parent(entry)
    children = entry.entries("children")
    if not children:
        return (_cause(entry, cause_id=parent.id, parent=parent),)
    check_ids(children)
    for child in children:
        child.check_keys(_CAUSE_KEYS)
    return tuple(
        _cause(child, cause_id=f"{parent.id}.{child.text('id')}", parent=parent)
        for child in children
    )


def _technical(entry: Entry, above: Entry) -> Cause:
    entry.check_keys(_CAUSE_KEYS)
    parent = _parent(above)
    cause_id = entry.text("id", wanted="an id")
    if not cause_id.startswith(f"{parent.id}."):
        raise entry.fail("id", found=cause_id, wanted=f"an id that begins with {parent.id}.")
    return _cause(entry, cause_id=cause_id, parent=parent, technical=True)


def _parent(entry: Entry) -> Parent:
    entry.check_keys(_PARENT_KEYS)
    parent_id = entry.text("id", wanted="an id")
    if "." in parent_id:
        raise entry.fail("id", found=parent_id, wanted="a level-1 id without a dot")
    return Parent(
        id=parent_id,
        zh=entry.text("zh", wanted="a Chinese name"),
        definition=entry.text("definition", wanted="a definition"),
        bulletin_type=entry.text("bulletin_type", wanted="the regulator's dispute type"),
        include=entry.texts("include"),
        excludes=_excludes(entry),
        codes=entry.text_map("codes"),
    )


def _cause(entry: Entry, *, cause_id: str, parent: Parent, technical: bool = False) -> Cause:
    return Cause(
        id=cause_id,
        zh=entry.text("zh", wanted="a Chinese name"),
        definition=entry.text("definition", wanted="a definition"),
        examples=entry.texts("examples"),
        parent=parent.id,
        bulletin_type=entry.optional_text("bulletin_type") or parent.bulletin_type,
        excludes=_excludes(entry),
        technical=technical,
        codes=entry.text_map("codes"),
    )


def _excludes(entry: Entry) -> tuple[Exclude, ...]:
    return tuple(Exclude(to=rule.text("to"), when=rule.text("when")) for rule in _rules(entry))


def _rules(entry: Entry) -> tuple[Entry, ...]:
    rules = entry.entries("exclude")
    for rule in rules:
        rule.check_keys(("to", "when"))
    return rules


def _children(level1: tuple[Entry, ...]) -> tuple[Entry, ...]:
    return tuple(child for entry in level1 for child in entry.entries("children"))


def _check_excludes(
    entries: tuple[Entry, ...], parents: tuple[Parent, ...], causes: tuple[Cause, ...]
) -> None:
    known = {*EXCLUDE_WORDS, *(parent.id for parent in parents), *(each.id for each in causes)}
    wanted = f"the id of a cause, or one of {', '.join(EXCLUDE_WORDS)}"
    for entry in entries:
        for rule in _rules(entry):
            if rule.text("to") not in known:
                raise rule.fail("to", found=rule.text("to"), wanted=wanted)


def _facets(top: Entry) -> dict[str, tuple[str, ...]]:
    found = top.optional_entry("facets")
    return {} if found is None else {name: found.texts(name) for name in found.fields}
