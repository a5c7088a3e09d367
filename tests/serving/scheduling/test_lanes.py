"""Lanes: what is read together, and what goes first."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.scheduling.job import QUICK_TOKENS, Job, Lane, WaitingWindow
from serving.scheduling.lanes import Lanes
from tests.support.jobs import LETTER, READER, SHORT, job_of, pieces_of
from tests.support.readers import KeywordAnalyzer


def put(lanes: Lanes, job: Job) -> Job:
    for piece in pieces_of(job):
        lanes.put(piece)
    return job


def batches_of(lanes: Lanes) -> list[list[WaitingWindow]]:
    return list(iter(lanes.take, []))


def test_a_short_letter_waits_for_one_batch_of_a_long_one_at_most():
    lanes = Lanes(batch_tokens=4096)
    put(lanes, job_of(LETTER))
    lanes.take()
    short = put(lanes, job_of(SHORT))
    places = [any(piece.job is short for piece in batch) for batch in batches_of(lanes)]
    assert places.index(True) <= 1
    assert len(places) > 10  # the letter is still being read long after


def test_a_flood_of_short_letters_leaves_a_long_one_half_of_the_tokens():
    lanes = Lanes(batch_tokens=2048)
    put(lanes, job_of(LETTER))
    read = dict.fromkeys(Lane, 0)
    for _ in range(100):
        while lanes.tokens[Lane.QUICK] < 4096:
            put(lanes, job_of(SHORT))
        for piece in lanes.take():
            read[piece.lane] += piece.tokens
        if not lanes.tokens[Lane.SLOW]:
            break
    assert read[Lane.SLOW] > 15_000
    assert abs(read[Lane.QUICK] - read[Lane.SLOW]) <= 2048


def test_a_long_letter_has_the_machine_to_itself_when_nothing_else_waits():
    lanes = Lanes(batch_tokens=2048)
    letter = put(lanes, job_of(LETTER))
    assert {piece.job for batch in batches_of(lanes) for piece in batch} == {letter}


def test_every_caller_begins_in_the_quick_lane():
    pieces = pieces_of(job_of(LETTER))
    assert [piece.lane for piece in pieces[:3]] == [Lane.QUICK, Lane.QUICK, Lane.SLOW]


def test_a_large_batch_of_short_letters_is_a_long_one():
    pieces = pieces_of(job_of(*[SHORT] * 256))
    quick = [piece for piece in pieces if piece.lane is Lane.QUICK]
    assert sum(piece.tokens for piece in quick) == QUICK_TOKENS


def test_a_batch_has_one_padded_length_and_one_bundle():
    lanes, other = Lanes(batch_tokens=4096), KeywordAnalyzer()
    for length in (3, 30, 60, 3, 30, 60):
        put(lanes, job_of("赔" * length))
        put(lanes, job_of("赔" * length, analyzer=other))
    batches = batches_of(lanes)
    kinds = [{(piece.tokens, id(piece.job.analyzer)) for piece in batch} for batch in batches]
    assert [len(kind) for kind in kinds] == [1] * 6
    assert [len(batch) for batch in batches] == [2] * 6


def test_the_oldest_leads():
    lanes = Lanes(batch_tokens=4096)
    jobs = [put(lanes, job_of("赔" * length)) for length in (200, 3, 100)]
    assert [batch[0].job for batch in batches_of(lanes)] == jobs


def test_idle_pieces_are_read_when_nothing_else_waits():
    lanes = Lanes(batch_tokens=4096)
    shadow = put(lanes, job_of(SHORT, idle=True))
    put(lanes, job_of(LETTER))
    order = [batch[0].job is shadow for batch in batches_of(lanes)]
    assert order == [False] * (len(order) - 1) + [True]


def test_what_nobody_waits_for_is_not_read_and_not_counted():
    lanes = Lanes(batch_tokens=4096)
    gone, there = put(lanes, job_of(LETTER)), put(lanes, job_of(SHORT))
    lanes.forget(gone)
    assert lanes.tokens == {Lane.QUICK: 16, Lane.SLOW: 0, Lane.IDLE: 0}
    assert [[piece.job for piece in batch] for batch in batches_of(lanes)] == [[there]]


def put_apart(lanes: Lanes, *, pressed: bool) -> None:
    """Two pieces of one length that came ten seconds apart, perhaps with half of the time gone."""
    for queued in (0.0, 10.0):
        job = job_of(SHORT)
        job._pressed_at = 0.0 if pressed else math.inf
        (piece,) = pieces_of(job)
        piece.queued = queued
        lanes.put(piece)


@pytest.mark.parametrize(("pressed", "sizes"), [(False, [2]), (True, [1, 1])])
def test_company_that_came_later_is_not_taken_along_once_time_runs_short(pressed, sizes):
    lanes = Lanes(batch_tokens=4096)
    put_apart(lanes, pressed=pressed)
    assert [len(batch) for batch in batches_of(lanes)] == sizes


def test_what_is_past_its_deadline_is_not_read():
    lanes = Lanes(batch_tokens=4096)
    late = put(lanes, job_of(LETTER))
    late.deadline = 0.0
    assert lanes.take() == []
    assert set(lanes.tokens.values()) == {0}


LENGTHS = st.lists(st.sampled_from([1, 20, 100, 600, 2000, 9000]), min_size=1, max_size=12)


@settings(max_examples=60)
@given(
    lengths=LENGTHS, batch_tokens=st.sampled_from([64, 512, 8192]), gone=st.sets(st.integers(0, 11))
)
def test_every_wanted_window_is_read_once(lengths, batch_tokens, gone):
    lanes = Lanes(batch_tokens=batch_tokens)
    jobs = [put(lanes, job_of("赔" * length)) for length in lengths]
    for i in gone & set(range(len(jobs))):
        lanes.forget(jobs[i])
    wanted = sum(len(READER.cut(job.records)[0].windows) for job in jobs if not job.forgotten)
    batches = batches_of(lanes)
    read = [(id(piece.job), piece.place) for batch in batches for piece in batch]
    assert len(read) == len(set(read)) == wanted
    assert set(lanes.tokens.values()) == {0}
    sizes = [sum(piece.tokens for piece in batch) for batch in batches if len(batch) > 1]
    assert all(size <= batch_tokens for size in sizes)


@pytest.fixture
def becomes_late(monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job whose deadline passes as soon as somebody has looked at it once."""
    job, looks = job_of("理赔太慢"), iter([False])
    late = property(lambda one: one is job and next(looks, True))
    monkeypatch.setattr(Job, "late", late)
    return job


def test_a_deadline_that_passes_while_a_batch_is_chosen_keeps_nobody_else_waiting(becomes_late):
    lanes = Lanes(batch_tokens=4096)
    put(lanes, becomes_late)
    other = put(lanes, job_of("赔" * 200))
    assert [piece.job for piece in lanes.take()] == [other]
    assert not any(lanes.tokens.values())


def test_a_deadline_that_passes_while_a_batch_is_chosen_leaves_nothing_to_wait_for(becomes_late):
    lanes = Lanes(batch_tokens=4096)
    put(lanes, becomes_late)
    assert lanes.take() == []
    assert not any(lanes.tokens.values())
