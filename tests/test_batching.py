"""Batching: what is read together, what goes first, and that company changes no answer."""

import asyncio
import math
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.analyzer import load_analyzer
from models.assessment import Assessment, as_json
from models.record import Record
from serving.scheduling.backlog import Backlog
from serving.scheduling.job import QUICK_TOKENS, Job, Lane, Piece, guess_tokens
from serving.scheduling.lanes import Lanes
from serving.scheduling.pace import HALF_LIFE, Lag, Pace
from serving.scheduling.refusals import NotReadyError, QueueFullError
from serving.scheduling.scheduler import Scheduler
from tests.readers import BrokenAnalyzer, GatedAnalyzer, KeywordAnalyzer

READER = KeywordAnalyzer()
SHORT = "理赔太慢"
LETTER = "长" * 510 * 40  # forty windows


class Somebody:
    """Takes batches."""

    retired = False


def job_of(*texts: str, analyzer: Any = READER, idle: bool = False) -> Job:
    async def make() -> Job:
        return Job([Record(text) for text in texts], analyzer, idle=idle)

    return asyncio.run(make())


def pieces_of(job: Job) -> list[Piece]:
    cut = job.analyzer.cut(job.records)
    return [piece for i, text in enumerate(cut) for piece in job.add_text(i, text)]


def put(lanes: Lanes, job: Job) -> Job:
    for piece in pieces_of(job):
        lanes.put(piece)
    return job


def batches_of(lanes: Lanes) -> list[list[Piece]]:
    return list(iter(lanes.take, []))


# --- lanes --------------------------------------------------------------------------------------


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


# --- the backlog --------------------------------------------------------------------------------


def announce(backlog: Backlog, job: Job) -> Job:
    backlog.announce(job)
    return job


def cut(backlog: Backlog, job: Job) -> None:
    backlog.put(job, pieces_of(job), guessed=sum(guess_tokens(r.text) for r in job.records))


def test_an_idle_service_waits_for_nobody():
    backlog = Backlog(batch_tokens=4096, wait_s=3600)
    job = announce(backlog, job_of(SHORT))
    cut(backlog, job)
    assert [piece.job for piece in backlog.take(Somebody())] == [job]


def test_company_that_is_being_cut_is_waited_for():
    backlog = Backlog(batch_tokens=4096, wait_s=3600)
    first, second = announce(backlog, job_of(SHORT)), announce(backlog, job_of(SHORT))
    cut(backlog, first)
    taken: list[Piece] = []
    taking = threading.Thread(target=lambda: taken.extend(backlog.take(Somebody())))
    taking.start()
    cut(backlog, second)
    taking.join(timeout=10)
    assert [piece.job for piece in taken] == [first, second]


def test_enough_for_a_batch_is_not_held_back():
    backlog = Backlog(batch_tokens=4096, wait_s=3600)
    announce(backlog, job_of(SHORT))
    job = announce(backlog, job_of("赔" * 505))
    cut(backlog, job)
    assert [piece.job for piece in backlog.take(Somebody())] == [job]


def test_all_that_is_accepted_counts_until_it_is_read():
    backlog, reader = Backlog(batch_tokens=4096, wait_s=0), Somebody()
    job = announce(backlog, job_of("赔" * 14))
    counted = [backlog.tokens]
    cut(backlog, job)
    counted.append(backlog.tokens)
    batch = backlog.take(reader)
    counted.append(backlog.tokens)
    backlog.finish(reader, batch)
    assert [*counted, backlog.tokens] == [16, 16, 16, 0]


def test_a_short_letter_is_told_a_short_wait_behind_a_long_one():
    backlog = Backlog(batch_tokens=4096, wait_s=0)
    alone = backlog.wait_of(quick=100)
    announce(backlog, job_of(LETTER))
    quick, slow = backlog.wait_of(quick=100), backlog.wait_of(quick=100, slow=1)
    assert alone < quick < slow / 5


def test_a_retired_reader_gets_nothing_and_its_batch_counts_for_nothing():
    backlog, reader = Backlog(batch_tokens=4096, wait_s=0), Somebody()
    job = announce(backlog, job_of(SHORT))
    cut(backlog, job)
    batch = backlog.take(reader)
    backlog.retire(reader)
    assert backlog.take(reader) == []
    assert not backlog.finish(reader, batch)
    assert backlog.tokens == 0


def test_the_pace_follows_what_was_read_of_late():
    pace = Pace()
    for _ in range(50):
        pace.add(4000, 0.1)
    assert pace.rate == pytest.approx(40_000, rel=0.01)
    pace.add(5000, 5)
    assert pace.rate < 3000


def test_a_lag_fades_without_news():
    lag = Lag()
    lag.add(1.0)
    fresh = lag.seconds
    lag._at -= 10 * HALF_LIFE
    assert fresh > 0.1
    assert lag.seconds < 0.001


# --- the scheduler ------------------------------------------------------------------------------


def schedule(
    letters: Sequence[Sequence[str]], analyzer: Any, *, batch_tokens: int = 4096
) -> list[Any]:
    """The answers to the calls, all made at once; an error stands in the place of its answer."""

    async def run() -> list[Any]:
        scheduler = Scheduler(batch_tokens=batch_tokens, queue_tokens=10**6, wait_s=0.002)
        scheduler.start()
        calls = [
            scheduler.submit([Record(text) for text in texts], analyzer=analyzer)
            for texts in letters
        ]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        await scheduler.close()
        return answers

    return asyncio.run(run())


def test_every_caller_gets_the_own_answers_in_order():
    letters = [[f"第{i}封" + "理赔" * (i * k) for k in range(i)] for i in range(20)]
    answers = schedule(letters, KeywordAnalyzer(), batch_tokens=256)
    found = [[answer.text.chars for answer in each] for each in answers]
    assert found == [[len(text) for text in texts] for texts in letters]


class Choosy(KeywordAnalyzer):
    """Cannot read a window of 22 tokens, and then gives none of the batch."""

    def infer(self, windows: Any) -> Any:
        if any(len(window.ids) == 22 for window in windows):
            raise ValueError("理赔")
        return super().infer(windows)


def test_a_window_that_cannot_be_read_fails_its_caller_only():
    answers = schedule([["赔" * 20], ["赔" * 23], ["赔" * 24]], Choosy())
    assert [type(answer) for answer in answers] == [ValueError, list, list]


def test_a_text_that_cannot_be_cut_fails_its_caller_only():
    answers = schedule([["好"], ["坏"], ["好"]], BrokenAnalyzer())
    assert [type(answer) for answer in answers] == [list, ValueError, list]


def test_what_waited_while_the_network_was_busy_is_read_together():
    analyzer = GatedAnalyzer()

    async def run() -> None:
        scheduler = Scheduler(batch_tokens=4096, queue_tokens=10**6, wait_s=0)
        scheduler.start()
        analyzer.shut()
        first = asyncio.create_task(scheduler.submit([Record(SHORT)], analyzer=analyzer))
        await asyncio.to_thread(analyzer.entered.wait, 10)
        rest = [scheduler.submit([Record(SHORT)], analyzer=analyzer) for _ in range(20)]
        waiting = asyncio.gather(*rest)
        while scheduler.backlog._lanes.tokens[Lane.QUICK] < 20 * 16:
            await asyncio.sleep(0.001)
        analyzer.gate.set()
        await asyncio.gather(first, waiting)
        await scheduler.close()

    asyncio.run(run())
    assert analyzer.batches == [1, 20]


class Watched(KeywordAnalyzer):
    """Notes which thread each step runs in."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: dict[str, set[str]] = {"cut": set(), "infer": set(), "answer": set()}

    def cut(self, records: Any) -> Any:
        self.threads["cut"].add(threading.current_thread().name)
        return super().cut(records)

    def infer(self, windows: Any) -> Any:
        self.threads["infer"].add(threading.current_thread().name)
        return super().infer(windows)

    def answer(self, scores: Any) -> Any:
        self.threads["answer"].add(threading.current_thread().name)
        return super().answer(scores)


def test_texts_are_cut_and_answered_beside_the_network_and_the_event_loop() -> None:
    analyzer = Watched()
    schedule([[SHORT]] * 30, analyzer)
    assert analyzer.threads["infer"] == {"network"}
    beside = analyzer.threads["cut"] | analyzer.threads["answer"]
    assert all(name.startswith("texts") for name in beside)


def test_a_closed_scheduler_accepts_nothing() -> None:
    async def run() -> None:
        scheduler = Scheduler(batch_tokens=4096, queue_tokens=10**6, wait_s=0)
        scheduler.start()
        await scheduler.close()
        assert await scheduler.submit_idle([Record(SHORT)], analyzer=READER) is None
        with pytest.raises(NotReadyError):
            await scheduler.submit([Record(SHORT)], analyzer=READER)

    asyncio.run(run())


def test_an_event_loop_that_lags_is_part_of_the_wait() -> None:
    async def run() -> None:
        scheduler = Scheduler(batch_tokens=4096, queue_tokens=10**6, wait_s=0)
        scheduler.backlog.announce(Job([Record(SHORT)], READER))
        scheduler.check_room(10, deadline_s=1)
        scheduler._lag.add(1000)
        with pytest.raises(QueueFullError):
            scheduler.check_room(10, deadline_s=1)

    asyncio.run(run())


def test_what_waits_for_idle_time_is_bounded() -> None:
    analyzer = GatedAnalyzer()

    async def run() -> list[Any]:
        scheduler = Scheduler(batch_tokens=4096, queue_tokens=1000, wait_s=0)
        scheduler.start()
        analyzer.shut()
        busy = asyncio.create_task(scheduler.submit([Record(SHORT)], analyzer=analyzer))
        await asyncio.to_thread(analyzer.entered.wait, 10)
        calls = []
        for _ in range(3):  # 250 idle tokens may wait
            call = scheduler.submit_idle([Record("赔" * 200)], analyzer=analyzer)
            calls.append(asyncio.create_task(call))
            await asyncio.sleep(0)
        analyzer.gate.set()
        answers = await asyncio.gather(*calls)
        await busy
        await scheduler.close()
        return answers

    answers = asyncio.run(run())
    assert [answer is None for answer in answers] == [False, False, True]


@pytest.fixture(scope="module")
def embedded() -> Any:
    return load_analyzer(threads=1)


PIECES = st.sampled_from(
    [
        "理赔资料交了四十天",
        "客服每次都说在审核",
        "我要全额退保",
        "代理人让我转给他手续费",
        "😡",
        "\n",
        "ABC-12 ",
        "葆费",
    ]
)
TEXTS = st.lists(st.lists(PIECES, max_size=90).map("。".join), min_size=1, max_size=6)


@settings(max_examples=6)
@given(texts=TEXTS, batch_tokens=st.sampled_from([64, 700, 8192]))
def test_company_changes_no_answer(embedded, texts, batch_tokens):
    alone: list[Assessment] = [embedded.assess([Record(text)])[0] for text in texts]
    answers = schedule([*([text] for text in texts), texts], embedded, batch_tokens=batch_tokens)
    wanted = [as_json(answer) for answer in alone]
    assert [as_json(answer) for each in answers[:-1] for answer in each] == wanted
    assert [as_json(answer) for answer in answers[-1]] == wanted
