"""The scheduler: answers of many callers, errors of one, the threads, and its bounds."""

import asyncio
import threading
from typing import Any

import pytest

from models.record import Record
from serving.scheduling.job import Job, Lane
from serving.scheduling.refusals import NotReadyError, QueueFullError
from serving.scheduling.scheduler import Scheduler
from tests.support.jobs import READER, SHORT, schedule
from tests.support.readers import BrokenAnalyzer, GatedAnalyzer, KeywordAnalyzer


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
