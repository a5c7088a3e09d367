"""Files written whole or not at all: beside their place first, then moved there.

Knows blocks of bytes, not what is in them. Errors of the system pass through, unless who writes for
a user names them by `writing`.
"""

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import XiaobaoError

OWNER_ONLY = 0o600
"""The mode of a file that holds secrets."""

_AS_USUAL = 0o666  # less what the umask takes
# How a system says that it does not bring a folder to the disk, or not for who asks.
_NO_FOLDERS = {errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}


class OutputError(XiaobaoError):
    """A file cannot be written where it was asked for."""


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Errors of the system as OutputError that names the output; those of an input are another."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise OutputError(f"{out}: cannot be written ({why}), wanted a place to write") from error


def keep_inputs(written: Iterable[Path], inputs: Iterable[Path | None]) -> None:
    """Raise OutputError where a file that will be written is one that is read: it would be lost."""
    read = [source for source in inputs if source is not None and source.exists()]
    for out in written:
        if out.exists() and any(out.samefile(source) for source in read):
            raise OutputError(f"{out}: is the input itself, wanted another name")


def keep_work(out: Path, *, holds: str) -> None:
    """Raise OutputError for a file that is there: people write into such a file by hand."""
    if out.exists():
        raise OutputError(f"{out}: is there and may hold {holds}, wanted a new name")


def write_whole(path: Path, blocks: Iterable[bytes], *, mode: int = _AS_USUAL) -> None:
    """Write a file, replacing an older one only when the new one is on the disk."""
    with place_beside(path) as place:
        write_synced(place, blocks, mode=mode)
        place.replace(path)
    sync_folder(path.parent)


def rewrite_whole(path: Path, blocks: Iterable[bytes], *, mode: int) -> bool:
    """As `write_whole`, but a file that is there keeps its mode and owner; ``mode``: of a new one.

    False where the owner could not be kept: then others may read it as before at most.
    """
    with place_beside(path) as place:
        write_synced(place, blocks, mode=mode)
        kept = not path.exists() or _take_after(place, path.stat())
        place.replace(path)
    sync_folder(path.parent)
    return kept


def _take_after(place: Path, old: os.stat_result) -> bool:
    """Give a file the owner and mode of an older one, as far as we may; whether we might."""
    owner, group = _give(place, old.st_uid, -1), _give(place, -1, old.st_gid)
    # Of another group nobody may read more than before.
    mode = stat.S_IMODE(old.st_mode) & (0o777 if group else 0o707)
    place.chmod(mode)
    return owner and group


def _give(place: Path, user: int, group: int) -> bool:
    if not hasattr(os, "chown"):  # no owners on this system
        return True
    try:
        os.chown(place, user, group)
    except OSError:
        return False
    return True


@contextmanager
def place_beside(path: Path) -> Iterator[Path]:
    """Where to write a file before it is moved into its place; whatever stays there is removed.

    The name tells the process. Its random part keeps threads apart, and processes of one number in
    containers that share a folder.
    """
    place = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    try:
        yield place
    finally:
        place.unlink(missing_ok=True)


def leftovers_of(path: Path) -> Iterator[Path]:
    """What processes that were killed while they wrote ``path`` left beside it.

    Also what one that is writing it now has there: ask only where nobody else may write it.
    """
    name = re.compile(rf"\.{re.escape(path.name)}\.\d+(-[0-9a-f]{{8}})?")  # older ones: digits
    return (found for found in path.parent.iterdir() if name.fullmatch(found.name))


def write_synced(path: Path, blocks: Iterable[bytes], *, mode: int = _AS_USUAL) -> None:
    """Write a new file and wait until it is on the disk. Raises FileExistsError for an old one."""
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as stream:
        stream.writelines(blocks)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can."""
    try:
        place = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(place)
        finally:
            os.close(place)
    except OSError as error:
        if error.errno not in _NO_FOLDERS:
            raise
