from pathlib import Path

from models.assessment import Assessment
from models.record import Record
from serving.register.database import write
from serving.register.register import Register
from serving.register.registered import NoLinks
from tests.support.readers import KeywordAnalyzer


def test_nobody_waits_while_a_case_is_read_for_links(tmp_path: Path) -> None:
    """What is read of a long text before the transaction holds no lock: others write meanwhile."""
    url, keys = f"sqlite:///{tmp_path / 'register.db'}", tmp_path / "identifier.keys"
    record = Record("理赔太慢", case_id="A")
    (assessment,) = KeywordAnalyzer().assess([record])
    with Register.open(url, key_file=keys) as other:
        written: list[str] = []

        class Index(NoLinks):
            def prepare(self, case_id: str, record: Record, assessment: Assessment) -> None:
                with write(other.engine) as connection:
                    connection.exec_driver_sql("SELECT 1")
                written.append(case_id)

        with Register.open(url, key_file=keys, index=lambda _: Index()) as register:
            assert register.accept(record, assessment).new
    assert written == ["A"]


def test_what_was_read_for_links_is_given_to_the_index_under_the_cases_row(tmp_path: Path) -> None:
    given: list[dict[int, object]] = []

    class Index(NoLinks):
        def prepare(self, case_id: str, record: Record, assessment: Assessment) -> str:
            return f"read {case_id}"

        def add_many(self, connection, prepared):
            given.append(dict(prepared))
            return super().add_many(connection, prepared)

    records = [Record("理赔太慢", case_id=id_) for id_ in ("A", "B")]
    pairs = list(zip(records, KeywordAnalyzer().assess(records), strict=True))
    with Register.open(
        f"sqlite:///{tmp_path / 'register.db'}",
        key_file=tmp_path / "identifier.keys",
        index=lambda _: Index(),
    ) as register:
        register.submit(pairs).result()
    assert given == [{1: "read A", 2: "read B"}]
