"""The file of keys: read whole, written whole beside its place; a new one for its owner only.

One that is there keeps its mode and owner: a service of another user goes on reading it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.whole_files import OWNER_ONLY, rewrite_whole
from serving.keys.key import ApiKey, KeysError

_WANTED = "a file that `xiaobao keys create` wrote"


def read_keys(path: Path) -> list[ApiKey]:
    """The keys of a file, in the order they were made. Raises KeysError naming the file."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise KeysError(f"{path}: {why}; wanted {_WANTED}") from None
    except ValueError:
        raise KeysError(f"{path}: not JSON, wanted {_WANTED}") from None
    entries = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(entries, list):
        raise KeysError(f"{path}: no list 'keys', wanted one")
    return [_key_at(f"{path}: keys[{place}]", entry) for place, entry in enumerate(entries)]


@contextmanager
def changing(
    path: Path, *, on_other_owner: Callable[[], object] = lambda: None
) -> Iterator[list[ApiKey]]:
    """The keys of a file, to be changed in place; put into place at the end.

    ``on_other_owner`` is called where the file's owner could not be kept.
    A file beside it is the lock: one change at a time. Raises KeysError.
    """
    lock = path.with_name(f".{path.name}.part")
    try:
        lock.touch(OWNER_ONLY, exist_ok=False)
    except FileExistsError:
        raise KeysError(f"{lock}: found; remove it if nobody is changing keys") from None
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        keys = read_keys(path) if path.exists() else []
        yield keys
        if not rewrite_whole(path, [_written(keys)], mode=OWNER_ONLY):
            on_other_owner()
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        lock.unlink(missing_ok=True)


def _key_at(place: str, entry: Any) -> ApiKey:
    try:
        return ApiKey.from_json(entry)
    except KeysError as error:
        raise KeysError(f"{place}: {error}") from None


def _written(keys: Sequence[ApiKey]) -> bytes:
    entries = [key.as_json() for key in keys]
    return json.dumps({"keys": entries}, ensure_ascii=False, indent=1).encode() + b"\n"


def _unwritable(path: Path, error: OSError) -> KeysError:
    why = error.strerror or type(error).__name__
    return KeysError(f"{path}: cannot be written ({why}), wanted a place to write")
