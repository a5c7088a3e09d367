"""Files of training written whole: lines, JSON or bytes; one that cannot be written is named."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from models import whole_files


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, replacing an older one only when the new one is on the disk."""
    with whole_files.writing(path):
        whole_files.write_whole(path, [content])


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON Lines: one object a line, Chinese as it is."""
    lines = (json.dumps(row, ensure_ascii=False, default=_plain) + "\n" for row in rows)
    write_whole(path, "".join(lines).encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write one JSON value, to be read by people too."""
    text = json.dumps(value, ensure_ascii=False, indent=1, default=_plain)
    write_whole(path, f"{text}\n".encode())


def _plain(value: Any) -> Any:
    """What a cell of a spreadsheet or Parquet may hold and JSON does not know."""
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else list(value)
