import json
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from models.record import Record
from serving.register import opening
from serving.register.database import write
from serving.register.register import Register
from serving.register.reviews import Review
from serving.settings import read_settings
from tests.support.readers import KeywordAnalyzer
from xiaobao import app

LINES = [
    {"case_id": "T-1", "text": "理赔资料交了四十天。", "meta": {"phone": "19900001101"}},
    {"case_id": " ", "text": "我要全额退保。"},
    {"case_id": "T-3", "text": "理赔太慢。"},
]
UNLIKE = ("理赔四十天没有下文", "多扣的一笔请退到原卡", "地址改不了也没人管")


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setattr("models.analyzer.load_analyzer", lambda *_, **__: KeywordAnalyzer())
    monkeypatch.setenv("XIAOBAO_DATA_DIR", str(tmp_path / "data"))
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "in.jsonl", LINES)


def write_lines(path: Path, lines: list) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def open_register(tmp_path: Path) -> Register:
    folder = tmp_path / "data"
    url = f"sqlite:///{folder / 'register.db'}"
    return Register.open(url, key_file=folder / "identifier.keys")


def test_a_file_is_imported_and_its_cases_can_be_read(run, source, tmp_path):
    result = run("import", source)
    assert (result.exit_code, "新登记 3 件" in result.stderr) == (0, True)
    with open_register(tmp_path) as register:
        assert register.get("T-1").text == "理赔资料交了四十天。"
        assert register.verify_audit().entries == 3


def test_a_file_imported_again_adds_nothing_even_where_rows_have_no_id(run, source):
    run("import", source)
    assert "新登记 0 件 new cases,已有 3 件" in run("import", source).stderr


def test_links_of_an_import_are_judged_by_its_bundle(run, source, tmp_path):
    # The analyzer is a fake that needs no bundle; the register is not.
    result = run("import", source, "--bundle", tmp_path)
    assert (result.exit_code, "manifest.json" in result.stderr) == (2, True)


def test_an_import_goes_on_where_it_stopped(run, source, tmp_path, monkeypatch):
    class Interrupted(KeywordAnalyzer):
        reads = 0

        def assess(self, records, *, batch_tokens=4096):
            self.reads += 1
            if self.reads > 1:
                raise KeyboardInterrupt
            return super().assess(records)

    one = Interrupted()
    monkeypatch.setattr("models.analyzer.load_analyzer", lambda *_, **__: one)
    monkeypatch.setattr("serving.register.importing.CHUNK", 1)
    result = run("import", source)
    assert (result.exit_code, "goes on" in result.stderr) == (130, True)
    monkeypatch.setattr("models.analyzer.load_analyzer", lambda *_, **__: KeywordAnalyzer())
    assert "新登记 2 件 new cases,已有 1 件" in run("import", source).stderr


def test_a_row_that_gives_no_case_is_told_by_exit_code_one(run, tmp_path):
    source = write_lines(tmp_path / "in.jsonl", [*LINES, {"text": 5}])
    result = run("import", source)
    assert result.exit_code == 1
    assert "in.jsonl:4" in result.stderr


def test_nothing_can_be_imported_into_no_database(run, source):
    result = run("import", source, "--database", "none")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)


def test_a_case_is_forgotten_once_it_is_confirmed(run, source, tmp_path):
    run("import", source)
    assert CliRunner().invoke(app, ["forget", "T-1"], input="n\n").exit_code == 2
    with open_register(tmp_path) as register:
        assert register.get("T-1").text
    assert run("forget", "T-1", "--yes").exit_code == 0
    assert run("forget", "T-1", "--yes").exit_code == 2
    assert run("audit", "verify").exit_code == 0


def test_where_nobody_can_be_asked_nothing_is_forgotten_and_yes_is_wanted(run, source):
    run("import", source)
    result = run("forget", "--older-than", "0")
    assert result.exit_code == 2
    assert "wanted --yes" in result.stderr
    assert "3 件" in run("forget", "--older-than", "0", "--yes").stderr


def test_old_cases_are_forgotten_all_at_once(run, source):
    run("import", source)
    assert "3 件" in run("forget", "--older-than", "0", "--yes").stderr


@pytest.mark.parametrize("words", [(), ("T-1", "--older-than", "3")])
def test_forgetting_wants_a_case_or_an_age(run, words):
    assert run("forget", *words, "--yes").exit_code == 2


@pytest.mark.parametrize("days", ["-1", "nan", "inf", "36501", "1000000"])
def test_an_age_that_no_calendar_has_is_wrong_usage_and_forgets_nothing(run, source, days):
    run("import", source)
    result = run("forget", "--older-than", days, "--yes")
    assert result.exit_code == 2
    assert "--older-than" in result.stderr
    assert "3 件" in run("forget", "--older-than", "0", "--yes").stderr


def test_the_audit_names_the_first_broken_entry(run, source, tmp_path):
    run("import", source)
    with open_register(tmp_path) as register, write(register.engine) as connection:
        connection.execute(text("DROP TRIGGER audit_keeps_updated"))
        connection.execute(text("UPDATE audit SET facts = '{}' WHERE number = 2"))
    result = run("audit", "verify")
    assert result.exit_code == 1
    assert "entry 2" in result.stderr


def test_a_noted_head_is_found_again(run, source):
    run("import", source)
    head = run("audit", "verify").stdout.split()[-1]
    run("rotate-key")
    assert run("audit", "verify", "--head", head).exit_code == 0
    assert run("audit", "verify", "--head", "f" * 64).exit_code == 1


def test_reviews_are_exported_one_a_line(run, source, tmp_path):
    run("import", source)
    with open_register(tmp_path) as register:
        register.submit_review("T-3", Review("accept", "甲组")).result()
    out = tmp_path / "reviews.jsonl"
    assert run("reviews", "--out", out).exit_code == 0
    (row,) = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert (row["id"], row["text"]) == ("T-3/1", "理赔太慢。")


@pytest.mark.parametrize(
    ("out", "reason"),
    [
        ("reviews.csv", "found suffix '.csv', wanted .jsonl"),
        ("none/reviews.jsonl", "wanted an existing one"),
        ("folder.jsonl", "is a directory, wanted a file"),
    ],
)
def test_reviews_are_written_where_they_can_be(run, tmp_path, out, reason):
    (tmp_path / "folder.jsonl").mkdir()
    result = run("reviews", "--out", tmp_path / out)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_encrypted_texts_are_exported_clear_only_when_asked_for(run, tmp_path, monkeypatch):
    monkeypatch.setenv("XIAOBAO_STORED_TEXT", "encrypted")
    run("import", write_lines(tmp_path / "in.jsonl", [{"case_id": "A", "text": "理赔19900001101"}]))
    with open_register(tmp_path) as register:
        register.submit_review("A", Review("accept", "甲组")).result()
    texts = []
    for more in ((), ("--clear",)):
        run("reviews", "--out", tmp_path / "x.jsonl", *more)
        texts.append(json.loads((tmp_path / "x.jsonl").read_text("utf-8"))["text"])
    assert texts == ["理赔" + "*" * 11, "理赔19900001101"]


def test_a_rotated_key_is_told_by_its_id_alone(run, tmp_path):
    first, second = (run("rotate-key").stdout.split()[-1] for _ in range(2))
    assert first != second
    with open_register(tmp_path) as register:
        record = Record("理赔", case_id="T-1")
        register.accept(record, KeywordAnalyzer().assess([record])[0])


def test_an_import_reads_with_the_bundle_and_runtime_of_the_settings(
    run, source, monkeypatch, tiny_bundle
):
    asked = []

    def load(directory, *, threads, wanted, report):
        asked.append((directory, threads, wanted.runtime, wanted.precision))
        return KeywordAnalyzer()

    monkeypatch.setattr("models.analyzer.load_analyzer", load)
    monkeypatch.setenv("XIAOBAO_BUNDLE", str(tiny_bundle))
    monkeypatch.setenv("XIAOBAO_THREADS", "3")
    monkeypatch.setenv("XIAOBAO_RUNTIME", "openvino")
    monkeypatch.setenv("XIAOBAO_PRECISION", "fp32")
    assert run("import", source).exit_code == 0
    assert asked == [(tiny_bundle, 3, "openvino", "fp32")]


@pytest.mark.parametrize(("listed", "tied"), [("^19900001101$", 0), ("^95519$", 1)])
def test_the_register_links_by_the_list_of_hubs_of_the_settings(
    run, tmp_path, monkeypatch, listed, tied
):
    hubs = tmp_path / "hubs.yaml"
    hubs.write_text(f"phone: ['{listed}']\n", "utf-8")
    monkeypatch.setenv("XIAOBAO_HUBS", str(hubs))
    lines = [{**LINES[0], "case_id": f"T-{n}", "text": text} for n, text in enumerate(UNLIKE)]
    assert run("import", write_lines(tmp_path / "in.jsonl", lines)).exit_code == 0
    with opening.open_register(read_settings()) as register:
        assert len(register.groups(limit=9)) == tied


def test_a_list_of_hubs_that_is_not_there_is_named(run, source, monkeypatch, tmp_path):
    monkeypatch.setenv("XIAOBAO_HUBS", str(tmp_path / "none.yaml"))
    result = run("import", source)
    assert (result.exit_code, "none.yaml" in result.stderr) == (2, True)
