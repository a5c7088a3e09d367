"""Group commit: work of many callers that wait together goes into one transaction.

One thread writes. A caller's future is done only when its transaction is on the disk. Work that
fails takes nobody along: the others are done again without it. Knows no tables.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from serving.register.database import write
from serving.register.errors import RegisterUnavailableError

T = TypeVar("T")
_MOST = 256  # of one transaction: readers on other machines wait for its lock


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    do: Callable[[Connection], Any]
    done: Future[Any] = field(default_factory=Future)


class Committer:
    """Takes functions of a connection and runs them, many a transaction, in order of arrival."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="register", daemon=True)
        self._thread.start()

    def submit(self, do: Callable[[Connection], T]) -> Future[T]:
        """A future of what ``do`` returns, done once that is on the disk.

        Fails with RegisterUnavailableError or what ``do`` raised; then nothing of it was stored.
        ``do`` may run more than once, each time in a fresh transaction. Until the first one has
        begun the future can be cancelled.
        """
        work = _Work(do)
        with self._lock:
            if self._closed:
                raise RegisterUnavailableError("the register is closed")
            self._waiting.put(work)
        return work.done

    def close(self) -> None:
        """Do all that waits, then stop."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, ended = self._take(first)
            self._commit(batch)
            if ended:
                return

    def _take(self, first: _Work) -> tuple[list[_Work], bool]:
        batch = [first]
        while len(batch) < _MOST:
            try:
                work = self._waiting.get_nowait()
            except queue.Empty:
                break
            if work is None:
                return batch, True
            batch.append(work)
        return batch, False

    def _commit(self, batch: list[_Work]) -> None:
        begun: list[_Work] | None = None
        try:
            with write(self._engine) as connection:
                # Not before: whoever gives up while another holds the lock has stored nothing.
                begun = _begin(batch)
                results = [work.do(connection) for work in begun]
        except Exception as error:
            failed = _begin(batch) if begun is None else begun
            if len(failed) == 1 or _is_away(error):
                for work in failed:
                    work.done.set_exception(error)
                return
            for work in failed:  # which of them was it?
                self._commit([work])
            return
        for work, result in zip(begun, results, strict=True):
            work.done.set_result(result)


def _begin(batch: list[_Work]) -> list[_Work]:
    """Those of the work that nobody gave up; from now on nobody can."""
    return [
        work for work in batch if work.done.running() or work.done.set_running_or_notify_cancel()
    ]


def _is_away(error: Exception) -> bool:
    """Whether it fails everybody alike: trying one after another would only take longer."""
    return isinstance(error, RegisterUnavailableError) and error.for_all
