"""The rows that failed, as a file beside the output: written as they are met, none kept in memory.

Knows rows and reasons, no text of a complaint.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, Self, TypeVar

import orjson

from models.rows import RowFault
from serving.files.places import errors_beside

Good = TypeVar("Good")


class FaultFile:
    """Lists faults beside ``out``; there is no file without a fault. Use as a context manager.

    An interrupted run begins its list anew, as it reads its input anew.
    """

    def __init__(self, out: Path) -> None:
        self.count = 0
        self._path = errors_beside(out)
        self._part = self._path.with_name(self._path.name + ".part")
        self._stream: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self._part.unlink(missing_ok=True)

    def sift(self, rows: Iterable[Good | RowFault]) -> Iterator[Good]:
        """The rows that are no faults; the faults are listed on the way."""
        for row in rows:
            if isinstance(row, RowFault):
                self.add(row)
            else:
                yield row

    def add(self, fault: RowFault) -> None:
        """List one fault more."""
        if self._stream is None:
            self._stream = self._part.open("wb")
        self.count += 1
        self._stream.write(orjson.dumps(asdict(fault)) + b"\n")

    def finish(self) -> Path | None:
        """Put the list in its place: its path, or None where no row failed."""
        if self._stream is not None:
            self._stream.flush()
            os.fsync(self._stream.fileno())
        self._close()
        if not self.count:
            self._path.unlink(missing_ok=True)  # of an earlier run: its rows are mended now
            return None
        self._part.replace(self._path)
        return self._path

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
