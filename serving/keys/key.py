"""One API key: an id that everyone may know and a secret that is kept only as a slow hash.

A key is shown once, when it is made: ``xb_ID_SECRET``. Its secret has 256 random bits, and what is
stored of it is scrypt over a salt, so that a stolen file opens nothing.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from models.errors import XiaobaoError

Scope = Literal["assess", "review", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

_TOKEN = re.compile(r"xb_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[\w.@ -]{1,64}")
_COST = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}  # 16 MiB, some 50 ms: RFC 7914, interactive use


class KeysError(XiaobaoError):
    """A key or a file of keys that is not as it must be."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is stored of a key. ``expires`` None: never."""

    id: str
    name: str
    scopes: frozenset[Scope]
    created: datetime
    expires: datetime | None
    salt: bytes = field(repr=False)
    hash: bytes = field(repr=False)

    def is_valid(self, now: datetime) -> bool:
        """Whether it has not expired."""
        return self.expires is None or now < self.expires

    def fits(self, secret: str) -> bool:
        """Whether this is its secret. Slow on purpose: call it off the event loop."""
        return hmac.compare_digest(_slow_hash(secret, self.salt), self.hash)

    def as_json(self) -> dict[str, Any]:
        """The object that the file of keys holds."""
        return {
            "id": self.id,
            "name": self.name,
            "scopes": sorted(self.scopes),
            "created": self.created.isoformat(),
            "expires": self.expires.isoformat() if self.expires else None,
            "salt": self.salt.hex(),
            "hash": self.hash.hex(),
        }

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> "ApiKey":
        """The key of such an object. Raises KeysError naming what is wrong."""
        try:
            expires = entry["expires"]
            return cls(
                id=str(entry["id"]),
                name=str(entry["name"]),
                scopes=check_scopes(entry["scopes"]),
                created=_moment("created", entry["created"]),
                expires=None if expires is None else _moment("expires", expires),
                salt=bytes.fromhex(entry["salt"]),
                hash=bytes.fromhex(entry["hash"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise KeysError(f"{type(error).__name__}, wanted all fields of a key") from None


def make_key(
    name: str, scopes: frozenset[Scope], *, now: datetime, expires: datetime | None
) -> tuple[ApiKey, str]:
    """A new key and the words to present it with, which are kept nowhere."""
    if not _NAME.fullmatch(name):
        raise KeysError("name: wanted 1 to 64 letters, digits, spaces, '.', '_', '-' or '@'")
    id_, secret, salt = secrets.token_hex(6), secrets.token_urlsafe(32), secrets.token_bytes(16)
    key = ApiKey(id_, name, scopes, now, expires, salt, _slow_hash(secret, salt))
    return key, f"xb_{id_}_{secret}"


def split_token(token: str) -> tuple[str, str] | None:
    """Id and secret of a presented key; None where it has not the shape of one."""
    match = _TOKEN.fullmatch(token)
    return (match[1], match[2]) if match else None


def check_scopes(words: Any) -> frozenset[Scope]:
    """The scopes named. Raises KeysError for none, or for one that does not exist."""
    if not isinstance(words, list | tuple) or not words or not set(words) <= set(SCOPES):
        raise KeysError(f"scopes: wanted some of {', '.join(SCOPES)}")
    return frozenset(scope for scope in SCOPES if scope in words)


def _moment(field: str, text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        # Compared with the time in UTC it would fail at every use of the key.
        wanted = "a moment with time zone such as 2027-01-01T00:00:00+00:00"
        raise KeysError(f"{field}: found {text}, wanted {wanted}")
    return moment


def today() -> datetime:
    """Now, in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def _slow_hash(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, **_COST)
