"""What ``assess`` reads beside files: texts on the command line, lines of a pipe."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import serving.opening
from serving.engines.flat import COLUMNS
from serving.files.inputs import input_of
from serving.files.scoring import score_input
from tests.support.readers import KeywordAnalyzer
from xiaobao import app

LATE, FULL = "理赔太慢", "我要全额退保"


@pytest.fixture(autouse=True)
def small_analyzer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving.opening, "open_analyzer", lambda *_, **__: KeywordAnalyzer())


def assess(*words: object, piped: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["assess", *map(str, words)], input=piped)


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_texts_of_the_command_line_are_shown_as_a_table():
    result = assess("--text", LATE, "--text", FULL)
    assert result.exit_code == 0
    assert all(words in result.stdout for words in ("#1", "#2", "理赔时效", "关注 1"))
    assert "不影响受理、时限和处理结果" in result.stdout


def test_each_line_of_a_pipe_is_a_complaint_and_blank_ones_are_none(tmp_path):
    out = tmp_path / "out.csv"
    result = assess("-", "--out", out, piped=f"\ufeff{LATE}\r\n \n{FULL}")
    assert result.exit_code == 0
    head, *rows = out.read_text("utf-8-sig").splitlines()
    assert head == ",".join(COLUMNS)
    assert [row.split(",")[0] for row in rows] == ["1", "3"]


def test_a_piped_text_is_read_as_it_stands(tmp_path):
    out = tmp_path / "out.jsonl"
    assess("-", "--out", out, piped=f"  {LATE}\r\n")
    (line,) = lines_of(out)
    assert line["text"]["chars"] == 6


def test_piped_objects_have_fields_and_columns_of_ones_own(tmp_path):
    out = tmp_path / "out.jsonl"
    piped = json.dumps({"原话": LATE, "工单号": "A", "心情": "差"})
    result = assess("-", "--jsonl", "--column", "原话=text", "--out", out, piped=piped)
    assert "stdin: 未使用的列 columns not used: 心情" in result.stderr
    assert [line["case_id"] for line in lines_of(out)] == ["A"]


def test_a_broken_line_is_named_and_the_others_go_on(tmp_path):
    piped = f"{LATE}\n".encode() + b"\xc0\xed\n"
    result = assess("-", piped=piped)
    assert result.exit_code == 1
    assert "stdin:2: found byte 0xc0 at offset 0 of the line, wanted UTF-8" in result.stderr
    assert "理赔时效" in result.stdout


def test_given_texts_go_on_where_a_run_with_the_same_ones_stopped(tmp_path):
    class Interrupted(KeywordAnalyzer):
        def assess(self, records, *, batch_tokens=4096):
            if records[0].text == FULL:
                raise KeyboardInterrupt
            return super().assess(records)

    def resumed(*texts: str, analyzer: KeywordAnalyzer) -> int:
        given = input_of((), texts=texts, objects=False, fields={})
        return score_input(given, tmp_path / "out.jsonl", analyzer=analyzer, chunk=1).resumed

    for texts, count in (((LATE, FULL), 1), ((LATE, LATE), 0)):
        with pytest.raises(KeyboardInterrupt):
            resumed(LATE, FULL, analyzer=Interrupted())
        assert resumed(*texts, analyzer=KeywordAnalyzer()) == count


@pytest.mark.parametrize(
    ("words", "piped", "reason"),
    [
        ([], None, "wanted one of INPUT, - or --text"),
        (["in.jsonl", "--text", LATE], None, "wanted one of INPUT, - or --text"),
        (["-", "--text", LATE], LATE, "wanted one of INPUT, - or --text"),
        (["--text", LATE, "--text", " "], None, "number 2: found an empty text"),
        (["--text", LATE, "--jsonl"], None, "--jsonl: 只与 - 同用"),
        (["in.jsonl", "--jsonl"], None, "--jsonl: 只与 - 同用"),
        (["--text", LATE, "--column", "原话=text"], None, "--column: 只用于文件"),
        (["-", "--column", "原话=text"], LATE, "--column: 只用于文件"),
        (["-", "--engine", "ray", "--out", "x.csv"], LATE, "--engine: ray: 需要文件"),
        (["-"], " \n", "stdin: found no complaint, wanted one a line"),
        (["-"], LATE.encode("utf-16"), "stdin: found UTF-16"),
        ([LATE], None, "给文本请用 --text"),
        ([LATE * 100], None, "给文本请用 --text"),
        (["--text", FULL, LATE, LATE], None, "found 2, wanted one"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name_without_the_text(words, piped, reason):
    result = assess(*words, piped=piped)
    assert result.exit_code == 2
    said = " ".join(result.stderr.replace("│", " ").split())
    assert reason in said
    assert LATE not in said
