"""Own codes to causes: the table, and records put into the taxonomy."""

from pathlib import Path

import pytest

from models.record import LabelledRecord, Record, Span
from training.examples.codes import CodeTableError, read_code_table, recode

CAUSES = ("CLAIM.CLAIM_DELAY", "CLAIM.REFUSAL")
TABLE = {"A1": CAUSES[0], "A2": CAUSES[0], "B1": CAUSES[1], "Z9": None}


def table_at(directory: Path, *lines: str) -> Path:
    path = directory / "codes.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8-sig")
    return path


def labelled(*codes: str, **fields: object) -> LabelledRecord:
    return LabelledRecord(Record("资料交齐两个月没赔"), codes[0], codes, **fields)  # type: ignore[arg-type]


def test_a_table_says_which_cause_a_code_means(tmp_path):
    path = table_at(tmp_path, "name,code,cause", f"理赔慢,A1,{CAUSES[0]}", "杂项,Z9,")
    assert read_code_table(path, causes=CAUSES) == {"A1": CAUSES[0], "Z9": None}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["code,target", "A1,x"], "codes.csv: found columns code, target, wanted code, cause"),
        (["code,cause", "A1,", "A1,"], "codes.csv:3: found code 'A1', wanted a new one"),
        (["code,cause", ","], "codes.csv:2: found code '', wanted a new one"),
        (["code,cause", "A1,NO"], "codes.csv:2: found cause 'NO', wanted one of 2 known causes"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(tmp_path, lines, said):
    with pytest.raises(CodeTableError, match=said):
        read_code_table(table_at(tmp_path, *lines), causes=CAUSES)


def test_codes_become_causes_each_once():
    (record,) = recode([labelled("A1", "A2", "B1")], TABLE).records
    assert (record.primary, record.causes) == (CAUSES[0], CAUSES)


def test_a_record_without_target_is_set_aside_and_counted():
    recoded = recode([labelled("Z9"), labelled("A1"), labelled("Z9")], TABLE)
    assert len(recoded.records) == 1
    assert recoded.without_target == {"Z9": 2}


def test_a_further_code_without_target_falls_away_with_its_evidence():
    spans = (Span(0, 2, ("Z9",)), Span(2, 4, ("A1", "Z9", "PS_FEE_SHARE")))
    (record,) = recode([labelled("A1", "Z9", spans=spans)], TABLE).records
    assert record.causes == (CAUSES[0],)
    assert record.spans == (Span(2, 4, (CAUSES[0], "PS_FEE_SHARE")),)


def test_signs_and_text_stay_as_they_are():
    record = labelled("A1", signs=("PS_FEE_SHARE",))
    (recoded,) = recode([record], TABLE).records
    assert (recoded.record, recoded.signs) == (record.record, record.signs)
