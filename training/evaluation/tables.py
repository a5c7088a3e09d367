"""Tables of an evaluation: the network beside the baseline, as words, for paper and terminal.

A table is titles and cells, nothing else; who shows it decides on Markdown or colours. Chinese
comes first, the English term after it. “—” stands for a figure that is undefined.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.evaluation.agreement import Agreement, LabelRow
from training.evaluation.intervals import Figure, Rate, difference
from training.evaluation.levels import LevelFigures
from training.evaluation.metrics import Evaluation
from training.evaluation.overlap import Overlap
from training.evaluation.ranking import CoveragePoint, risk_area
from training.evaluation.slices import Slice

UNDEFINED = "—"
COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; every row has one cell a column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Reading = Callable[[Evaluation], Figure]

HEADLINE: tuple[tuple[str, Reading], ...] = (
    ("一级原因准确率 level-1 accuracy", lambda e: e.level1_accuracy),
    ("二级原因准确率 level-2 accuracy", lambda e: e.level2_accuracy),
    ("一级主因宏平均 F1 level-1 macro F1", lambda e: e.level1_primary.macro),
    ("一级主因微平均 F1 level-1 micro F1", lambda e: e.level1_primary.micro),
    ("二级主因宏平均 F1 level-2 macro F1", lambda e: e.level2_primary.macro),
    ("全部原因微平均 F1 causes micro F1", lambda e: e.causes.micro),
    ("全部原因宏平均 F1 causes macro F1", lambda e: e.causes.macro),
    ("全部原因样本 F1 causes samples F1", lambda e: e.causes.samples),
    ("迹象微平均 F1 signs micro F1", lambda e: e.signs.micro),
    ("迹象宏平均 F1 signs macro F1", lambda e: e.signs.macro),
    ("保护标记微平均 F1 marks micro F1", lambda e: e.marks.micro),
    ("保护标记宏平均 F1 marks macro F1", lambda e: e.marks.macro),
    ("证据字符 F1(标签一致)evidence F1, agreed", lambda e: together(e, "agreed").f1),
    ("证据字符 F1(全部标签)evidence F1, all", lambda e: together(e, "all").f1),
    ("级别一致率 level agreement", lambda e: e.levels.accuracy),
    ("代理操作 AUROC agent-run AUROC", lambda e: e.agent.auroc),
    ("代理操作平均精度 average precision", lambda e: e.agent.average_precision),
    ("误报率 1 % 时召回 recall at 1 % FPR", lambda e: e.agent.recall_at_limit),
    ("主因校准误差 primary ECE ↓", lambda e: e.primary_calibration.error),
    ("代理概率校准误差 agent ECE ↓", lambda e: e.agent_calibration.error),
    (
        "免复核部分二级准确率 level-2 accuracy, not sent to review",
        lambda e: e.review.level2_accuracy_on_rest,
    ),
)


def together(evaluation: Evaluation, scope: str) -> Overlap:
    """The overlap of causes, signs and marks together in one scope."""
    return next(o for o in evaluation.evidence if o.kind == "all" and o.scope == scope)


def headline(evaluation: Evaluation, baseline: Evaluation | None) -> Table:
    """The main figures; with a baseline, the paired difference beside them."""
    columns = ("指标 figure", "网络 network", "基线 baseline", "差值 difference")
    rows = []
    for name, read in HEADLINE:
        ours = read(evaluation)
        theirs = read(baseline) if baseline else Figure(None)
        rows.append((name, shown(ours), shown(theirs), shown(difference(ours, theirs), sign=True)))
    return _without_baseline(Table("主要指标 Main figures", columns, tuple(rows)), baseline)


def label_table(title: str, ours: Agreement, theirs: Agreement | None) -> Table:
    """One row a label that occurs on any side."""
    others = {row.id: row for row in theirs.rows} if theirs else {}
    own = {row.id: row for row in ours.rows}
    columns = (
        *("名称 name", "标识 id", "条数 support", "预测 predicted", "精确率 precision"),
        *("召回率 recall", "网络 F1 network", "基线 F1 baseline"),
    )
    rows = tuple(
        _label_row(own.get(id_) or _unseen(others[id_]), others.get(id_)) for id_ in own | others
    )
    return _without_baseline(Table(title, columns, rows), theirs)


def overlap_table(evaluation: Evaluation, baseline: Evaluation | None) -> Table:
    """Evidence by kind and scope, over characters."""
    theirs = {(o.kind, o.scope): o for o in baseline.evidence} if baseline else {}
    rows = []
    for ours in evaluation.evidence:
        other = theirs.get((ours.kind, ours.scope))
        figures = (ours.precision, ours.recall, ours.f1, other.f1 if other else Figure(None))
        rows.append((ours.kind, ours.scope, str(ours.characters), *map(shown, figures)))
    columns = (
        *("类别 kind", "范围 scope", "字符 characters", "精确率 precision", "召回率 recall"),
        *("网络 F1 network", "基线 F1 baseline"),
    )
    return _without_baseline(Table("证据 Evidence", columns, tuple(rows)), baseline)


def level_table(evaluation: Evaluation, baseline: Evaluation | None) -> Table:
    """Whom the levels touched; the last column is the codebook on gold labels, the ceiling."""
    sides = [_level_rates(evaluation.levels)]
    sides.append(_level_rates(baseline.levels) if baseline else {})
    sides.append(_level_rates(evaluation.ceiling))
    rows = tuple((name, *(_shown_rate(side.get(name)) for side in sides)) for name in sides[0])
    columns = ("项目 item", "网络 network", "基线 baseline", "金标上限 gold labels")
    title = "级别提示的代价与收益 What the levels cost and find"
    return _without_baseline(Table(title, columns, rows), baseline)


def coverage_table(evaluation: Evaluation, baseline: Evaluation | None) -> Table:
    """Risk if only the surest records were answered, and the area under that curve."""
    sides = [_risks(evaluation.review.curve)]
    sides.append(_risks(baseline.review.curve) if baseline else {})
    rows = tuple((name, *(side.get(name, UNDEFINED) for side in sides)) for name in sides[0])
    columns = ("直接作答 answered", "网络错误率 network risk", "基线错误率 baseline risk")
    title = "选择性作答:二级主因 Selective answers: level-2 primary cause"
    return _without_baseline(Table(title, columns, rows), baseline)


def confusion_table(title: str, levels: LevelFigures) -> Table:
    """Gold-derived levels down, given levels across."""
    columns = ("金标 \\ 输出 gold \\ given", *levels.order)
    rows = zip(levels.order, levels.confusion, strict=True)
    return Table(title, columns, tuple((name, *map(str, counts)) for name, counts in rows))


def slice_table(evaluation: Evaluation, baseline: Evaluation | None) -> Table:
    """The few figures of every slice."""
    theirs = {(s.dimension, s.value): s for s in baseline.slices} if baseline else {}
    columns = (
        *("维度 slice", "条数 records", "一级准确率 level-1", "二级准确率 level-2"),
        *(
            "迹象 F1 signs",
            "误提示 false flags",
            "送复核 reviewed",
            "基线一级 baseline level-1",
        ),
    )
    rows = tuple(
        _slice_row(one, theirs.get((one.dimension, one.value))) for one in evaluation.slices
    )
    return _without_baseline(Table("分片 Slices", columns, rows), baseline)


def table_markdown(table: Table, *, heading: str = "##") -> str:
    """The table as Markdown under its title."""
    lines = [table.columns, ("---",) * len(table.columns), *table.rows]
    cells = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines]
    return "\n".join([f"{heading} {table.title}", "", *cells])


def shown(figure: Figure, *, sign: bool = False) -> str:
    """``0.831 [0.810, 0.850]``; without an interval the value alone; “—” when undefined."""
    mark = "+" if sign else ""
    if figure.value is None:
        return UNDEFINED
    value = f"{figure.value:{mark}.3f}"
    if figure.low is None or figure.high is None:
        return value
    return f"{value} [{figure.low:{mark}.3f}, {figure.high:{mark}.3f}]"


def shown_rate(rate: Rate) -> str:
    """``3/450 = 0.007 [0.001, 0.019]``."""
    return f"{rate.count}/{rate.total} = {shown(rate.figure)}"


def _shown_rate(rate: Rate | None) -> str:
    return UNDEFINED if rate is None else shown_rate(rate)


def _without_baseline(table: Table, baseline: object | None) -> Table:
    """The table less the columns that only a baseline fills."""
    if baseline is not None:
        return table
    kept = [at for at, name in enumerate(table.columns) if not name.startswith(("基线", "差值"))]
    rows = tuple(tuple(row[at] for at in kept) for row in table.rows)
    return Table(table.title, tuple(table.columns[at] for at in kept), rows)


def _label_row(ours: LabelRow, theirs: LabelRow | None) -> tuple[str, ...]:
    return (
        ours.name,
        ours.id,
        str(ours.support),
        str(ours.predicted),
        shown(Figure(ours.precision)),
        shown(Figure(ours.recall)),
        shown(ours.f1),
        shown(theirs.f1 if theirs else Figure(None)),
    )


def _unseen(row: LabelRow) -> LabelRow:
    """The network's row for a label that only the baseline predicted, and no gold record has."""
    return LabelRow(row.id, row.name, row.support, 0, None, None, Figure(None))


def _level_rates(levels: LevelFigures) -> dict[str, Rate]:
    rates = {
        "受害人被提示(必须为 0)victims accused (must be 0)": levels.victims_accused,
        "真实客户误提示 false flags": levels.false_flags,
    }
    for recall in levels.recalls:
        among = ",有迹象 with a sign" if recall.signed else ""
        rates[f"代理操作 ≥ {recall.level} agent-run{among}"] = recall.rate
    for genre in levels.false_flags_by_genre:
        rates[f"误提示 false flags · {genre.name}"] = genre.rate
    for mark in levels.false_flags_by_mark:
        rates[f"误提示 false flags · {mark.name} {mark.id}"] = mark.rate
    return rates


def _risks(curve: Sequence[CoveragePoint]) -> dict[str, str]:
    """At each coverage the risk of the first point that reaches it, then the areas."""
    found = {}
    for coverage in COVERAGES:
        point = next(p for p in curve if p.coverage >= coverage - 1e-9)
        found[f"{coverage:.0%}"] = f"{point.risk:.3f}"
    areas = risk_area(curve)
    found["曲线下面积 AURC ↓"] = f"{areas.area:.3f}"
    found["高出最优排序 above the best order ↓"] = f"{areas.excess:.3f}"
    return found


def _slice_row(ours: Slice, theirs: Slice | None) -> tuple[str, ...]:
    return (
        f"{ours.dimension} = {ours.value}",
        str(ours.records),
        shown(ours.level1_accuracy),
        shown(ours.level2_accuracy),
        shown(ours.sign_micro_f1),
        shown_rate(ours.false_flags),
        shown_rate(ours.reviewed),
        shown(theirs.level1_accuracy if theirs else Figure(None)),
    )
