"""Batches across connections: records that wait together are read together, answers go home alone.

Knows no HTTP. One worker thread runs the analyzer, off the event loop. The queue is bounded in
characters. A token is taken to be a character: near enough for Chinese, too many for Latin.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from models.assessment import Assessment
from models.errors import XiaobaoError
from models.record import Record
from serving.contracts import Analyzer


class NotReadyError(XiaobaoError):
    """The service is still warming up, or already closing."""


class DeadlineError(XiaobaoError):
    """The answer was not there in time; what was asked is dropped."""


class QueueFullError(XiaobaoError):
    """More is waiting than the queue may hold; ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    record: Record
    answer: asyncio.Future[Assessment]
    tokens: int


class Batcher:
    """Joins the records of many callers into batches of about ``batch_tokens``.

    Batching never changes an answer: that is the analyzer's promise. ``queue_chars`` bounds what
    is accepted and unanswered, yet a request that comes to an empty queue is always accepted.
    """

    def __init__(
        self, analyzer: Analyzer, *, batch_tokens: int, queue_chars: int, wait_s: float
    ) -> None:
        self._analyzer = analyzer
        self._batch_tokens = batch_tokens
        self._queue_chars = queue_chars
        self._wait_s = wait_s
        self._queue: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._open_chars = 0
        self._chars_per_second = 5000.0  # a guess until the first batch is measured
        self._closing = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="analyzer")
        self._runner: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to answer; to be called once, inside the event loop."""
        self._runner = asyncio.create_task(self._run())

    async def submit(
        self, records: Sequence[Record], *, deadline_s: float | None
    ) -> list[Assessment]:
        """The answers to these records, in order; a deadline of None waits as long as it takes.

        Raises NotReadyError, QueueFullError, DeadlineError, or what the analyzer raised. When the
        caller is cancelled, records not yet read are dropped.
        """
        self._check_room(sum(len(record.text) for record in records))
        waiting = [self._enqueue(record) for record in records]
        try:
            async with asyncio.timeout(deadline_s):
                return list(await asyncio.gather(*(item.answer for item in waiting)))
        except TimeoutError:
            raise DeadlineError(f"no answer within {deadline_s:g} seconds") from None
        finally:
            for item in waiting:
                item.answer.cancel()  # nobody waits any more; does nothing to a finished one

    async def close(self) -> None:
        """Accept nothing more, answer all that was accepted, stop."""
        self._closing = True
        self._arrived.set()
        if self._runner is not None:
            await self._runner
        self._thread.shutdown()

    def _check_room(self, chars: int) -> None:
        if self._closing or self._runner is None:
            raise NotReadyError("the service is closing")
        if self._open_chars and self._open_chars + chars > self._queue_chars:
            seconds = math.ceil(self._open_chars / self._chars_per_second)
            raise QueueFullError(
                f"{self._open_chars} characters wait, {chars} more would pass {self._queue_chars}",
                retry_after=min(max(seconds, 1), 60),
            )

    def _enqueue(self, record: Record) -> _Waiting:
        answer: asyncio.Future[Assessment] = asyncio.get_running_loop().create_future()
        item = _Waiting(record, answer, len(record.text) + 2)
        self._open_chars += item.tokens
        answer.add_done_callback(lambda _: self._release(item.tokens))
        self._queue.append(item)
        self._arrived.set()
        return item

    def _release(self, tokens: int) -> None:
        self._open_chars -= tokens

    async def _run(self) -> None:
        busy = False
        while self._queue or not self._closing:
            if not self._queue:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            # Company is likely only when the last batch had some: an idle service never waits.
            if busy and not self._closing and self._queued_tokens() < self._batch_tokens:
                await asyncio.sleep(self._wait_s)
            batch = self._take()
            busy = len(batch) > 1
            if batch:
                await self._answer(batch)

    def _queued_tokens(self) -> int:
        return sum(item.tokens for item in self._queue)

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        room = self._batch_tokens
        while self._queue and (not batch or self._queue[0].tokens <= room):
            item = self._queue.popleft()
            if not item.answer.done():  # done before its turn: the caller has gone
                batch.append(item)
                room -= item.tokens
        return batch

    async def _answer(self, batch: list[_Waiting]) -> None:
        began = time.perf_counter()
        answered = await asyncio.get_running_loop().run_in_executor(
            self._thread, self._assess, batch
        )
        seconds = max(time.perf_counter() - began, 1e-6)
        self._chars_per_second = sum(item.tokens for item in batch) / seconds
        for item, answer in answered:
            if item.answer.done():
                continue
            if isinstance(answer, Exception):
                item.answer.set_exception(answer)
            else:
                item.answer.set_result(answer)

    def _assess(self, batch: list[_Waiting]) -> list[tuple[_Waiting, Assessment | Exception]]:
        try:
            records = [item.record for item in batch]
            answers = self._analyzer.assess(records, batch_tokens=self._batch_tokens)
            return list(zip(batch, answers, strict=True))
        except Exception as error:
            # One record must not fail its neighbours: find out which it was.
            if len(batch) == 1:
                return [(batch[0], error)]
            return [pair for item in batch for pair in self._assess([item])]
