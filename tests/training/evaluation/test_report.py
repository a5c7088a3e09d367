"""The report: what is written, what it says of the network's lead, and what it never says."""

import io
import json
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.image import imread
from rich.console import Console

from models.codebook import default_codebook
from models.record import LabelledRecord, Record, Span
from models.taxonomy import default_taxonomy
from training.evaluation.intervals import Figure, Rate
from training.evaluation.metrics import Evaluation, measure
from training.evaluation.plots import Lettering, chinese_font
from training.evaluation.report import ReportError, as_json, as_table, verdicts, write_report
from training.evaluation.tables import shown, shown_rate
from training.predictions import Prediction

DELAY, PROMISE = "CLAIM.CLAIM_DELAY", "SALES_MISLEAD.YIELD_PROMISE"
FEE = "PS_FEE_SHARE"
FILES = {
    "report.json",
    "report.md",
    "reliability.png",
    "levels.png",
    "f1_level1.png",
    "f1_causes.png",
    "f1_signs.png",
    "coverage_risk.png",
}

GOLDS = [
    LabelledRecord(
        record=Record(f"第{n}次催办,材料交齐一直没赔", genre="own_words"),
        primary=DELAY if n % 2 else PROMISE,
        causes=(DELAY if n % 2 else PROMISE,),
        signs=(FEE,) if n % 4 == 0 else (),
        agent_run=n % 4 == 0,
        spans=(Span(0, 4, (DELAY if n % 2 else PROMISE,)),),
    )
    for n in range(40)
]


def answering(gold: LabelledRecord, *, right: bool) -> Prediction:
    primary = gold.primary if right else "SERVICE.ATTITUDE"
    return Prediction(
        primary=primary,
        primary_probability=0.9 if right else 0.4,
        causes=frozenset({primary}),
        signs=frozenset(gold.signs) if right else frozenset(),
        marks=frozenset(),
        level="REVIEW" if right and gold.signs else "NONE",
        agent_probability=0.8 if gold.agent_run and right else 0.1,
        spans=gold.spans,
        review_needed=not right,
    )


def evaluated(*, wrong: int, seed: int = 0) -> Evaluation:
    """The figures of a system that errs on the first ``wrong`` records."""
    said = [answering(gold, right=at >= wrong) for at, gold in enumerate(GOLDS)]
    return measure(
        GOLDS,
        said,
        taxonomy=default_taxonomy(),
        codebook=default_codebook(),
        seed=seed,
        resamples=100,
    )


GOOD, POOR = evaluated(wrong=4), evaluated(wrong=24)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("report") / "new"
    write_report(GOOD, baseline=POOR, directory=directory, title="评估", notes=["留一作者"])
    return directory


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """The files of a report without baseline on a machine without Chinese fonts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.evaluation.report.chinese_font", lambda: None)
        directory = tmp_path_factory.mktemp("alone")
        return write_report(GOOD, baseline=None, directory=directory, title="评估")


@pytest.fixture(scope="module")
def page(written: Path) -> str:
    return (written / "report.md").read_text("utf-8")


def test_every_file_is_written(written: Path) -> None:
    assert {path.name for path in written.iterdir()} == FILES


def test_the_paths_of_the_files_are_returned(alone: tuple[Path, ...]) -> None:
    assert {path.name for path in alone if path.is_file()} == FILES


def test_the_page_shows_every_plot(page: str) -> None:
    assert all(f"]({name})" in page for name in FILES if name.endswith(".png"))


@pytest.mark.parametrize("name", sorted(name for name in FILES if name.endswith(".png")))
def test_a_plot_is_an_image_with_something_on_it(written: Path, name: str) -> None:
    image = imread(written / name)
    assert image.shape[0] > 100
    assert image.std() > 0


def test_the_json_holds_both_systems_and_their_difference(written: Path) -> None:
    figures = json.loads((written / "report.json").read_text("utf-8"))
    ours, theirs = (figures[name]["level1_accuracy"]["value"] for name in ("network", "baseline"))
    lead = figures["differences"]["一级原因准确率 level-1 accuracy"]["value"]
    assert (ours, theirs, lead) == (0.9, 0.4, 0.5)


def test_the_json_holds_the_areas_of_both_under_coverage_and_risk(written: Path) -> None:
    areas = json.loads((written / "report.json").read_text("utf-8"))["risk_areas"]
    assert areas["network"]["area"] < areas["baseline"]["area"]


def test_the_page_tells_the_risk_of_the_surest_beside_the_curve(page: str) -> None:
    assert "| 90% | 0.000 | 0.600 |" in page  # what the baseline got wrong is all one tie
    places = [page.index(f"{name}.png") for name in ("reliability", "coverage_risk", "levels")]
    assert places == sorted(places)


def test_the_json_keeps_the_resamples_to_itself() -> None:
    assert as_json(GOOD, None)["network"]["level1_accuracy"].keys() == {"value", "low", "high"}


@pytest.mark.parametrize("name", ["report.json", "report.md"])
def test_no_text_of_a_complaint_is_written(written: Path, name: str) -> None:
    assert "催办" not in (written / name).read_text("utf-8")


def test_the_same_evaluation_gives_the_same_files(written: Path, tmp_path: Path) -> None:
    paths = write_report(GOOD, baseline=POOR, directory=tmp_path, title="评估", notes=["留一作者"])
    assert all(path.read_bytes() == (written / path.name).read_bytes() for path in paths)


def test_title_and_notes_stand_on_the_page(page: str) -> None:
    assert page.startswith("# 评估\n")
    assert "> 留一作者" in page


def test_every_row_of_a_table_has_as_many_cells_as_its_head(page: str) -> None:
    tables = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
    assert len(tables) == 11
    assert all(len({line.count(" | ") for line in table}) == 1 for table in tables)


def test_without_a_baseline_no_column_waits_for_one(alone: tuple[Path, ...]) -> None:
    heads = [x for x in alone[1].read_text("utf-8").splitlines() if x.startswith("| ")]
    assert not any("基线" in head or "差值" in head for head in heads)


@pytest.mark.parametrize(
    ("ours", "theirs", "wanted"),
    [(GOOD, POOR, "高于 0"), (POOR, GOOD, "低于 0"), (GOOD, GOOD, "区间含 0")],
)
def test_the_verdict_says_plainly_who_leads(
    ours: Evaluation, theirs: Evaluation, wanted: str
) -> None:
    assert wanted in verdicts(ours, theirs)[0]


def test_a_lead_that_is_undefined_is_not_judged() -> None:
    silent = replace(GOOD, level1_accuracy=Figure(None))
    assert "无法比较" in verdicts(silent, POOR)[0]


def test_a_baseline_under_another_seed_is_refused(tmp_path: Path) -> None:
    other = evaluated(wrong=24, seed=1)
    with pytest.raises(ReportError, match="the same records, labels, seed"):
        write_report(GOOD, baseline=other, directory=tmp_path, title="评估")


def test_the_terminal_sees_the_main_figures() -> None:
    console = Console(width=200, file=io.StringIO())
    console.print(as_table(GOOD, POOR))
    line = next(x for x in console.file.getvalue().splitlines() if "一级原因准确率" in x)
    assert "0.900 [" in line
    assert "+0.500 [" in line


@pytest.mark.parametrize(
    ("figure", "wanted"),
    [
        (Figure(None), "—"),
        (Figure(0.5), "0.500"),
        (Figure(0.5, 0.25, 0.75), "0.500 [0.250, 0.750]"),
    ],
)
def test_a_figure_is_shown_with_what_is_known(figure: Figure, wanted: str) -> None:
    assert shown(figure) == wanted


def test_a_rate_is_shown_with_its_counts() -> None:
    assert shown_rate(Rate(0, 0)) == "0/0 = —"
    assert shown_rate(Rate(1, 4)) == "1/4 = 0.250 [0.006, 0.806]"


def test_the_first_installed_font_is_taken() -> None:
    font = chinese_font(("No Such Sans", "DejaVu Sans", "DejaVu Serif"))
    assert font is not None
    assert font.get_name() == "DejaVu Sans"


def test_without_a_chinese_font_the_report_says_so(alone: tuple[Path, ...]) -> None:
    assert "没有中文字体" in alone[1].read_text("utf-8")


@pytest.mark.parametrize(
    ("font", "wanted"), [(None, "recall"), (FontProperties(), "召回率 recall")]
)
def test_words_are_chosen_by_the_font(font: FontProperties | None, wanted: str) -> None:
    words: list[str] = []
    Lettering(font).write(lambda text, **_: words.append(text), "召回率", "recall")
    assert words == [wanted]


def test_plots_leave_the_settings_of_matplotlib_alone(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    write_report(GOOD, baseline=POOR, directory=tmp_path, title="评估")
    assert dict(mpl.rcParams) == before
