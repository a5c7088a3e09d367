"""``xiaobao annotate export | import``: labelled cases out to annotators and back."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import openpyxl
import pytest
from typer.testing import CliRunner, Result

import xiaobao
from models.codebook import default_codebook
from models.labels import label_space
from models.taxonomy import default_taxonomy
from training.examples.annotating.workbook import _codes
from training.examples.reading import as_row, load_examples

TAXONOMY, CODEBOOK = default_taxonomy(), default_codebook()


def run(*words: object) -> Result:
    return CliRunner().invoke(xiaobao.app, [str(word) for word in words])


@pytest.fixture
def rows(samples: Any, tmp_path: Path) -> Path:
    """Two labelled cases and one that nobody has labelled."""
    file = tmp_path / "rows.jsonl"
    lines = [as_row(record) for record in samples[:2]]
    lines += [{"case_id": "T-9", "text": samples[2].record.text, "phone": "010-2"}]
    file.write_text("".join(json.dumps(line, default=list) + "\n" for line in lines), "utf-8")
    return file


@pytest.mark.parametrize("name", ["tasks.json", "cases.xlsx"])
def test_export_and_import_give_the_labelled_cases_back(name, rows, samples, tmp_path):
    out, back = tmp_path / name, tmp_path / "back.jsonl"
    exported = run("annotate", "export", rows, "--out", out)
    assert exported.exit_code == 0, exported.output
    imported = run("annotate", "import", out, "--out", back)
    assert (imported.exit_code, "未标注 1 件" in imported.stderr) == (0, True)
    space = label_space(TAXONOMY, CODEBOOK)
    found = load_examples([back], causes=space.causes, signs=space.signs, marks=space.marks)
    assert (found.faults, found.records) == ((), tuple(samples[:2]))


def test_a_bundle_suggests_labels_for_open_cases_only(rows, tiny_bundle, tmp_path):
    out = tmp_path / "tasks.json"
    result = run("annotate", "export", rows, "--out", out, "--bundle", tiny_bundle)
    assert result.exit_code == 0, result.output
    tasks = json.loads(out.read_text("utf-8"))
    assert [sorted(task) for task in tasks] == [
        ["annotations", "data"], ["annotations", "data"], ["data", "predictions"],
    ]  # fmt: skip
    (said,) = tasks[2]["predictions"]
    assert said["model_version"].startswith("tiny@")
    assert any(one["from_name"] == "evidence" for one in said["result"])
    # A suggestion is no label: nobody has said yes to it.
    back = run("annotate", "import", out, "--out", tmp_path / "back.jsonl")
    assert "2 件 cases;未标注 1 件" in back.stderr


def test_identifiers_stay_at_home_where_that_is_asked(rows, tmp_path):
    for name in ("tasks.json", "cases.xlsx"):
        run("annotate", "export", rows, "--out", tmp_path / name, "--without-identifiers")
    assert "010-2" not in (tmp_path / "tasks.json").read_text("utf-8")
    book = openpyxl.load_workbook(tmp_path / "cases.xlsx")
    cells = [cell for row in book.worksheets[0].iter_rows(values_only=True) for cell in row]
    assert "phone" not in cells
    assert "010-2" not in cells


def test_the_interface_stands_beside_the_tasks(rows, tmp_path):
    result = run("annotate", "export", rows, "--out", tmp_path / "tasks.json")
    assert "tasks.config.xml" in result.stderr
    assert Xml.parse(tmp_path / "tasks.config.xml").getroot().tag == "View"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("export", "rows.jsonl", "--out", "tasks.csv"), "wanted a file that ends in .json or"),
        (("import", "tasks.csv", "--out", "back.jsonl"), "wanted .json or .xlsx in, .jsonl out"),
        (
            ("export", "rows.jsonl", "--out", "t.json", "--bundle", "b", "--taxonomy", "t.yaml"),
            "wanted one of them",
        ),
    ],
)
def test_wrong_usage_is_one_line(words, message):
    result = run("annotate", *words)
    assert (result.exit_code, message in result.stderr) == (2, True)


def test_no_output_is_an_input(rows, tmp_path):
    before = rows.read_bytes()
    for words in (
        ("select", rows, "--count", 1, "--out", rows),
        ("taxonomy", "migrate", rows, "--map", rows, "--out", rows),
    ):
        result = run(*words)
        assert (result.exit_code, "is the input itself" in result.stderr) == (2, True)
    assert rows.read_bytes() == before


def test_a_workbook_that_is_there_is_never_replaced(rows, tmp_path):
    out = tmp_path / "cases.xlsx"
    assert run("annotate", "export", rows, "--out", out).exit_code == 0
    before = out.read_bytes()
    for source, told in ((rows, "may hold labels"), (out, "is the input itself")):
        result = run("annotate", "export", source, "--out", out)
        assert (result.exit_code, told in result.stderr) == (2, True)
    assert out.read_bytes() == before


def test_an_import_without_a_labelled_case_leaves_the_output_alone(tmp_path):
    tasks, out = tmp_path / "tasks.json", tmp_path / "labelled.jsonl"
    tasks.write_text(json.dumps([{"data": {"text": "理赔太慢"}}]), "utf-8")
    out.write_text("{}\n", "utf-8")
    result = run("annotate", "import", tasks, "--out", out)
    assert (result.exit_code, "nothing written" in result.stderr) == (2, True)
    assert out.read_text("utf-8") == "{}\n"


def test_an_insurers_own_products_and_channels_cost_no_labelled_case(rows, samples, tmp_path):
    own = as_row(samples[0]) | {"product": "分红险", "channel": "银保", "genre": "信件"}
    rows.write_text(json.dumps(own, default=list) + "\n", "utf-8")
    space = label_space(TAXONOMY, CODEBOOK)
    found = load_examples([rows], causes=space.causes, signs=space.signs, marks=space.marks)
    (record,) = found.records
    assert (record.record.product, record.record.genre, found.faults) == (None, None, ())
    assert found.notes[0].unknown == (("channel", 1), ("genre", 1), ("product", 1))
    assert "product: 1 left out" in run("check-data", rows).stdout
    exported = run("annotate", "export", rows, "--out", tmp_path / "cases.xlsx")
    assert (exported.exit_code, "product: 1 个值" in exported.stderr) == (0, True)


def test_codes_are_typed_as_text(rows, tmp_path):
    run("annotate", "export", rows, "--out", tmp_path / "cases.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "cases.xlsx").worksheets[0]
    places = {str(cell.value).split()[-1]: cell.column_letter for cell in sheet[1]}
    for name in ("primary", "causes", "signs", "marks"):
        assert {cell.number_format for cell in sheet[places[name]]} == {"@"}
        assert sheet.column_dimensions[places[name]].number_format == "@"
    codes = {row[0]: row[3] for row in _codes(TAXONOMY, CODEBOOK)}
    assert not [mark.id for mark in CODEBOOK.marks if codes[mark.id] == mark.statement]
