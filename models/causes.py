"""Root causes as data: an insurer's tree of causes, of one level or of many.

Holds what may be alleged, not what is true, and knows nothing about files, texts, networks or
thresholds. ``taxonomy`` reads it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Exclude:
    """When a text belongs elsewhere: ``to`` is a cause, a parent or one of EXCLUDE_WORDS."""

    to: str
    when: str


@dataclass(frozen=True, slots=True)
class Parent:
    """A node that is no leaf, or stands at level 1; ``codes`` map to other tables.

    A level-1 cause without children is also its own leaf. ``above`` are the ids over it, level 1
    first.
    """

    id: str
    zh: str
    definition: str
    bulletin_type: str
    include: tuple[str, ...] = ()
    excludes: tuple[Exclude, ...] = ()
    codes: Mapping[str, str] = field(default_factory=dict, hash=False)
    above: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """A leaf. ``parent`` is its level-1 id; ``above`` are all ids over it, none at level 1.

    A ``technical`` cause needs no evidence.
    """

    id: str
    zh: str
    definition: str
    examples: tuple[str, ...]
    parent: str
    bulletin_type: str
    excludes: tuple[Exclude, ...] = ()
    technical: bool = False
    codes: Mapping[str, str] = field(default_factory=dict, hash=False)
    above: tuple[str, ...] = ()


@dataclass(frozen=True)
class RootCauseTaxonomy:
    """Parents and causes; ``causes`` in output order, technical ones last.

    The position of a cause is the network's output index. ``fallback`` is the cause of a text in
    which no cause was found. ``groups`` are the nodes between level 1 and the leaves.
    """

    version: str
    parents: tuple[Parent, ...]
    causes: tuple[Cause, ...]
    fallback: str
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    primary_rules: tuple[str, ...] = ()
    groups: tuple[Parent, ...] = ()

    @property
    def leaves(self) -> tuple[str, ...]:
        """Ids of the causes in output order."""
        return tuple(cause.id for cause in self.causes)

    @property
    def depth(self) -> int:
        """The number of levels of its deepest leaf."""
        return max(len(self.path_of(cause.id)) for cause in self.causes)

    def cause_of(self, cause_id: str) -> Cause:
        """The cause with this id; KeyError where there is none."""
        return self._causes_by_id[cause_id]

    def parent_of(self, cause_id: str) -> Parent:
        """The level-1 cause above a leaf; KeyError on an unknown leaf."""
        return self._parents_by_id[self.cause_of(cause_id).parent]

    def path_of(self, cause_id: str) -> tuple[str, ...]:
        """Ids from level 1 down to the leaf itself, which is alone at level 1."""
        return path_of(self.cause_of(cause_id))

    def name_of(self, node_id: str) -> str:
        """The Chinese name of a leaf, parent or group; KeyError on an unknown id."""
        return self.names[node_id]

    @cached_property
    def names(self) -> dict[str, str]:
        """The Chinese name of every node by its id."""
        above = {parent.id: parent.zh for parent in (*self.parents, *self.groups)}
        return above | {cause.id: cause.zh for cause in self.causes}

    def bulletin_type_of(self, cause_id: str) -> str:
        """The regulator's dispute type of a leaf: its own, else its parent's."""
        return self.cause_of(cause_id).bulletin_type

    @cached_property
    def _causes_by_id(self) -> Mapping[str, Cause]:
        return {cause.id: cause for cause in self.causes}

    @cached_property
    def _parents_by_id(self) -> Mapping[str, Parent]:
        return {parent.id: parent for parent in self.parents}


def path_of(cause: Cause) -> tuple[str, ...]:
    """Ids from level 1 down to the leaf itself."""
    return (*cause.above, cause.id)
