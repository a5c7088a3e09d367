"""The audit: what was done with cases, one entry after another, each bound to the one before.

An entry holds ids, levels and digests, never text. ``append`` must be called by the one writer
there is at a time (see ``database.write``): the chain has no forks.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from serving.register.moments import now
from serving.register.tables import audit

GENESIS = "0" * 64
_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry of the chain; ``facts`` is canonical JSON."""

    number: int
    at: str
    actor: str
    action: str
    facts: str
    previous: str

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON of all of it, in hexadecimal."""
        whole = [self.number, self.at, self.actor, self.action, self.facts, self.previous]
        return hashlib.sha256(canonical(whole).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the chain found: ``broken`` is the first entry that does not fit."""

    entries: int
    head: str
    broken: int | None = None
    why: str | None = None


def canonical(value: Any) -> str:
    """JSON in one spelling: sorted names, no spaces, ASCII only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def append(
    connection: Connection, entries: Iterable[tuple[str, Mapping[str, Any]]], *, actor: str
) -> None:
    """Add entries of (action, facts) to the end of the chain."""
    number, previous = head(connection)
    rows = []
    for action, facts in entries:
        number += 1
        entry = AuditEntry(number, now(), actor, action, canonical(facts), previous)
        previous = entry.digest
        rows.append({name: getattr(entry, name) for name in (*AuditEntry.__slots__, "digest")})
    if rows:
        connection.execute(insert(audit), rows)


def head(connection: Connection) -> tuple[int, str]:
    """Number and digest of the last entry."""
    last = select(audit.c.number, audit.c.digest).order_by(audit.c.number.desc()).limit(1)
    row = connection.execute(last).first()
    return (0, GENESIS) if row is None else (row.number, row.digest)


def verify(connection: Connection, *, noted: str | None = None) -> Verdict:
    """Check every entry. ``noted`` is a head noted earlier: without it a cut tail looks whole."""
    number, previous = 0, GENESIS
    seen = noted in (None, GENESIS)
    while page := _page(connection, after=number):
        for entry, digest in page:
            if why := _fault(entry, digest, number=number + 1, previous=previous):
                return Verdict(number, previous, number + 1, why)
            number, previous = entry.number, digest
            seen = seen or digest == noted
    if not seen:
        return Verdict(number, previous, number + 1, "the head noted earlier is not in the chain")
    return Verdict(number, previous)


def _page(connection: Connection, *, after: int) -> list[tuple[AuditEntry, str]]:
    query = select(audit).where(audit.c.number > after).order_by(audit.c.number).limit(_PAGE)
    return [(AuditEntry(*row[:-1]), row.digest) for row in connection.execute(query)]


def _fault(entry: AuditEntry, digest: str, *, number: int, previous: str) -> str | None:
    if entry.number != number:
        return f"missing; the next entry there is has number {entry.number}"
    if entry.previous != previous:
        return "does not follow the entry before it"
    return "its content is not what its digest says" if entry.digest != digest else None
