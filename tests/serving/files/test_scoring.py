"""Files scored: each format out, interruptions, bad rows, outputs that cannot be."""

import csv
import io
import json
import re
from pathlib import Path

import pyarrow.parquet
import pytest
from rich.console import Console

from models.assessment import NOTICE, as_json
from models.record import Record
from models.rows import RowsError
from models.whole_files import OutputError
from serving.engines.flat import COLUMNS
from serving.engines.reading import assess_sorted
from serving.files.scoring import Outcome, score_file
from tests.support.readers import KeywordAnalyzer

TEXTS = [f"第{number}件投诉" + "理赔" * (number * 7 % 5) for number in range(23)]


class StoppedAnalyzer(KeywordAnalyzer):
    """Is interrupted, as by Ctrl+C, once it has read ``after`` batches."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def assess(self, records, *, batch_tokens=4096):
        if len(self.batches) == self.after:
            raise KeyboardInterrupt
        return super().assess(records, batch_tokens=batch_tokens)


def write_source(path: Path, texts: list[str] = TEXTS) -> Path:
    rows = ({"case_id": f"T-{n}", "text": text} for n, text in enumerate(texts))
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def wanted(texts: list[str] = TEXTS) -> list[dict]:
    records = [Record(text, case_id=f"T-{n}") for n, text in enumerate(texts)]
    return [as_json(answer) for answer in KeywordAnalyzer().assess(records)]


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if "part" in path.name)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_source(tmp_path / "in.jsonl")


@pytest.fixture
def interrupted(source: Path) -> Path:
    """An output of which two chunks of five were written before the run was interrupted."""
    out = source.with_name("out.jsonl")
    with pytest.raises(KeyboardInterrupt):
        score_file(source, out, analyzer=StoppedAnalyzer(after=2), chunk=5)
    return out


@pytest.mark.parametrize("chunk", [1, 4, 23, 512])
def test_jsonl_holds_one_whole_assessment_a_line_in_input_order(source, analyzer, chunk):
    out = source.with_name("out.jsonl")
    outcome = score_file(source, out, analyzer=analyzer, chunk=chunk)
    assert read_lines(out) == wanted()
    assert outcome == Outcome(answered=23, resumed=0, failed=0, errors=None)


def test_records_of_like_length_are_read_together(analyzer):
    lengths: list[list[int]] = []

    class Watched(KeywordAnalyzer):
        def assess(self, records, *, batch_tokens=4096):
            lengths.append([len(record.text) for record in records])
            return super().assess(records, batch_tokens=batch_tokens)

    records = [Record("长" * (100 - n)) for n in range(100)]
    answers = assess_sorted(records, Watched())
    assert [answer.text.chars for answer in answers] == list(range(100, 0, -1))
    assert lengths == [list(range(1, 65)), list(range(65, 101))]


def test_nothing_is_left_beside_a_finished_output(source, analyzer):
    score_file(source, source.with_name("out.jsonl"), analyzer=analyzer)
    assert sorted(path.name for path in source.parent.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_an_interrupted_run_shows_no_output_yet(interrupted):
    assert not interrupted.exists()
    assert leftovers(interrupted.parent) == ["out.jsonl.part", "out.jsonl.part.json"]


def test_an_interrupted_run_goes_on_with_neither_lost_nor_double_rows(source, interrupted):
    analyzer = KeywordAnalyzer()
    outcome = score_file(source, interrupted, analyzer=analyzer, chunk=5)
    assert outcome.resumed == 10
    assert sum(analyzer.batches) == 13
    assert read_lines(interrupted) == wanted()
    assert leftovers(interrupted.parent) == []


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_torn_last_line_is_read_again(source, interrupted, analyzer, cut):
    part = interrupted.with_name("out.jsonl.part")
    part.write_bytes(part.read_bytes()[:-cut])
    outcome = score_file(source, interrupted, analyzer=analyzer, chunk=5)
    assert outcome.resumed == 9
    assert read_lines(interrupted) == wanted()


def test_a_changed_input_is_scored_from_the_start(source, interrupted, analyzer):
    texts = [*TEXTS[:3], "新的一件", *TEXTS[3:]]
    write_source(source, texts)
    outcome = score_file(source, interrupted, analyzer=analyzer)
    assert outcome.resumed == 0
    assert read_lines(interrupted) == wanted(texts)


def test_another_bundle_scores_from_the_start(source, interrupted):
    class Retrained(KeywordAnalyzer):
        @property
        def description(self):
            return {**super().description, "bundle": "keywords@1111"}

    assert score_file(source, interrupted, analyzer=Retrained()).resumed == 0


def test_an_interrupted_csv_goes_on_too(source, analyzer):
    out = source.with_name("out.csv")
    with pytest.raises(KeyboardInterrupt):
        score_file(source, out, analyzer=StoppedAnalyzer(after=2), chunk=5)
    assert score_file(source, out, analyzer=analyzer).resumed == 10
    assert len(out.read_text("utf-8-sig").splitlines()) == 24


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    source = tmp_path / "in.jsonl"
    lines = [
        '{"text": "理赔太慢"}',
        "",
        "不是JSON",
        '{"text": 5}',
        '{"text": "退保", "case_id": "B"}',
    ]
    source.write_text("\n".join(lines), "utf-8")
    return source


def test_a_bad_row_is_listed_and_the_good_ones_go_on(faulty, analyzer):
    out = faulty.with_name("out.jsonl")
    outcome = score_file(faulty, out, analyzer=analyzer)
    faults = read_lines(faulty.with_name("out.errors.jsonl"))
    assert (outcome.answered, outcome.failed) == (2, 2)
    assert [(fault["row"], fault["field"]) for fault in faults] == [(3, None), (4, "text")]
    assert [line["case_id"] for line in read_lines(out)] == [None, "B"]


def test_the_list_of_an_earlier_run_goes_when_its_rows_are_mended(faulty, analyzer):
    out = faulty.with_name("out.jsonl")
    score_file(faulty, out, analyzer=analyzer)
    score_file(write_source(faulty), out, analyzer=analyzer)
    assert not faulty.with_name("out.errors.jsonl").exists()


def test_flat_rows_carry_the_row_number_of_the_input(faulty, analyzer):
    out = faulty.with_name("out.parquet")
    score_file(faulty, out, analyzer=analyzer)
    assert pyarrow.parquet.read_table(out).column("row").to_pylist() == [1, 5]


def test_csv_opens_in_excel_with_lists_joined(tmp_path, analyzer):
    source = write_source(tmp_path / "in.jsonl", ["理赔太慢,我要全额退保"])
    score_file(source, tmp_path / "out.csv", analyzer=analyzer)
    content = (tmp_path / "out.csv").read_bytes()
    (row,) = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    assert content.startswith(b"\xef\xbb\xbf")
    assert tuple(row) == tuple(COLUMNS)
    assert (row["primary_name"], row["level"], row["signs"]) == (
        "理赔时效",
        "WATCH",
        "PS_FULL_REFUND_ONLY",
    )
    assert row["notice"] == NOTICE


def test_parquet_keeps_types(tmp_path, analyzer):
    source = write_source(tmp_path / "in.jsonl", ["理赔太慢,我要全额退保", "你好"])
    score_file(source, tmp_path / "out.parquet", analyzer=analyzer)
    first, second = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert tuple(first) == tuple(COLUMNS)
    assert (first["causes"], first["review_needed"]) == (["CLAIM.CLAIM_DELAY"], False)
    assert (second["signs"], second["review_needed"]) == ([], True)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_flat_files_hold_no_word_of_the_complaint(tmp_path, analyzer, suffix):
    source = write_source(tmp_path / "in.jsonl", ["张秀兰说理赔太慢,电话13812345678"])
    out = tmp_path / f"out.{suffix}"
    score_file(source, out, analyzer=analyzer)
    content = out.read_bytes()
    assert b"13812345678" not in content
    assert "张秀兰".encode() not in content


def test_a_file_without_rows_gives_an_output_without_rows(tmp_path, analyzer):
    source = write_source(tmp_path / "in.jsonl", [])
    assert score_file(source, tmp_path / "out.jsonl", analyzer=analyzer).answered == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_an_input_that_is_missing_leaves_nothing_behind(tmp_path, analyzer):
    with pytest.raises(RowsError, match=r"nowhere\.jsonl"):
        score_file(tmp_path / "nowhere.jsonl", tmp_path / "out.jsonl", analyzer=analyzer)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("out.txt", ".txt"),
        ("out", "none"),
        ("no/out.csv", "no directory"),
        ("in.jsonl", "input"),
        ("folder.csv", "is a directory"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_anything_is_read(
    source, analyzer, name, reason
):
    source.with_name("folder.csv").mkdir()
    with pytest.raises(OutputError, match=re.escape(reason)):
        score_file(source, source.parent / name, analyzer=analyzer)
    assert analyzer.batches == []


def test_an_input_named_like_the_list_of_failed_rows_is_not_lost(tmp_path, analyzer):
    source = write_source(tmp_path / "out.errors.jsonl")
    with pytest.raises(OutputError, match="is the input itself"):
        score_file(source, tmp_path / "out.jsonl", analyzer=analyzer)
    assert len(read_lines(source)) == len(TEXTS)


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_an_error_of_the_disk_is_told_as_the_outputs(source, analyzer, suffix):
    out = source.with_name(f"out.{suffix}")
    out.with_name(f"{out.name}.part").mkdir()  # stands where the part file must go
    with pytest.raises(OutputError, match=f"out.{suffix}: cannot be written"):
        score_file(source, out, analyzer=analyzer)


def test_the_progress_bar_counts_every_record(source, analyzer):
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    score_file(source, source.with_name("out.jsonl"), analyzer=analyzer, console=console)
    assert "23/23" in console.file.getvalue()
