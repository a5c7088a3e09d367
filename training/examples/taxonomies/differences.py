"""What changed from one taxonomy to another: added, removed, renamed, moved, redefined.

A node is the same where its id is; else where name and definition, the definition, or the name
is the same and nobody else's. Knows no texts and no labels.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from models.causes import Cause, Parent, RootCauseTaxonomy

KINDS = ("added", "removed", "renamed", "moved", "name", "definition", "divided", "joined")


@dataclass(frozen=True, slots=True)
class Node:
    """A cause, parent or group; ``leaves`` are the ids of the causes under it, its own if one."""

    id: str
    zh: str
    definition: str
    above: str | None
    leaves: tuple[str, ...]
    is_leaf: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One change: its kind, one of KINDS, and what stood there before and stands there now.

    ``before`` and ``after`` are ids for added, removed, renamed and moved; texts for name and
    definition; ids of leaves for divided (a leaf that is a group now) and joined.
    """

    kind: str
    id: str
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        if self.kind in ("added", "removed"):
            return f"{self.id} {self.after or self.before}"
        return f"{self.id}: {self.before} → {self.after}"


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes, and which old id is which new one; ids without a counterpart are absent."""

    changes: tuple[Change, ...]
    same: Mapping[str, str]
    old: Mapping[str, Node]
    new: Mapping[str, Node]


def compare(before: RootCauseTaxonomy, after: RootCauseTaxonomy) -> Difference:
    """The changes from one to the other, kind by kind, in the order of the files."""
    old, new = nodes_of(before), nodes_of(after)
    same = _pairs(old, new)
    changes = [
        *(Change("added", id_, after=new[id_].zh) for id_ in new if id_ not in same.values()),
        *(Change("removed", id_, before=old[id_].zh) for id_ in old if id_ not in same),
        *(change for left, right in same.items() for change in _changes(old, new, same, left)),
    ]
    changes.sort(key=lambda change: KINDS.index(change.kind))
    return Difference(tuple(changes), same, old, new)


def nodes_of(taxonomy: RootCauseTaxonomy) -> dict[str, Node]:
    """Every node by its id, parents before what is under them."""
    under: dict[str, list[str]] = {}
    for cause in taxonomy.causes:
        for id_ in {*cause.above, cause.id}:
            under.setdefault(id_, []).append(cause.id)
    leaves = set(taxonomy.leaves)
    order = {id_: place for place, id_ in enumerate(_in_order(taxonomy))}
    nodes: Iterable[Parent | Cause] = (*taxonomy.parents, *taxonomy.groups, *taxonomy.causes)
    found = {
        node.id: Node(
            node.id,
            node.zh,
            node.definition,
            node.above[-1] if node.above else None,
            tuple(under.get(node.id, ())),
            node.id in leaves,
        )
        for node in nodes
    }
    return dict(sorted(found.items(), key=lambda item: order[item[0]]))


def _in_order(taxonomy: RootCauseTaxonomy) -> Iterator[str]:
    paths = (taxonomy.path_of(cause.id) for cause in taxonomy.causes)
    yield from dict.fromkeys(id_ for path in paths for id_ in path)


_Key = Callable[[Node], object]
_KEYS: tuple[_Key, ...] = (
    lambda node: (node.is_leaf, node.zh, node.definition),
    lambda node: (node.is_leaf, node.definition),
    lambda node: (node.is_leaf, node.zh),
)


def _pairs(old: Mapping[str, Node], new: Mapping[str, Node]) -> dict[str, str]:
    found = {id_: id_ for id_ in old if id_ in new}
    for key in _KEYS:
        left = _unique((node for node in old.values() if node.id not in found), key)
        taken = set(found.values())
        right = _unique((node for node in new.values() if node.id not in taken), key)
        found |= {left[value]: right[value] for value in left if value in right}
    return {id_: found[id_] for id_ in old if id_ in found}


def _unique(nodes: Iterable[Node], key: _Key) -> dict[object, str]:
    """The id of the only node with each value."""
    bearers: dict[object, list[str]] = {}
    for node in nodes:
        bearers.setdefault(key(node), []).append(node.id)
    return {value: ids[0] for value, ids in bearers.items() if len(ids) == 1}


def _changes(
    old: Mapping[str, Node], new: Mapping[str, Node], same: Mapping[str, str], id_: str
) -> Iterator[Change]:
    left, right = old[id_], new[same[id_]]
    if left.id != right.id:
        yield Change("renamed", id_, left.id, right.id)
    # A node under a parent that was itself renamed has not moved.
    if (same.get(left.above or "", left.above)) != right.above:
        yield Change("moved", id_, left.above or "(level 1)", right.above or "(level 1)")
    if left.zh != right.zh:
        yield Change("name", id_, left.zh, right.zh)
    if left.definition != right.definition:
        yield Change("definition", id_, left.definition, right.definition)
    if left.is_leaf != right.is_leaf:
        kind = "divided" if left.is_leaf else "joined"
        yield Change(kind, id_, ", ".join(left.leaves), ", ".join(right.leaves))
