"""What Spark and Ray share: records sent in waves, answers put in order, faults in our own words.

Neither loses, doubles or reorders a row: ``in_place`` proves it. Needs Arrow, which both bring.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any

from serving.engines.engine import Answered, EngineError, Numbered
from serving.engines.wire import batch_of

_OUR_ERROR = re.compile(r"^(?:models|serving)\.[\w.]+Error: (.+)$", re.MULTILINE)
_ANY_ERROR = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception))\b", re.MULTILINE)

Wave = Sequence[Sequence[Numbered]]


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


def placed(wave: Wave) -> list[Any]:
    """The batches of a wave in Arrow, with places in it, from 0 on, in place of row numbers.

    Row numbers may come twice (each sheet of a workbook has its own); places may not.
    """
    places = count()
    return [batch_of([(next(places), record) for _, record in batch]) for batch in wave]


def in_place(wave: Wave, answers: Any) -> list[Answered]:
    """The answers (a table, in any order) of ``placed(wave)`` in order, with its row numbers.

    Raises EngineError where a row is lost, comes twice or was not answered.
    """
    rows = [row for batch in wave for row, _ in batch]
    ordered = answers.select(["row", "assessment"]).sort_by("row")
    if ordered.column("row").to_pylist() != list(range(len(rows))):
        raise EngineError(f"found {len(ordered)} answers, wanted one for each of {len(rows)} rows")
    return [
        _answered(row, line)
        for row, line in zip(rows, ordered.column("assessment").to_pylist(), strict=True)
    ]


def cause_of(engine: str, error: Exception) -> EngineError:
    """What a cluster reports, as one line: an error of ours in full, another by its name alone.

    Its words could be those of a complaint.
    """
    report = str(error)
    ours, any_ = _OUR_ERROR.findall(report), _ANY_ERROR.findall(report)
    cause = ours[-1] if ours else (any_ or [type(error).__name__])[-1]
    return EngineError(f"--engine {engine}: {cause}")


def _answered(row: int, line: str | None) -> Answered:
    if line is None:  # what was a record here is one everywhere
        raise EngineError(f"row {row}: found a fault, wanted an answer")
    return row, line
