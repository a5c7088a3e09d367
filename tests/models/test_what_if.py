"""What if one sign or mark were not there."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.codebook import default_codebook
from models.policy import PolicyError, decide
from models.record import GENRES
from models.what_if import leave_one_out

BOOK = default_codebook()
SIGNS, MARKS = [sign.id for sign in BOOK.signs], [mark.id for mark in BOOK.marks]
FEE, BLOCK, VICTIM = "PS_FEE_SHARE", "PS_BLOCK_CUSTOMER", "NX_VICTIM_REPORT"


def rises(signs: list[str], marks: list[str]) -> dict[str, int]:
    found = leave_one_out(signs, marks, codebook=BOOK, genre=None)
    return {one.id: one.rise for one in found}


def test_the_only_sign_takes_the_whole_level_with_it():
    level = decide([FEE], [], codebook=BOOK, genre=None).level
    assert rises([FEE], []) == {FEE: -BOOK.rank_of(level)}
    assert level != BOOK.levels[0].id


def test_without_the_mark_of_a_victim_the_signs_would_count():
    assert rises([FEE, BLOCK], [VICTIM])[VICTIM] > 0


def test_each_decision_is_that_of_the_policy():
    found = leave_one_out([FEE, BLOCK], [], codebook=BOOK, genre="own_words")
    assert {one.id for one in found} == {FEE, BLOCK}
    for one in found:
        rest = {FEE, BLOCK} - {one.id}
        assert one.decision == decide(rest, [], codebook=BOOK, genre="own_words")


def test_nothing_found_leaves_nothing_out():
    assert rises([], []) == {}


def test_an_unknown_sign_is_refused():
    with pytest.raises(PolicyError, match="PS_NOT_THERE"):
        rises(["PS_NOT_THERE"], [])


@settings(max_examples=100, deadline=None)
@given(
    signs=st.sets(st.sampled_from(SIGNS), max_size=5),
    marks=st.sets(st.sampled_from(MARKS), max_size=3),
    genre=st.sampled_from([None, *GENRES]),
)
def test_a_sign_left_out_never_raises_and_a_mark_left_out_never_lowers(signs, marks, genre):
    for one in leave_one_out(signs, marks, codebook=BOOK, genre=genre):
        assert one.rise <= 0 if one.id in signs else one.rise >= 0
