import json
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from models.assessment import as_json
from models.record import Record
from serving.register import tables
from serving.register.database import read
from serving.register.errors import RegisterError
from serving.register.reviews import Review
from tests.support.kept import PHONE, RECORD, accept, assess, count, everything, open_sqlite
from tests.support.readers import KeywordAnalyzer
from tests.support.sampled import SAMPLES

PERSONAL_FIELDS = ("phone", "payee_account", "policyholder", "policy_no", "seller")


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


def test_what_was_accepted_is_there_when_the_register_is_opened_again(tmp_path):
    with open_sqlite(tmp_path) as register:
        accept(register)
    with open_sqlite(tmp_path) as register:
        assert register.get("T-1").version == 1
        assert not accept(register).new


# --- what is kept -------------------------------------------------------------------------------


def test_no_personal_data_stands_in_the_database(register):
    accept(register)
    register.submit_review("T-1", Review("reject", "复核一组", f"本人{PHONE}否认")).result()
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


def test_encrypted_texts_are_not_gone_on_with_by_another_key(tmp_path):
    with open_sqlite(tmp_path, text_form="encrypted") as register:
        accept(register)
    (tmp_path / "text.keys").unlink()
    with pytest.raises(RegisterError, match=r"text\.keys: cannot be read"):
        open_sqlite(tmp_path, text_form="encrypted")
    (tmp_path / "text.keys").write_bytes(Fernet.generate_key())
    with pytest.raises(RegisterError, match=r"text\.keys: no key in it opens"):
        open_sqlite(tmp_path, text_form="encrypted")


def test_one_text_that_no_key_opens_hides_no_other_case(tmp_path):
    with open_sqlite(tmp_path, text_form="encrypted") as register:
        accept(register)
    (tmp_path / "text.keys").unlink()
    with open_sqlite(tmp_path) as register:
        accept(register, replace(RECORD, case_id="T-2"))
        assert register.get("T-1").text is None
        assert register.get("T-2").text.startswith("理赔")


def test_the_content_digest_changes_with_the_key(tmp_path):
    digests = []
    for name in ("a", "b"):
        with open_sqlite(tmp_path / name) as register:
            accept(register)
            with read(register.engine) as connection:
                digests.append(connection.execute(select(tables.cases.c.content)).scalar_one())
    assert digests[0] != digests[1]
