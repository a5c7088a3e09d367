"""What a run asks of an engine, and what several engines share: work handed out in order.

An engine never loses, doubles or reorders a row; ``in_place`` proves it where a cluster could.
"""

import re
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

import pyarrow

from models.errors import XiaobaoError

_OUR_ERROR = re.compile(r"^(?:models|serving)\.[\w.]+Error: (.+)$", re.MULTILINE)
_ANY_ERROR = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception))\b", re.MULTILINE)

Given = TypeVar("Given")
Got = TypeVar("Got")
Advance = Callable[[int], None]


class EngineError(XiaobaoError):
    """An engine cannot be used here, or did not give back what it was given."""


class Engine(Protocol):
    """Scores batches of records (schema RECORDS) into batches of answers (schema ANSWERS)."""

    def score(self, batches: Iterable[Any], *, advance: Advance) -> Generator[Any, None, None]:
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


def waves_of(batches: Iterable[Any], *, size: int) -> Iterator[list[Any]]:
    """The batches in lists of ``size``: what is sent to a cluster at once."""
    wave: list[Any] = []
    for batch in batches:
        wave.append(batch)
        if len(wave) == size:
            yield wave
            wave = []
    if wave:
        yield wave


def placed(wave: Sequence[Any]) -> list[Any]:
    """The batches of a wave with places in it, from 0 on, in place of their row numbers.

    Row numbers may come twice (each sheet of a workbook has its own); places may not.
    """
    start, batches = 0, []
    for batch in wave:
        places = pyarrow.array(range(start, start + batch.num_rows), pyarrow.int64())
        batches.append(batch.set_column(0, batch.schema.field(0), places))
        start += batch.num_rows
    return batches


def in_place(wave: Sequence[Any], answers: Any) -> list[Any]:
    """The answers (a table, in any order) of ``placed(wave)`` in order, with its row numbers.

    Raises EngineError where a row is lost or comes twice.
    """
    rows = pyarrow.Table.from_batches(wave).column("row")
    ordered = answers.sort_by("row")
    if ordered.column("row").to_pylist() != list(range(len(rows))):
        raise EngineError(f"found {len(ordered)} answers, wanted one for each of {len(rows)} rows")
    renumbered = ordered.set_column(0, ordered.schema.field(0), rows)
    return list(renumbered.to_batches())


def missing_extra(engine: str, error: ModuleNotFoundError) -> EngineError:
    """The error for an engine whose extra is not installed."""
    return EngineError(
        f"--engine {engine}: 缺少模块 module {error.name} is not installed; "
        f"install the {engine} extra: pip install '.[{engine}]'"
    )


def cause_of(engine: str, error: Exception) -> EngineError:
    """What a cluster reports, as one line: an error of ours in full, another by its name alone.

    Its words could be those of a complaint.
    """
    report = str(error)
    ours, any_ = _OUR_ERROR.findall(report), _ANY_ERROR.findall(report)
    cause = ours[-1] if ours else (any_ or [type(error).__name__])[-1]
    return EngineError(f"--engine {engine}: {cause}")
