"""Clusters: cases joined by ties that carry, and what stands near a whole cluster.

One retelling may be near to none of a ring's letters and yet a little like all of them: the mean
over many is surer than any one pair.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from models.links.cases import Case
from models.links.ties import Ties

_LEAST_PAIRS = 3
_NEAR_MEAN = 0.02


def find_clusters(cases: Sequence[Case], found: Ties) -> tuple[tuple[int, ...], ...]:
    """Places of each cluster of two or more, sorted, in order of first member."""
    root = list(range(len(cases)))
    for tie in found.ties:
        if tie.carries:
            root[_root_of(root, tie.left)] = _root_of(root, tie.right)
    while pairs := _near_clusters(cases, root, found):
        for left, right in pairs:
            root[left] = right
    members: dict[int, list[int]] = defaultdict(list)
    for place in range(len(cases)):
        members[_root_of(root, place)].append(place)
    return tuple(sorted(tuple(places) for places in members.values() if len(places) > 1))


def _near_clusters(cases: Sequence[Case], root: list[int], found: Ties) -> list[tuple[int, int]]:
    """Pairs of clusters of one cause near enough in the mean, nearest first, no cluster twice."""
    sizes = Counter(_root_of(root, place) for place in range(len(cases)))
    sums: dict[tuple[int, int], float] = defaultdict(float)
    for (left, right), one in found.likeness.items():
        a, b = sorted((_root_of(root, left), _root_of(root, right)))
        if a != b and cases[left].cause == cases[right].cause:
            sums[a, b] += one.retold
    least = _NEAR_MEAN * found.limits.ratio
    means = {pair: total / (sizes[pair[0]] * sizes[pair[1]]) for pair, total in sums.items()}
    near = [
        pair
        for pair, mean in means.items()
        if mean >= least and sizes[pair[0]] * sizes[pair[1]] >= _LEAST_PAIRS
    ]
    taken: set[int] = set()
    chosen = []
    for pair in sorted(near, key=lambda pair: (-means[pair], pair)):
        if not taken & set(pair):
            taken.update(pair)
            chosen.append(pair)
    return chosen


def _root_of(root: list[int], place: int) -> int:
    while root[place] != place:
        root[place] = root[root[place]]
        place = root[place]
    return place
