"""What the register asks of an index of links across cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection

from models.assessment import Assessment, Related, SignFound
from models.codebook import Codebook
from models.record import Record
from serving.register.grouped import GroupDetail, GroupSummary


@dataclass(frozen=True, slots=True)
class Company:
    """What the company of other cases makes of a case: its level there, signs, and why."""

    level: str
    signs: tuple[SignFound, ...]
    reasons: tuple[str, ...]


class CaseIndex(Protocol):
    """Links across cases, kept in the same database; called inside the register's transactions.

    Tokens are written under ``keys.active(connection).current`` and looked up under every active
    key. All writers hold one lock, so what is read in a write transaction stays true in it. A
    transaction may be rolled back and run again, and other processes write too: what is kept in
    memory between calls must bear that.
    """

    def judge_by(self, codebook: Codebook) -> None:
        """Decide levels and signs by this codebook from now on; what stands is decided when due."""
        ...

    def prepare(self, case_id: str, record: Record, assessment: Assessment) -> Any:
        """All that can be read of a case before the transaction, for ``add_many`` alone.

        It may hold values in clear and is not kept.
        """
        ...

    def add_many(
        self, connection: Connection, prepared: Mapping[int, Any]
    ) -> Mapping[int, Related]:
        """Link cases that have just been stored; earlier versions of them were removed before.

        ``prepared``: by row in ``cases``, in order. What those are linked to that are in a group
        now, by row.
        """
        ...

    def remove(self, connection: Connection, id_: int) -> None:
        """Remove all that is kept of a case: tokens, fingerprints, links, membership."""
        ...

    def related(self, connection: Connection, id_: int) -> Related:
        """What a case is linked to as of now."""
        ...

    def company(self, connection: Connection, id_: int) -> Company | None:
        """What the case's group makes of it as of now, None for a case without one."""
        ...

    def retire(self, connection: Connection, key_ids: Sequence[str]) -> None:
        """Remove the tokens that these keys wrote: nothing can be looked up under them now."""
        ...

    def is_settled(self, connection: Connection) -> bool:
        """Whether all groups are as they would be if all cases came today."""
        ...

    def settle(self, connection: Connection) -> bool:
        """Bring some groups up to date; whether none is left to do."""
        ...

    def groups(
        self, connection: Connection, *, limit: int, offset: int = 0, kind: str | None = None
    ) -> Sequence[GroupSummary]:
        """Groups, the one with the newest case first."""
        ...

    def group(self, connection: Connection, group_id: str) -> GroupDetail | None:
        """One group in full, None where there is none."""
        ...


class NoLinks:
    """An index that links nothing."""

    # The names are the protocol's.
    def judge_by(self, codebook: Codebook) -> None:
        """Nothing to judge."""

    def prepare(self, case_id: str, record: Record, assessment: Assessment) -> None:
        """Nothing to read."""

    def add_many(
        self, connection: Connection, prepared: Mapping[int, Any]
    ) -> Mapping[int, Related]:
        """Nothing to link."""
        return {row: self.related(connection, row) for row in prepared}

    def remove(self, connection: Connection, id_: int) -> None:
        """Nothing to remove."""

    def related(self, connection: Connection, id_: int) -> Related:  # noqa: ARG002
        """No links."""
        return Related()

    def company(self, connection: Connection, id_: int) -> Company | None:  # noqa: ARG002
        """No company."""
        return None

    def retire(self, connection: Connection, key_ids: Sequence[str]) -> None:
        """Nothing to retire."""

    def is_settled(self, connection: Connection) -> bool:  # noqa: ARG002
        """Nothing to settle."""
        return True

    def settle(self, connection: Connection) -> bool:
        """Nothing to settle."""
        return self.is_settled(connection)

    def groups(
        self,
        connection: Connection,  # noqa: ARG002
        *,
        limit: int,  # noqa: ARG002
        offset: int = 0,  # noqa: ARG002
        kind: str | None = None,  # noqa: ARG002
    ) -> Sequence[GroupSummary]:
        """No groups."""
        return ()

    def group(self, connection: Connection, group_id: str) -> GroupDetail | None:  # noqa: ARG002
        """No group."""
        return None
