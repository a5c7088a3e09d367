"""The root-cause taxonomy: an insurer's table of causes, read from YAML into frozen dataclasses.

Knows a tree of one level or of many. An id is its path (``SALE.WORDS``) or, with ``ids: own``,
what stands there, as in a code table whose codes are all different.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from models.causes import Cause, Exclude, Parent, RootCauseTaxonomy
from models.errors import XiaobaoError
from models.strict_yaml import Entry, check_ids, read_entry, read_text

__all__ = [
    "EXCLUDE_WORDS",
    "ROOT_CAUSES",
    "Cause",
    "Exclude",
    "Parent",
    "RootCauseTaxonomy",
    "TaxonomyError",
    "default_taxonomy",
    "find_faults",
    "load_taxonomy",
    "parse_taxonomy",
]

ROOT_CAUSES: Traversable = files("models") / "taxonomies" / "root_causes.yaml"
EXCLUDE_WORDS = ("demand", "any_substantive")
IDS = ("path", "own")
LONGEST_ID = 64  # characters: what a register's columns hold
SEPARATORS = frozenset(",;:@，；：⟦⟧/ \t\n\u3000")  # of ids in cells, tags and paths

_FILE_KEYS = (
    *("version", "ids", "level1", "technical", "technical_parent", "fallback"),
    *("facets", "primary_rules"),
)
_CAUSE_KEYS = ("id", "zh", "definition", "examples", "exclude", "bulletin_type", "codes")
_PARENT_KEYS = (*_CAUSE_KEYS, "include", "children")


class TaxonomyError(XiaobaoError):
    """A taxonomy file that cannot be used: names file, id, value found and value wanted."""


@dataclass(slots=True)
class _Tree:
    """What was read so far, in the order of the file; ``entries`` are all nodes, checked."""

    own_ids: bool
    parents: list[Parent] = field(default_factory=list)
    groups: list[Parent] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


def parse_taxonomy(text: str, *, name: str) -> RootCauseTaxonomy:
    """The taxonomy in a YAML text; ``name`` stands for the file in a TaxonomyError."""
    return _taxonomy(read_entry(text, name=name, error=TaxonomyError))


def find_faults(text: str, *, name: str) -> tuple[str, ...]:
    """All that ``parse_taxonomy`` would refuse, each with file, place, value found and wanted.

    What is no YAML at all is one fault.
    """
    faults: list[XiaobaoError] = []
    try:
        _taxonomy(read_entry(text, name=name, error=TaxonomyError, faults=faults))
    except TaxonomyError as error:
        faults.append(error)
    return tuple(dict.fromkeys(map(str, faults)))


def load_taxonomy(source: Traversable | Path) -> RootCauseTaxonomy:
    """The taxonomy in a file; TaxonomyError where it cannot be read or is not UTF-8."""
    return parse_taxonomy(read_text(source, error=TaxonomyError), name=str(source))


@cache
def default_taxonomy() -> RootCauseTaxonomy:
    """The taxonomy that comes with the package."""
    return load_taxonomy(ROOT_CAUSES)


def _taxonomy(top: Entry) -> RootCauseTaxonomy:
    top.check_keys(_FILE_KEYS)
    version = top.text("version", wanted='a version in quotes, such as "0.1"')
    tree = _Tree("ids" in top.fields and top.choice("ids", IDS) == "own")
    level1 = top.entries("level1")
    if not level1:
        top.refuse("level1", found="nothing", wanted="at least one cause")
    for entry in level1:
        _add_level1(tree, entry)
    beside = _add_technical(tree, top)
    check_ids(tree.entries if tree.own_ids else (*level1, *beside))
    _check_excludes(tree)
    return RootCauseTaxonomy(
        version=version,
        parents=tuple(tree.parents),
        causes=tuple(tree.causes),
        fallback=top.choice("fallback", tuple(cause.id for cause in tree.causes)),
        facets=_facets(top),
        primary_rules=top.texts("primary_rules"),
        groups=tuple(tree.groups),
    )


def _add_level1(tree: _Tree, entry: Entry, *, technical: bool = False) -> None:
    parent = _level1_parent(tree, entry)
    tree.parents.append(parent)
    tree.entries.append(entry)
    children = () if technical else entry.entries("children")
    if not children:
        tree.causes.append(_cause(entry, parent, technical=technical))
    _add_children(tree, children, (parent,))


def _add_children(tree: _Tree, children: Sequence[Entry], over: tuple[Parent, ...]) -> None:
    """The nodes under ``over``, level 1 first, and all that stands under them."""
    check_ids(children)
    for entry in children:
        tree.entries.append(entry)
        below = entry.entries("children")
        entry.check_keys(_PARENT_KEYS if below else _CAUSE_KEYS)
        node = _node(entry, _id_below(tree, entry, over[-1]), over)
        if below:
            tree.groups.append(node)
            _add_children(tree, below, (*over, node))
        else:
            tree.causes.append(_cause(entry, node))


def _add_technical(tree: _Tree, top: Entry) -> tuple[Entry, ...]:
    """The technical causes, under their parent or each at level 1; all their entries."""
    technical = top.entries("technical")
    if not technical or "technical_parent" not in top.fields:
        for entry in technical:
            _add_level1(tree, entry, technical=True)
        return technical
    above = top.entry("technical_parent")
    parent = _level1_parent(tree, above)
    tree.parents.append(parent)
    tree.entries += (above, *technical)
    for entry in technical:
        entry.check_keys(_CAUSE_KEYS)
        cause_id = _id(entry)
        if not tree.own_ids and not cause_id.startswith(f"{parent.id}."):
            wanted = f"an id that begins with {parent.id}."
            entry.refuse("id", found=cause_id, wanted=wanted)
        tree.causes.append(_cause(entry, _node(entry, cause_id, (parent,)), technical=True))
    return (above, *technical)


def _level1_parent(tree: _Tree, entry: Entry) -> Parent:
    entry.check_keys(_PARENT_KEYS)
    parent_id = _id(entry)
    if "." in parent_id and not tree.own_ids:
        entry.refuse("id", found=parent_id, wanted="a level-1 id without a dot")
    return _node(entry, parent_id, ())


def _node(entry: Entry, node_id: str, over: tuple[Parent, ...]) -> Parent:
    if len(node_id) > LONGEST_ID:
        wanted = f"an id of {LONGEST_ID} at most, with those above it"
        entry.refuse("id", found=f"{len(node_id)} characters", wanted=wanted)
    return Parent(
        id=node_id,
        zh=entry.text("zh", wanted="a Chinese name"),
        definition=entry.text("definition", wanted="a definition"),
        bulletin_type=_bulletin_type(entry, over),
        include=entry.texts("include"),
        excludes=_excludes(entry),
        codes=entry.text_map("codes"),
        above=tuple(parent.id for parent in over),
    )


def _bulletin_type(entry: Entry, over: tuple[Parent, ...]) -> str:
    """Its own, else that of the node above; level 1 has one of its own."""
    if not over:
        return entry.text("bulletin_type", wanted="the regulator's dispute type")
    return entry.optional_text("bulletin_type") or over[-1].bulletin_type


def _cause(entry: Entry, node: Parent, *, technical: bool = False) -> Cause:
    return Cause(
        id=node.id,
        zh=node.zh,
        definition=node.definition,
        examples=entry.texts("examples"),
        parent=node.above[0] if node.above else node.id,
        bulletin_type=node.bulletin_type,
        excludes=node.excludes,
        technical=technical,
        codes=node.codes,
        above=node.above,
    )


def _id(entry: Entry) -> str:
    found = entry.text("id", wanted="an id")
    if SEPARATORS & set(found):
        wanted = "an id without blanks and without any of , ; : @ /"
        entry.refuse("id", found=found, wanted=wanted)
    return found


def _id_below(tree: _Tree, entry: Entry, parent: Parent) -> str:
    return _id(entry) if tree.own_ids else f"{parent.id}.{_id(entry)}"


def _excludes(entry: Entry) -> tuple[Exclude, ...]:
    return tuple(Exclude(to=rule.text("to"), when=rule.text("when")) for rule in _rules(entry))


def _rules(entry: Entry) -> Iterator[Entry]:
    for rule in entry.entries("exclude"):
        rule.check_keys(("to", "when"))
        yield rule


def _check_excludes(tree: _Tree) -> None:
    above = (parent.id for parent in (*tree.parents, *tree.groups))
    known = {*EXCLUDE_WORDS, *above, *(cause.id for cause in tree.causes)}
    wanted = f"the id of a cause, or one of {', '.join(EXCLUDE_WORDS)}"
    for entry in tree.entries:
        for rule in _rules(entry):
            if rule.text("to") not in known:
                rule.refuse("to", found=rule.fields.get("to"), wanted=wanted)


def _facets(top: Entry) -> dict[str, tuple[str, ...]]:
    found = top.optional_entry("facets")
    return {} if found is None else {name: found.texts(name) for name in found.fields}
