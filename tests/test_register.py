import json
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import event, select, text

from models.assessment import as_json
from models.record import Record
from serving.register import migrating, schema, tables
from serving.register.database import open_engine, read, write
from serving.register.errors import (
    ForgottenCaseError,
    RegisterError,
    RegisterUnavailableError,
    ReviewError,
    UnknownCaseError,
)
from serving.register.keys import KeyFileError
from serving.register.link_rows import read_postings
from serving.register.metadata import metadata
from serving.register.register import Register
from serving.register.reviews import Review
from tests.readers import KeywordAnalyzer
from tests.sampled import SAMPLES

PHONE = "19900001101"
LETTER = f"理赔资料交了四十天。我叫汤玉琴,请回电{PHONE},我要全额退保。"
PERSONAL_FIELDS = ("phone", "payee_account", "policyholder", "policy_no", "seller")
RECORD = Record(LETTER, case_id="T-1", phone=PHONE, policyholder="汤玉琴", channel="bank")


@pytest.fixture
def register(database_url: str, tmp_path: Path) -> Iterator[Register]:
    with Register.open(database_url, key_file=tmp_path / "identifier.keys") as register:
        yield register


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Register]:
    with open_sqlite(tmp_path) as register:
        yield register


def open_sqlite(folder: Path, **more) -> Register:
    url = f"sqlite:///{folder / 'register.db'}"
    return Register.open(url, key_file=folder / "identifier.keys", **more)


def assess(record: Record):
    return KeywordAnalyzer().assess([record])[0]


def accept(register: Register, record: Record = RECORD):
    return register.accept(record, assess(record))


def count(register: Register, table) -> int:
    with read(register.engine) as connection:
        return len(connection.execute(select(table)).all())


def everything(register: Register) -> str:
    """All that stands in the tables, as one text."""
    with read(register.engine) as connection:
        rows = [connection.execute(select(table)).all() for table in metadata.sorted_tables]
    return repr(rows)


# --- accepting ----------------------------------------------------------------------------------


def test_the_answer_to_an_accepted_case_is_the_assessment(register):
    assert accept(register).answer == as_json(assess(RECORD))


def test_the_same_case_with_the_same_content_is_stored_once_and_answered_alike(register):
    first, second = accept(register), accept(register)
    assert (first.new, second.new) == (True, False)
    assert second.answer == first.answer
    assert count(register, tables.cases) == count(register, tables.assessments) == 1


def test_the_same_case_with_other_content_is_a_new_version_and_the_old_one_stays(register):
    accept(register)
    changed = accept(register, replace(RECORD, text="补充:材料又被退回。"))
    assert (changed.new, changed.version) == (True, 2)
    assert count(register, tables.cases) == 2
    assert register.get("T-1").version == 2


def test_another_phone_is_other_content(register):
    accept(register)
    assert accept(register, replace(RECORD, phone="19900001102")).version == 2


def test_a_complaint_without_an_id_gets_one_and_is_a_case_of_its_own(register):
    record = replace(RECORD, case_id=None)
    ids = {accept(register, record).case_id for _ in range(2)}
    assert len(ids) == 2
    assert all(register.get(id_).answer["case_id"] == id_ for id_ in ids)


@pytest.mark.parametrize("case_id", ["编号/2024 一", "A\x00B", "长" * 5000, "\ud800"])
def test_no_id_keeps_a_complaint_out_of_the_register(register, case_id):
    record = replace(RECORD, case_id=case_id)
    assert accept(register, record).answer["case_id"] == case_id
    assert not accept(register, record).new
    assert register.get(case_id).text


@pytest.mark.parametrize("words", ["", "空\x00字", "半\ud83d个", "😀𠮷㈱"])
def test_every_text_can_be_kept(register, words):
    kept = accept(register, Record(words, case_id="T-2", channel=words))
    assert len(register.get(kept.case_id).text) == len(words)


def test_cases_that_come_at_once_are_each_stored_once(register):
    records = [replace(RECORD, case_id=f"T-{n % 20}") for n in range(60)]
    with ThreadPoolExecutor(8) as pool:
        new = [found.new for found in pool.map(lambda r: accept(register, r), records)]
    assert new.count(True) == count(register, tables.cases) == 20
    assert register.verify_audit().broken is None


def test_what_was_accepted_is_there_when_the_register_is_opened_again(tmp_path):
    with open_sqlite(tmp_path) as register:
        accept(register)
    with open_sqlite(tmp_path) as register:
        assert register.get("T-1").version == 1
        assert not accept(register).new


def test_one_case_that_fails_takes_no_other_along(sqlite):
    ready = threading.Event()

    def fail(_):
        raise ValueError("broken")

    def wait(_):
        ready.wait(10)

    waiting = sqlite._committer.submit(wait)  # meanwhile the next ones become one transaction
    good = [sqlite.submit([(RECORD, assess(RECORD))])]
    bad = sqlite._committer.submit(fail)
    other = replace(RECORD, case_id="T-9")
    good.append(sqlite.submit([(other, assess(other))]))
    ready.set()
    waiting.result(10)
    assert [found.result(10)[0].new for found in good] == [True, True]
    assert isinstance(bad.exception(10), ValueError)


def test_a_database_that_is_away_fails_all_that_wait_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("serving.register.database._BUSY_MS", 300)
    tries: list[bool] = []
    with open_sqlite(tmp_path) as register, write(register.engine):
        event.listen(register.engine, "begin", lambda _: tries.append(True), insert=True)
        records = [replace(RECORD, case_id=f"T-{n}") for n in range(20)]
        futures = [register.submit([(record, assess(record))]) for record in records]
        failures = [future.exception(10) for future in futures]
    assert all(isinstance(error, RegisterUnavailableError) for error in failures)
    assert tries.count(True) < len(records)


def test_a_locked_database_is_unavailable_and_says_no_word_of_the_case(tmp_path, monkeypatch):
    monkeypatch.setattr("serving.register.database._BUSY_MS", 20)
    with open_sqlite(tmp_path) as register:
        unavailable = pytest.raises(RegisterUnavailableError, match="send it again")
        with write(register.engine), unavailable as caught:
            accept(register)
        assert PHONE not in str(caught.value)
        assert accept(register).new


# --- what is kept -------------------------------------------------------------------------------


def test_no_personal_data_stands_in_the_database(register):
    accept(register)
    register.review("T-1", Review("reject", "复核一组", f"本人{PHONE}否认"))
    kept = everything(register)
    assert PHONE not in kept
    assert "汤玉琴" not in kept


def test_what_the_fields_of_a_sample_hold_is_nowhere_in_its_case(sqlite):
    rows = [json.loads(line) for line in (SAMPLES / "groups.jsonl").read_text("utf-8").splitlines()]
    records = [Record(row["text"], case_id=row["case_id"], **row["meta"]) for row in rows]
    sqlite.submit(list(zip(records, KeywordAnalyzer().assess(records), strict=True))).result()
    for record in records:
        kept = repr(sqlite.get(record.case_id))
        personal = {getattr(record, name) for name in PERSONAL_FIELDS} - {None, "不详"}
        assert personal
        assert [value for value in personal if value in kept] == []


def test_evidence_is_read_back_from_the_masked_text(register):
    accept(register, replace(RECORD, text=f"全额退保,电话{PHONE}", policyholder="全额"))
    case = register.get("T-1")
    (sign,) = case.answer["agent"]["signs"]
    assert case.text == "**退保,电话" + "*" * 11
    assert sign["evidence"][0]["text"] == "**退保"


def test_with_none_no_text_is_kept_and_evidence_is_as_many_stars(tmp_path):
    with open_sqlite(tmp_path, text_form="none") as register:
        accept(register)
        case = register.get("T-1")
        assert case.text is None
        assert case.answer["agent"]["signs"][0]["evidence"][0]["text"] == "****"
        assert "四十天" not in everything(register)


def test_encrypted_no_word_can_be_read_without_the_key(tmp_path):
    with open_sqlite(tmp_path, text_form="encrypted") as register:
        accept(register)
        with read(register.engine) as connection:
            kept = connection.execute(select(tables.cases.c.text)).scalar_one()
        assert "理赔" not in kept
        assert register.get("T-1").text.startswith("理赔资料交了四十天。我叫***")
    (tmp_path / "text.keys").unlink()
    other_key = open_sqlite(tmp_path, text_form="encrypted")
    with other_key as register, pytest.raises(RegisterError, match=r"text\.keys"):
        register.get("T-1")


def test_the_content_digest_changes_with_the_key(tmp_path):
    digests = []
    for name in ("a", "b"):
        with open_sqlite(tmp_path / name) as register:
            accept(register)
            with read(register.engine) as connection:
                digests.append(connection.execute(select(tables.cases.c.content)).scalar_one())
    assert digests[0] != digests[1]


# --- keys ---------------------------------------------------------------------------------------


def test_the_key_file_is_for_its_owner_only(sqlite, tmp_path):
    assert stat.S_IMODE((tmp_path / "identifier.keys").stat().st_mode) == 0o600


def test_a_case_stored_under_the_old_key_is_known_after_a_rotation(register):
    accept(register)
    old = keys_of(register)
    register.rotate_key(actor="tests")
    assert not accept(register).new
    assert keys_of(register)[1:] == old
    assert accept(register, replace(RECORD, case_id="T-2")).new


def test_another_process_learns_of_a_rotation(tmp_path):
    with open_sqlite(tmp_path) as one, open_sqlite(tmp_path) as two:
        one.rotate_key(actor="tests")
        assert keys_of(two) == keys_of(one)


def test_a_key_is_retired_when_retention_has_passed(register):
    accept(register)
    register.rotate_key(actor="tests")
    register.forget_older_than(0, actor="tests")
    assert len(keys_of(register)) == 1


def test_the_key_file_of_another_database_is_noticed_at_once(tmp_path):
    open_sqlite(tmp_path).close()
    url = f"sqlite:///{tmp_path / 'register.db'}"
    with pytest.raises(KeyFileError, match="lacks key"):
        Register.open(url, key_file=tmp_path / "other.keys")


def test_a_damaged_key_file_is_named_and_not_shown(tmp_path):
    (tmp_path / "identifier.keys").write_text('{"keys": {"abc": "c2VjcmV0"}}')
    with pytest.raises(KeyFileError, match=r"identifier\.keys") as caught:
        open_sqlite(tmp_path)
    assert "c2VjcmV0" not in str(caught.value)


def keys_of(register: Register) -> list[str]:
    with read(register.engine) as connection:
        return [named.id for named in register.keys.active(connection).all]


# --- reviews ------------------------------------------------------------------------------------


def test_a_modification_keeps_both_sides(register):
    accept(register)
    changes = {"signs": [], "primary": "SERVICE.HOTLINE"}
    review = register.review("T-1", Review("modify", "复核一组", "并无代理", changes))
    assert review.before["signs"] == ["PS_FULL_REFUND_ONLY"]
    assert review.after["signs"] == []
    assert review.after["causes"] == ["SERVICE.HOTLINE", "CLAIM.CLAIM_DELAY"]
    assert all("PS_FULL_REFUND_ONLY" not in span["labels"] for span in review.after["spans"])


def test_reviews_are_added_and_the_next_begins_where_the_last_ended(register):
    accept(register)
    first = register.review("T-1", Review("modify", "甲组", "并无代理", {"signs": []}))
    second = register.review("T-1", Review("accept", "乙组"))
    assert second.before == first.after
    assert [one.decision for one in register.get("T-1").reviews] == ["modify", "accept"]


@pytest.mark.parametrize(
    ("review", "field"),
    [
        (Review("modify", "甲", "错", {}), "changes"),
        (Review("accept", "甲", None, {"signs": []}), "changes"),
        (Review("modify", "甲", None, {"signs": []}), "reason"),
        (Review("reject", "甲", " "), "reason"),
        (Review("accept", " "), "reviewer"),
        (Review("modify", "甲", "错", {"causes": ["A.B"]}), "primary"),
        (Review("modify", "甲", "错", {"level": "NONE"}), "changes"),
        (Review("modify", "甲", "错", {"signs": ["PS_FOREIGN"]}), "changes"),
        (
            Review("modify", "甲", "错", {"spans": [{"start": 0, "end": 1, "labels": ["PS_X"]}]}),
            "spans[0]",
        ),
        (
            Review("modify", "甲", "错", {"spans": [{"start": 9, "end": 999, "labels": []}]}),
            "spans[0]",
        ),
    ],
)
def test_a_review_that_cannot_be_meant_is_refused_by_its_field(sqlite, review, field):
    accept(sqlite)
    known = {"CLAIM.CLAIM_DELAY", "PS_FULL_REFUND_ONLY"}
    with pytest.raises(ReviewError) as caught:
        sqlite.review("T-1", review, known=known)
    assert caught.value.field == field
    assert sqlite.get("T-1").reviews == ()


def test_reviews_are_exported_as_records_that_training_reads(register, tmp_path):
    from training.examples.labelled import KnownLabels
    from training.examples.reading import read_labelled

    accept(register)
    accept(register, replace(RECORD, case_id="T-2"))
    accept(register, replace(RECORD, case_id="T-3"))
    register.review("T-1", Review("modify", "甲组", "并无代理", {"signs": []}))
    register.review("T-2", Review("reject", "甲组", "无法认定"))
    rows = list(register.export_reviews(facets={"channel": ["bank"]}))
    assert [row["id"] for row in rows] == ["T-1/1"]
    assert rows[0]["review"]["before"]["signs"] == ["PS_FULL_REFUND_ONLY"]
    path = tmp_path / "reviews.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    known = KnownLabels(frozenset({"CLAIM.CLAIM_DELAY"}), frozenset(), frozenset(), {})
    (read_back,) = read_labelled(path, known=known)
    assert read_back.labelled.record.text == register.get("T-1").text
    assert read_back.labelled.record.channel == "bank"
    assert read_back.labelled.spans


# --- forgetting ---------------------------------------------------------------------------------


def test_a_forgotten_case_leaves_nothing_but_its_proof(register):
    accept(register)
    accept(register, replace(RECORD, text="第二版:全额退保。"))
    register.review("T-1", Review("reject", "甲组", "无法认定"))
    assert register.forget("T-1", actor="tests") == 2
    with pytest.raises(ForgottenCaseError):
        register.get("T-1")
    with read(register.engine) as connection:
        for row in connection.execute(select(tables.cases)).all():
            assert (row.text, row.content, row.channel) == (None, None, None)
    kept = everything(register)
    assert "start" not in kept
    assert "全额退保。" not in kept
    assert "无法认定" not in kept
    assert register.verify_audit().broken is None
    assert register.verify_audit().entries == 4


def test_a_forgotten_text_is_not_in_the_files_of_sqlite_either(tmp_path):
    with open_sqlite(tmp_path) as register:
        accept(register)
        register.forget("T-1", actor="tests")
        files = [path for path in tmp_path.iterdir() if path.name.startswith("register.db")]
        assert len(files) == 3
        assert not any("理赔资料交了".encode() in path.read_bytes() for path in files)


def test_a_forgotten_case_that_comes_again_is_a_new_version(register):
    accept(register)
    register.forget("T-1", actor="tests")
    again = accept(register)
    assert (again.new, again.version) == (True, 2)


def test_retention_forgets_the_old_and_leaves_the_new(register):
    accept(register)
    with write(register.engine) as connection:
        old = tables.cases.update().values(stored_at="2020-01-01T00:00:00.000000Z")
        connection.execute(old)
    accept(register, replace(RECORD, case_id="T-2"))
    assert register.forget_older_than(365, actor="tests") == 1
    assert register.get("T-2").text
    with pytest.raises(ForgottenCaseError):
        register.get("T-1")


@pytest.mark.parametrize("ask", [Register.get, lambda r, id_: r.forget(id_, actor="tests")])
def test_a_case_that_is_not_there_is_unknown(sqlite, ask):
    with pytest.raises(UnknownCaseError):
        ask(sqlite, "T-404")


# --- the database -------------------------------------------------------------------------------


def test_the_migrations_make_the_tables_that_the_code_knows(register):
    with read(register.engine) as connection:
        assert migrating.differences(connection) == []


def test_the_newest_revision_is_that_of_the_last_script():
    scripts = ScriptDirectory(str(Path(migrating.__file__).with_name("migrations")))
    assert scripts.get_current_head() == schema.NEWEST


def test_what_is_up_to_date_is_opened_without_loading_what_migrates(tmp_path):
    open_sqlite(tmp_path).close()
    place = tmp_path / "register.db"
    lines = (
        "import sys",
        "from serving.register import schema",
        "from serving.register.database import open_engine",
        "schema.bring_up_to_date(open_engine(sys.argv[1]))",
        "sys.exit('alembic' in sys.modules)",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines), f"sqlite:///{place}"], check=True)


def test_the_rows_of_an_older_index_become_posting_lists(database_url):
    count = 60_000  # more than are read at once
    rows = [{"key": at // 7, "row": at % 7 + 1} for at in range(count)]
    engine = open_engine(database_url)
    migrating.upgrade(engine, to="0001")
    with write(engine) as connection:
        connection.execute(text("INSERT INTO traces (trace, case_row) VALUES (:key, :row)"), rows)
    schema.bring_up_to_date(engine)
    with read(engine) as connection:
        kept = read_postings(connection, range(-1, 10_000))
    engine.dispose()
    whole = dict.fromkeys(range(count // 7), (1, 2, 3, 4, 5, 6, 7))
    assert kept == whole | {count // 7: (1, 2, 3)}


def test_two_that_open_an_empty_database_at_once_make_it_once(database_url, tmp_path):
    def open_one(_) -> str:
        with Register.open(database_url, key_file=tmp_path / "k") as register:
            return keys_of(register)[0]

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(open_one, range(4)))) == 1


def test_a_database_of_a_later_version_is_left_alone(tmp_path):
    open_sqlite(tmp_path).close()
    engine = open_engine(f"sqlite:///{tmp_path / 'register.db'}")
    with write(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RegisterError, match="newer"):
        open_sqlite(tmp_path)


@pytest.mark.parametrize("url", ["mysql://h/secret", "sqlite:///:memory:", "secret"])
def test_an_address_of_another_kind_is_refused_without_being_shown(url, tmp_path):
    with pytest.raises(RegisterError) as caught:
        Register.open(url, key_file=tmp_path / "k")
    assert "secret" not in str(caught.value)


def test_the_file_of_sqlite_is_for_its_owner_only(sqlite, tmp_path):
    accept(sqlite)
    files = [path for path in tmp_path.iterdir() if path.name.startswith("register.db")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_an_accepted_case_waits_for_the_disk(sqlite):
    with read(sqlite.engine) as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
