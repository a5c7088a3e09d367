"""The casebook: it says what it holds, shows each text once, and stays with its owner."""

import csv
import io
import stat
from typing import Any

import pytest

from models.assessment import (
    AgentSigns,
    Assessment,
    Evidence,
    Facets,
    Label,
    ModelUsed,
    ReviewAdvice,
    RootCause,
    TextRead,
)
from models.record import LabelledRecord, Record
from training.evaluation.casebook import COLUMNS, as_csv, as_page, write_casebook
from training.evaluation.errors import (
    CONFUSION,
    FALSE_FLAG,
    LABEL_ERROR,
    MISSED_SIGN,
    Errors,
    ExaminedCase,
    Mistake,
)
from training.examples.neighbours import Neighbour, Placed

DELAY, HOTLINE = "CLAIM.CLAIM_DELAY", "SERVICE.HOTLINE"
TEXT = "=理赔拖了两个月\n# 热线*打不通*<b>"


def placed(place: str, text: str) -> Placed:
    return Placed(place, LabelledRecord(Record(text, case_id="T-1"), DELAY, (DELAY,)))


def answered(text: str) -> Assessment:
    label = Label(HOTLINE, "热线", 0.8, (Evidence(0, 3, text[:3], 0.9),))
    return Assessment(
        case_id="T-1",
        root_cause=RootCause(label, (label,), (), "服务"),
        agent=AgentSigns("REVIEW", 0.7, (), (), ()),
        facets=Facets((), "complaint", "policyholder"),
        review=ReviewAdvice(False),
        text=TextRead(len(text), 1, "zh"),
        model=ModelUsed("tiny", "1", "1"),
    )


def errors_of(*mistakes: Mistake, text: str = TEXT, **fields: Any) -> Errors:
    near = Neighbour(placed("b.jsonl:7", "热线占线" * 60), 0.42)
    case = ExaminedCase(placed("a.jsonl:1", text), answered(text), (near,))
    names = {DELAY: "理赔时效", HOTLINE: "热线", "PS_FEE_SHARE": "服务费分成"}
    return Errors("test", 9, (case,), mistakes, names, **fields)


MISTAKES = (
    Mistake(FALSE_FLAG, 0, "", "REVIEW", 0.7),
    Mistake(MISSED_SIGN, 0, "PS_FEE_SHARE", "", 0.6),
    Mistake(CONFUSION, 0, DELAY, HOTLINE, 0.8),
    Mistake(LABEL_ERROR, 0, DELAY, HOTLINE, 0.9),
)
PAGE = as_page(errors_of(*MISTAKES, notes=("没有训练数据",)))


def test_the_head_says_that_the_files_hold_texts():
    head = PAGE[: PAGE.index("## ")]
    assert "本文件与 errors.csv 含投诉原文" in head
    assert "keep them on this machine" in head
    assert "> 没有训练数据" in head


def test_false_flags_stand_first_and_label_errors_last():
    titles = [line for line in PAGE.splitlines() if line.startswith("## ")]
    assert titles[0].startswith("## 真实客户误提示 False flags (1)")
    assert titles[-1].startswith("## 可能的标注错误 Likely label errors (1)")


def test_the_text_of_a_case_stands_once():
    assert PAGE.count("理赔拖了两个月") == 1
    assert PAGE.count("原文见上 text above") == 3


def test_confusions_are_counted():
    assert (
        f"| 理赔时效 {DELAY.replace('_', chr(92) + '_')} | 热线 {HOTLINE} | 1 | 0 | 0.80 |" in PAGE
    )


def test_signs_are_counted_as_false_and_missed():
    assert "| 服务费分成 PS\\_FEE\\_SHARE | 0 | 1 |" in PAGE


def test_evidence_and_nearest_examples_are_told_the_latter_in_short():
    assert "「\\=理赔」" in PAGE
    assert "相近样例 nearest 0.42 b.jsonl:7" in PAGE
    assert "热线占线" * 40 + "…" in PAGE
    assert "热线占线" * 41 not in PAGE


def test_markup_in_a_text_is_shown_and_not_obeyed():
    assert "> \\=理赔拖了两个月\n> \\# 热线\\*打不通\\*&lt;b&gt;" in PAGE


@pytest.mark.parametrize("text", ["=1+1", "+86", "-", "@SUM(A1)", "\t=1"])
def test_no_cell_is_a_formula(text: str):
    (row,) = csv.DictReader(io.StringIO(as_csv(errors_of(MISTAKES[0], text=text))))
    assert row["complaint_text"] == f"'{text}"


def test_every_mistake_is_a_row_with_all_columns():
    rows = list(csv.DictReader(io.StringIO(as_csv(errors_of(*MISTAKES)))))
    assert [row["kind"] for row in rows] == [mistake.kind for mistake in MISTAKES]
    assert {tuple(row) for row in rows} == {COLUMNS}
    assert (rows[2]["given"], rows[2]["answered"], rows[2]["nearest_place"]) == (
        DELAY, HOTLINE, "b.jsonl:7",
    )  # fmt: skip


def test_a_part_without_mistakes_says_so():
    assert as_page(errors_of()).count("无 none") == 5


def test_only_the_owner_may_read_even_what_stood_there_before(tmp_path):
    (tmp_path / "errors.md").write_text("old")
    (tmp_path / "errors.md").chmod(0o644)
    paths = write_casebook(errors_of(*MISTAKES), tmp_path)
    assert [path.name for path in paths] == ["errors.md", "errors.csv"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert paths[1].read_bytes().startswith(b"\xef\xbb\xbfkind,")
