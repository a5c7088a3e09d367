import json
import sys
from pathlib import Path
from types import SimpleNamespace

import openpyxl
import pytest
import typer
from typer.testing import CliRunner

import models.analyzer
from models.codebook import default_codebook
from models.links import Linked
from models.record import Record
from models.whole_files import OutputError
from serving.commands import link
from serving.engines.engine import EngineError
from serving.files.linking import check_out, link_file, read_linkable
from tests.support.readers import KeywordAnalyzer

KEYS = ["case_id", "group_id", "group_kind", "level", "links"]
TEXTS = ("理赔四十天没有下文", "多扣的一笔请退到原卡", "地址改不了也没人管")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch):
    """Runs the command against the small analyzer."""
    analyzer = KeywordAnalyzer()
    analyzer.bundle = SimpleNamespace(codebook=default_codebook())  # type: ignore[attr-defined]
    monkeypatch.setattr(models.analyzer, "load_analyzer", lambda *_, **__: analyzer)
    app = typer.Typer()
    app.command()(link)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rows = [
        {"case_id": f"C{n}", "text": text, "meta": {"phone": "19900001111", "投保人": f"甲{n}"}}
        for n, text in enumerate(TEXTS)
    ]
    return write(tmp_path / "in.jsonl", rows)


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    return path


def test_identifiers_may_stand_in_an_object_named_meta(source: Path):
    records = list(read_linkable(source))
    assert [record.phone for record in records] == ["19900001111"] * 3
    assert [record.policyholder for record in records] == ["甲0", "甲1", "甲2"]


def test_a_column_wins_over_meta(tmp_path: Path):
    row = {"text": "请回电", "phone": "19900002222", "meta": {"phone": "19900001111"}}
    assert next(read_linkable(write(tmp_path / "x.jsonl", [row]))).phone == "19900002222"


def test_a_row_without_an_id_is_named_by_its_number(tmp_path: Path):
    assert next(read_linkable(write(tmp_path / "x.jsonl", [{"text": "请回电"}]))).case_id == "#1"


def test_a_row_whose_id_is_blank_has_none(tmp_path: Path):
    rows = [{"text": "请回电", "case_id": blank} for blank in ("  ", "\u3000", "")]
    found = read_linkable(write(tmp_path / "x.jsonl", rows), prefix="f")
    assert [record.case_id for record in found] == ["f#1", "f#2", "f#3"]


def test_rows_of_several_sheets_are_told_apart(tmp_path: Path):
    book = openpyxl.Workbook()
    book.active.title = "一月"
    for sheet, text in ((book.active, TEXTS[0]), (book.create_sheet("二月"), TEXTS[1])):
        sheet.append(["投诉内容"])
        sheet.append([text])
    book.save(tmp_path / "in.xlsx")
    found = list(read_linkable(tmp_path / "in.xlsx"))
    assert [(one.case_id, one.text) for one in found] == [
        ("[一月]#2", TEXTS[0]),
        ("[二月]#2", TEXTS[1]),
    ]


def test_a_table_without_meta_is_linked_too(tmp_path: Path):
    path = tmp_path / "in.csv"
    lines = [f"C{n},{text},19900001111,甲{n}" for n, text in enumerate(TEXTS)]
    path.write_text("\n".join(("工单号,投诉内容,联系电话,投保人", *lines)), "utf-8")
    outcome = link_file(path, analyzer=KeywordAnalyzer(), codebook=default_codebook())
    assert [group.case_ids for group in outcome.linked.groups] == [("C0", "C1", "C2")]


def test_one_line_a_case_in_input_order(run, source: Path, tmp_path: Path):
    out = tmp_path / "out.jsonl"
    assert run(source, "--out", out).exit_code == 0
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [line["case_id"] for line in lines] == ["C0", "C1", "C2"]
    assert all(list(line) == KEYS for line in lines)
    assert lines[0]["links"][0]["case_id"] == "C1"
    assert lines[0]["links"][0]["kind"] == "phone"


def test_neither_terminal_nor_file_shows_a_number_or_a_text(run, source: Path, tmp_path: Path):
    out = tmp_path / "out.jsonl"
    shown = run(source, "--out", out).output + out.read_text("utf-8") + run(source).output
    assert "19900001111" not in shown
    assert not any(text in shown for text in TEXTS)


def test_failed_rows_are_listed_and_end_with_1(run, source: Path, tmp_path: Path):
    with source.open("a", encoding="utf-8") as stream:
        stream.write('\n{"case_id": "D"}\n')
    out = tmp_path / "out.jsonl"
    assert run(source, "--out", out).exit_code == 1
    fault = json.loads((tmp_path / "out.errors.jsonl").read_text("utf-8"))
    assert fault["row"] == 4
    assert fault["field"] == "text"


@pytest.mark.parametrize("name", ["out.csv", "missing/out.jsonl", "in.jsonl"])
def test_a_place_that_cannot_be_written_is_refused(source: Path, tmp_path: Path, name: str):
    with pytest.raises(OutputError):
        check_out(source, tmp_path / name)


def test_records_may_be_linked_elsewhere(tmp_path: Path):
    path = write(tmp_path / "x.jsonl", [{"text": "请回电"}, {"text": ""}])
    asked: list[list[Record]] = []

    def elsewhere(records):
        asked.append(list(records))
        return Linked((), ())

    given = {"analyzer": KeywordAnalyzer(), "codebook": default_codebook()}
    outcome = link_file(path, **given, elsewhere=elsewhere)
    assert [[record.text for record in records] for records in asked] == [["请回电"]]
    assert outcome.linked == Linked((), ())
    assert [fault.row for fault in outcome.faults] == [2]


def test_an_engine_without_its_extra_is_named(run, source: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    result = run(source, "--engine", "spark")
    assert isinstance(result.exception, EngineError)
    assert "install the spark extra" in str(result.exception)


def test_a_file_is_linked_with_the_bundle_and_runtime_of_the_settings(
    run, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked, load = [], models.analyzer.load_analyzer

    def noted(directory, *, threads, wanted, report):
        asked.append((directory, threads, wanted.runtime))
        return load(directory)

    monkeypatch.setattr(models.analyzer, "load_analyzer", noted)
    monkeypatch.setenv("XIAOBAO_BUNDLE", str(tmp_path / "own"))
    monkeypatch.setenv("XIAOBAO_THREADS", "3")
    monkeypatch.setenv("XIAOBAO_RUNTIME", "openvino")
    run(source)
    run(source, "--bundle", tmp_path / "other")
    assert asked == [(tmp_path / name, 3, "openvino") for name in ("own", "other")]


def test_a_number_of_the_house_ties_nobody_by_the_list_that_is_given(
    run, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    hubs, out = tmp_path / "hubs.yaml", tmp_path / "out.jsonl"
    hubs.write_text("phone: ['^19900001111$']\n", "utf-8")

    def groups(*words: object) -> set[str | None]:
        assert run(source, "--out", out, *words).exit_code == 0
        return {json.loads(line)["group_id"] for line in out.read_text("utf-8").splitlines()}

    assert groups() == {"G0001"}
    assert groups("--hubs", hubs) == {None}
    monkeypatch.setenv("XIAOBAO_HUBS", str(hubs))
    assert groups() == {None}
