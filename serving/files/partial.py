"""The part file: answers written so far, so that an interrupted run goes on where it stopped.

``x.jsonl.part`` holds one assessment a line; ``x.jsonl.part.json`` says which input and which
bundle it belongs to. Both go when the run is done. Knows lines, not what is in them.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Self


class PartFile:
    """Appends whole lines; ``done`` is how many were there when it was opened.

    What an earlier run left is kept only if it has the same ``owner`` (input and bundle); a torn
    last line is cut off. Use as a context manager.
    """

    def __init__(self, out: Path, *, owner: Mapping[str, str]) -> None:
        self.path = out.with_name(out.name + ".part")
        self._label = out.with_name(out.name + ".part.json")
        self.done = _whole_lines(self.path) if self._owned_by(owner) else 0
        if not self.done:
            # In this order no part file ever stands under a label that is not its own.
            self.path.unlink(missing_ok=True)
            write_whole(self._label, [json.dumps(dict(owner)).encode()])
        self._stream: BinaryIO | None = None

    def __enter__(self) -> Self:
        self._stream = self.path.open("ab")
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()

    def append(self, lines: Iterable[bytes]) -> None:
        """Write these lines (without line ends) and wait until they are on the disk."""
        if self._stream is None:
            raise ValueError("the part file is not open")
        self._stream.write(b"".join(line + b"\n" for line in lines))
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def lines(self) -> Iterator[bytes]:
        """All lines written, in order."""
        with self.path.open("rb") as stream:
            yield from stream

    def remove(self) -> None:
        """The run is done: nothing is left to go on with."""
        self.path.unlink(missing_ok=True)
        self._label.unlink(missing_ok=True)

    def _owned_by(self, owner: Mapping[str, str]) -> bool:
        try:
            return bool(json.loads(self._label.read_bytes()) == dict(owner))
        except (OSError, ValueError):
            return False


def fingerprint(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_whole(path: Path, blocks: Iterable[bytes]) -> None:
    """Write a file that is there whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as stream:
            stream.writelines(blocks)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _whole_lines(path: Path) -> int:
    """How many whole lines the file has; what follows the last line end is cut off."""
    if not path.exists():
        return 0
    count = whole = 0
    with path.open("r+b") as stream:
        for line in stream:
            if line.endswith(b"\n"):
                count += 1
                whole += len(line)
        stream.truncate(whole)
    return count
