"""Charts for a notebook: bars, heat maps, lines, curves, histograms, named in Chinese.

A chart is a picture that a notebook shows by itself. Draws on figures of its own with the Agg
canvas, as ``training.evaluation.plots`` does; where the machine has no Chinese font, ids and
English stand in and ``font_notice`` says what to install.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from training.evaluation.plots import CHINESE_FONTS, OURS, RESOLUTION, Lettering

COLOURS = (OURS, "#c9a66b", "#8c4a5b", "#5b7f4a", "#6a5b8c", "#4a4a4a")
Words = tuple[str, str]
"""Chinese words, and the plain ones that stand in without a font."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawn chart; a notebook shows it, ``save`` keeps it."""

    canvas: Canvas

    def _repr_png_(self) -> bytes:
        kept = io.BytesIO()
        self.canvas.savefig(kept, dpi=RESOLUTION, metadata={"Software": None})
        return kept.getvalue()

    def save(self, path: Path) -> None:
        """Write the chart as PNG."""
        path.write_bytes(self._repr_png_())


@dataclass(frozen=True, slots=True)
class Charts:
    """Draws with one lettering; ``names`` are the Chinese names of ids."""

    lettering: Lettering
    names: Mapping[str, str] = field(default_factory=dict)

    def bars(self, values: Mapping[str, float], *, title: Words, unit: Words) -> Chart:
        """Horizontal bars, the first on top."""
        canvas, axes = _canvas(9, 1.4 + 0.3 * len(values))
        axes.barh(range(len(values)), list(values.values()), color=OURS)
        self._ticks(axes, "y", list(values))
        axes.margins(y=0.01)
        axes.invert_yaxis()
        return self._finish(canvas, axes, title=title, across=unit)

    def heat(
        self,
        cells: Mapping[tuple[str, str], float],
        *,
        title: Words,
        down: Words,
        across: Words,
        columns: Sequence[str] = (),
    ) -> Chart:
        """Numbers by (row id, column id); a pair that is not there is blank.

        Rows stand in the order in which they first come, so do columns unless they are given.
        """
        rows = list(dict.fromkeys(row for row, _ in cells))
        columns = columns or list(dict.fromkeys(column for _, column in cells))
        canvas, axes = _canvas(2.8 + 0.55 * len(columns), 2.4 + 0.4 * len(rows))
        table = np.array([[cells.get((row, col), np.nan) for col in columns] for row in rows])
        axes.imshow(table, cmap="Blues", aspect="auto", vmin=0)
        self._numbers(axes, table)
        self._ticks(axes, "y", rows)
        self._ticks(axes, "x", columns)
        axes.tick_params(axis="x", rotation=90)
        return self._finish(canvas, axes, title=title, across=across, up=down)

    def lines(
        self,
        places: Sequence[str],
        series: Mapping[str, Sequence[float]],
        *,
        title: Words,
        unit: Words,
    ) -> Chart:
        """One line an id over the same places, such as months."""
        canvas, axes = _canvas(10, 4.5)
        for colour, values in zip(_colours(len(series)), series.values(), strict=True):
            axes.plot(range(len(places)), values, marker="o", markersize=3, color=colour)
        axes.set_xticks(range(len(places)), places, rotation=45, ha="right")
        axes.set_ylim(bottom=0)
        self._legend(axes, series)
        return self._finish(canvas, axes, title=title, up=unit)

    def curves(
        self,
        curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
        *,
        title: Words,
        across: Words,
        up: Words,
        marks: Sequence[tuple[float, float]] = (),
    ) -> Chart:
        """One curve an id, each with its own numbers across and up; ``marks`` are diamonds."""
        canvas, axes = _canvas(8, 4.5)
        for colour, (xs, ys) in zip(_colours(len(curves)), curves.values(), strict=True):
            axes.plot(xs, ys, color=colour)
        for x, y in marks:
            axes.plot(x, y, marker="D", color="black", linestyle="none")
        self._legend(axes, curves)
        return self._finish(canvas, axes, title=title, across=across, up=up)

    def histogram(self, values: Sequence[float], *, title: Words, unit: Words) -> Chart:
        """How many values lie where, in bins of equal ratio: texts are short or very long."""
        canvas, axes = _canvas(8, 4)
        least, most = max(1.0, min(values)), max(2.0, *values)
        axes.hist(values, bins=list(np.geomspace(least, most, 30)), color=OURS)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")
        return self._finish(canvas, axes, title=title, across=unit, up=("件数", "records"))

    def _finish(
        self, canvas: Canvas, axes: Axes, *, title: Words, across: Words = ("", ""),
        up: Words = ("", ""),
    ) -> Chart:  # fmt: skip
        self.lettering.write(axes.set_title, *title)
        self.lettering.write(axes.set_xlabel, *across)
        self.lettering.write(axes.set_ylabel, *up)
        return Chart(canvas)

    def _ticks(self, axes: Axes, side: str, ids: Sequence[str]) -> None:
        place = axes.set_yticks if side == "y" else axes.set_xticks
        place(range(len(ids)), [self._name(id_) for id_ in ids], fontproperties=self.lettering.font)

    def _legend(self, axes: Axes, ids: Mapping[str, object]) -> None:
        names = [self._name(id_) for id_ in ids]
        axes.legend(axes.get_lines()[: len(names)], names, prop=self.lettering.font)

    def _name(self, id_: str) -> str:
        return self.names.get(id_, id_) if self.lettering.font else id_

    def _numbers(
        self, axes: Axes, table: "np.ndarray[tuple[int, int], np.dtype[np.float64]]"
    ) -> None:
        most = np.nanmax(table)
        for (down, across), value in np.ndenumerate(table):
            if not np.isnan(value):
                colour = "white" if value > most / 2 else "black"
                axes.text(across, down, f"{value:g}", ha="center", va="center", color=colour)


def font_notice(lettering: Lettering) -> str:
    """Which Chinese font the charts use, or what to install so that they can."""
    if lettering.font is not None:
        return f"图中文字 Chinese font: {lettering.font.get_name()}"
    return (
        "本机没有中文字体,图中以标识和英文代替。请安装其中一种后重启内核:"
        f"{', '.join(CHINESE_FONTS[:3])} … No Chinese font found: charts show ids and English. "
        "Install one of these, such as the package fonts-noto-cjk, and restart the kernel."
    )


def _canvas(width: float, height: float) -> tuple[Canvas, Axes]:
    """A figure of ``width`` by ``height`` inches with one panel."""
    canvas = Canvas(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(canvas)
    return canvas, canvas.add_subplot()


def _colours(count: int) -> list[str]:
    return [COLOURS[at % len(COLOURS)] for at in range(count)]
