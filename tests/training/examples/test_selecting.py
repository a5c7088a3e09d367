"""Active selection: uncertain, rare and diverse cases, each with the reason, none of them twice."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import xiaobao
from models.decoding import Reading
from models.record import LabelledRecord, Record
from training.examples.annotating.selecting import Selected, doubt_of, select
from training.examples.checking import FEWEST


@pytest.fixture(scope="module")
def records(samples: list[LabelledRecord]) -> list[Record]:
    return [labelled.record for labelled in samples]


@pytest.fixture(scope="module")
def selected(records: list[Record], tiny_analyzer: Any) -> list[Selected]:
    return select(records, analyzer=tiny_analyzer, count=12)


def reading(*primary: float, labels: tuple[float, ...] = (0.5,)) -> Reading:
    return Reading(np.array(labels), np.array(primary), 0.0, np.zeros(1), "", "", "")


def test_a_doubt_is_the_gap_between_the_two_first_causes():
    doubt = doubt_of(reading(0.2, 0.45, 0.35), ("A", "B", "C"))
    assert (doubt.first, doubt.second, round(doubt.margin, 6)) == ("B", "C", 0.1)


@pytest.mark.parametrize(("shares", "bits"), [((0.5, 0.5), 2.0), ((0.0, 1.0), 0.0)])
def test_entropy_counts_bits_over_all_labels(shares: tuple[float, ...], bits: float):
    assert doubt_of(reading(0.6, 0.4, labels=shares), ("A", "B")).entropy == pytest.approx(
        bits, abs=1e-6
    )


def test_a_taxonomy_of_one_cause_has_no_second():
    assert doubt_of(reading(1.0), ("A",)).margin == 1.0


def test_as_many_are_selected_as_asked_each_once(selected: list[Selected]):
    assert len({one.place for one in selected}) == len(selected) == 12


def test_a_quarter_of_the_places_is_for_rare_labels(selected: list[Selected], tiny_analyzer: Any):
    rare = [one for one in selected if one.reason == "rare"]
    known = tiny_analyzer.bundle.calibration.labels
    assert 1 <= len(rare) <= 3
    assert all(known[one.label].positives < FEWEST for one in rare)


def test_those_selected_are_less_sure_than_the_others(
    selected: list[Selected], records: list[Record], tiny_analyzer: Any
):
    causes = tiny_analyzer.bundle.labels.causes
    scores = tiny_analyzer.score(records)
    margins = [doubt_of(tiny_analyzer.read(each), causes).margin for each in scores]
    chosen = [margins[one.place] for one in selected if one.reason == "uncertain"]
    assert np.mean(chosen) < np.mean(margins)


def test_the_same_call_selects_the_same(
    selected: list[Selected], records: list[Record], tiny_analyzer: Any
):
    assert select(records, analyzer=tiny_analyzer, count=12) == selected


def test_near_duplicates_give_one_case_that_says_for_how_many_it_stands(
    records: list[Record], tiny_analyzer: Any
):
    text = max((record.text for record in records), key=len)
    copies = [Record(text + tail) for tail in ("。", "！", "。谢谢")]
    found = select(copies, analyzer=tiny_analyzer, count=3)
    assert [one.alike for one in found] == [3]
    assert "stands for 3" in found[0].why


def test_a_group_gives_one_case(records: list[Record], tiny_analyzer: Any):
    few = [record for record in records if len(record.text) < 100][:6]
    groups = ["g", "g", "g", None, None, None]
    found = select(few, analyzer=tiny_analyzer, count=6, groups=groups)
    assert sum(groups[one.place] == "g" for one in found) == 1


def test_of_two_topics_both_are_taken(tiny_analyzer: Any):
    claim = [f"第{n}次理赔材料交了{'很久' * n}还没有结果" for n in range(2, 12)]
    login = [f"手机软件登录{'失败' * n}验证码收不到" for n in range(2, 4)]
    texts = [Record(text) for text in claim + login]
    groups = [str(n) for n in range(len(texts))]
    found = select(texts, analyzer=tiny_analyzer, count=2, groups=groups)
    assert len({texts[one.place].text[0] for one in found}) == 2


def test_the_command_writes_cases_with_reasons_and_shows_no_text(
    records: list[Record], tiny_bundle: Path, tmp_path: Path
):
    rows = [{"case_id": f"T-{n}", "text": record.text} for n, record in enumerate(records)]
    file, out = tmp_path / "cases.jsonl", tmp_path / "chosen.jsonl"
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    file.write_text("\n".join([*lines, '{"text": ""}']), "utf-8")
    words = ["select", file, "--bundle", tiny_bundle, "--count", 5, "--out", out]
    result = CliRunner().invoke(xiaobao.app, [str(word) for word in words])
    assert result.exit_code == 1, result.output  # one row is broken
    assert f"cases.jsonl:{len(rows) + 1}: text" in result.stderr
    chosen = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert len(chosen) == 5
    texts = {row["case_id"]: row["text"] for row in rows}
    for row in chosen:
        assert texts[row["case_id"]] == row["text"]
        assert row["selection"]["why"] in result.stderr
    assert not any(row["text"] in result.output for row in rows)


def test_what_is_labelled_already_is_passed_over_and_counted(tiny_bundle: Path, tmp_path: Path):
    rows = [{"case_id": "T-1", "text": "理赔太慢", "primary": "CLAIM.CLAIM_DELAY"}]
    rows += [{"case_id": "T-2", "text": "柜员说是存款"}, {"case_id": "T-3", "text": "登不上去"}]
    file, out = tmp_path / "cases.jsonl", tmp_path / "chosen.jsonl"
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    words = ["select", file, "--bundle", tiny_bundle, "--count", 3, "--out", out]
    result = CliRunner().invoke(xiaobao.app, [str(word) for word in words])
    assert "cases.jsonl: 1 件已有标签" in result.stderr
    chosen = [json.loads(line)["case_id"] for line in out.read_text("utf-8").splitlines()]
    assert sorted(chosen) == ["T-2", "T-3"]
