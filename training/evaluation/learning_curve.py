"""Learning curve: what more examples would bring, by the linear baseline on growing shares.

Whole writers are left out for testing, so that a new voice is asked about; the others' records are
drawn by unit, share by share, each holding the one before. Run by hand:
`python -m training.evaluation.learning_curve --data FILE... --out DIR`. The network learns more
from the same records, so its error is lower; where data is lacking shows alike.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from models.errors import XiaobaoError
from models.record import LabelledRecord
from models.taxonomy import RootCauseTaxonomy, default_taxonomy
from training.baselines.sigmoids import shares, word_features
from training.evaluation.plots import Lettering, chinese_font, draw_learning
from training.evaluation.power_law import Curve, PowerLaw, PowerLawError, fit_law
from training.evaluation.tables import Table, table_markdown
from training.examples.splits import HELD_OUT_WRITERS, leave_one_writer_out, units
from training.terminal import plain_console, read_examples

# From a quarter on: with less, most causes have hardly an example, and no power law holds yet.
HALF, WHOLE = 0.5, 1.0
SHARES = (0.25, 0.375, HALF, 0.75, WHOLE)
ALL = "all"
_FOLDS = 5
READING = (
    "按整位写作者留出测试(没有多位留出作者时按单元分五折);每个份额都含前一个份额。 "
    "Whole writers are left out (five folds by unit where there are none to leave out); each share "
    "holds the one before.",
    "“翻倍预计”由幂律外推,全部数据同时翻倍;方括号为各留出部分单独拟合的最小与最大。 "
    "“Doubling” is extrapolated by the law, all data doubled alike; brackets: the least and most "
    "of the fits on one part left out each. Small groups are noisy: read the order, not the "
    "decimals.",
    "按“每千件多答对”排序:收益大且常见的类别在前,先写这些例子。 "
    "Sorted by right answers gained in a thousand complaints: write examples for the first ones.",
)

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Point:
    """What a model fitted on ``records`` records got right of a group of those left out."""

    left_out: str
    seed: int
    share: float
    records: int
    group: str
    tested: int
    level1_right: int
    level2_right: int


def measure_shares(
    records: Sequence[LabelledRecord], *, taxonomy: RootCauseTaxonomy, seeds: int = 3
) -> list[Point]:
    """One point a writer left out, seed, share and level-1 cause, and one for ``ALL`` of them.

    The whole share is measured once: no seed changes it.
    """
    features, of = word_features(records), np.array(units(records))
    primaries = np.array([record.primary for record in records])
    names = np.unique(primaries)
    held = primaries[:, None] == names
    parent = {cause.id: cause.parent for cause in taxonomy.causes}
    points = []
    for left_out, train, rest in _left_out(records, of):
        for seed, share, chosen in _drawn(train, of, seeds=seeds):
            found = shares(features[chosen], held[chosen], features[rest])
            said = names[found.argmax(axis=1)]
            pairs = list(zip(primaries[rest].tolist(), said.tolist(), strict=True))
            for group in (ALL, *sorted({parent[gold] for gold, _ in pairs})):
                own = [pair for pair in pairs if group in (ALL, parent[pair[0]])]
                level1 = sum(parent[gold] == parent[said] for gold, said in own)
                level2 = sum(gold == said for gold, said in own)
                points.append(
                    Point(left_out, seed, share, len(chosen), group, len(own), level1, level2)
                )
    return points


def curve_of(points: Sequence[Point], *, level: int, group: str = ALL, name: str = "") -> Curve:
    """The error of a group at level 1 or 2, one entry a point."""
    own = [point for point in points if point.group == group]
    right = [point.level1_right if level == 1 else point.level2_right for point in own]
    errors = tuple(1 - hit / p.tested for hit, p in zip(right, own, strict=True))
    return Curve(name, tuple(point.records for point in own), errors)


def summary(points: Sequence[Point]) -> Table:
    """Both levels on all that was left out: half, whole, and what doubling would bring."""
    rows = []
    for level in (1, 2):
        half, whole = (_accuracy(points, share, level=level) for share in (HALF, WHOLE))
        law = _law(points, level=level)
        names = sorted({point.left_out for point in points})
        each = [_gain([p for p in points if p.left_out == name], level=level) for name in names]
        gain = f"+{_gain(points, level=level):.3f} [{min(each):+.3f}, {max(each):+.3f}]"
        rows.append((f"{level}", f"{half:.3f}", f"{whole:.3f}", gain, str(law)))
    columns = (
        *("级 level", "半数数据准确率 half the data", "全部数据 all of it", "翻倍预计 doubling"),
        "错误率幂律 law of the error",
    )
    return Table("学习曲线 Learning curve", columns, tuple(rows))


def group_table(points: Sequence[Point], *, taxonomy: RootCauseTaxonomy) -> Table:
    """Where more data pays most: level-1 causes by the right answers that doubling would gain."""
    names = {parent.id: parent.zh for parent in taxonomy.parents}
    tested = {group: _tested(points, group) for group in {p.group for p in points}}
    gained = {
        group: 1000 * _gain(points, level=2, group=group) * count / tested[ALL]
        for group, count in tested.items()
        if group != ALL
    }
    rows = []
    for group in sorted(gained, key=lambda one: (-gained[one], one)):
        pairs = [
            [_accuracy(points, share, level=level, group=group) for share in (HALF, WHOLE)]
            for level in (1, 2)
        ]
        shown = [f"{half:.3f} → {whole:.3f}" for half, whole in pairs]
        gain = f"+{_gain(points, level=2, group=group):.3f}"
        row = (f"{names.get(group, group)} {group}", str(tested[group]), *shown, gain)
        rows.append((*row, f"{gained[group]:.1f}"))
    columns = (
        *("一级原因 cause", "测试条数 tested", "一级准确率 level 1, half → all"),
        *("二级准确率 level 2, half → all", "翻倍预计 doubling, level 2"),
        "每千件多答对 gained in 1000",
    )
    return Table("哪里更缺数据 Where more data pays most", columns, tuple(rows))


def write_learning_curve(
    points: Sequence[Point], directory: Path, *, taxonomy: RootCauseTaxonomy
) -> Path:
    """Write learning_curve.csv, .png and .md into ``directory``; returns the page."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "learning_curve.csv").open("w", encoding="utf-8", newline="") as lines:
        rows = csv.writer(lines, lineterminator="\n")
        rows.writerow([field.name for field in fields(Point)])
        rows.writerows(astuple(point) for point in points)
    curves = [curve_of(points, level=level, name=f"level {level}") for level in (1, 2)]
    laws = {curve.name: fit_law(curve.sizes, curve.errors) for curve in curves}
    plot = directory / "learning_curve.png"
    draw_learning(curves, laws, path=plot, lettering=Lettering(chinese_font()))
    tables = [summary(points), group_table(points, taxonomy=taxonomy)]
    parts = ["# 学习曲线 Learning curve", *map(table_markdown, tables)]
    parts += [f"![learning curve]({plot.name})", "\n".join(f"- {line}" for line in READING)]
    page = directory / "learning_curve.md"
    page.write_text("\n\n".join(parts) + "\n", "utf-8")
    return page


def _left_out(
    records: Sequence[LabelledRecord], of: Places
) -> Iterator[tuple[str, Places, Places]]:
    """(name, training places, places left out): writers, or folds by unit where there are none."""
    known = {record.writer for record in records if record.writer}
    writers = [writer for writer in HELD_OUT_WRITERS if writer in known]
    if writers:
        for name, train, rest in leave_one_writer_out(records, writers):
            yield name, np.array(train), np.array(rest)
        return
    found = len(np.unique(of))
    if found < _FOLDS:
        raise PowerLawError(f"records: {found} units found, at least {_FOLDS} wanted")
    for fold, (train, rest) in enumerate(GroupKFold(_FOLDS).split(of, groups=of), start=1):
        yield f"fold {fold}", train, rest


def _drawn(train: Places, of: Places, *, seeds: int) -> Iterator[tuple[int, float, Places]]:
    """(seed, share, places): whole units in an order that the seed shuffles."""
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(np.unique(of[train]))
        rank = {unit: place for place, unit in enumerate(order.tolist())}
        shuffled = train[np.argsort([rank[unit] for unit in of[train].tolist()], kind="stable")]
        for share in SHARES:
            if share < WHOLE or seed == 0:
                last = of[shuffled[max(0, round(share * len(train)) - 1)]]
                yield seed, share, shuffled[: int(np.flatnonzero(of[shuffled] == last)[-1]) + 1]


def _accuracy(points: Sequence[Point], share: float, *, level: int, group: str = ALL) -> float:
    own = [point for point in points if point.share == share and point.group == group]
    right = sum(point.level1_right if level == 1 else point.level2_right for point in own)
    return right / sum(point.tested for point in own)


def _law(points: Sequence[Point], *, level: int, group: str = ALL) -> PowerLaw:
    curve = curve_of(points, level=level, group=group)
    return fit_law(curve.sizes, curve.errors)


def _gain(points: Sequence[Point], *, level: int, group: str = ALL) -> float:
    """What the law promises for twice the records."""
    most = max(point.records for point in points)
    return _law(points, level=level, group=group).doubling(most)


def _tested(points: Sequence[Point], group: str) -> int:
    return sum(p.tested for p in points if p.share == WHOLE and p.group == group)


def main(
    data: Annotated[list[Path], typer.Option("--data", metavar="FILE...", help="标注文件")],
    out: Annotated[Path, typer.Option("--out", help="写入的目录 · directory to write into")],
    more: Annotated[list[Path] | None, typer.Argument(metavar="", hidden=True)] = None,
    seeds: Annotated[int, typer.Option(min=1, help="抽样次数 · draws of each share")] = 3,
) -> None:
    """画学习曲线:多标多少数据值得 · What more labelled examples would bring."""
    console, taxonomy = plain_console(), default_taxonomy()
    try:
        examples = read_examples([*data, *(more or ())], console)
        points = measure_shares(examples.records, taxonomy=taxonomy, seeds=seeds)
        page = write_learning_curve(points, out, taxonomy=taxonomy)
    except XiaobaoError as error:
        console.print(f"learning_curve: {error}")
        raise typer.Exit(2) from error
    console.print(f"学习曲线 learning curve: {page}")
    raise typer.Exit(1 if examples.faults else 0)


if __name__ == "__main__":
    typer.run(main)
