"""Labelled examples: both annotation formats, every format of file, every kind of bad row."""

import json

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest

from models.record import LabelledRecord, Record, Span
from models.taxonomy import default_taxonomy
from training.examples.labelled import FACET_FIELDS
from training.examples.reading import load_examples

CAUSES = {"CLAIM.CLAIM_DELAY", "SERVICE.HOTLINE", "OTHER.REPORT_CRIME"}
SIGNS = {"PS_FEE_SHARE"}
MARKS = {"NX_UNANSWERED"}
GOOD = {
    "id": "a-1",
    "text": "资料交齐两个月没有回音,投了三次没人联系",
    "primary": "CLAIM.CLAIM_DELAY",
    "causes": ["CLAIM.CLAIM_DELAY"],
    "marks": ["NX_UNANSWERED"],
    "demand": ["claim_payment"],
    "spans": [
        {"start": 0, "end": 11, "labels": ["CLAIM.CLAIM_DELAY"]},
        {"start": 12, "end": 20, "labels": ["NX_UNANSWERED"]},
    ],
}
PARSED = LabelledRecord(
    record=Record(GOOD["text"], case_id="a-1"),
    primary="CLAIM.CLAIM_DELAY",
    causes=("CLAIM.CLAIM_DELAY",),
    marks=("NX_UNANSWERED",),
    demand=("claim_payment",),
    spans=(Span(0, 11, ("CLAIM.CLAIM_DELAY",)), Span(12, 20, ("NX_UNANSWERED",))),
)


def load(*paths):
    return load_examples(paths, causes=CAUSES, signs=SIGNS, marks=MARKS)


def jsonl(folder, *rows, name="a.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def test_a_stored_row_is_a_labelled_record_with_its_place(tmp_path):
    path = jsonl(tmp_path, GOOD)
    examples = load(path)
    assert (examples.records, examples.faults) == ((PARSED,), ())
    assert examples.places == ((str(path), 1),)


def test_inline_tags_give_the_clean_text_and_the_same_spans(tmp_path):
    tagged = "⟦CLAIM.CLAIM_DELAY⟧资料交齐两个月没有回音⟦/⟧,⟦NX_UNANSWERED⟧投了三次没人联系⟦/⟧"
    row = {**GOOD, "text": tagged, "spans": []}
    assert load(jsonl(tmp_path, row)).records == (PARSED,)


SHEET_ROW = {
    **GOOD,
    "causes": "CLAIM.CLAIM_DELAY;SERVICE.HOTLINE",
    "marks": "NX_UNANSWERED",
    "demand": "claim_payment;apology",
    "agent_run": "否",
    "spans": json.dumps(GOOD["spans"]),
}


def test_a_csv_row_has_its_lists_between_semicolons(tmp_path):
    cells = [f'"{str(cell).replace(chr(34), chr(34) * 2)}"' for cell in SHEET_ROW.values()]
    path = tmp_path / "a.csv"
    path.write_text(",".join(SHEET_ROW) + "\n" + ",".join(cells) + "\n", "gb18030")
    record = load(path).records[0]
    assert record.causes == ("CLAIM.CLAIM_DELAY", "SERVICE.HOTLINE")
    assert (record.demand, record.spans) == (("claim_payment", "apology"), PARSED.spans)


def test_an_xlsx_row_reads_like_a_csv_row(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(list(SHEET_ROW))
    book.active.append([True if name == "agent_run" else v for name, v in SHEET_ROW.items()])
    book.save(tmp_path / "a.xlsx")
    record = load(tmp_path / "a.xlsx").records[0]
    assert (record.agent_run, record.spans) == (True, PARSED.spans)


def test_a_parquet_row_keeps_its_native_lists(tmp_path):
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([GOOD]), tmp_path / "a.parquet")
    assert load(tmp_path / "a.parquet").records == (PARSED,)


def test_intake_metadata_stands_in_the_record(tmp_path):
    meta = {"phone": "19900001234", "seller": "杜某", "payee_account": None}
    record = load(jsonl(tmp_path, {**GOOD, "case_id": "TS-1", "meta": meta})).records[0].record
    assert (record.case_id, record.phone, record.seller) == ("TS-1", "19900001234", "杜某")


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"text": None}, "text", "missing"),
        ({"primary": None}, "primary", "missing, wanted a cause id"),
        ({"primary": "SERVICE.HOTLINE"}, "primary", "found 'SERVICE.HOTLINE', wanted one of the"),
        ({"causes": ["CLAIM.CLAIM_DELAY", "CLAIM.LATE"]}, "causes", "unknown id 'CLAIM.LATE'"),
        ({"causes": ["CLAIM.CLAIM_DELAY"] * 2}, "causes", "an id stands twice"),
        ({"causes": {"a": 1}}, "causes", "found an object, wanted a list of ids"),
        ({"causes": [3]}, "causes", "found a number in the list, wanted ids"),
        ({"signs": ["PS_NONE"]}, "signs", "unknown id 'PS_NONE'"),
        ({"marks": ["NX_UNANSWERED", "NX_NONE"]}, "marks", "unknown id 'NX_NONE'"),
        ({"agent_run": "maybe"}, "agent_run", "found text, wanted true or false"),
        ({"demand": ["money"]}, "demand", "found 'money', wanted one of full_refund"),
        ({"record_type": "joke"}, "record_type", "found 'joke', wanted one of complaint"),
        ({"meta": {"adress": "甲"}}, "meta", "found 'adress', wanted fields among case_id"),
        ({"meta": "甲"}, "meta", "found text, wanted an object"),
        ({"spans": [{"start": 3, "end": 99, "labels": ["NX_UNANSWERED"]}]}, "spans[0]", "found 3"),
        ({"spans": [{"start": 3, "end": 3, "labels": ["NX_UNANSWERED"]}]}, "spans[0]", "found 3"),
        ({"spans": [{"start": -1, "end": 3, "labels": ["NX_UNANSWERED"]}]}, "spans[0]", "found -1"),
        ({"spans": [{"start": 0, "end": 3, "labels": []}]}, "spans[0]", "found no label"),
        ({"spans": [{"start": 0, "end": 3}]}, "spans[0]", "found no label"),
        (
            {"spans": [{"start": 0, "end": 3, "labels": ["PS_FEE_SHARE"]}]},
            "spans[0]",
            "found label 'PS_FEE_SHARE', wanted one of the record's own labels",
        ),
        ({"spans": [{"start": "0", "end": 3}]}, "spans[0].start", "found text, wanted a whole"),
        ({"spans": [[0, 3]]}, "spans[0]", "found a list, wanted an object"),
        ({"spans": "0-3"}, "spans", "found text that is not JSON, wanted a JSON list"),
        ({"spans": {"start": 0}}, "spans", "found an object, wanted a list"),
        ({"text": "⟦CLAIM.CLAIM_DELAY⟧没有回音"}, "spans", "found spans and inline tags"),
        ({"text": "⟦CLAIM.CLAIM_DELAY⟧没有回音", "spans": []}, "text", "offset 0"),
    ],
)
def test_a_bad_row_is_a_fault_and_good_rows_go_on(tmp_path, change, field, reason):
    bad = {**GOOD, "id": "a-2", **change}
    examples = load(jsonl(tmp_path, GOOD, bad, {**GOOD, "id": "a-3"}))
    assert [record.record.case_id for record in examples.records] == ["a-1", "a-3"]
    first = examples.faults[0]
    assert (first.row, first.field) == (2, field)
    assert first.reason.startswith(reason)
    assert "回音" not in str(first)


def test_all_faults_of_a_row_are_reported_at_once(tmp_path):
    row = {**GOOD, "signs": ["PS_NONE"], "record_type": "joke", "spans": [{"start": 5, "end": 5}]}
    fields = [fault.field for fault in load(jsonl(tmp_path, row)).faults]
    assert fields == ["signs", "record_type", "spans[0]", "spans[0]"]


@pytest.mark.parametrize("field", ["id", "case_id"])
def test_a_double_id_is_a_fault_naming_the_first_place_even_across_files(tmp_path, field):
    one = jsonl(tmp_path, {**GOOD, field: "same"})
    two = jsonl(tmp_path, {**GOOD, "id": "b-1", field: "same"}, name="b.jsonl")
    examples = load(one, two)
    assert len(examples.records) == 1
    assert examples.faults[0].reason == f"already at {one}:1, wanted a new one"


def test_broken_lines_and_unknown_columns_are_reported_too(tmp_path):
    path = jsonl(tmp_path, {**GOOD, "reviewer": "甲"})
    path.write_text(path.read_text("utf-8") + "{broken\n", "utf-8")
    examples = load(path)
    assert [fault.row for fault in examples.faults] == [2]
    assert examples.notes[0].ignored_columns == ("reviewer",)


def test_the_dataset_has_a_row_for_each_record_in_order(tmp_path):
    rows = [GOOD, {**GOOD, "id": "a-2", "agent_run": True, "spans": [], "marks": []}]
    dataset = load(jsonl(tmp_path, *rows)).dataset()
    assert dataset["case_id"][:] == ["a-1", "a-2"]
    assert dataset[0]["spans"] == GOOD["spans"]
    assert (dataset[1]["agent_run"], dataset[1]["marks"]) == (True, [])


def test_every_facet_checked_is_one_of_the_taxonomy():
    assert set(FACET_FIELDS.values()) <= set(default_taxonomy().facets)
