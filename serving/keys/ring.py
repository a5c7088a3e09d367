"""The key ring: which key a presented one is. Follows its file, so that revoking needs no restart.

A key is checked by its slow hash once; then the process remembers a keyed digest of it, which is
worth nothing outside. Expiry and revocation are looked at every time.
"""

import hashlib
import secrets
import threading
import time
from pathlib import Path

import structlog

from serving.keys.key import ApiKey, KeysError, split_token, today
from serving.keys.keys_file import read_keys

_LOOK_EVERY = 1.0  # seconds between looks at the file
_MOST_KNOWN = 4096


class KeyRing:
    """The keys of one file. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Raises KeysError for a file that cannot be read."""
        self._path = path
        self._keys = {key.id: key for key in read_keys(path)}
        self._stamp = _stamp(path)
        self._looked = time.monotonic()
        self._known: dict[bytes, str] = {}  # digest of a presented key to the id of its key
        self._pepper = secrets.token_bytes(32)
        self._lock = threading.Lock()

    def find_known(self, token: str) -> ApiKey | None:
        """The key, if this process has verified it before and it still holds; fast."""
        self._follow()
        return self._valid(self._known.get(self._digest(token), ""))

    def has_id_of(self, token: str) -> bool:
        """Whether a valid key has the id presented: only then the slow check is worth it."""
        parts = split_token(token)
        return parts is not None and self._valid(parts[0]) is not None

    def verify(self, token: str) -> ApiKey | None:
        """The key presented, or None; slow, so call it off the event loop."""
        parts = split_token(token)
        key = self._valid(parts[0]) if parts else None
        if parts is None or key is None or not key.fits(parts[1]):
            return None
        with self._lock:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[self._digest(token)] = key.id
        return key

    def _valid(self, id_: str) -> ApiKey | None:
        key = self._keys.get(id_)
        return key if key is not None and key.is_valid(today()) else None

    def _digest(self, token: str) -> bytes:
        # Keyed by a secret of this process: nobody can steer a lookup and learn from its time.
        return hashlib.blake2b(token.encode("utf-8", "replace"), key=self._pepper).digest()

    def _follow(self) -> None:
        """Read the file again if it changed; an unreadable one leaves the keys as they are.

        A slip of the operator, who is trusted, shall not shut everybody out. It is told at every
        look until it is mended: as long as it lasts, what was revoked still opens.
        """
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY:
            return
        self._looked = now
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        try:
            keys = {key.id: key for key in read_keys(self._path)}
        except KeysError as error:
            structlog.get_logger("xiaobao").error(
                "keys not read", error=type(error).__name__, kept="revoked keys may still be valid"
            )
            return
        with self._lock:
            # A key made anew under an old id would be another one: nothing known stays known.
            self._keys, self._stamp, self._known = keys, stamp, {}


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
