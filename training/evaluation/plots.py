"""Plots of an evaluation as PNG files: reliability, levels, F1 of each label, coverage and risk.

Draws on figures of its own with the Agg canvas: no window, no pyplot, no global setting touched.
Chinese words need a font that has them; where the machine has none, ids and English stand in,
and the caller is told.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.font_manager import FontProperties, findSystemFonts, fontManager

from training.evaluation.agreement import Agreement
from training.evaluation.levels import LevelFigures
from training.evaluation.metrics import Evaluation
from training.evaluation.power_law import Curve, PowerLaw
from training.evaluation.ranking import Reliability, risk_area

CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Noto Sans CJK JP",  # the collection's first face is the one that matplotlib lists
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "PingFang HK",
    "Hiragino Sans GB",
    "Heiti TC",
    "STHeiti",
    "Microsoft YaHei",
    "SimHei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)
OURS, THEIRS = "#1f6f8b", "#c9a66b"
RESOLUTION = 120  # dots an inch


@dataclass(frozen=True, slots=True)
class Lettering:
    """Which words a plot may use: with no Chinese font, the plain ones."""

    font: FontProperties | None

    def write(self, place: Callable[..., object], chinese: str, plain: str) -> None:
        """Call ``place`` with the words that the font can show."""
        if self.font is None:
            place(plain)
        else:
            place(f"{chinese} {plain}", fontproperties=self.font)


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot on disk; ``title`` is for the page that shows it."""

    file: str
    title: str


def chinese_font(names: Sequence[str] = CHINESE_FONTS) -> FontProperties | None:
    """The first installed font of ``names``; None when the machine has none of them."""
    found = _known_font(names)
    if found is None:
        _look_again()
        found = _known_font(names)
    return found


def draw_plots(
    evaluation: Evaluation,
    baseline: Evaluation | None,
    *,
    directory: Path,
    font: FontProperties | None,
) -> tuple[Plot, ...]:
    """Draw every plot into ``directory``, which must exist; the baseline beside the network."""
    lettering = Lettering(font)
    drawn = {
        Plot("reliability.png", "可靠性 Reliability"): _reliability(
            evaluation, baseline, lettering
        ),
        Plot("coverage_risk.png", "覆盖率与风险 Coverage and risk"): _coverage(
            evaluation, baseline, lettering
        ),
        Plot("levels.png", "级别混淆 Level confusion"): _levels(evaluation, baseline, lettering),
        Plot("f1_level1.png", "一级原因 F1 Level-1 causes"): _f1_bars(
            evaluation.level1_causes, baseline.level1_causes if baseline else None, lettering
        ),
        Plot("f1_causes.png", "二级原因 F1 Level-2 causes"): _f1_bars(
            evaluation.causes, baseline.causes if baseline else None, lettering
        ),
        Plot("f1_signs.png", "迹象 F1 Signs"): _f1_bars(
            evaluation.signs, baseline.signs if baseline else None, lettering
        ),
    }
    for plot, canvas in drawn.items():
        # No software version or date inside: the same evaluation gives the same file.
        canvas.savefig(directory / plot.file, dpi=RESOLUTION, metadata={"Software": None})
    return tuple(drawn)


def draw_learning(
    curves: Sequence[Curve], law_of: Mapping[str, PowerLaw], *, path: Path, lettering: Lettering
) -> None:
    """Error against training records, each with its law drawn on to twice the records."""
    canvas, (axes,) = _canvas(7, 5)
    for curve, colour in zip(curves, (OURS, THEIRS), strict=False):
        law, most = law_of[curve.name], max(curve.sizes)
        axes.scatter(curve.sizes, curve.errors, s=10, alpha=0.4, color=colour)
        sizes = np.geomspace(min(curve.sizes), 2 * most, 60)
        label = f"{curve.name}: {law}"
        axes.plot(sizes, law.error(sizes), color=colour, label=label)
        axes.plot(2 * most, law.error(2 * most), marker="D", color=colour, linestyle="none")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda size, _: f"{size:.0f}")
    lettering.write(
        axes.set_xlabel, "训练条数;菱形为翻倍后的估计", "training records; diamond: doubled"
    )
    lettering.write(axes.set_ylabel, "留出作者的主因错误率", "error on writers left out")
    axes.set_ylim(0, 1)
    axes.legend(loc="lower left")
    canvas.savefig(path, dpi=RESOLUTION, metadata={"Software": None})


def _known_font(names: Sequence[str]) -> FontProperties | None:
    installed = set(fontManager.get_font_names())
    return next((FontProperties(family=name) for name in names if name in installed), None)


def _look_again() -> None:
    """Take up fonts installed after matplotlib wrote its list, which it keeps for good."""
    known = {entry.fname for entry in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - known):
        with suppress(OSError, RuntimeError):  # a file that is no font, or is damaged
            fontManager.addfont(path)


def _canvas(width: float, height: float, *, panels: int = 1) -> tuple[Canvas, list[Axes]]:
    """A figure of ``width`` by ``height`` inches with its panels side by side."""
    canvas = Canvas(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(canvas)
    return canvas, [canvas.add_subplot(1, panels, at + 1) for at in range(panels)]


def _reliability(
    evaluation: Evaluation, baseline: Evaluation | None, lettering: Lettering
) -> Canvas:
    canvas, (primary, agent) = _canvas(10, 5, panels=2)
    lettering.write(primary.set_title, "主因", "primary cause")
    lettering.write(agent.set_title, "代理操作", "agent-run")
    for system, name, colour in _sides(evaluation, baseline):
        _reliability_line(primary, system.primary_calibration, name, colour)
        _reliability_line(agent, system.agent_calibration, name, colour)
    for axes in (primary, agent):
        axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
        lettering.write(axes.set_xlabel, "平均概率", "mean probability")
        lettering.write(axes.set_ylabel, "实际占比", "share true")
        axes.legend(loc="upper left")
    return canvas


def _reliability_line(axes: Axes, of: Reliability, name: str, colour: str) -> None:
    shares = [(bin_.mean_probability, bin_.right.figure) for bin_ in of.bins]
    xs = [x for x, _ in shares]
    ys = [share.value or 0.0 for _, share in shares]  # a bin is never empty
    below = [y - (share.low or 0.0) for y, (_, share) in zip(ys, shares, strict=True)]
    above = [(share.high or 0.0) - y for y, (_, share) in zip(ys, shares, strict=True)]
    error = of.error.value
    label = f"{name}, ECE {error:.3f}" if error is not None else name
    axes.errorbar(xs, ys, yerr=[below, above], marker="o", color=colour, label=label, capsize=2)


def _levels(evaluation: Evaluation, baseline: Evaluation | None, lettering: Lettering) -> Canvas:
    sides = _sides(evaluation, baseline)
    canvas, panels = _canvas(5 * len(sides), 5, panels=len(sides))
    for axes, (system, name, _) in zip(panels, sides, strict=True):
        _heat(axes, system.levels)
        axes.set_title(name)
        lettering.write(axes.set_xlabel, "输出级别", "level given")
        lettering.write(axes.set_ylabel, "金标级别", "level from gold labels")
    return canvas


def _heat(axes: Axes, levels: LevelFigures) -> None:
    places = range(len(levels.order))
    # Colour by row share: most records have no level, and would whiten everything else.
    shares = [[n / max(sum(row), 1) for n in row] for row in levels.confusion]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(places, levels.order)
    axes.set_yticks(places, levels.order)
    for down in places:
        for across in places:
            colour = "white" if shares[down][across] > 0.5 else "black"
            count = str(levels.confusion[down][across])
            axes.text(across, down, count, ha="center", va="center", color=colour)


def _f1_bars(ours: Agreement, theirs: Agreement | None, lettering: Lettering) -> Canvas:
    rows = [row for row in reversed(ours.rows) if row.f1.value is not None]
    canvas, (axes,) = _canvas(9, 1.6 + 0.28 * len(rows))
    _bars(axes, [row.f1.value or 0.0 for row in rows], "network", OURS, shift=0.2 * bool(theirs))
    if theirs:
        others = {row.id: row.f1.value or 0.0 for row in theirs.rows}
        _bars(axes, [others.get(row.id, 0.0) for row in rows], "baseline", THEIRS, shift=-0.2)
    names = [f"{row.name if lettering.font else row.id} ({row.support})" for row in rows]
    axes.set_yticks(range(len(rows)), names, fontproperties=lettering.font)
    axes.set_xlim(0, 1)
    lettering.write(axes.set_xlabel, "F1(括号内为条数)", "F1 (support in brackets)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return canvas


def _bars(axes: Axes, values: Sequence[float], name: str, colour: str, *, shift: float) -> None:
    """Bars at 0, 1, 2 …; two systems stand side by side when shifted apart."""
    places = [place + shift for place in range(len(values))]
    axes.barh(places, values, height=0.4 if shift else 0.8, color=colour, label=name)


def _coverage(evaluation: Evaluation, baseline: Evaluation | None, lettering: Lettering) -> Canvas:
    canvas, (axes,) = _canvas(7, 5)
    for system, name, colour in _sides(evaluation, baseline):
        curve = system.review.curve
        label = f"{name}, AURC {risk_area(curve).area:.3f}"
        axes.plot([p.coverage for p in curve], [p.risk for p in curve], color=colour, label=label)
        share, accuracy = system.review.reviewed.figure.value, system.review.level2_accuracy_on_rest
        if share is not None and accuracy.value is not None:
            axes.plot(1 - share, 1 - accuracy.value, marker="D", color=colour, linestyle="none")
    lettering.write(axes.set_xlabel, "直接作答的占比", "coverage: share answered")
    lettering.write(axes.set_ylabel, "二级主因错误率", "risk: level-2 primary wrong")
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.legend(loc="best")
    return canvas


def _sides(
    evaluation: Evaluation, baseline: Evaluation | None
) -> list[tuple[Evaluation, str, str]]:
    sides = [(evaluation, "network", OURS)]
    return [*sides, (baseline, "baseline", THEIRS)] if baseline else sides
