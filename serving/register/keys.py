"""Keys of identifiers: secrets in a file outside the database, their states in its table ``keys``.

One key is ``current``: tokens are written with it. Others are for ``lookup``: what they wrote is
still found, until retention has passed and they are ``retired``. An id is read off its secret, so
that a wrong file is noticed before it breaks every link.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from models.links import Key
from models.whole_files import OWNER_ONLY, write_whole
from serving.private_files import create_once
from serving.register import tables
from serving.register.errors import RegisterError
from serving.register.moments import now

_BYTES = 32


class KeyFileError(RegisterError):
    """The key file cannot be used with this database."""


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A key and the id under which the database knows it."""

    id: str
    key: Key


@dataclass(frozen=True, slots=True)
class ActiveKeys:
    """The keys in use: write with ``current``, look up with every one of ``all``, its first."""

    current: NamedKey
    all: tuple[NamedKey, ...]


class KeyFile:
    """The file of secrets, mode 0600: a JSON object of key ids to base64."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Mapping[str, bytes]:
        """Secrets by id, oldest first. Raises KeyFileError; never shows what the file holds."""
        try:
            found = json.loads(self.path.read_text("utf-8"))
            secrets_ = {id_: base64.b64decode(text) for id_, text in found["keys"].items()}
        except OSError as error:
            raise KeyFileError(f"{self.path}: cannot be read ({error.strerror})") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise KeyFileError(f"{self.path}: damaged, wanted a key file of xiaobao") from None
        for id_, secret in secrets_.items():
            if key_id(secret) != id_:
                raise KeyFileError(f"{self.path}: the secret of key {id_} is not its own")
        return secrets_

    def create(self) -> None:
        """Make the file with one new key, unless it is there (another process may be quicker)."""
        create_once(self.path, _dumped([secrets.token_bytes(_BYTES)]))

    def add(self) -> str:
        """Add a new key beside those there are; its id."""
        secret = secrets.token_bytes(_BYTES)
        write_whole(self.path, [_dumped([*self.read().values(), secret])], mode=OWNER_ONLY)
        return key_id(secret)


class Keys:
    """The key file and the table ``keys`` together; the file is read again when it must be."""

    def __init__(self, file: KeyFile) -> None:
        self._file = file
        self._secrets: Mapping[str, bytes] = {}

    def install(self, connection: Connection) -> None:
        """Name the first key of the file current in a database that has none."""
        if connection.execute(select(tables.keys.c.id).limit(1)).first() is None:
            self._secrets = self._file.read()
            self._add(connection, list(self._secrets)[-1])

    def active(self, connection: Connection) -> ActiveKeys:
        """The keys in use now, also where another process has rotated them meanwhile."""
        table = tables.keys
        rows = connection.execute(
            select(table.c.id, table.c.state)
            .where(table.c.state != "retired")
            .order_by(table.c.state, table.c.since.desc())
        ).all()
        found = tuple(NamedKey(row.id, Key(self._secret(row.id))) for row in rows)
        return ActiveKeys(found[0], found)

    def rotate(self, connection: Connection) -> str:
        """Make a new key current; the one before stays for lookup. The new key's id."""
        new = self._file.add()
        table = tables.keys
        connection.execute(
            update(table).where(table.c.state == "current").values(state="lookup", since=now())
        )
        self._add(connection, new)
        return new

    def retire(self, connection: Connection, *, before: str) -> tuple[str, ...]:
        """Retire keys that have been for lookup only since before this moment; their ids."""
        table = tables.keys
        old = (table.c.state == "lookup") & (table.c.since < before)
        ids = tuple(connection.execute(select(table.c.id).where(old)).scalars())
        connection.execute(update(table).where(old).values(state="retired", since=now()))
        return ids

    def _add(self, connection: Connection, id_: str) -> None:
        connection.execute(insert(tables.keys).values(id=id_, state="current", since=now()))

    def _secret(self, id_: str) -> bytes:
        if id_ not in self._secrets:
            self._secrets = self._file.read()
        if id_ not in self._secrets:
            raise KeyFileError(
                f"{self._file.path}: lacks key {id_}, which the database uses; "
                "wanted the key file that belongs to it"
            )
        return self._secrets[id_]


def key_id(secret: bytes) -> str:
    """The id of a secret: 12 hexadecimal digits that tell nothing of it."""
    return hashlib.sha256(b"xiaobao key id\0" + secret).hexdigest()[:12]


def _dumped(known: Sequence[bytes]) -> bytes:
    by_id = {key_id(secret): base64.b64encode(secret).decode() for secret in known}
    return json.dumps({"keys": by_id}).encode() + b"\n"
