"""Charts for a notebook: what is drawn, in which words, with and without a Chinese font."""

import matplotlib as mpl
import pytest
from matplotlib.font_manager import FontProperties, fontManager

from training.evaluation import plots
from training.evaluation.charts import Chart, Charts, font_notice
from training.evaluation.plots import Lettering, chinese_font

TITLE, UNIT = ("来件", "complaints"), ("件数", "records")
NAMES = {"CLAIM": "理赔", "SALES": "销售误导"}
PLAIN = Charts(Lettering(None), NAMES)
# The words are what matters here: that this font would draw boxes is not looked at.
NAMED = Charts(Lettering(FontProperties()), NAMES)


def words_of(chart: Chart) -> set[str]:
    axes = chart.canvas.axes[0]
    legend = axes.get_legend()
    found = [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
    found += [*axes.get_xticklabels(), *axes.get_yticklabels()]
    found += legend.get_texts() if legend else []
    return {text.get_text() for text in found}


def drawn(charts: Charts) -> dict[str, Chart]:
    return {
        "bars": charts.bars({"CLAIM": 3, "SALES": 1}, title=TITLE, unit=UNIT),
        "heat": charts.heat({("CLAIM", "SALES"): 2}, title=TITLE, down=UNIT, across=UNIT),
        "lines": charts.lines(["2025-01", "2025-02"], {"CLAIM": [1, 2]}, title=TITLE, unit=UNIT),
        "curves": charts.curves({"CLAIM": ([0, 1], [2, 3])}, title=TITLE, across=UNIT, up=UNIT),
    }


KINDS = list(drawn(PLAIN))


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_font_ids_and_english_stand_in(kind):
    words = words_of(drawn(PLAIN)[kind])
    assert {"CLAIM", "complaints", "records"} <= words
    assert not any("\u4e00" <= char <= "\u9fff" for word in words for char in word)


@pytest.mark.parametrize("kind", KINDS)
def test_with_a_font_the_names_are_chinese(kind):
    assert {"理赔", "来件 complaints", "件数 records"} <= words_of(drawn(NAMED)[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_notebook_gets_a_picture(kind, tmp_path):
    chart = drawn(PLAIN)[kind]
    chart.save(tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes() == chart._repr_png_()
    assert chart._repr_png_().startswith(b"\x89PNG")


def test_the_first_bar_stands_on_top():
    axes = PLAIN.bars({"CLAIM": 3, "SALES": 1}, title=TITLE, unit=UNIT).canvas.axes[0]
    assert [bar.get_width() for bar in axes.patches] == [3, 1]
    assert axes.yaxis_inverted()


def test_a_pair_that_is_not_there_is_blank():
    cells = {("a", "x"): 1.0, ("b", "y"): 2.0}
    chart = PLAIN.heat(cells, title=TITLE, down=UNIT, across=UNIT)
    assert [text.get_text() for text in chart.canvas.axes[0].texts] == ["1", "2"]


def test_columns_stand_as_given():
    cells = {("a", "y"): 1.0, ("a", "x"): 2.0}
    chart = PLAIN.heat(cells, title=TITLE, down=UNIT, across=UNIT, columns=["x", "y", "z"])
    ticks = chart.canvas.axes[0].get_xticklabels()
    assert [tick.get_text() for tick in ticks] == ["x", "y", "z"]


def test_a_histogram_counts_every_value():
    chart = PLAIN.histogram([1, 5, 30, 900], title=TITLE, unit=UNIT)
    assert sum(bar.get_height() for bar in chart.canvas.axes[0].patches) == 4


def test_the_notice_says_what_to_install_where_no_font_is_found():
    assert "Noto Sans CJK SC" in font_notice(Lettering(None))
    assert "DejaVu Sans" in font_notice(Lettering(FontProperties(family="DejaVu Sans")))


def test_a_font_installed_after_the_list_was_written_is_found(monkeypatch):
    path = fontManager.findfont("DejaVu Sans")
    monkeypatch.setattr(fontManager, "ttflist", [])
    monkeypatch.setattr(plots, "findSystemFonts", lambda: [path])
    assert chinese_font(("DejaVu Sans",)) is not None


def test_charts_leave_the_settings_of_matplotlib_alone():
    before = dict(mpl.rcParams)
    drawn(PLAIN)
    assert dict(mpl.rcParams) == before
