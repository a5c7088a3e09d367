"""The page of figures, from the evaluation reports of the embedded bundle; none typed by hand."""

from collections.abc import Iterator, Mapping
from typing import Any

from handbook.markdown import page, table

Report = Mapping[str, Any]

_MEASURES = {
    "一级原因准确率 level-1 accuracy of the primary cause": ("level1_accuracy",),
    "二级原因准确率 level-2 accuracy of the primary cause": ("level2_accuracy",),
    "原因微平均 F1 causes, micro F1": ("causes", "micro"),
    "迹象微平均 F1 signs, micro F1": ("signs", "micro"),
    "保护标记微平均 F1 protective marks, micro F1": ("marks", "micro"),
    "代理操作 AUROC agent-run, AUROC": ("agent", "auroc"),
    "主因校准误差 calibration error, primary": ("primary_calibration", "error"),
    "代理概率校准误差 calibration error, agent": ("agent_calibration", "error"),
}
_RATES = {
    "真实客户被提到建议核验及以上 genuine customers at REVIEW or above": ("levels", "false_flags"),
    "受害人被误指 victims accused": ("levels", "victims_accused"),
    "转人工 sent to a person": ("review", "reviewed"),
}
_ABOUT = (
    "方括号为 95 % 自助法区间。文本为撰写而非采集:在自己的数据上评估后再依赖。 "
    "In brackets: 95 % bootstrap intervals. "
    "The texts were written, not collected: measure on your own before relying on it.\n"
)


def figures_page(reports: Mapping[str, Report]) -> str:
    """One section a report; ``reports`` maps the part of the data to the JSON of its report."""
    return page("测得 · Figures", _ABOUT, *(_section(part, reports[part]) for part in reports))


def _section(part: str, report: Report) -> str:
    names = ("network", "baseline")
    measures = (
        (label, *(_interval(_at(report[name], keys)) for name in names))
        for label, keys in _MEASURES.items()
    )
    rates = (
        (label, *(_rate(_at(report[name], keys)) for name in names))
        for label, keys in _RATES.items()
    )
    header = ("项 measure", "网络 network", "基线 baseline")
    records = f"{report['network']['records']} 条记录 records. 全文 in full: "
    return "\n".join(
        [
            f"## {report['title']}\n",
            records + f"[{part}](../figures/{part}/report.md)\n",
            table(header, [*measures, *rates]),
            *_curves(part),
        ]
    )


def _curves(part: str) -> Iterator[str]:
    for name in ("reliability", "coverage_risk"):
        yield f"![{name}](../figures/{part}/{name}.png)\n"


def _at(report: Report, keys: tuple[str, ...]) -> Mapping[str, Any]:
    for key in keys:
        report = report[key]
    return report


def _interval(measure: Mapping[str, Any]) -> str:
    return f"{measure['value']:.3f} [{measure['low']:.3f}, {measure['high']:.3f}]"


def _rate(rate: Mapping[str, Any]) -> str:
    return f"{rate['count']} / {rate['total']}"
