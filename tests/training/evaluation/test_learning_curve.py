"""The learning curve: who is left out, what each share holds, and what is written."""

import csv
import itertools

import pytest
from typer.testing import CliRunner

import training.evaluation.learning_curve as curve
from models.record import LabelledRecord, Record
from models.taxonomy import default_taxonomy
from training.evaluation.learning_curve import (
    ALL,
    SHARES,
    group_table,
    measure_shares,
    summary,
    write_learning_curve,
)
from training.evaluation.power_law import PowerLawError

TAXONOMY = default_taxonomy()
WORDS = {
    "CLAIM.CLAIM_DELAY": ("理赔款", "赔付", "理赔资料"),
    "SERVICE.HOTLINE": ("热线", "人工客服", "机器人"),
    "SERVICE.ATTITUDE": ("柜员态度", "被柜员骂", "说话难听"),
}


def complaints(*writers: str | None) -> list[LabelledRecord]:
    """Sixteen short complaints of each cause and writer, no two alike."""
    records = []
    for writer, (cause, words) in itertools.product(writers, WORDS.items()):
        for at in range(16):
            tail = "".join(chr(0x4E00 + 97 * at + 13 * len(records) + k) for k in range(6))
            text = f"{words[at % 3]}催了{tail}还没人管"
            records.append(LabelledRecord(Record(text), cause, (cause,), writer=writer))
    return records


RECORDS = complaints("x1", "x2", "w1")


@pytest.fixture(scope="module")
def points():
    return measure_shares(RECORDS, taxonomy=TAXONOMY, seeds=2)


def test_whole_writers_are_left_out(points):
    assert {(p.left_out, p.tested) for p in points if p.group == ALL} == {("x1", 48), ("x2", 48)}


def test_shares_grow_and_the_whole_is_measured_once(points):
    own = [(p.share, p.seed) for p in points if p.group == ALL and p.left_out == "x1"]
    assert own == [*((share, 0) for share in SHARES), *((share, 1) for share in SHARES[:-1])]
    assert [p.records for p in points if p.group == ALL][:5] == [24, 36, 48, 72, 96]


def test_groups_add_up_to_all(points):
    first = [p for p in points if (p.left_out, p.seed, p.share) == ("x1", 0, 1.0)]
    (whole,) = [p for p in first if p.group == ALL]
    groups = [p for p in first if p.group != ALL]
    assert {p.group for p in groups} == {"CLAIM", "SERVICE"}
    for name in ("tested", "level1_right", "level2_right"):
        assert sum(getattr(p, name) for p in groups) == getattr(whole, name)


def test_a_unit_is_never_divided_between_shares():
    records = [
        LabelledRecord(one.record, one.primary, one.causes, group=f"g{at // 8}", writer=one.writer)
        for at, one in enumerate(RECORDS)
    ]
    sizes = {p.records for p in measure_shares(records, taxonomy=TAXONOMY, seeds=1)}
    assert all(size % 8 == 0 for size in sizes)


def test_without_writers_to_leave_out_folds_are():
    points = measure_shares(complaints(None), taxonomy=TAXONOMY, seeds=1)
    assert {p.left_out for p in points} == {f"fold {n}" for n in range(1, 6)}


def test_causes_are_in_the_order_of_what_doubling_gains(points):
    gained = [float(row[-1]) for row in group_table(points, taxonomy=TAXONOMY).rows]
    assert gained == sorted(gained, reverse=True)
    assert len(gained) == 2


def test_both_levels_are_told_at_half_and_whole(points):
    assert [row[0] for row in summary(points).rows] == ["1", "2"]


def test_page_plot_and_points_are_written_without_a_text(points, tmp_path):
    page = write_learning_curve(points, tmp_path, taxonomy=TAXONOMY)
    assert {path.name for path in tmp_path.iterdir()} == {
        "learning_curve.csv", "learning_curve.md", "learning_curve.png",
    }  # fmt: skip
    with (tmp_path / "learning_curve.csv").open(encoding="utf-8", newline="") as lines:
        assert len(list(csv.DictReader(lines))) == len(points)
    assert "还没人管" not in page.read_text("utf-8")


def test_too_few_records_are_refused():
    with pytest.raises(PowerLawError, match="1 units found, at least 5 wanted"):
        measure_shares(complaints(None)[:1], taxonomy=TAXONOMY)


def test_a_file_that_cannot_be_read_is_exit_code_two(tmp_path):
    import typer

    app = typer.Typer()
    app.command()(curve.main)
    result = CliRunner().invoke(app, ["--data", str(tmp_path / "gone.jsonl"), "--out", "o"])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "gone.jsonl" in result.stderr
