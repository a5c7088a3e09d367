"""Drift: nothing is found where nothing moved, and each kind of move is found where it is."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

import models.analyzer
from models.assessment import Assessment
from models.record import Record
from tests.support.readers import KeywordAnalyzer
from training.drift.drift import DriftError, Read, find_drift
from training.drift.page import as_json, summary, write_page
from training.drift.shifts import (
    Shift,
    corrected,
    shift_of_names,
    shift_of_numbers,
    stability_index,
)
from training.drift.telling import changed_words, tell_apart
from training.examples.provenance import digest
from xiaobao import app

CLAUSES = (
    "理赔四十天没有下文", "续期扣款扣了两次", "手机软件改不了地址", "医院发票交了还要补",
    "客服电话一直排队", "红利通知没有收到", "受益人变更办了三次", "退保金额和当初说的不同",
)  # fmt: skip


def texts(count: int, seed: int = 0, *, more: str = "") -> list[str]:
    drawn = np.random.default_rng(seed)
    return ["、".join(drawn.choice(CLAUSES, 3, replace=False)) + more for _ in range(count)]


def with_probability(answer: Assessment, probability: float) -> Assessment:
    primary = replace(answer.root_cause.primary, probability=probability)
    return replace(answer, root_cause=replace(answer.root_cause, primary=primary))


def read(found: list[str], *, sure: float | None = None) -> Read:
    """A set as the small analyzer reads it; ``sure``: probability of every primary cause."""
    answers = KeywordAnalyzer().assess([Record(text) for text in found])
    if sure is not None:
        drawn = np.random.default_rng(len(found)).normal(sure, 0.02, len(found))
        answers = [with_probability(one, p) for one, p in zip(answers, drawn, strict=True)]
    return Read(found, answers)


# --- one distribution ---------------------------------------------------------------------------


def test_the_index_is_nothing_for_equal_shares_and_as_computed_by_hand():
    assert stability_index(np.array([10, 30]), np.array([10, 30])) == 0
    one, two = np.array([10.5, 30.5]) / 41, np.array([20.5, 20.5]) / 41
    wanted = float(((two - one) * np.log(two / one)).sum())
    assert stability_index(np.array([10, 30]), np.array([20, 20])) == pytest.approx(wanted)


def test_numbers_of_one_distribution_have_not_moved_and_others_have():
    drawn = np.random.default_rng(1)
    one, same, other = (drawn.normal(mean, 1, 400) for mean in (0, 0, 1))
    assert shift_of_numbers("n", one, same).size == "none"
    assert shift_of_numbers("n", one, other).size == "much"


def test_a_number_that_never_differs_has_not_moved():
    shift = shift_of_numbers("n", [3.0] * 60, [3.0] * 90)
    assert (shift.index, shift.size) == (pytest.approx(0, abs=1e-9), "none")


def test_names_are_told_with_their_most_frequent():
    shift = shift_of_names("n", ["a"] * 80 + ["b"] * 20, ["a"] * 20 + ["b"] * 80)
    assert (shift.before, shift.after, shift.size) == ("a 80%", "b 80%", "much")
    assert shift_of_names("n", ["a"] * 60, ["a"] * 60).size == "none"


def test_names_too_rare_to_compare_are_counted_together():
    rare = [f"r{n}" for n in range(40)]
    assert shift_of_names("n", ["a"] * 100 + rare, ["a"] * 100 + rare[::-1]).chance > 0.9


def test_asking_often_makes_a_single_answer_less_sure():
    shifts = [Shift(f"{n}", "", "", 0.3, chance) for n, chance in enumerate((0.02, 0.3, 0.6, 0.9))]
    assert [one.size for one in shifts] == ["much", "none", "none", "none"]
    assert [one.size for one in corrected(shifts)] == ["none"] * 4
    assert corrected([]) == ()


# --- texts told apart ---------------------------------------------------------------------------


def test_texts_of_one_kind_cannot_be_told_apart_and_others_can():
    assert tell_apart(texts(150), texts(150, 1)).auc < 0.6
    told = tell_apart(texts(150), texts(150, 1, more=",停运期间无法登录"))
    assert told.auc > 0.9
    assert told.chance < 0.001
    assert "登录" in [one.word for one in told.words]


def test_a_name_is_never_told():
    named = changed_words(texts(60), texts(60, 1, more=",我叫索国强,联系李娜"))
    assert not {"索国强", "国强", "李娜"} & {one.word for one in named}


# --- two sets -----------------------------------------------------------------------------------


def test_two_halves_of_one_set_are_steady():
    drift = find_drift(read(texts(200), sure=0.9), read(texts(210, 1), sure=0.9))
    assert drift.verdict == "steady"
    assert {shift.size for shift in drift.shifts} <= {"none", "little"}


def test_texts_of_another_kind_are_worth_a_look():
    drift = find_drift(read(texts(200), sure=0.9), read(texts(210, 1, more="停运" * 40), sure=0.9))
    assert drift.verdict == "look"
    assert drift.shifts[0].name.startswith("字数")


def test_a_bundle_that_is_less_sure_calls_for_action():
    drift = find_drift(read(texts(200), sure=0.9), read(texts(210, 1), sure=0.8))
    assert drift.verdict == "act"
    assert drift.fall.value == pytest.approx(-0.1, abs=0.01)
    assert drift.expected_after == pytest.approx(0.8, abs=0.01)


def test_too_few_complaints_are_not_compared():
    with pytest.raises(DriftError, match=r"after: found 49 complaints, wanted 50 or more"):
        find_drift(read(texts(50)), read(texts(49)))


def test_the_page_holds_figures_and_no_text(tmp_path):
    drift = find_drift(read(texts(80)), read(texts(80, 1, more=",我叫索国强,停运期间无法登录")))
    answer, page = write_page(drift, tmp_path / "new")
    assert json.loads(answer.read_text("utf-8")) == as_json(drift)
    told = page.read_text("utf-8") + answer.read_text("utf-8")
    assert "登录" in told
    assert not any(clause in told for clause in (*CLAUSES, "索国强"))
    assert all(line in told for line in summary(drift))


# --- the command --------------------------------------------------------------------------------


def test_the_command_tells_and_writes(monkeypatch, tmp_path):
    analyzer = KeywordAnalyzer()
    learned = [digest(Record(text)) for text in set(texts(60)[:3])]
    analyzer.bundle = SimpleNamespace(manifest={"training": {"texts": learned}})  # type: ignore[attr-defined]
    monkeypatch.setattr(models.analyzer, "load_analyzer", lambda *_: analyzer)
    files = tmp_path / "before.jsonl", tmp_path / "after.jsonl"
    for file, found in zip(files, (texts(60), [*texts(60, 1), ""]), strict=True):
        rows = (json.dumps({"text": text}, ensure_ascii=False) for text in found)
        file.write_text("\n".join(rows), "utf-8")
    result = CliRunner().invoke(app, ["drift", *map(str, files), "--report", str(tmp_path / "r")])
    assert result.exit_code == 1  # one row failed
    assert "after.jsonl:61" in result.stderr
    assert "60 / 60 件" in result.stdout
    assert "were learned from" in result.stdout
    assert sorted(file.name for file in (tmp_path / "r").iterdir()) == ["drift.json", "drift.md"]
