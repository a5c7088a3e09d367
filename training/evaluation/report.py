"""The report of an evaluation: JSON for programs, Markdown for readers, PNG plots beside it.

Says plainly whether the network beats the baseline, and says what the intervals leave out. Holds
figures, names and ids only: no complaint's text.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rich.table

from models.errors import XiaobaoError
from training.evaluation.intervals import Figure, Rate, difference
from training.evaluation.metrics import Evaluation
from training.evaluation.plots import Plot, chinese_font, draw_plots
from training.evaluation.ranking import risk_area
from training.evaluation.tables import (
    HEADLINE,
    Reading,
    Table,
    confusion_table,
    coverage_table,
    headline,
    label_table,
    level_table,
    overlap_table,
    shown,
    slice_table,
    table_markdown,
)

VERDICTS: tuple[tuple[str, Reading], ...] = (
    ("一级原因准确率 level-1 accuracy", lambda e: e.level1_accuracy),
    ("二级原因准确率 level-2 accuracy", lambda e: e.level2_accuracy),
    ("迹象微平均 F1 signs micro F1", lambda e: e.signs.micro),
    ("迹象宏平均 F1 signs macro F1", lambda e: e.signs.macro),
)
READING = (
    "方括号内为 95 % 区间:按单元(同组记录为一单元,否则每条记录)自助重抽样的百分位区间。 "
    "Brackets: 95 % percentile bootstrap intervals over units (groups, else records).",
    "带“a/b”的比例用精确二项区间。 Counts have exact binomial intervals (Clopper-Pearson).",
    "区间只反映记录的抽样,不含训练随机性;条数很少的类别区间不可靠。 "
    "Intervals cover the choice of records, not the training seed.",
    "“—”表示无定义(例如没有这样的记录),不是 0。 “—” is undefined, not zero.",
    "宏平均只计金标中出现的类别;单标签的微平均 F1 等于准确率。 "
    "Macro means cover classes present in gold; micro F1 of a single label equals accuracy. "
    "Rare classes drop out of resamples, so intervals of macro means lean low.",
    "证据 F1 按字符计:agreed 只看金标与输出共有的标签,all 计全部标签。 "
    "Evidence F1 counts characters.",
    "校准误差 ECE:15 个等量分箱(Naeini 等 2015;等量分箱见 Nixon 等 2019)。 "
    "ECE uses 15 bins of equal mass; resampling pushes its interval upwards a little.",
    "选择性作答:只答把握最大的一部分,其余交人;菱形为本模型包的复核界限。AURC 为错误率对覆盖率的平均"
    "(Geifman 与 El-Yaniv 2017),由曲线上至多 40 点求得,无区间。 "
    "Selective answers: the surest are answered, a person takes the rest; the diamond is the "
    "review limit in use. AURC is the mean risk over coverages, from at most 40 points of the "
    "curve, without an interval.",
    "误提示:非代理操作的记录被定为 REVIEW 及以上;“金标上限”是规则作用于金标迹象的结果。 "
    "False flag: a record not agent-run at REVIEW or above; the last column applies the policy "
    "to gold labels.",
    "级别仅供核验,不影响受理、时限和处理结果。 Levels are advisory.",
)


class ReportError(XiaobaoError):
    """Evaluations that cannot stand side by side."""


def write_report(
    evaluation: Evaluation,
    *,
    baseline: Evaluation | None,
    directory: Path,
    title: str,
    notes: Sequence[str] = (),
    more: Sequence[Table] = (),
) -> tuple[Path, ...]:
    """Write report.json, report.md and the plots into ``directory``; returns their paths.

    more: tables of what else was measured of the network, after those of the evaluation.

    Raises ReportError when the baseline was measured on other records, labels or resamples.
    """
    _check_pair(evaluation, baseline)
    directory.mkdir(parents=True, exist_ok=True)
    font = chinese_font()
    plots = draw_plots(evaluation, baseline, directory=directory, font=font)
    if font is None:
        notes = [*notes, "本机没有中文字体,图中以标识代替中文名。 No Chinese font: plots show ids."]
    figures = {
        "title": title,
        "notes": list(notes),
        **as_json(evaluation, baseline),
        "more": _plain(tuple(more)),
    }
    answer, page = directory / "report.json", directory / "report.md"
    answer.write_text(
        json.dumps(figures, ensure_ascii=False, indent=2, allow_nan=False) + "\n", "utf-8"
    )
    page.write_text(
        as_markdown(evaluation, baseline, title=title, notes=notes, plots=plots, more=more),
        "utf-8",
    )
    return (answer, page, *(directory / plot.file for plot in plots))


def as_json(evaluation: Evaluation, baseline: Evaluation | None) -> dict[str, Any]:
    """Every figure as plain JSON values: ``network``, ``baseline``, paired ``differences``."""
    differences = {
        name: _plain(difference(read(evaluation), read(baseline)))
        for name, read in (HEADLINE if baseline else ())
        if baseline
    }
    return {
        "network": _plain(evaluation),
        "baseline": _plain(baseline),
        "differences": differences,
        "risk_areas": {
            "network": _plain(risk_area(evaluation.review.curve)),
            "baseline": _plain(risk_area(baseline.review.curve)) if baseline else None,
        },
    }


def as_markdown(
    evaluation: Evaluation,
    baseline: Evaluation | None,
    *,
    title: str,
    notes: Sequence[str],
    plots: Sequence[Plot],
    more: Sequence[Table] = (),
) -> str:
    """The page: verdicts first, then tables, plots, and how to read them."""
    _check_pair(evaluation, baseline)
    facts = f"{evaluation.records} 条记录 records, {evaluation.units} 个单元 units, "
    facts += f"{evaluation.resamples} 次重抽样 resamples, seed {evaluation.seed}"
    parts = [f"# {title}", facts, _list(verdicts(evaluation, baseline))]
    parts += [f"> {note}" for note in notes]
    parts += [table_markdown(table) for table in (*_tables(evaluation, baseline), *more)]
    parts += [
        "## 图 Plots",
        *(f"### {plot.title}\n\n![{plot.title}]({plot.file})" for plot in plots),
    ]
    parts += ["## 如何阅读 How to read this", _list(READING)]
    return "\n\n".join(parts) + "\n"


def verdicts(evaluation: Evaluation, baseline: Evaluation | None) -> tuple[str, ...]:
    """One sentence a figure: whether the network's lead over the baseline is above 0."""
    if baseline is None:
        return ("没有基线可比。 No baseline to compare with.",)
    return tuple(
        f"{name}: {_verdict(difference(read(evaluation), read(baseline)))}"
        for name, read in VERDICTS
    )


def as_table(evaluation: Evaluation, baseline: Evaluation | None) -> rich.table.Table:
    """The main figures for a terminal."""
    table = headline(evaluation, baseline)
    shown_table = rich.table.Table(title=table.title, caption="[] = 95 %", caption_justify="left")
    for at, column in enumerate(table.columns):
        shown_table.add_column(column, justify="right" if at else "left", no_wrap=at > 0)
    for row in table.rows:
        shown_table.add_row(*row)
    return shown_table


def _check_pair(evaluation: Evaluation, baseline: Evaluation | None) -> None:
    if baseline is not None and baseline.digest != evaluation.digest:
        raise ReportError(
            f"baseline: measured on {baseline.digest[:12]}, {evaluation.digest[:12]} wanted: "
            "the same records, labels, seed and number of resamples"
        )


def _verdict(lead: Figure) -> str:
    if lead.value is None or lead.low is None or lead.high is None:
        return "无法比较。 Cannot be compared."
    words = f"网络减基线 network minus baseline {shown(lead, sign=True)}: "
    if lead.low > 0:
        return words + "**高于 0**,网络优于基线。 The difference is above 0."
    if lead.high < 0:
        return words + "**低于 0**,网络不如基线。 The difference is below 0."
    return words + "**区间含 0**,不能说网络优于基线。 Not shown to be above 0."


def _tables(evaluation: Evaluation, baseline: Evaluation | None) -> tuple[Table, ...]:
    confusions = [confusion_table("级别混淆:网络 Level confusion, network", evaluation.levels)]
    if baseline:
        title = "级别混淆:基线 Level confusion, baseline"
        confusions.append(confusion_table(title, baseline.levels))
    return (
        headline(evaluation, baseline),
        coverage_table(evaluation, baseline),
        level_table(evaluation, baseline),
        *confusions,
        label_table(
            "一级原因 Level-1 causes",
            evaluation.level1_causes,
            baseline.level1_causes if baseline else None,
        ),
        label_table(
            "二级原因 Level-2 causes", evaluation.causes, baseline.causes if baseline else None
        ),
        label_table("迹象 Signs", evaluation.signs, baseline.signs if baseline else None),
        label_table(
            "保护标记 Protective marks", evaluation.marks, baseline.marks if baseline else None
        ),
        overlap_table(evaluation, baseline),
        slice_table(evaluation, baseline),
    )


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _plain(value: Any) -> Any:
    """Plain JSON values; draws stay out, rates carry their share, six decimals."""
    if isinstance(value, Figure):
        return {name: _plain(getattr(value, name)) for name in ("value", "low", "high")}
    if isinstance(value, Rate):
        return {"count": value.count, "total": value.total, **_plain(value.figure)}
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value
