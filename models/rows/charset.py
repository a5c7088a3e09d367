"""Which encoding a text file has. Reads the file once in blocks; knows nothing about tables.

Strict trial decoding decides between UTF-8 and GB18030 (each rejects the other's Chinese within
a few lines); charset-normalizer is asked only where neither fits.
"""

import re
from pathlib import Path

from charset_normalizer import from_bytes

from models.rows.row import RowsError

# Lone surrogates that `surrogateescape` leaves where a byte could not be decoded.
DAMAGED = re.compile("[\udc80-\udcff]")

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SAMPLE = 2**16
# Below this share of clean lines an encoding is the wrong one, above it single lines are damaged.
_CLEAN = 0.9
# Zero bytes that may be damage. UTF-16 has one for each delimiter, digit and line end: in Latin
# script half of its bytes, in Chinese few, but its Chinese is no UTF-8.
_MOST_ZEROS = {"utf-8": 0.1, "gb18030": 0.001}


def find_encoding(path: Path) -> str:
    """The Python codec to open the file with; `RowsError` if none fits."""
    with path.open("rb") as stream:
        start = stream.read(_SAMPLE)
    for bom, codec in _BOMS:
        if start.startswith(bom):
            return codec
    zeros = start.count(0) / max(1, len(start))
    fitting = [
        codec
        for codec, most in _MOST_ZEROS.items()
        if zeros <= most and _clean_share(path, codec) >= _CLEAN
    ]
    if zeros and not fitting:
        return _utf16_without_bom(path, start)
    # UTF-8 first: short UTF-8 lines are sometimes valid GB18030, hardly ever the other way round.
    return fitting[0] if fitting else _guess(path, start)


def _clean_share(path: Path, codec: str) -> float:
    """The share of lines with non-ASCII bytes that decode strictly (1.0 if there are none)."""
    lines = clean = 0
    with path.open("rb") as stream:
        for line in stream:
            if not line.isascii():
                lines += 1
                clean += _decodes(line, codec)
    return clean / lines if lines else 1.0


def _decodes(line: bytes, codec: str) -> bool:
    try:
        line.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _utf16_without_bom(path: Path, start: bytes) -> str:
    # ASCII in UTF-16 (delimiters, digits, line ends) puts its zero byte after or before.
    codec = "utf-16-le" if start[1::2].count(0) >= start[0::2].count(0) else "utf-16-be"
    if not _decodes(start[: len(start) // 4 * 4], codec):
        raise RowsError(f"{path}: found binary content, wanted text in UTF-8, GB18030 or UTF-16")
    return codec


def _guess(path: Path, start: bytes) -> str:
    best = from_bytes(start).best()
    if best is not None and _clean_share(path, best.encoding) == 1.0:
        return best.encoding
    raise RowsError(f"{path}: found no encoding that fits, wanted UTF-8, GB18030 or UTF-16")
