"""Files that only their owner may read: written whole or not at all, mode 0600."""

import os
import secrets
from pathlib import Path


def create_once(path: Path, content: bytes) -> None:
    """Make the file unless it is there; of several processes the first one wins."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = _write_beside(path, content)
    try:
        os.link(beside, path)  # unlike a rename it refuses where the file is there
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    _sync_folder(path.parent)


def replace_whole(path: Path, content: bytes) -> None:
    """Put this content in the place of the file."""
    _write_beside(path, content).replace(path)
    _sync_folder(path.parent)


def _write_beside(path: Path, content: bytes) -> Path:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    return beside


def _sync_folder(folder: Path) -> None:
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
