"""The scheduler: records of many connections in, each caller's own answers out. Knows no HTTP.

Texts are cut and answers are made in a few threads, beside the one thread that runs the network.
What is accepted is bounded in tokens and in time; batching never changes an answer.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from models.assessment import Assessment
from models.record import Record
from models.runtimes import Logits
from models.scores import TextScores
from serving.contracts import Analyzer
from serving.scheduling.backlog import Backlog, seconds_until
from serving.scheduling.job import (
    QUICK_TOKENS,
    Job,
    Stage,
    WaitingWindow,
    Watch,
    guess_tokens,
    unwatched,
)
from serving.scheduling.pace import Lag
from serving.scheduling.refusals import (
    DeadlineError,
    NotReadyError,
    QueueFullError,
    WorkerLostError,
)
from serving.scheduling.worker import Observe, Worker

HEADROOM = 0.6
"""Accept what will be read within this share of its deadline: decoding and surprises need some."""

_CUT_AT_ONCE = 16  # records; then another caller's turn comes
_STEPS = 4  # of the event loop on the way of a request in and out: each waits for its turn
_THREADS = 2  # cutting and answering hold the interpreter's lock in part: more would only compete
_LAST_SECONDS = 5.0  # for a thread to end


def _unobserved(_: Stage, __: float) -> None:
    """Nobody measures."""


class Scheduler:
    """Accepts jobs while they can be answered in time, and sees each of them through.

    ``queue_tokens`` bounds what is accepted and not yet read, yet a job that comes when nothing
    waits is always accepted.
    """

    def __init__(
        self,
        *,
        batch_tokens: int,
        queue_tokens: int,
        wait_s: float,
        observe: Observe = _unobserved,
    ) -> None:
        self.backlog = Backlog(batch_tokens=batch_tokens, wait_s=wait_s)
        self.restarts = 0
        self._queue_tokens = queue_tokens
        self._observe = observe
        self._lag = Lag()
        self._jobs: set[Job] = set()
        self._closing = self._ended = False
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="texts")
        self._worker = self._new_worker()

    def start(self) -> None:
        """Begin to answer."""
        self._worker.start()

    async def submit(
        self,
        records: Sequence[Record],
        *,
        analyzer: Analyzer,
        deadline_s: float = math.inf,
        watch: Watch = unwatched,
    ) -> list[Assessment]:
        """The answers to these records, in order, all by this analyzer; ``watch`` is told of it.

        Raises NotReadyError, QueueFullError, DeadlineError, WorkerLostError, or what the analyzer
        raised. When the caller is cancelled, what is not yet read is dropped.
        """
        tokens = sum(guess_tokens(record.text) for record in records)
        self.check_room(tokens, deadline_s=deadline_s)
        job = Job(records, analyzer, deadline=time.monotonic() + deadline_s, watch=watch)
        try:
            async with asyncio.timeout(seconds_until(job.deadline)):
                return await self._answers(job)
        except TimeoutError:
            raise DeadlineError(f"no answer within {deadline_s:.1f} seconds") from None

    async def submit_idle(
        self, records: Sequence[Record], *, analyzer: Analyzer
    ) -> list[Assessment] | None:
        """The same when nothing else waits; None where too much waits for that already."""
        if self._closing or self.backlog.idle_tokens > self._queue_tokens // 4:
            return None
        return await self._answers(Job(records, analyzer, idle=True))

    def check_room(self, tokens: int, *, deadline_s: float) -> None:
        """Nothing, if so many tokens more can be read in time.

        Raises NotReadyError while closing, QueueFullError with the time to come back.
        """
        if self._closing:
            raise NotReadyError("the service is closing")
        waiting = self.backlog.tokens
        if not waiting:
            return
        if waiting + tokens > self._queue_tokens:
            why = f"{waiting} tokens wait, {tokens} more would pass {self._queue_tokens}"
            raise QueueFullError(why, retry_after=_seconds(waiting / self.backlog.rate))
        quick = min(tokens, QUICK_TOKENS)
        wait = self.backlog.wait_of(quick=quick, slow=tokens - quick)
        wait += _STEPS * self._lag.seconds
        if wait > deadline_s * HEADROOM:
            why = f"about {wait:.1f} s to wait, {deadline_s:g} s allowed"
            raise QueueFullError(why, retry_after=_seconds(wait - deadline_s * HEADROOM))

    def has_lost_worker(self, *, stuck_s: float) -> bool:
        """Whether the reading thread is dead, or has read one batch for longer than ``stuck_s``."""
        lost = not self._worker.is_alive() or self._worker.seconds_in_batch() > stuck_s
        return lost and not self._ended

    def replace_worker(self) -> None:
        """Another reading thread. Callers of the lost batch are told so: their text may be why."""
        lost = self._worker
        self.backlog.retire(lost)
        for piece in lost.batch:
            self._end(piece.job, WorkerLostError("the reading thread was lost; send again"))
        self.restarts += 1
        self._worker = self._new_worker()
        self._worker.start()

    async def close(self) -> None:
        """Accept nothing more, answer all that was accepted, stop."""
        self._closing = True
        if waited := [job.told for job in self._jobs]:
            await asyncio.wait(waited)
        self._ended = True
        self.backlog.close()
        await asyncio.to_thread(self._worker.join, _LAST_SECONDS)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _new_worker(self) -> Worker:
        return Worker(self.backlog, tell=self._add_logits, observe=self._observe)

    async def _answers(self, job: Job) -> list[Assessment]:
        if not job.records:
            return []
        self._jobs.add(job)
        self.backlog.announce(job)
        try:
            self._threads.submit(self._cut, job, 0)
            answers = await job.told
            self._lag.add(time.monotonic() - job.told_at)
            return answers
        finally:
            job.told.cancel()  # does nothing to a finished one
            self._jobs.discard(job)
            self._end(job)

    def _end(self, job: Job, error: BaseException | None = None) -> None:
        self.backlog.forget(job)
        job.tell(error or DeadlineError("dropped"))

    def _cut(self, job: Job, start: int) -> None:
        """Cut some records of a job, then go to the end of the line: others wait, too."""
        if job.done:
            return
        began = time.monotonic()
        records = job.records[start : start + _CUT_AT_ONCE]
        try:
            texts = job.analyzer.cut(records)
        except Exception as error:
            self._end(job, error)
            return
        self._seen(job, "tokenise", began)
        pieces = [p for i, text in enumerate(texts, start) for p in job.add_text(i, text)]
        self.backlog.put(job, pieces, guessed=sum(guess_tokens(r.text) for r in records))
        if start + len(records) < len(job.records):
            self._threads.submit(self._cut, job, start + len(records))

    def _add_logits(self, piece: WaitingWindow, logits: Logits | Exception) -> None:
        if piece.job.done:
            return
        if isinstance(logits, Exception):
            self._end(piece.job, logits)
        elif (scores := piece.job.add_logits(piece, logits)) is not None:
            self._threads.submit(self._answer, piece.job, piece.record, scores)

    def _answer(self, job: Job, record: int, scores: TextScores) -> None:
        if job.done:
            return
        began = time.monotonic()
        try:
            answer = job.analyzer.answer(scores)
        except Exception as error:
            self._end(job, error)
            return
        self._seen(job, "decode", began)
        if job.add_answer(record, answer):
            job.tell()

    def _seen(self, job: Job, stage: Stage, began: float) -> None:
        ended = time.monotonic()
        self._observe(stage, ended - began)
        job.watch(stage, began, ended)


def _seconds(wait: float) -> int:
    """Whole seconds for Retry-After."""
    return min(max(math.ceil(wait), 1), 60)
