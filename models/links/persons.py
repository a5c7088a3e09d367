"""Persons: whom cases are about, as far as names and policies tell. Errs on the side of fewer."""

from collections.abc import Collection

from models.links.cases import Case


def is_same_person(one: Case, other: Case) -> bool:
    """Whether two cases name one policyholder or one policy."""
    named = one.person is not None and one.person == other.person
    return named or (one.policy is not None and one.policy == other.policy)


def persons_of(cases: Collection[Case]) -> int:
    """How many persons the cases are about, as far as that is sure.

    One name or one policy is one person, and two policies are not yet two. Who writes three times
    from one number, and gives no name, is no crowd: he is another person only where he lives in a
    city in which none of the named may live.
    """
    persons = _named_persons(cases)
    known = {(one, case.city) for one, case in zip(persons, cases, strict=True) if one is not None}
    named = {one for one, _ in known}
    unplaced = named - {one for one, city in known if city is not None}
    elsewhere = {case.city for one, case in zip(persons, cases, strict=True) if one is None}
    elsewhere -= {None, *(city for _, city in known)}
    return max(1, len(named) + max(0, len(elsewhere) - len(unplaced)))


def _named_persons(cases: Collection[Case]) -> list[str | None]:
    """Whom each case is about, where that is somebody whose name any of them tells."""
    same: dict[str, set[str]] = {}  # a name or policy, with all that are of the same person
    for case in cases:
        own = {one for one in (case.person, case.policy) if one is not None}
        together = own.union(*(same[one] for one in own if one in same))
        same |= dict.fromkeys(together, together)
    names = {case.person for case in cases}
    found = (same.get(case.person or case.policy or "", set()) for case in cases)
    return [min(one) if one & names else None for one in found]
