"""Lines in UTF-8, one object or one text each. Memory is bounded by the longest line allowed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from models.rows.columns import Columns, Header
from models.rows.row import Row, RowFault, RowsError, Tally, type_name

LONGEST_LINE = 64 * 2**20
_BOM = b"\xef\xbb\xbf"
_KEPT_HEADERS = 1000


def read(path: Path, columns: Columns, tally: Tally) -> Iterator[Row | RowFault]:
    """The rows of a file of JSON Lines."""
    with path.open("rb") as stream:
        yield from read_objects(stream, columns, tally)


def read_objects(stream: BinaryIO, columns: Columns, tally: Tally) -> Iterator[Row | RowFault]:
    """Each line that is not blank: its object's values under field names, or its fault."""
    headers: dict[tuple[str, ...], Header] = {}
    for number, raw in _numbered(stream, tally):
        parsed = parse_line(raw, file=tally.file, number=number)
        if isinstance(parsed, RowFault):
            yield parsed
            continue
        header = _header_of(tuple(parsed), columns, headers)
        tally.ignore(header.ignored)
        yield Row(tally.file, number, header.named(tuple(parsed.values())))


def read_texts(stream: BinaryIO, tally: Tally) -> Iterator[Row | RowFault]:
    """Each line that is not blank: a row that is one text, or its fault."""
    for number, raw in _numbered(stream, tally):
        text = _decode(raw, file=tally.file, number=number)
        if isinstance(text, str):
            yield Row(tally.file, number, {"text": text.rstrip("\r\n")})
        else:
            yield text


def parse_line(raw: bytes | None, *, file: str, number: int) -> dict[str, Any] | RowFault:
    """The object on a line, or the fault. None stands for a line that was too long to keep."""
    text = _decode(raw, file=file, number=number)
    if isinstance(text, RowFault):
        return text
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        reason = f"not valid JSON at character {error.pos + 1} ({error.msg.split(':')[0]})"
        return RowFault(file, number, None, f"{reason}, wanted one JSON object a line")
    if not isinstance(parsed, dict):
        return RowFault(file, number, None, f"found {type_name(parsed)}, wanted a JSON object")
    return parsed


def _decode(raw: bytes | None, *, file: str, number: int) -> str | RowFault:
    if raw is None:
        reason = f"found a line over {LONGEST_LINE // 2**20} MiB, wanted one record a line"
        return RowFault(file, number, None, reason)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte 0x{raw[error.start]:02x} at offset {error.start} of the line"
        return RowFault(file, number, None, f"found {byte}, wanted UTF-8")


def _header_of(
    names: tuple[str, ...], columns: Columns, kept: dict[tuple[str, ...], Header]
) -> Header:
    # Rows of one export share their keys: match them once.
    if names not in kept:
        if len(kept) >= _KEPT_HEADERS:
            kept.clear()
        kept[names] = columns.match(names)
    return kept[names]


def _numbered(stream: BinaryIO, tally: Tally) -> Iterator[tuple[int, bytes | None]]:
    """Each line that is not blank, with its number; blank ones are counted."""
    tally.encoding = "utf-8"
    for number, raw in enumerate(_lines(stream, tally.file), start=1):
        if raw is not None and not raw.strip():
            tally.blank_rows += 1
        else:
            yield number, raw


def _lines(stream: BinaryIO, file: str) -> Iterator[bytes | None]:
    first = True
    while raw := stream.readline(LONGEST_LINE + 1):
        if first and raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise RowsError(f"{file}: found UTF-16, wanted lines in UTF-8")
        whole = len(raw) <= LONGEST_LINE or raw.endswith(b"\n")
        while not whole and (rest := stream.readline(LONGEST_LINE)):
            whole = rest.endswith(b"\n")
            raw = b""
        yield (raw.removeprefix(_BOM) if first else raw) if raw else None
        first = False
