"""The part file: answers written so far, so that an interrupted run goes on where it stopped.

``x.jsonl.part`` holds one answer a line; ``x.jsonl.part.json`` says which input and which bundle it
belongs to. Both go when the run is done. Knows lines, not what is in them.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Self

from models.errors import XiaobaoError
from models.whole_files import leftovers_of, write_whole


class BusyError(XiaobaoError):
    """Another run is writing the same output."""


class PartFile:
    """Appends whole lines; ``done`` is how many were there when it was opened.

    What an earlier run left is kept only if it has the same ``owner`` (input and bundle); a torn
    last line is cut off. Use as a context manager: inside it no other run may write this output.
    """

    def __init__(self, out: Path, *, owner: Mapping[str, str]) -> None:
        self.path = out.with_name(out.name + ".part")
        self.done = 0
        self._out = out
        self._label = out.with_name(out.name + ".part.json")
        self._owner = dict(owner)
        self._stream: BinaryIO | None = None

    def __enter__(self) -> Self:
        stream = self.path.open("a+b")
        try:
            _lock(stream, self.path)
            _sweep(self._out, self._label)
            self.done = _whole_lines(stream) if self._is_owned() else 0
            if not self.done:
                # In this order no line ever stands under a label that is not its own.
                stream.truncate(0)
                os.fsync(stream.fileno())
                write_whole(self._label, [json.dumps(self._owner).encode()])
        except BaseException:
            stream.close()
            raise
        self._stream = stream
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()

    def append(self, lines: Iterable[bytes]) -> int:
        """Write lines (without line ends), wait until they are on the disk, and count them."""
        if self._stream is None:
            raise ValueError("the part file is not open")
        ended = [line + b"\n" for line in lines]
        self._stream.write(b"".join(ended))
        self._stream.flush()
        os.fsync(self._stream.fileno())
        return len(ended)

    def lines(self) -> Iterator[bytes]:
        """All lines written, in order."""
        with self.path.open("rb") as stream:
            yield from stream

    def remove(self) -> None:
        """The run is done: nothing is left to go on with."""
        self.path.unlink(missing_ok=True)
        self._label.unlink(missing_ok=True)

    def _is_owned(self) -> bool:
        try:
            return bool(json.loads(self._label.read_bytes()) == self._owner)
        except (OSError, ValueError):
            return False


def file_digest(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _lock(stream: BinaryIO, path: Path) -> None:
    """Hold the part file until it is closed. Raises BusyError while another run holds it."""
    if sys.platform == "win32":  # there an open file cannot be removed, which is lock enough
        return
    import fcntl

    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = os.fstat(stream.fileno()).st_ino == path.stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        held = False  # held by another run, or removed by one that was just done
    if not held:
        raise BusyError(f"{path}: another run is writing it, wanted one run an output")


def _sweep(*written: Path) -> None:
    """Remove what a run that was killed while it wrote these files left beside them."""
    for path in written:
        for left in leftovers_of(path):
            left.unlink(missing_ok=True)


def _whole_lines(stream: BinaryIO) -> int:
    """How many whole lines the file has; what follows the last line end is cut off."""
    count = whole = 0
    stream.seek(0)
    for line in stream:
        if line.endswith(b"\n"):
            count += 1
            whole += len(line)
    stream.truncate(whole)
    return count
