"""The register: the one way to the cases that were answered. Thread-safe; knows no HTTP.

What ``accept`` returns is on the disk. Writers take turns, in this process and among all that
share the database.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, select

from models.assessment import Assessment
from models.codebook import Codebook
from models.labels import LabelSpace
from models.record import Record
from serving.register import audit, forgetting, reviews, schema
from serving.register.accepting import Acceptance, Accepted
from serving.register.committing import Committer
from serving.register.database import empty_log, open_engine, read, write
from serving.register.errors import (
    ForgottenCaseError,
    LogNotEmptiedError,
    UnknownGroupError,
)
from serving.register.exported_reviews import export_page
from serving.register.grouped import GroupDetail, GroupSummary
from serving.register.kept_cases import KeptCase, newest_of, read_kept
from serving.register.keys import KeyFile, Keys
from serving.register.moments import days_ago
from serving.register.registered import CaseIndex, NoLinks
from serving.register.tables import cases
from serving.register.texts import TextForm, Texts

T = TypeVar("T")
_FORGOTTEN_AT_ONCE = 200


class Register:
    """Cases in a database; ``open`` makes or upgrades it. Close it, or use it with ``with``."""

    def __init__(self, engine: Engine, *, keys: Keys, texts: Texts, index: CaseIndex) -> None:
        self.engine = engine
        self.keys = keys
        self._texts = texts
        self._index = index
        self._acceptance = Acceptance(keys=keys, texts=texts, index=index)
        self._committer = Committer(engine)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        key_file: Path,
        text_form: TextForm = "masked",
        text_key_file: Path | None = None,
        password_file: Path | None = None,
        index: Callable[[Keys], CaseIndex] = lambda _: NoLinks(),
    ) -> Self:
        """The register at this address, its schema up to date.

        ``key_file`` is made where there is none. Raises RegisterError, KeyFileError or
        RegisterUnavailableError.
        """
        texts = Texts(text_form, key_file=text_key_file or key_file.with_name("text.keys"))
        engine = open_engine(url, password_file=password_file)
        schema.bring_up_to_date(engine)
        file = KeyFile(key_file)
        file.create()
        keys = Keys(file)
        with write(engine) as connection:
            keys.install(connection)
            keys.active(connection)  # a file that does not belong here is noticed now
            texts.prepare(connection)
        return cls(engine, keys=keys, texts=texts, index=index(keys))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Store all that was accepted, then let go of the database."""
        self._committer.close()
        self.engine.dispose()

    def judge_by(self, codebook: Codebook) -> None:
        """Decide levels and signs that follow from links by this codebook from now on."""
        self._index.judge_by(codebook)

    def ask(self) -> None:
        """Ask the database for one row, whatever it holds, and for the keys that writing needs.

        Raises RegisterUnavailableError, KeyFileError.
        """
        with read(self.engine) as connection:
            connection.execute(select(cases.c.id).limit(1)).first()
            self.keys.active(connection)

    def submit(
        self, pairs: Sequence[tuple[Record, Assessment]], *, actor: str = "service"
    ) -> Future[list[Accepted]]:
        """Store cases together, in order; the future is done when they are on the disk.

        Masking and reading for links are done at once, in the caller's thread.
        """
        prepared = [self._acceptance.prepare(*pair) for pair in pairs]

        def store(connection: Connection) -> list[Accepted]:
            return self._acceptance.accept(connection, prepared, actor=actor)

        return self._committer.submit(store)

    def accept(self, record: Record, assessment: Assessment, *, actor: str = "service") -> Accepted:
        """Store one case, once; see ``accepting``. Raises RegisterUnavailableError."""
        return self.submit([(record, assessment)], actor=actor).result()[0]

    def unknown(self, records: Sequence[Record]) -> list[Record]:
        """Those of the records that are not stored yet with this content, in order."""
        with read(self.engine) as connection:
            known = self._acceptance.is_known
            return [record for record in records if not known(connection, record)]

    def get(self, case_id: str) -> KeptCase:
        """The newest version of a case. Raises UnknownCaseError, ForgottenCaseError."""
        with self._settled() as connection:
            return read_kept(connection, case_id, texts=self._texts, index=self._index)

    def submit_review(
        self,
        case_id: str,
        review: reviews.Review,
        *,
        actor: str = "service",
        known: LabelSpace | None = None,
        edition: str | None = None,
    ) -> Future[reviews.Reviewed]:
        """Add a review of the newest version; the future is done when it is on the disk.

        It fails with ReviewError and what ``get`` raises. ``known`` are the ids that its labels
        may have; None checks none. ``edition``: what the reviewer read; it fails where the case
        has changed since.
        """

        def add(connection: Connection) -> reviews.Reviewed:
            row = newest_of(connection, case_id)
            if edition is not None:
                reviews.check_edition(connection, edition, row=row.id, version=row.version)
            return reviews.add_review(
                connection, review, row=row.id, case_id=row.case_id, actor=actor, known=known
            )

        return self._committer.submit(add)

    def export_reviews(
        self, *, facets: Mapping[str, Collection[str]], clear: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Reviewed cases as training records. ``clear``: encrypted texts as they came.

        Read in pages: while the caller does something with a record, nobody is kept waiting.
        """
        last: int | None = 0
        while last is not None:
            with read(self.engine) as connection:
                page = export_page(connection, self._texts, after=last, facets=facets, clear=clear)
            yield from page.records
            last = page.last

    def forget(self, case_id: str, *, actor: str, why: str = "request") -> int:
        """Forget a case; how many versions. Raises what ``get`` raises.

        Raises LogNotEmptiedError where it is forgotten, but its words still stand in a file.
        """

        def erase(connection: Connection) -> int:
            row = newest_of(connection, case_id)
            return forgetting.forget(
                connection, row.case_id, index=self._index, actor=actor, why=why
            )

        try:
            count = self._committer.submit(erase).result()
        except ForgottenCaseError:
            self._empty_log(0)  # who asks again may have been told that its words still stand there
            raise
        self._empty_log(count)
        return count

    def forget_older_than(self, days: float, *, actor: str) -> int:
        """Forget the cases stored more than so many days ago, and retire keys as old.

        How many; raises LogNotEmptiedError as ``forget`` does.
        """
        before = days_ago(days)
        total = 0

        def erase(connection: Connection) -> int:
            ids = forgetting.older_than(connection, before, most=_FORGOTTEN_AT_ONCE)
            for id_ in ids:
                forgetting.forget(connection, id_, index=self._index, actor=actor, why="retention")
            return len(ids)

        while count := self._committer.submit(erase).result():
            total += count
        self._committer.submit(lambda found: self._retire_keys(found, before, actor)).result()
        self._empty_log(total)
        return total

    def rotate_key(self, *, actor: str) -> str:
        """Make a new key of identifiers current; the id of it."""

        def rotate(connection: Connection) -> str:
            new = self.keys.rotate(connection)
            audit.append(connection, [("rotate-key", {"key": new})], actor=actor)
            return new

        with write(self.engine) as connection:  # not twice: each run adds a key to the file
            return rotate(connection)

    def verify_audit(self, *, noted: str | None = None) -> audit.Verdict:
        """Check the whole chain of the audit."""
        with read(self.engine) as connection:
            return audit.verify(connection, noted=noted)

    def groups(
        self, *, limit: int, offset: int = 0, kind: str | None = None
    ) -> Sequence[GroupSummary]:
        """Groups of linked cases, the one with the newest case first."""
        with self._settled() as connection:
            return self._index.groups(connection, limit=limit, offset=offset, kind=kind)

    def group(self, group_id: str) -> GroupDetail:
        """One group in full. Raises UnknownGroupError."""
        with self._settled() as connection:
            if found := self._index.group(connection, group_id):
                return found
        raise UnknownGroupError("group_id: no such group in the register")

    def masked(self, text: str | None, form: str) -> str | None:
        """A stored text as it may be shown; None where none is kept."""
        return self._texts.masked(text, form)

    def _settled(self) -> AbstractContextManager[Connection]:
        """For what is shown of groups: up to date, in turns, so that cases come between."""
        with read(self.engine) as connection:
            settled = self._index.is_settled(connection)
        while not settled:
            settled = self._committer.submit(self._index.settle).result()
        return read(self.engine)

    def _retire_keys(self, connection: Connection, before: str, actor: str) -> None:
        ids = self.keys.retire(connection, before=before)
        if ids:
            self._index.retire(connection, ids)
            audit.append(connection, [("retire-keys", {"keys": list(ids)})], actor=actor)

    def _empty_log(self, count: int) -> None:
        """What was forgotten may still stand in SQLite's write-ahead log: write it back now."""
        if not empty_log(self.engine):
            raise LogNotEmptiedError(count)
