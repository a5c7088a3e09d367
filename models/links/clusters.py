"""Clusters: cases joined by ties that carry, and what stands near a whole cluster.

One retelling may be near to none of a ring's letters and yet a little like all of them: the mean
over many is surer than any one pair. Nearness is asked once, between clusters as their ties made
them: what is far away changes nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from models.links.cases import Case
from models.links.likeness import Likeness, Pair
from models.links.limits import Limits
from models.links.ties import Tie

_LEAST_PAIRS = 3
_NEAR_MEAN = 0.02


def find_clusters(
    cases: Sequence[Case],
    ties: Sequence[Tie],
    likeness: Mapping[Pair, Likeness],
    limits: Limits,
    *,
    joined: Sequence[Sequence[int]] = (),
) -> tuple[tuple[int, ...], ...]:
    """Numbers of each cluster of two or more, sorted, in order of first member.

    ``joined``: cases that are known to be together by ties that are not given.
    """
    root = {case.number: case.number for case in cases}
    for tie in ties:
        if tie.carries:
            _unite(root, tie.left, tie.right)
    for numbers in joined:
        for number in numbers[1:]:
            _unite(root, numbers[0], number)
    for left, right in _near_clusters(cases, root, likeness, limits):
        _unite(root, left, right)
    members: dict[int, list[int]] = defaultdict(list)
    for number in sorted(root):
        members[_root_of(root, number)].append(number)
    return tuple(sorted(tuple(numbers) for numbers in members.values() if len(numbers) > 1))


def _near_clusters(
    cases: Sequence[Case], root: dict[int, int], likeness: Mapping[Pair, Likeness], limits: Limits
) -> list[tuple[int, int]]:
    """Pairs of clusters that tell of one cause and are near enough in the mean."""
    sizes = Counter(_root_of(root, number) for number in root)
    cause = {case.number: case.said.cause for case in cases}
    sums: dict[tuple[int, int], float] = defaultdict(float)
    for (left, right), one in sorted(likeness.items()):
        a, b = sorted((_root_of(root, left), _root_of(root, right)))
        if a != b and one.retold >= limits.kept and cause[left] == cause[right]:
            sums[a, b] += one.retold
    least = _NEAR_MEAN * limits.ratio
    return [
        (a, b)
        for (a, b), total in sums.items()
        if sizes[a] * sizes[b] >= _LEAST_PAIRS and total >= least * sizes[a] * sizes[b]
    ]


def _unite(root: dict[int, int], left: int, right: int) -> None:
    root[_root_of(root, left)] = _root_of(root, right)


def _root_of(root: dict[int, int], number: int) -> int:
    while root[number] != number:
        root[number] = root[root[number]]
        number = root[number]
    return number
