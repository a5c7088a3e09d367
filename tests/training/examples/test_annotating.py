"""Labels to and from Label Studio and workbooks: nothing is lost, every fault has its place."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

import xiaobao
from models.codebook import default_codebook
from models.labels import facets_of, label_space
from models.record import LabelledRecord, Record, Span
from models.rows import RowsError
from models.rows.cells import CellError
from models.rows.sheets import unescape
from models.taxonomy import default_taxonomy, parse_taxonomy
from tests.support.own_codes import THREE_LEVELS
from training.examples.annotating.cases import AnnotationCase
from training.examples.annotating.label_studio_exports import read_tasks
from training.examples.annotating.label_studio_tasks import task_of
from training.examples.annotating.labelling_config import labelling_config
from training.examples.annotating.workbook import escape, write_quote, write_workbook
from training.examples.annotating.workbook_rows import read_quote, read_workbook
from training.examples.labelled import known_labels

TAXONOMY, CODEBOOK = default_taxonomy(), default_codebook()
FACETS = facets_of(TAXONOMY)
KNOWN = known_labels(label_space(TAXONOMY, CODEBOOK), FACETS)
DELAY, DENY, FEE = "CLAIM.CLAIM_DELAY", "CLAIM.CLAIM_DENY", "PS_FEE_SHARE"

# What breaks tables and offsets: a formula, line ends of two kinds, a character beyond 16 bits,
# control characters and what looks like their escape, crossing spans, blanks at both ends.
HARD = LabelledRecord(
    Record(
        " =1+1 😡资料交齐\r\n两个月,\x0b资料交齐 _x000D_ 没赔。\n", case_id="007",
        genre="own_words", phone="010-1", role="insured",
    ),
    DELAY,
    (DENY, DELAY),
    signs=(FEE,),
    marks=("NX_HEIR",),
    agent_run=True,
    demand=("claim_payment", "apology"),
    record_type="mixed",
    group="g 1",
    writer="w1",
    spans=(Span(7, 15, (DELAY, FEE)), Span(0, 9, (DENY,)), Span(17, 31, (DELAY,))),
)  # fmt: skip


def run(*words: object) -> Result:
    return CliRunner().invoke(xiaobao.app, [str(word) for word in words])


def case_of(labelled: LabelledRecord, row: int = 1) -> AnnotationCase:
    return AnnotationCase("a.jsonl", row, labelled.record, labelled.group, labelled)


def through_tasks(directory: Path, *records: LabelledRecord) -> Any:
    tasks = [task_of(case_of(record), taxonomy=TAXONOMY) for record in records]
    file = directory / "tasks.json"
    file.write_text(json.dumps(tasks, ensure_ascii=False), "utf-8")
    return read_tasks(file, known=KNOWN)


def through_sheet(directory: Path, *records: LabelledRecord) -> Any:
    cases = [case_of(record, place) for place, record in enumerate(records)]
    content, faults = write_workbook(cases, taxonomy=TAXONOMY, codebook=CODEBOOK)
    assert faults == ()
    file = directory / "cases.xlsx"
    file.write_bytes(content)
    return read_workbook(file, known=KNOWN)


THROUGH = pytest.mark.parametrize("through", [through_tasks, through_sheet])


# --- there and back -----------------------------------------------------------------------------


@THROUGH
def test_nothing_of_a_labelled_case_is_lost(through: Any, tmp_path: Path):
    found = through(tmp_path, HARD, replace(HARD, agent_run=False, spans=(), signs=(), demand=()))
    assert found.faults == ()
    assert found.records == (
        HARD,
        replace(HARD, agent_run=False, spans=(), signs=(), demand=()),
    )


@THROUGH
def test_nothing_of_the_samples_is_lost(through: Any, samples: Any, tmp_path: Path):
    assert through(tmp_path, *samples).records == tuple(samples)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_any_text_comes_back_from_a_cell(text: str):
    assert unescape(escape(text)) == text


@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=2, max_size=30),
    places=st.tuples(st.integers(0, 29), st.integers(1, 30)),
)
def test_any_quote_leads_back_to_its_span(text: str, places: tuple[int, int]):
    start = places[0] % len(text)
    span = Span(start, min(len(text), start + places[1]), ("A.B", "C"))
    assert read_quote(write_quote(span, text), text, column="evidence_1") == span


# --- Label Studio -------------------------------------------------------------------------------


def test_a_task_holds_paths_regions_and_choices():
    task = task_of(case_of(HARD), taxonomy=TAXONOMY)
    results = {one["id"]: one for one in task["annotations"][0]["result"]}
    assert results["causes"]["value"] == {"taxonomy": [["CLAIM", DENY], ["CLAIM", DELAY]]}
    assert results["agent_run"]["value"] == {"choices": ["true"]}
    region = results["evidence-1"]
    assert (region["type"], region["from_name"], region["to_name"]) == (
        "labels",
        "evidence",
        "text",
    )
    start, end = region["value"]["start"], region["value"]["end"]
    assert region["value"]["text"] == task["data"]["text"][start:end]


def test_the_interface_offers_every_label_of_a_deep_taxonomy_under_its_parents():
    taxonomy = parse_taxonomy(THREE_LEVELS, name="own")
    view = Xml.fromstring(labelling_config(taxonomy, CODEBOOK, FACETS))
    (primary,) = view.findall("Taxonomy[@name='primary']")
    assert primary.attrib["maxUsages"] == "1"
    path = "Choice[@alias='XS']/Choice[@alias='XS.YB']/Choice[@alias='XS.YB.WD']"
    assert [choice.attrib["value"] for choice in primary.findall(path)] == ["误导 XS.YB.WD"]
    offered = {label.attrib["alias"] for label in view.findall("Labels/Label")}
    assert offered == set(label_space(taxonomy, CODEBOOK).evidence)


def change(file: Path, **changes: Any) -> Path:
    """The only task of a file with its annotation changed by ``from_name``; None takes it out."""
    (task,) = json.loads(file.read_text("utf-8"))
    kept = [r for r in task["annotations"][0]["result"] if r["from_name"] not in changes]
    kept += [
        {"from_name": name, "to_name": "text", "type": "any", "value": value}
        for name, value in changes.items()
        if value is not None
    ]
    task["annotations"][0]["result"] = kept
    file.write_text(json.dumps([task]), "utf-8")
    return file


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"primary": None}, "primary", "found 0 primary causes, wanted one"),
        ({"primary": {"taxonomy": [["X", "X.Y"]]}}, "causes", "unknown id 'X.Y'"),
        ({"primary": {"taxonomy": "X"}}, "result[9].taxonomy", "found text, wanted a list of"),
        ({"stars": {"rating": 3}}, "result[10]", "found a control that is not ours"),
        (
            {"evidence": {"start": 1, "end": 4, "text": "别的话", "labels": [DELAY]}},
            "result[7]",
            "found other words at its offsets, wanted those it quotes",
        ),
        ({"evidence": {"start": 0, "end": 999, "labels": [DELAY]}}, "spans[0]", "found 0 to 999"),
        ({"evidence": {"start": "a", "end": 9}}, "result[7]", "found a region without whole"),
        ({"evidence": {"start": 0, "end": 2, "labels": ["PS_X"]}}, "spans[0]", "found label 'PS"),
    ],
)  # fmt: skip
def test_a_fault_of_an_annotation_names_its_task(changes, field, reason, tmp_path):
    through_tasks(tmp_path, HARD)
    found = read_tasks(change(tmp_path / "tasks.json", **changes), known=KNOWN)
    assert found.records == ()
    assert (found.faults[0].row, found.faults[0].field) == (1, field)
    assert found.faults[0].reason.startswith(reason)
    assert "资料" not in str(found.faults[0])


def test_offsets_in_utf_16_units_are_mended_by_the_words_quoted(tmp_path):
    through_tasks(tmp_path, HARD)
    value = {"start": 8, "end": 12, "text": "资料交齐", "labels": [DELAY]}  # 😡 counts as two
    found = read_tasks(change(tmp_path / "tasks.json", evidence=value), known=KNOWN)
    assert found.records[0].spans == (Span(7, 11, (DELAY,)),)


def test_names_with_ids_are_read_where_an_older_version_left_the_alias_out(tmp_path):
    through_tasks(tmp_path, HARD)
    shown = {"taxonomy": [["理赔 CLAIM", f"拒赔 {DENY}"]]}
    found = read_tasks(change(tmp_path / "tasks.json", primary=shown), known=KNOWN)
    assert found.records[0].primary == DENY


@pytest.mark.parametrize("name", ["record_type", "agent_run"])
def test_a_choice_that_was_taken_back_is_none(name, tmp_path):
    through_tasks(tmp_path, HARD)
    found = read_tasks(change(tmp_path / "tasks.json", **{name: {"choices": []}}), known=KNOWN)
    plain = {"record_type": "complaint", "agent_run": False}
    assert getattr(found.records[0], name) == plain[name]


def test_a_task_nobody_annotated_is_counted_and_no_fault(tmp_path):
    through_tasks(tmp_path, HARD)
    file = tmp_path / "tasks.json"
    (task,) = json.loads(file.read_text("utf-8"))
    cancelled = {**task, "annotations": [{**task["annotations"][0], "was_cancelled": True}]}
    file.write_text(json.dumps([{"data": task["data"]}, cancelled, task]), "utf-8")
    found = read_tasks(file, known=KNOWN)
    assert (found.open, found.faults, found.records) == ((1, 2), (), (HARD,))


@pytest.mark.parametrize(
    ("marks", "taken"),
    [
        (({"updated_at": "2026-01-02"}, {"updated_at": "2026-01-01"}), 0),
        (({"updated_at": "2026-01-02"}, {"updated_at": "2026-01-01", "ground_truth": True}), 1),
    ],
)
def test_of_several_annotations_the_ground_truth_or_the_latest_stands(marks, taken, tmp_path):
    other = replace(HARD, primary=DENY)
    through_tasks(tmp_path, HARD, other)
    file = tmp_path / "tasks.json"
    first, second = json.loads(file.read_text("utf-8"))
    both = [{**one["annotations"][0], **m} for one, m in zip((first, second), marks, strict=True)]
    file.write_text(json.dumps([{**first, "annotations": both}]), "utf-8")
    found = read_tasks(file, known=KNOWN)
    assert (found.records, found.several) == (((HARD, other)[taken],), (1,))


@pytest.mark.parametrize("content", ["", "{}", "3", "text"])
def test_what_is_no_export_is_refused_by_name(content: str, tmp_path: Path):
    (tmp_path / "tasks.json").write_text(content)
    with pytest.raises(RowsError, match=r"tasks\.json: found .*wanted"):
        read_tasks(tmp_path / "tasks.json", known=KNOWN)


# --- workbooks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "span"),
    [
        ("A: 两个月", Span(4, 7, ("A",))),
        ("A;B:两个月", Span(4, 7, ("A", "B"))),
        ("A\n两个月 ", Span(4, 7, ("A",))),
        ("A @8: 资料", Span(8, 10, ("A",))),
        ("A @3: 两个月", Span(4, 7, ("A",))),  # the text was mended; the words stand there once
    ],
)
def test_evidence_may_be_written_by_hand(cell: str, span: Span):
    assert read_quote(cell, "资料交齐两个月,资料还要补", column="evidence_1") == span


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("两个月", "found no label before the words"),
        ("A: 资料", "found words that stand 2 times in the text"),
        ("A: 三个月", "found words that stand 0 times in the text"),
    ],
)
def test_evidence_that_leads_nowhere_or_to_two_places_is_a_fault(cell: str, reason: str):
    with pytest.raises(CellError, match=reason):
        read_quote(cell, "资料交齐两个月,资料还要补", column="evidence_1")


def test_faults_of_a_workbook_name_row_and_column(tmp_path):
    through_sheet(tmp_path, HARD, HARD, HARD, HARD)
    file = tmp_path / "cases.xlsx"
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    columns = {str(cell.value).split()[-1]: cell.column for cell in sheet[1]}
    sheet.cell(2, columns["primary"]).value = "CLAIM.NEVER"
    sheet.cell(3, columns["evidence_1"]).value = f"{DELAY}: 没有这句"
    sheet.cell(4, columns["primary"]).value = None  # beside other labels: forgotten
    for name, column in columns.items():
        if name.startswith(("primary", "causes", "signs", "marks", "evidence")):
            sheet.cell(5, column).value = None
    book.save(file)
    found = read_workbook(file, known=KNOWN)
    assert [(fault.row, fault.field) for fault in found.faults] == [
        (2, "primary"), (3, "evidence_1"), (4, "primary"),
    ]  # fmt: skip
    assert found.open == (5,)
    assert "没有这句" not in "".join(map(str, found.faults))


def test_a_text_that_no_cell_holds_is_named_and_the_others_go_on(tmp_path):
    long = replace(HARD, record=Record("理" * 32_768), spans=())
    cases = [case_of(long, 7), case_of(HARD, 8)]
    content, faults = write_workbook(cases, taxonomy=TAXONOMY, codebook=CODEBOOK)
    (tmp_path / "cases.xlsx").write_bytes(content)
    assert [(fault.row, "32768 characters" in fault.reason) for fault in faults] == [(7, True)]
    assert read_workbook(tmp_path / "cases.xlsx", known=KNOWN).records == (HARD,)


def test_a_workbook_lists_all_codes_and_offers_the_causes(tmp_path):
    through_sheet(tmp_path, HARD)
    book = openpyxl.load_workbook(tmp_path / "cases.xlsx")
    listed = [row[0].value for row in book.worksheets[1].iter_rows(min_row=2)]
    assert tuple(listed) == label_space(TAXONOMY, CODEBOOK).evidence
    (offered,) = book.worksheets[0].data_validations.dataValidation
    assert offered.formula1.endswith(f"$A${len(TAXONOMY.causes) + 1}")
