"""Keys of identifiers: secrets in a file outside the database, their states in its table ``keys``.

One key is ``current``: tokens are written with it. Others are for ``lookup``: what they wrote is
still found, until retention has passed and they are ``retired``. An id is read off its secret, so
that a wrong file is noticed before it breaks every link. Each key in use also wraps the one secret
by which the index is sealed (see ``sealing``).
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, Row, insert, select, update

from models.links import Key
from models.whole_files import OWNER_ONLY, rewrite_whole
from serving.private_files import create_once
from serving.register import tables
from serving.register.errors import RegisterError
from serving.register.moments import now
from serving.register.sealing import Seal, new_secret, unwrap, wrap

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
    """The keys in use: write with ``current``, look up with every one of ``all``, its first.

    ``seal``: of fingerprints and of the keys of texts.
    """

    current: NamedKey
    all: tuple[NamedKey, ...]
    seal: Seal


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
        whole = _dumped([*self.read().values(), secret])
        try:
            kept = rewrite_whole(self.path, [whole], mode=OWNER_ONLY)
        except OSError as error:
            raise KeyFileError(f"{self.path}: cannot be written ({error.strerror})") from None
        if not kept:
            structlog.get_logger(__name__).warning("owner of the key file not kept")
        return key_id(secret)


class Keys:
    """The key file and the table ``keys`` together; the file is read again when it must be."""

    def __init__(self, file: KeyFile) -> None:
        self._file = file
        self._secrets: Mapping[str, bytes] = {}

    def install(self, connection: Connection) -> None:
        """Name the first key of the file current in a database that has none, and seal its index.

        A database of a version that knew no seal has an empty index (see its migration).
        """
        table = tables.keys
        if connection.execute(select(table.c.id).limit(1)).first() is None:
            self._secrets = self._file.read()
            self._add(connection, list(self._secrets)[-1], seal=new_secret())
            return
        found = self._in_use(connection)
        if all(row.wrapped is None for row in found):
            secret = new_secret()
            for row in found:
                wrapped = wrap(secret, key=self._secret(row.id))
                connection.execute(
                    update(table).where(table.c.id == row.id).values(wrapped=wrapped)
                )

    def active(self, connection: Connection) -> ActiveKeys:
        """The keys in use now, also where another process has rotated them meanwhile."""
        rows = self._in_use(connection)
        found = tuple(NamedKey(row.id, Key(self._secret(row.id))) for row in rows)
        return ActiveKeys(found[0], found, _seal(self._unwrapped(rows[0])))

    def rotate(self, connection: Connection) -> str:
        """Make a new key current; the one before stays for lookup. The new key's id."""
        table = tables.keys
        seal = self._unwrapped(self._in_use(connection)[0])
        new = self._file.add()
        connection.execute(
            update(table).where(table.c.state == "current").values(state="lookup", since=now())
        )
        self._add(connection, new, seal=seal)
        return new

    def retire(self, connection: Connection, *, before: str) -> tuple[str, ...]:
        """Retire keys that have been for lookup only since before this moment; their ids."""
        table = tables.keys
        old = (table.c.state == "lookup") & (table.c.since < before)
        ids = tuple(connection.execute(select(table.c.id).where(old)).scalars())
        retired = {"state": "retired", "since": now(), "wrapped": None}
        connection.execute(update(table).where(old).values(retired))
        return ids

    def _in_use(self, connection: Connection) -> Sequence[Row[*tuple[Any, ...]]]:
        """The rows of the keys that are not retired, the current one first."""
        table = tables.keys
        query = select(table.c.id, table.c.wrapped).where(table.c.state != "retired")
        return connection.execute(query.order_by(table.c.state, table.c.since.desc())).all()

    def _add(self, connection: Connection, id_: str, *, seal: bytes) -> None:
        wrapped = wrap(seal, key=self._secret(id_))
        row = {"id": id_, "state": "current", "since": now(), "wrapped": wrapped}
        connection.execute(insert(tables.keys).values(row))

    def _unwrapped(self, row: Row[*tuple[Any, ...]]) -> bytes:
        return unwrap(row.wrapped, key=self._secret(row.id))

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


@lru_cache(maxsize=4)
def _seal(secret: bytes) -> Seal:
    """One seal a secret: it remembers what it has turned."""
    return Seal(secret)


def _dumped(known: Sequence[bytes]) -> bytes:
    by_id = {key_id(secret): base64.b64encode(secret).decode() for secret in known}
    return json.dumps({"keys": by_id}).encode() + b"\n"
