"""The database: SQLite with a write-ahead log, or PostgreSQL; one writer at a time on both.

A write transaction holds one lock from its beginning (BEGIN IMMEDIATE, or an advisory lock of
PostgreSQL), because the audit's chain and the groups of cases are one story each. Committing waits
for the disk. Knows connections, not cases.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from serving.register.errors import RegisterError, RegisterUnavailableError

_LOCK = 0x7869616F  # any number that is ours alone in that database
_WRITES = "xiaobao_writes"
_ALONE = "xiaobao_alone"  # for a statement that must stand in no transaction
_BUSY_MS = 30_000
_AGAIN_MS = 20
_EMPTYING_S = 10.0
_EMPTYING_MS = 200  # at a time: writers wait meanwhile
# Of libpq: a server that vanished without a word is given up within a minute, not after a quarter
# of an hour as TCP would have it.
_PATIENCE = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 20,  # seconds
    "keepalives_interval": 5,  # seconds
    "tcp_user_timeout": 30_000,  # milliseconds
}
_AWAY = (OperationalError, InterfaceError, PoolTimeoutError)


def open_engine(url: str, *, password_file: Path | None = None) -> Engine:
    """An engine for ``sqlite:///FILE`` or ``postgresql://…``; makes the file's directory.

    The password of ``password_file`` is read anew at every connection, so that a new one needs no
    restart. Raises RegisterError for another kind of address, or a file that gives no password.
    Never shows a password.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise RegisterError("database: not an address, wanted sqlite:///FILE") from None
    match parsed.get_backend_name():
        case "sqlite" if password_file is not None:
            raise RegisterError("database: found SQLite and a file of its password, wanted one")
        case "sqlite":
            return _sqlite(parsed)
        case "postgresql":
            return _postgresql(parsed, password_file)
        case other:
            raise RegisterError(f"database: found {other}, wanted sqlite or postgresql")


@contextmanager
def read(engine: Engine) -> Iterator[Connection]:
    """A connection for reading; sees one state of the database from first to last."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with _available(), engine.connect() as connection:
        yield connection


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """The one write transaction there is at a time; on return it is on the disk."""
    writing = engine.execution_options(**{_WRITES: True})
    with _available(), writing.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield connection


def empty_log(engine: Engine) -> bool:
    """Write SQLite's write-ahead log back into the database and cut it off; True if that is done.

    False where somebody read or wrote all the time for some seconds: what was deleted may still
    stand in the log. Raises RegisterUnavailableError.
    """
    if engine.dialect.name != "sqlite":
        return True
    until = time.monotonic() + _EMPTYING_S
    while not _checkpointed(engine):
        if time.monotonic() > until:
            return False
        time.sleep(_EMPTYING_MS / 1000)
    return True


def _checkpointed(engine: Engine) -> bool:
    alone = engine.execution_options(**{_ALONE: True})
    with _available(), alone.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {_EMPTYING_MS}")
        try:
            # The row is (busy, pages in the log, pages written back); a reader is no error.
            row = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {_BUSY_MS}")
    return bool(row[0] == 0)


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeoutError) as error:
        # The message of a driver may repeat values of a row.
        kind = type(getattr(error, "orig", None) or error).__name__
        raise RegisterUnavailableError(
            f"the database failed ({kind}); nothing was stored, send it again",
            for_all=isinstance(error, _AWAY),
        ) from None


def _sqlite(url: URL) -> Engine:
    if url.database in (None, "", ":memory:"):
        raise RegisterError("database: found no file, wanted sqlite:///FILE")
    place = Path(str(url.database))
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.touch(mode=0o600)  # for its owner only; its log gets the same mode
    except OSError as error:
        raise RegisterError(f"{place}: cannot be made ({error.strerror})") from None
    engine = create_engine(url, connect_args={"timeout": _BUSY_MS / 1000})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin where we say, see _begin_sqlite
    cursor = connection.cursor()
    _keep_a_log(cursor)
    cursor.execute("PRAGMA synchronous = FULL")  # an acknowledged case survives a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten
    cursor.close()


def _keep_a_log(cursor: sqlite3.Cursor) -> None:
    # Of two that open a new file at once one is told "locked" here, whatever its patience is.
    until = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(_AGAIN_MS / 1000)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get(_ALONE, False):
        writes = options.get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(url: URL, password_file: Path | None) -> Engine:
    if password_file is not None:
        if url.password is not None:
            raise RegisterError("database: a password in its address and in a file, wanted one")
        read_password(password_file)
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    try:
        engine = create_engine(url, pool_pre_ping=True, connect_args=_PATIENCE)
    except (NoSuchModuleError, ModuleNotFoundError):
        raise RegisterError(
            "database: psycopg is not installed; pip install '.[postgres]'"
        ) from None
    if password_file is not None:
        event.listen(engine, "do_connect", partial(_add_password, password_file))
    return engine


def read_password(path: Path) -> str:
    """The one line of a file. Raises RegisterError naming the file, never what it holds."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise RegisterError(f"{path}: cannot be read ({why}), wanted the password") from None
    if len(lines) != 1 or not lines[0].strip():
        raise RegisterError(f"{path}: {len(lines)} lines found, wanted one with the password")
    return lines[0]


def _add_password(path: Path, *connecting: Any) -> None:
    """SQLAlchemy's ``do_connect``: the last argument is what the driver is given."""
    try:
        connecting[-1]["password"] = read_password(path)
    except RegisterError as error:
        raise RegisterUnavailableError(str(error)) from None
