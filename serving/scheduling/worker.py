"""The worker: one thread that takes batches and has the network read them. It can be replaced."""

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from models.runtimes import Logits
from serving.scheduling.backlog import Backlog
from serving.scheduling.job import Stage, WaitingWindow

Observe = Callable[[Stage, float], None]
"""Told how many seconds a stage took."""

Told = Callable[[WaitingWindow, Logits | Exception], None]


class Worker(threading.Thread):
    """Reads batches until the backlog ends, or until it is retired.

    A thread cannot be killed: a stuck one is retired, and what it brings afterwards is thrown away.
    """

    def __init__(self, backlog: Backlog, *, tell: Told, observe: Observe) -> None:
        super().__init__(name="network", daemon=True)
        self.retired = False
        self.batch: Sequence[WaitingWindow] = ()
        self.began = 0.0  # time.monotonic() of its batch
        self._backlog = backlog
        self._tell = tell
        self._observe = observe

    def run(self) -> None:
        """Read until the end. What kills it is logged by type: a message may repeat a text."""
        try:
            self._read()
        except BaseException as error:
            log = structlog.get_logger("xiaobao")
            log.error("the reading thread died", error=type(error).__name__)

    def seconds_in_batch(self) -> float:
        """How long it has been reading its batch; 0 while it waits for one."""
        return time.monotonic() - self.began if self.batch else 0.0

    def _read(self) -> None:
        while batch := self._backlog.take(self):
            self.began = time.monotonic()
            self.batch = batch
            for piece in batch:
                self._observe("queue", self.began - piece.queued)
                piece.job.watch("queue", piece.queued, self.began)
            results = _infer(batch)
            ended = time.monotonic()
            self._observe("infer", ended - self.began)
            for job in {piece.job for piece in batch}:
                job.watch("infer", self.began, ended)
            if not self._backlog.finish(self, batch):
                return
            self.batch = ()
            for piece, logits in zip(batch, results, strict=True):
                self._tell(piece, logits)


def _infer(batch: Sequence[WaitingWindow]) -> Sequence[Logits | Exception]:
    try:
        return batch[0].job.analyzer.infer([piece.window for piece in batch])
    except Exception as error:
        # One window must not fail its neighbours: find out which it was.
        return [error] if len(batch) == 1 else [_infer([piece])[0] for piece in batch]
