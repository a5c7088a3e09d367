"""The backlog: all that was accepted and is not yet read. Callers fill it, one worker empties it.

Safe to use from every thread. Keeps the pace, so that a wait can be told before it begins.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from serving.scheduling.job import Job, Lane, WaitingWindow
from serving.scheduling.lanes import Lanes
from serving.scheduling.pace import Pace

ENOUGH = 512
"""Tokens that are worth a batch: with so many waiting, none is held back for company."""

BATCH_S = 0.1
"""Seconds that a batch may take by the pace of late: who comes meanwhile waits for it to end."""


class Reader(Protocol):
    """Who takes batches. A retired one gets none, and what it still reads counts for nothing."""

    retired: bool


class Backlog:
    """Pieces that wait, texts that are being cut, and the batch that is being read."""

    def __init__(self, *, batch_tokens: int, wait_s: float) -> None:
        self._lanes = Lanes(batch_tokens=batch_tokens)
        self._pace = Pace()
        self._wait_s = wait_s
        self._changed = threading.Condition()
        self._uncut: Counter[Lane] = Counter()
        self._in_flight = 0
        self._since = 0.0  # when the batch in flight began to cost time
        self._closed = False

    @property
    def tokens(self) -> int:
        """Tokens accepted and not yet read, idle ones aside: waiting, being cut or in flight."""
        return self._quick() + self._slow() + self._in_flight

    @property
    def idle_tokens(self) -> int:
        """Tokens of the idle lane."""
        return self._lanes.tokens[Lane.IDLE] + self._uncut[Lane.IDLE]

    @property
    def rate(self) -> float:
        """Tokens a second, of late."""
        return self._pace.rate

    def wait_of(self, *, quick: int, slow: int = 0) -> float:
        """Seconds until so many tokens more would be read, by the pace of late.

        The lanes take turns: quick tokens wait for as many slow ones, at most; slow ones for
        all that waits, and for as many quick ones as may still come.
        """
        quick += self._quick() + self._in_flight
        slow_before = self._slow()
        wait = quick + min(quick, slow_before)
        if slow:
            slow += slow_before
            wait = max(quick + slow, 2 * slow)
        return wait / self._pace.rate

    def announce(self, job: Job) -> None:
        """The job is accepted; its texts are about to be cut."""
        with self._changed:
            self._uncut.update(job.uncut)

    def put(self, job: Job, pieces: Iterable[WaitingWindow], *, guessed: int) -> None:
        """Windows of a job, cut; ``guessed`` tokens were announced for them."""
        with self._changed:
            if job.forgotten:
                return
            self._less_uncut(job, guessed)
            for piece in pieces:
                self._lanes.put(piece)
            self._changed.notify_all()

    def forget(self, job: Job) -> None:
        """Nobody waits for the job any more."""
        with self._changed:
            if job.forgotten:
                return
            if uncut := sum(job.uncut.values()):
                self._less_uncut(job, uncut)
                self._changed.notify_all()  # nobody waits for its company any more
            self._lanes.forget(job)

    def take(self, reader: Reader) -> list[WaitingWindow]:
        """The next batch; waits for one. Empty when there will be none for this reader."""
        with self._changed:
            while not reader.retired:
                self._await_company()
                if batch := self._lanes.take(max(ENOUGH, int(self._pace.rate * BATCH_S))):
                    if not self._since:
                        self._since = time.monotonic()
                    self._in_flight = sum(p.tokens for p in batch if p.lane is not Lane.IDLE)
                    return batch
                if self._closed:
                    break
                self._changed.wait()
            return []

    def finish(self, reader: Reader, batch: list[WaitingWindow]) -> bool:
        """The batch was read; False where the reader had been retired before."""
        with self._changed:
            if reader.retired:
                return False
            now = time.monotonic()
            self._pace.add(sum(piece.tokens for piece in batch), now - self._since)
            self._in_flight = 0
            # While more waits, the time until the next batch is part of what reading costs.
            self._since = now if self.tokens else 0.0
            return True

    def retire(self, reader: Reader) -> None:
        """Its batch is given up; it gets no other one."""
        with self._changed:
            reader.retired = True
            self._in_flight = 0
            self._since = 0.0
            self._changed.notify_all()

    def close(self) -> None:
        """Whoever takes gets what is there, then nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _quick(self) -> int:
        return self._lanes.tokens[Lane.QUICK] + self._uncut[Lane.QUICK]

    def _slow(self) -> int:
        return self._lanes.tokens[Lane.SLOW] + self._uncut[Lane.SLOW]

    def _less_uncut(self, job: Job, tokens: int) -> None:
        for lane in Lane:
            part = min(tokens, job.uncut[lane])
            job.uncut[lane] -= part
            self._uncut[lane] -= part
            tokens -= part

    def _await_company(self) -> None:
        """Wait a little while texts are being cut and few tokens wait; an idle service never."""
        until = time.monotonic() + self._wait_s
        while self._is_company_due() and (left := until - time.monotonic()) > 0:
            self._changed.wait(left)

    def _is_company_due(self) -> bool:
        waiting = self._lanes.tokens[Lane.QUICK] + self._lanes.tokens[Lane.SLOW]
        coming = self._uncut[Lane.QUICK] + self._uncut[Lane.SLOW]
        return 0 < waiting < ENOUGH and coming > 0 and not self._closed


def seconds_until(moment: float) -> float | None:
    """From now; None where the moment never comes."""
    return None if moment == math.inf else moment - time.monotonic()
