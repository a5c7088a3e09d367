"""A register's index that joins all cases, for tests of what is shown of a group."""

from sqlalchemy import select

from models.assessment import Link, Related, SignFound
from serving.register.grouped import GroupDetail, GroupLink, GroupMember, GroupSummary
from serving.register.registered import Company, NoLinks
from serving.register.tables import cases


class OneGroup(NoLinks):
    """Joins every case with all others, because it knows no better."""

    def add(self, connection, case, assessment) -> Related:
        return self.related(connection, case.id)

    def related(self, connection, id_) -> Related:
        others = [row for row in self._rows(connection) if row.id != id_]
        links = tuple(Link(row.case_id, "phone", 1.0, "联系电话相同") for row in others)
        return Related("G1" if others else None, len(others) + 1 if others else 0, links)

    def company(self, connection, id_) -> Company:
        sign = SignFound("PS_SHARED_PHONE", "共用电话", "medium", 1.0, (), "同一家庭", "核对登记")
        return Company("REVIEW", (sign,), ("三人共用一个电话",))

    def groups(self, connection, *, limit, offset=0, kind=None):
        found = [self._summary(connection)] if kind in (None, "ring") else []
        return found[offset : offset + limit]

    def group(self, connection, group_id):
        if group_id != "G1":
            return None
        members = tuple(
            GroupMember(
                r.case_id, r.stored_at, r.received_at, r.day, "NONE", None, "CLAIM.CLAIM_DELAY"
            )
            for r in self._rows(connection)
        )
        link = GroupLink(("T-1", "T-2"), "phone", 1.0, "联系电话相同")
        return GroupDetail(self._summary(connection), members, (link,), ("核对来电登记",))

    def _summary(self, connection) -> GroupSummary:
        rows = self._rows(connection)
        first, last = rows[0].stored_at, rows[-1].stored_at
        why = ("联系电话相同 3 对",)
        return GroupSummary("G1", "ring", "疑似", "含义", len(rows), first, last, why)

    def _rows(self, connection):
        return connection.execute(select(cases).order_by(cases.c.id)).all()
