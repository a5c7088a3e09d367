"""A PostgreSQL server of the tests' own, where its binaries are: on a socket, as nobody."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PLACES = os.pathsep.join(
    [
        os.environ.get("PATH", ""),
        *(str(place) for place in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)),
    ]
)
BINARIES = {name: shutil.which(name, path=_PLACES) for name in ("initdb", "postgres")}


@contextlib.contextmanager
def run_postgres(*, password: str | None = None) -> Iterator[str]:
    """The address of a server without its database name; it refuses to run as root.

    With a ``password`` it lets nobody in without.
    """
    as_nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    other = as_nobody if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="xiaobao-pg-"))
    try:
        if other:
            shutil.chown(folder, "nobody", "nogroup")
        cluster = folder / "cluster"
        words = ["-U", "tests", "-E", "UTF8", "--locale=C", "--no-sync"]
        if password is None:
            words += ["-A", "trust"]
        else:
            (folder / "password").write_text(password, "utf-8")
            words += ["-A", "scram-sha-256", f"--pwfile={folder / 'password'}"]
        subprocess.run(
            [BINARIES["initdb"], "-D", cluster, *words],
            check=True, capture_output=True, cwd=folder, **other,
        )  # fmt: skip
        options = {"listen_addresses": "", "unix_socket_directories": folder, "fsync": "off"}
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        server = subprocess.Popen(
            [BINARIES["postgres"], "-D", cluster, *settings],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **other,
        )  # fmt: skip
        try:
            _wait(folder / ".s.PGSQL.5432.lock", server)
            yield f"postgresql://tests@/{{database}}?host={folder}"
        finally:
            server.terminate()
            server.wait(timeout=20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_database(server: str, name: str) -> str:
    """The address of a new, empty database."""
    import psycopg

    until = time.monotonic() + 20
    while True:
        try:
            with psycopg.connect(server.format(database="postgres"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            return server.format(database=name)
        except psycopg.OperationalError:  # it listens a moment before it answers
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _wait(lock: Path, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 20
    while not lock.exists():
        if server.poll() is not None or time.monotonic() > until:
            raise RuntimeError("PostgreSQL did not start")
        time.sleep(0.02)
