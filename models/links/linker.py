"""The linker: the cases of one file in, groups and levels out. Keeps nothing.

The same steps as in an index on disk: drafts, keys, pairs, likeness, and `grouping`. Reading
cases and measuring pairs may be done elsewhere, each text by itself; only `group` needs all cases.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations

from models.assessment import Assessment, Link
from models.codebook import Codebook
from models.links.bursts import find_bursts
from models.links.candidates import gather, keys_of
from models.links.cases import Case, draft_case
from models.links.fingerprints import Fingerprint, fingerprint
from models.links.grouping import FoundGroup, Rules, find_groups, is_worth_keeping, strongest
from models.links.hubs import CROWD, HubList, Sharing, read_hubs
from models.links.identifiers import Key
from models.links.kinds import Kind, Kinds, read_kinds
from models.links.levels import Following
from models.links.likeness import Likeness, Pair, measure_all
from models.links.limits import NEAR, Limits, limits_at, step_of
from models.links.masking import mask
from models.links.ties import Around
from models.record import Record


@dataclass(frozen=True, slots=True)
class LinkedCase:
    """One case with its group, its level in that company, and its ties to other members."""

    case_id: str
    group_id: str | None
    group_kind: str | None
    level: str
    links: tuple[Link, ...] = ()
    signs: tuple[Following, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Cases that belong together; says what to verify and nothing about any member."""

    id: str
    kind: Kind
    case_ids: tuple[str, ...]
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Linked:
    """The cases in the order given, and the groups in order of their first case."""

    cases: tuple[LinkedCase, ...]
    groups: tuple[Group, ...]


class Linker:
    """Links the cases of a file; ``key`` makes the tokens of identifiers, random by default."""

    def __init__(
        self, codebook: Codebook, *, key: Key | None = None, hubs: HubList | None = None
    ) -> None:
        self._rules = Rules(codebook, read_kinds())
        self._key = key or Key()
        self._hubs = hubs or read_hubs()

    def link(self, records: Sequence[Record], assessments: Sequence[Assessment]) -> Linked:
        """Groups and levels for the records, each with its own assessment, in one order.

        A record without an id is named by its place, ``#3``.
        """
        kinds, pairs = self._rules.kinds, zip(records, assessments, strict=True)
        cases = [
            read_case(*pair, number=number, key=self._key, kinds=kinds, hubs=self._hubs)
            for number, pair in enumerate(pairs, start=1)
        ]
        prints = {n: fingerprint(mask(record)) for n, record in enumerate(records, start=1)}
        return self.group(cases, measure_pairs(cases, prints, limits_for(cases)))

    def group(self, cases: Sequence[Case], likeness: Mapping[Pair, Likeness]) -> Linked:
        """Groups and levels of cases in order of their numbers, of all that were read together.

        ``likeness``: the pairs that `measure_pairs` finds worth keeping by `limits_for` them.
        """
        around = _around(cases, likeness, limits_for(cases))
        found = find_groups(cases, likeness, around, rules=self._rules)
        known = {case.number: case for case in cases}
        groups = [_named(f"G{at:04d}", one, known) for at, one in enumerate(found, start=1)]
        answers = {case.number: _alone(case) for case in cases}
        for group, one in zip(groups, found, strict=True):
            answers |= _members(group, one, known)
        return Linked(tuple(answers[case.number] for case in cases), tuple(groups))


def read_case(
    record: Record, assessment: Assessment, *, number: int, key: Key, kinds: Kinds, hubs: HubList
) -> Case:
    """What linking knows of one record, its values by their tokens; nothing in clear."""
    id_ = record.case_id or f"#{number}"
    draft = draft_case(record, assessment, number=number, id_=id_, kinds=kinds, hubs=hubs)
    return draft.named(lambda one: key.token(one.kind, one.value))


def limits_for(cases: Sequence[Case]) -> Limits:
    """How near two texts must be among so many cases."""
    return limits_at(step_of(len(cases)))


def measure_pairs(
    cases: Sequence[Case], prints: Mapping[int, Fingerprint], limits: Limits
) -> dict[Pair, Likeness]:
    """The likeness of all pairs of a file that are worth measuring and then worth keeping."""
    sharing = pairs_sharing(cases)
    keys = {number: keys_of(print_) for number, print_ in prints.items()}
    gathered = gather(keys, {}, least_words=limits.words)
    measured = measure_all(prints, {*sharing, *gathered.pairs}, least=limits.near)
    return {
        pair: found
        for pair, found in sorted(measured.items())
        if is_worth_keeping(found, share=pair in sharing, limits=limits)
    }


def pairs_sharing(cases: Sequence[Case]) -> Set[Pair]:
    """The pairs with a value in common, unless a crowd has it."""
    return {pair for numbers in _holders(cases).values() for pair in _paired(numbers)}


def _around(cases: Sequence[Case], likeness: Mapping[Pair, Likeness], limits: Limits) -> Around:
    by_number = {case.number: case for case in cases}
    listed = {one.token for case in cases for one in case.identifiers if one.hub}
    personal = {one.token for case in cases for one in case.identifiers if one.personal}
    sharing = {
        token: Sharing(
            cases=len(numbers),
            alike=sum(
                pair in likeness and likeness[pair].retold >= NEAR for pair in _paired(numbers)
            ),
            counters=sum(by_number[number].said.over_counter for number in numbers),
            listed=int(token in listed),
            wanting=sum(by_number[n].said.wants_all for n in numbers) * (token in personal),
        )
        for token, numbers in _holders(cases).items()
    }
    return Around(limits, sharing, find_bursts(cases))


def _holders(cases: Sequence[Case]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for case in cases:
        for token in case.shared:
            found[token].append(case.number)
    return found


def _paired(numbers: Sequence[int]) -> Set[Pair]:
    return set(combinations(numbers, 2)) if len(numbers) <= CROWD else set()


def _named(id_: str, found: FoundGroup, cases: Mapping[int, Case]) -> Group:
    members = tuple(cases[number].said.id for number in found.numbers)
    return Group(id_, found.kind, members, found.why)


def _alone(case: Case) -> LinkedCase:
    said = case.said
    return LinkedCase(said.id, None, None, said.level, reasons=said.reasons)


def _members(group: Group, found: FoundGroup, cases: Mapping[int, Case]) -> dict[int, LinkedCase]:
    links: dict[int, list[tuple[int, Link]]] = defaultdict(list)
    for tie in strongest(found.ties):
        for one, other in ((tie.left, tie.right), (tie.right, tie.left)):
            link = Link(cases[other].said.id, tie.kind, tie.score, tie.why)
            links[one].append((other, link))
    return {
        number: LinkedCase(
            case_id=cases[number].said.id,
            group_id=group.id,
            group_kind=group.kind.id,
            level=standing.level,
            links=tuple(link for _, link in sorted(links[number], key=lambda x: (x[0], x[1].kind))),
            signs=standing.signs,
            reasons=standing.reasons,
        )
        for number, standing in found.standings.items()
    }
