"""What a run asks of an engine: batches of records in, answers out, in order. Knows no Arrow."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Protocol, TypeVar

from models.errors import XiaobaoError
from models.extras import missing_line
from models.record import Record

Given = TypeVar("Given")
Got = TypeVar("Got")
Advance = Callable[[int], None]

Numbered = tuple[int, Record]
"""A record with the number of its row, as the user sees it."""

Answered = tuple[int, str]
"""The number of a row and its assessment as one line of JSON."""


class EngineError(XiaobaoError):
    """An engine cannot be used here, or did not give back what it was given."""


class Engine(Protocol):
    """Reads batches of records into batches of answers; loses, doubles and reorders no row."""

    def score(
        self, batches: Iterable[Sequence[Numbered]], *, advance: Advance
    ) -> Generator[Sequence[Answered], None, None]:
        """The answers in the order of the records; ``advance`` is told how many were read."""
        ...


def in_order(
    submit: Callable[[Given], Future[Got]], items: Iterable[Given], *, ahead: int
) -> Iterator[Got]:
    """The results in the order of ``items``, of which at most ``ahead`` are under way."""
    waiting: deque[Future[Got]] = deque()
    for item in items:
        waiting.append(submit(item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def missing_extra(engine: str, error: ModuleNotFoundError) -> EngineError:
    """The error for an engine whose extra is not installed."""
    return EngineError(f"--engine {engine}: {missing_line(error, extra=engine)}")
