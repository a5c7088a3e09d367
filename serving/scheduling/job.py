"""Jobs: the records of one caller on their way, and the pieces of them that wait to be read."""

import asyncio
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from models.assessment import Assessment
from models.record import Record
from models.runtimes import Logits
from models.scores import TextScores, TextWindows
from models.windows import Window
from serving.contracts import Analyzer

Stage = Literal["queue", "tokenise", "infer", "decode", "store"]
Watch = Callable[[Stage, float, float], None]
"""Told when a part of a stage began and ended (``time.monotonic``), from whatever thread."""

QUICK_TOKENS = 1024
"""What every caller may send by the quick lane: two windows. The rest of a long letter, or of a
large batch, goes by the slow lane."""


def unwatched(_: Stage, __: float, ___: float) -> None:
    """Nobody wants to know."""


class Lane(IntEnum):
    """Where a piece waits. Idle pieces are read only when nothing else waits."""

    QUICK = 0
    SLOW = 1
    IDLE = 2


@dataclass(slots=True, eq=False)
class WaitingWindow:
    """One window that waits: which one of which record of which job."""

    job: "Job"
    record: int
    place: int
    window: Window
    lane: Lane
    queued: float  # time.monotonic() when it joined its lane
    number: int = 0  # given by the lanes: first come, first served

    @property
    def tokens(self) -> int:
        """What it costs: its padded length."""
        return self.window.padded


@dataclass(slots=True)
class _Reading:
    """A record under way: its windows, and the logits that are there."""

    text: TextWindows
    logits: list[Logits | None]
    missing: int


class Job:
    """The records of one call. Answers are collected from several threads, then told once.

    ``deadline`` is on the clock of ``time.monotonic``; past it, what still waits is not read.
    """

    def __init__(
        self,
        records: Sequence[Record],
        analyzer: Analyzer,
        *,
        deadline: float = math.inf,
        idle: bool = False,
        watch: Watch = unwatched,
    ) -> None:
        self.records = records
        self.analyzer = analyzer
        self.deadline = deadline
        self.watch = watch
        self.done = False
        self.told_at = 0.0  # time.monotonic() of the last answer
        self.forgotten = False  # by the backlog, under its lock
        self.uncut: Counter[Lane] = Counter()
        self.waiting: Counter[Lane] = Counter()
        self._idle = idle
        self._pressed_at = (time.monotonic() + deadline) / 2  # half of its time gone
        self._quick_left = QUICK_TOKENS
        self._readings: dict[int, _Reading] = {}
        self._answers: dict[int, Assessment] = {}
        self._lock = threading.Lock()
        self._loop = asyncio.get_running_loop()
        self.told: asyncio.Future[list[Assessment]] = self._loop.create_future()
        for record in records:
            for lane, tokens in self.split(guess_tokens(record.text)):
                self.uncut[lane] += tokens
        self._quick_left = QUICK_TOKENS  # now for the true windows

    @property
    def late(self) -> bool:
        """Whether its deadline is past."""
        return time.monotonic() > self.deadline

    @property
    def is_pressed(self) -> bool:
        """Whether half of its time is gone."""
        return time.monotonic() > self._pressed_at

    def split(self, tokens: int) -> list[tuple[Lane, int]]:
        """The lanes that so many tokens more of this job go by."""
        if self._idle:
            return [(Lane.IDLE, tokens)]
        quick = min(tokens, self._quick_left)
        self._quick_left -= quick
        return [(Lane.QUICK, quick), (Lane.SLOW, tokens - quick)]

    def add_text(self, record: int, text: TextWindows) -> list[WaitingWindow]:
        """The pieces of one record, cut; a window begun in the quick lane is read by it whole."""
        count = len(text.windows)
        self._readings[record] = _Reading(text, [None] * count, count)
        now = time.monotonic()
        return [
            WaitingWindow(self, record, place, window, self._lane_of(window), now)
            for place, window in enumerate(text.windows)
        ]

    def _lane_of(self, window: Window) -> Lane:
        lane = Lane.IDLE if self._idle else Lane.QUICK if self._quick_left > 0 else Lane.SLOW
        self._quick_left -= window.padded
        return lane

    def add_logits(self, piece: WaitingWindow, logits: Logits) -> TextScores | None:
        """The record's scores, once all of its windows are read."""
        reading = self._readings[piece.record]
        reading.logits[piece.place] = logits
        reading.missing -= 1
        if reading.missing:
            return None
        del self._readings[piece.record]
        return reading.text.scored([each for each in reading.logits if each is not None])

    def add_answer(self, record: int, answer: Assessment) -> bool:
        """Whether this was the last one."""
        with self._lock:
            self._answers[record] = answer
            return len(self._answers) == len(self.records)

    def tell(self, error: BaseException | None = None) -> None:
        """Give the answers, or the error, to who waits; from any thread, the first time only."""
        with self._lock:
            if self.done:
                return
            self.done = True
        self.told_at = time.monotonic()
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._resolve, error)

    def _resolve(self, error: BaseException | None) -> None:
        if self.told.done():
            return
        if error is None:
            self.told.set_result([self._answers[i] for i in range(len(self.records))])
        else:
            self.told.set_exception(error)


def guess_tokens(text: str) -> int:
    """Tokens before they are counted: one a character, near enough for Chinese, and two ends."""
    return len(text) + 2
