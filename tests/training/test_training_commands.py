import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner, Result

import training.pretraining.corpora
import xiaobao
from models.bundle import load_bundle
from tests.support.places import ROOT
from tests.support.tiny import save_modernbert, write_complaints


def run(*words: object) -> Result:
    torch.set_num_threads(1)
    return CliRunner().invoke(xiaobao.app, [str(word) for word in words])


def refused(*words: object) -> str:
    """What a command said that ended with exit code 2: one line, no traceback."""
    result = run(*words)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
    return result.stderr


def halves(file: Path) -> tuple[Path, Path]:
    """The lines of a file in two: every other one."""
    lines = file.read_text("utf-8").splitlines(keepends=True)
    parts = file.with_name("a.jsonl"), file.with_name("b.jsonl")
    for number, part in enumerate(parts):
        part.write_text("".join(lines[number::2]), "utf-8")
    return parts


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> tuple[Path, Path]:
    return halves(write_complaints(tmp_path_factory.mktemp("data") / "all.jsonl"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory, tiny_tokenizer) -> Path:
    directory = tmp_path_factory.mktemp("base") / "bare"
    return save_modernbert(directory, tiny_tokenizer, positions=64, layers=1)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, bare) -> tuple[Path, Result]:
    """An encoder pretrained on two files named after one option, and what was said."""
    folder = tmp_path_factory.mktemp("pretrained")
    files = folder / "a.txt", folder / "b.txt"
    for file in files:
        file.write_text(f"{file.stem}资料交齐两个月没有任何回音\n" * 40, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.pretraining.corpora, "BUFFER", 32)
        result = run(
            "pretrain", "--corpus", *files, "--base", bare, "--out", folder / "encoder",
            "--minutes", "0.01", "--batch", "4", "--length", "32",
        )  # fmt: skip
    return folder / "encoder", result


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data, pretrained) -> tuple[Path, Result]:
    """A bundle trained on two files named after one option, and what was said."""
    out = tmp_path_factory.mktemp("trained") / "bundle"
    result = run(
        "train", "--data", *data, "--base", pretrained[0], "--out", out,
        "--epochs", "1", "--batch-tokens", "1024",
    )  # fmt: skip
    return out, result


def figures(report: Path) -> dict[str, Any]:
    return json.loads((report / "report.json").read_text("utf-8"))


# --- pretrain -----------------------------------------------------------------------------------


def test_pretraining_says_where_the_encoder_is(pretrained):
    out, result = pretrained
    assert result.exit_code == 0, result.output
    assert f"encoder: {out}" in result.stderr


def test_pretraining_reads_each_file_after_one_option(pretrained, bare, tmp_path):
    missing = refused(
        "pretrain", "--corpus", ROOT / "README.md", tmp_path / "no.txt", "--base", bare,
        "--out", tmp_path / "out", "--length", "32",
    )  # fmt: skip
    assert "no.txt: cannot be read" in missing


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--length", "65"), "length: 65 found, at most 64 tokens wanted"),
        (("--device", "abacus"), "--device: 'abacus' is not available"),
    ],
)
def test_pretraining_refuses_in_one_line(bare, tmp_path, options, message):
    words = ("pretrain", "--corpus", ROOT / "README.md", "--base", bare, "--out", tmp_path)
    assert message in refused(*words, *options)


# --- train --------------------------------------------------------------------------------------


def test_training_ends_with_a_bundle_and_says_where(trained):
    out, result = trained
    assert result.exit_code == 0, result.output
    assert f"bundle: {out} ({load_bundle(out).name})" in result.stderr


def test_training_tells_each_epoch(trained):
    assert "epoch 1: loss" in trained[1].stderr


def test_training_reads_both_files_after_one_option(trained):
    assert sum(load_bundle(trained[0]).manifest["training"]["examples"].values()) == 50


def test_training_takes_what_pretraining_wrote(trained):
    assert load_bundle(trained[0]).manifest["training"]["base"] == "encoder"


@pytest.mark.parametrize("part", ["development", "test"])
def test_reports_stand_beside_the_bundle(trained, part):
    report = trained[0].with_name("bundle-report") / part
    assert (report / "report.md").read_text("utf-8").startswith("#")
    noted = load_bundle(trained[0]).manifest
    assert figures(report)["network"]["records"] == noted["training"]["examples"][part]


def test_assess_answers_with_the_bundle(trained, data):
    code = "import sys, xiaobao; sys.argv[0] = 'xiaobao'; xiaobao.app()"
    out = trained[0].with_name("answers.jsonl")
    subprocess.run(
        [sys.executable, "-c", code, "assess", data[0], "--out", out, "--bundle", trained[0]],
        cwd=ROOT, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert len(out.read_text("utf-8").splitlines()) == 25


def test_training_on_nothing_usable_names_row_and_file(tmp_path):
    file = tmp_path / "bad.jsonl"
    file.write_text('{"text": "理赔太慢"}\n', "utf-8")
    result = run("train", "--data", file, "--out", tmp_path / "bundle")
    assert result.exit_code == 2
    assert "bad.jsonl:1" in result.stderr
    assert "bad.jsonl: no usable record found, one wanted" in result.stderr


def test_a_base_that_is_no_checkpoint_is_one_line(data, tmp_path):
    words = ("train", "--data", *data, "--base", tmp_path / "nowhere", "--out", tmp_path / "b")
    result = run(*words)
    assert result.exit_code == 2
    assert "nowhere: no usable checkpoint" in result.stderr.splitlines()[-1]


def test_an_unknown_device_is_told_before_anything_is_read(tmp_path):
    words = ("train", "--data", tmp_path / "gone.jsonl", "--out", tmp_path / "b")
    assert "--device: 'abacus' is not available; wanted auto, cpu or cuda" in refused(
        *words, "--device", "abacus"
    )


def test_the_current_directory_can_be_named_as_any_other(data, tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    result = run("train", "--data", *data, "--out", ".")
    assert result.exit_code == 2
    assert f"{tmp_path}: holds something else" in result.stderr


@pytest.mark.parametrize("option", ["--seed", "--split-seed"])
def test_a_seed_below_zero_is_wrong_usage(data, tmp_path, option):
    result = run("train", "--data", *data, "--out", tmp_path / "b", option, "-1")
    assert result.exit_code == 2
    assert option in result.stderr


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
@pytest.mark.parametrize("option", ["--adapt", "--learning-rate"])
def test_what_no_training_can_run_with_is_wrong_usage(data, tmp_path, option, value):
    result = run("train", "--data", *data, "--out", tmp_path / "b", option, value)
    assert result.exit_code == 2
    assert f"'{option}'" in result.stderr


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
@pytest.mark.parametrize("option", ["--minutes", "--learning-rate", "--words-from"])
def test_what_no_pretraining_can_run_with_is_wrong_usage(bare, tmp_path, option, value):
    (tmp_path / "a.txt").write_text("资料交齐两个月没有任何回音\n" * 40, "utf-8")
    words = ("--corpus", tmp_path / "a.txt", "--base", bare, "--out", tmp_path / "encoder")
    result = run("pretrain", *words, option, value)
    assert result.exit_code == 2
    assert f"'{option}'" in result.stderr


# --- evaluate -----------------------------------------------------------------------------------


def test_on_the_training_files_the_development_split_stands_beside_the_baseline(
    trained, data, tmp_path
):
    result = run("evaluate", trained[0], "--data", *data, "--report", tmp_path / "r")
    assert result.exit_code == 0, result.output
    found = figures(tmp_path / "r")
    known = figures(trained[0].with_name("bundle-report") / "development")
    assert "development" in found["title"]
    assert (found["network"], found["baseline"]) == (known["network"], known["baseline"])
    assert f"{tmp_path / 'r' / 'report.md'}" in result.stderr


def test_on_other_files_all_records_stand_without_a_baseline(trained, data, tmp_path):
    result = run("evaluate", trained[0], "--data", data[0], "--report", tmp_path / "r")
    assert result.exit_code == 0, result.output
    found = figures(tmp_path / "r")
    assert (found["network"]["records"], found["baseline"]) == (25, None)


def test_a_baseline_is_fitted_on_files_named_for_it(trained, data, tmp_path):
    result = run(
        "evaluate", trained[0], "--data", data[0], "--baseline-data", data[1],
        "--report", tmp_path / "r",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert figures(tmp_path / "r")["baseline"]["records"] == 25


def test_errors_are_written_for_the_analyst_and_no_text_is_shown(trained, data, tmp_path):
    lines = [line for file in data for line in file.read_text("utf-8").splitlines()]
    texts = [json.loads(line)["text"] for line in lines]
    result = run("evaluate", trained[0], "--data", *data, "--report", tmp_path / "r", "--errors")
    assert result.exit_code == 0, result.output
    page = (tmp_path / "r" / "errors.md").read_text("utf-8")
    assert "含投诉原文" in page
    assert "相近样例 nearest" in page  # the training split is at hand
    assert f"{tmp_path / 'r' / 'errors.md'}" in result.stderr
    assert not any(text in result.output for text in texts)


def test_without_being_asked_no_errors_are_written(trained, data, tmp_path):
    run("evaluate", trained[0], "--data", data[0], "--report", tmp_path / "r")
    assert not list((tmp_path / "r").glob("errors.*"))


def test_nearest_examples_come_from_files_named_for_it(trained, data, tmp_path):
    file = shutil.copy(data[1], tmp_path / "examples.jsonl")
    result = run(
        "evaluate", trained[0], "--data", data[0], "--report", tmp_path / "r", "--errors",
        "--train", file,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    with (tmp_path / "r" / "errors.csv").open(encoding="utf-8-sig", newline="") as lines:
        places = {row["nearest_place"].rpartition(":")[0] for row in csv.DictReader(lines)}
    assert places == {str(file)}


def test_training_files_without_errors_to_explain_are_refused(trained, data, tmp_path):
    words = ("evaluate", trained[0], "--data", data[0], "--train", data[1])
    assert "--train: found without --errors" in refused(*words, "--report", tmp_path / "r")


def test_a_file_whose_option_is_unclear_is_refused(trained, data, tmp_path):
    words = ("evaluate", trained[0], "--data", data[0], "--baseline-data", data[1], data[0])
    message = refused(*words, "--report", tmp_path / "r")
    assert f"{data[0]}: found without an option of its own" in message


def test_a_part_that_there_is_not_is_named(trained, data, tmp_path):
    words = ("evaluate", trained[0], "--data", *data, "--report", tmp_path, "--part", "exam")
    assert "--part: 'exam' found, one of auto, all, train, development, test wanted" in refused(
        *words
    )


def test_rows_that_failed_are_told_and_give_exit_code_one(trained, data, tmp_path):
    file = shutil.copy(data[0], tmp_path / "some.jsonl")
    with Path(file).open("a", encoding="utf-8") as rows:
        rows.write('{"text": "理赔太慢", "primary": "NO.SUCH"}\n')
    result = run("evaluate", trained[0], "--data", file, "--report", tmp_path / "r")
    assert result.exit_code == 1
    assert "some.jsonl:26" in result.stderr
    assert figures(tmp_path / "r")["network"]["records"] == 25


def test_a_bundle_that_is_missing_is_named(data, tmp_path):
    words = ("evaluate", tmp_path / "gone", "--data", *data, "--report", tmp_path / "r")
    assert "gone: no such directory; wanted a bundle directory" in refused(*words)


# --- check-data ---------------------------------------------------------------------------------


def test_checking_several_files_counts_their_records(data):
    result = run("check-data", *data, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["records"] == 50


def test_a_fault_is_named_and_gives_exit_code_one(data, tmp_path):
    file = tmp_path / "bad.jsonl"
    file.write_text('{"text": "理赔太慢", "primary": "NO.SUCH"}\n', "utf-8")
    result = run("check-data", *data, file)
    assert result.exit_code == 1
    assert "bad.jsonl:1" in result.stdout


def test_a_file_that_cannot_be_read_is_exit_code_two(tmp_path):
    assert "gone.jsonl" in refused("check-data", tmp_path / "gone.jsonl")


def test_likely_label_errors_are_findings_of_their_own(data):
    result = run("check-data", *data, "--json", "--label-errors")
    assert result.exit_code == 0
    kinds = {finding["kind"] for finding in json.loads(result.stdout)["findings"]}
    assert "wrong_primary" in kinds
