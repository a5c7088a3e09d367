"""A register that links: spoken to by ids of cases, on SQLite and on PostgreSQL."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import insert, select

from models.assessment import Assessment, Label, Related
from models.codebook import default_codebook
from models.record import Record
from serving.register.database import read, write
from serving.register.link_index import LinkIndex, index_with
from serving.register.register import Register
from serving.register.tables import assessments, cases
from tests.support.readers import KeywordAnalyzer

PHONE = "19900001111"
LETTER = (
    "本人二〇二〇年四月在贵司购得年金一份。彼时推介者将茶杯压在条款上,只露出落款处,"
    "称余下皆是套话不必细看。此后三载从未有人上门释疑。上月翻检抽屉方见附表,"
    "始知中途支取折损近半,如遭冷水浇背。恳请查明茶杯之事,并将所缴悉数奉还。"
)
OTHER_LETTER = (
    "申请贵局调取双录影像。公司初称硬盘损毁,复称从未摄制,前后抵牾必有隐情。"
    "请限期责令提交原始载体,逾期申请人将诉诸行政复议,并保留追究之权利。"
)
STRANGERS = (
    "医院发票交了四十天,一直说在影像审核,能不能告诉我卡在哪一步。",
    "续期扣款扣了两次,银行流水在这里,请把多扣的一笔退到原卡。",
    "手机软件改不了地址,人工又排不上队,我只想收到纸质的红利通知。",
    "孩子的学平险要学校盖章,可学校说从来不盖,让我去哪里盖。",
)
Pair = tuple[Record, Assessment]


class Links:
    """A register's database with its index, spoken to by ids of cases."""

    def __init__(self, register: Register) -> None:
        self.register = register
        self.index: LinkIndex = index_with(default_codebook())(register.keys)

    def add(self, *pairs: Pair) -> None:
        with write(self.register.engine) as connection:
            self.index.add_many(connection, dict(self._stored(connection, *one) for one in pairs))

    def settle(self) -> int:
        """Decide all that waits; in how many turns."""
        turns, settled = 0, False
        while not settled:
            turns += 1
            with write(self.register.engine) as connection:
                settled = self.index.settle(connection)
        return turns

    def add_one(self, pair: Pair) -> Related:
        with write(self.register.engine) as connection:
            row, prepared = self._stored(connection, *pair)
            return self.index.add_many(connection, {row: prepared}).get(row, Related())

    def remove(self, *case_ids: str) -> None:
        with write(self.register.engine) as connection:
            for case_id in case_ids:
                self.index.remove(connection, self._row(connection, case_id))

    def related(self, case_id: str) -> Related:
        with read(self.register.engine) as connection:
            return self.index.related(connection, self._row(connection, case_id))

    def signs(self, case_id: str) -> set[str]:
        """The signs that follow for a case from its group."""
        with read(self.register.engine) as connection:
            found = self.index.company(connection, self._row(connection, case_id))
        return set() if found is None else {sign.id for sign in found.signs}

    def listed(self, **only):
        with read(self.register.engine) as connection:
            return self.index.groups(connection, **{"limit": 500, **only})

    def group(self, group_id: str):
        with read(self.register.engine) as connection:
            return self.index.group(connection, group_id)

    def groups(self) -> dict[frozenset[str], str]:
        """Members to kind."""
        found = (self.group(one.id) for one in self.listed())
        return {frozenset(m.case_id for m in one.members): one.summary.kind for one in found}

    def levels(self) -> dict[str, str]:
        """Levels of the cases that are in groups."""
        found = (self.group(one.id) for one in self.listed())
        return {member.case_id: member.level for one in found for member in one.members}

    def rows(self, table) -> list:
        with read(self.register.engine) as connection:
            return sorted(tuple(row) for row in connection.execute(select(table)))

    def column(self, column) -> set:
        with read(self.register.engine) as connection:
            return set(connection.execute(select(column)).scalars())

    def _row(self, connection, case_id: str) -> int:
        return connection.execute(select(cases.c.id).where(cases.c.case_id == case_id)).scalar_one()

    def _stored(self, connection, record: Record, assessment: Assessment):
        moment = "2026-01-01T00:00:00.000000Z"
        values = {"case_id": record.case_id, "version": 1, "stored_at": moment}
        new = insert(cases).values(**values, text_form="none").returning(cases.c.id)
        row = connection.execute(new).scalar_one()
        agent = assessment.agent
        said = {"level": agent.level, "route": agent.route, "review_needed": 0}
        cause = assessment.root_cause.primary.id
        answer = {"bundle": "a@1", "primary_cause": cause, "answer": "{}"}
        connection.execute(insert(assessments).values(case_row=row, **said, **answer))
        return row, self.index.prepare(record.case_id, record, assessment)


@contextmanager
def open_links(url: str, folder: Path) -> Iterator[Links]:
    with Register.open(url, key_file=folder / "identifier.keys") as register:
        yield Links(register)


def caused_by(assessment: Assessment, cause: str) -> Assessment:
    root = replace(assessment.root_cause, primary=Label(cause, cause, 0.9))
    return replace(assessment, root_cause=root)


def routed(pair: Pair, route: str) -> Pair:
    """The same case, sent to where it gets help."""
    record, assessment = pair
    return record, replace(assessment, agent=replace(assessment.agent, route=route))


SURNAMES = "周沈罗方汤丁尤祝"


def case(id_: str, text: str, **fields: str) -> Pair:
    """A case of a person of its own; neighbours in a list have other surnames."""
    name = SURNAMES[sum(map(ord, id_)) % len(SURNAMES)] + id_
    record = Record(text, case_id=id_, **{"policyholder": name, **fields})
    return record, KeywordAnalyzer().assess([record])[0]


def scribble(seed: int, length: int) -> str:
    """Characters at random: like nothing else."""
    rng = random.Random(seed)
    return "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(length))
