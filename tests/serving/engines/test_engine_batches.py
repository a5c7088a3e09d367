import json
import re
from pathlib import Path

import pyarrow
import pytest

import serving.engines.reading
from models.bundle import BundleError
from models.rows import RowsError
from serving.engines.batches import score_batches, score_table
from serving.engines.reading import worker_analyzer
from serving.engines.wire import ANSWERS, RECORDS, answers_schema, batch_of
from tests.support.clusters import NUMBERED
from tests.support.places import ROOT
from tests.support.readers import KeywordAnalyzer


def scored(table: dict[str, list[object]], **options: object) -> list[dict]:
    batch = pyarrow.RecordBatch.from_pydict(table)
    answers = score_batches([batch], analyzer=KeywordAnalyzer(), **options)
    return [row for own in answers for row in own.to_pylist()]


def test_a_row_comes_out_for_each_that_went_in_and_in_its_place():
    rows = scored({"text": ["理赔太慢", None, "", "你好"], "case_id": ["A", "B", "C", "D"]})
    assert [row["case_id"] for row in rows] == ["A", "B", "C", "D"]
    assert [row["fault_field"] for row in rows] == [None, "text", "text", None]
    assert rows[1]["fault"] == "missing, wanted the complaint text"
    assert [row["level"] for row in rows] == ["NONE", None, None, "NONE"]


def test_answers_have_the_schema_and_repeat_the_numbers_of_rows():
    (answers,) = score_batches([batch_of(NUMBERED)], analyzer=KeywordAnalyzer())
    assert answers.schema == ANSWERS
    assert answers.column("row").to_pylist() == list(range(1, 24))
    whole = [json.loads(line) for line in answers.column("assessment").to_pylist()]
    assert [line["case_id"] for line in whole] == [f"T-{n}" for n in range(1, 24)]


def test_without_the_whole_answer_a_batch_holds_no_word_of_a_complaint():
    table = pyarrow.table({"text": ["张秀兰说理赔太慢"]})
    answers = score_table(table, whole=False, analyzer=KeywordAnalyzer())
    assert answers.schema == answers_schema(whole=False)
    assert "assessment" not in answers.column_names
    assert "张秀兰" not in str(answers.to_pylist())


def test_columns_may_be_named_as_exports_name_them_or_as_one_says():
    (row,) = scored({"工单号": [20260001], "投诉内容": ["理赔太慢"]})
    assert (row["case_id"], row["primary_id"]) == ("20260001", "CLAIM.CLAIM_DELAY")
    (row,) = scored({"nr": [20260001]} | {"说明": ["理赔太慢"]}, fields={"说明": "text"})
    assert (row["case_id"], row["primary_id"]) == (None, "CLAIM.CLAIM_DELAY")


def test_a_batch_without_texts_is_refused_by_its_names():
    with pytest.raises(RowsError, match="wanted a text column"):
        scored({"case_id": ["A"]})


def test_a_large_batch_is_answered_in_small_ones():
    batch = pyarrow.RecordBatch.from_pydict({"text": ["理赔"] * 1200})
    sizes = [b.num_rows for b in score_batches([batch], analyzer=KeywordAnalyzer())]
    assert sizes == [512, 512, 176]


def test_a_batch_without_rows_has_no_answers():
    assert scored({"text": pyarrow.array([], pyarrow.string())}) == []


def test_a_worker_with_another_bundle_is_refused_before_it_reads():
    answers = score_batches([], analyzer=KeywordAnalyzer(), expect="keywords@1111")
    with pytest.raises(BundleError, match=r"keywords@0000 found, keywords@1111 wanted"):
        next(answers)


def test_a_worker_loads_its_bundle_once(monkeypatch):
    loads = []

    def load(directory, *, threads):
        loads.append((directory, threads))
        return KeywordAnalyzer()

    monkeypatch.setattr(serving.engines.reading, "load_analyzer", load)
    once = "bundles/of-this-test"
    for _ in range(3):
        assert len(list(score_batches([batch_of(NUMBERED)], bundle=once))) == 1
    assert worker_analyzer(once) is worker_analyzer(once)
    assert loads == [(Path(once), 1)]
    serving.engines.reading._load.cache_clear()


@pytest.mark.parametrize(("name", "schema"), [("records", RECORDS), ("answers", ANSWERS)])
def test_the_schemas_in_the_documents_are_the_schemas(name, schema):
    page = (ROOT / "docs/engines.md").read_text("utf-8")
    block = page.partition(f"<!-- {name}: begin -->")[2].partition(f"<!-- {name}: end -->")[0]
    found = re.findall(r"^\| `(\w+)` \| `([\w<>: ]+)` \|", block, re.MULTILINE)
    assert found == [(field.name, str(field.type)) for field in schema]
