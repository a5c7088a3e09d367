"""The backlog: what waits, for how long, and when a batch begins."""

import threading

import pytest

from serving.scheduling.backlog import Backlog
from serving.scheduling.job import Job, WaitingWindow, guess_tokens
from serving.scheduling.pace import HALF_LIFE, Lag, Pace
from tests.support.jobs import LETTER, SHORT, job_of, pieces_of


class Somebody:
    """Takes batches."""

    retired = False


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
    taken: list[WaitingWindow] = []
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
