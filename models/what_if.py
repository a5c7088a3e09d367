"""What if one sign or mark were not there: the level of a case, decided again without it.

Asks the policy only: reads no text, no network, and says nothing about how sure a sign is. A
reviewer sees which sign carries a level, and therefore which one to verify first.
"""

from collections.abc import Collection
from dataclasses import dataclass

from models.codebook import Codebook
from models.policy import Decision, decide


@dataclass(frozen=True, slots=True)
class WithoutOne:
    """The decision without the sign or mark ``id``.

    ``rise``: how many levels higher it is than with it, negative where it is lower. Leaving a
    sign out never raises a level, leaving a mark out never lowers one.
    """

    id: str
    decision: Decision
    rise: int


def leave_one_out(
    signs: Collection[str], marks: Collection[str], *, codebook: Codebook, genre: str | None
) -> tuple[WithoutOne, ...]:
    """The decision without each sign, then without each mark, in codebook order.

    Raises PolicyError on an id that is not in the codebook.
    """
    whole = decide(signs, marks, codebook=codebook, genre=genre)
    here = codebook.rank_of(whole.level)
    found = []
    for id_ in (*(sign.id for sign in codebook.signs), *(mark.id for mark in codebook.marks)):
        if id_ in signs or id_ in marks:
            rest = [{one for one in ids if one != id_} for ids in (signs, marks)]
            decision = decide(*rest, codebook=codebook, genre=genre)
            found.append(WithoutOne(id_, decision, codebook.rank_of(decision.level) - here))
    return tuple(found)
