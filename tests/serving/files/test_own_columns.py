import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.rows import RowsError, read_records
from serving.files.linking import read_linkable
from serving.files.scoring import score_file
from serving.options import fields_of
from tests.support.readers import KeywordAnalyzer
from xiaobao import app

TEXT = "理赔太慢,我要全额退保"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text(f'件号,原话,座机\nA1,"{TEXT}",057188880000\n', "utf-8")
    return path


def test_a_column_of_ones_own_means_the_field_that_is_named(source: Path) -> None:
    fields = fields_of(["原话=text", "件号 = case_id"])
    (record,) = read_records(source, fields=fields)
    assert (record.text, record.case_id) == (TEXT, "A1")


def test_so_it_does_where_cases_are_linked_or_imported(source: Path) -> None:
    fields = fields_of(["原话=text", "座机=phone"])
    (record,) = read_linkable(source, fields=fields)
    assert record.phone == "057188880000"


def test_a_column_is_ignored_where_no_field_is_named(source: Path) -> None:
    fields = fields_of(["原话=text", "座机=phone", "座机="])
    (record,) = read_records(source, fields=fields)
    assert record.phone is None


def test_without_it_the_error_says_how(source: Path) -> None:
    with pytest.raises(RowsError, match="NAME=text"):
        list(read_records(source))


@pytest.mark.parametrize("column", ["原话", "=text", "原话=words", "="])
def test_a_pair_that_says_nothing_is_refused(source: Path, column: str) -> None:
    told = CliRunner().invoke(app, ["assess", str(source), "--column", column])
    assert told.exit_code == 2
    assert "--column" in told.stderr
    assert "payee_account" in told.stderr


def test_a_run_with_other_columns_does_not_go_on_from_an_interrupted_one(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [{"one": f"理赔{n}", "two": f"退保{n}"} for n in range(4)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    class Interrupted(KeywordAnalyzer):
        def assess(self, records, **options):
            if self.batches:
                raise KeyboardInterrupt
            return super().assess(records, **options)

    with pytest.raises(KeyboardInterrupt):
        score_file(source, out, analyzer=Interrupted(), fields={"one": "text"}, chunk=2)
    done = score_file(source, out, analyzer=KeywordAnalyzer(), fields={"two": "text"}, chunk=2)
    assert (done.answered, done.resumed) == (4, 0)
