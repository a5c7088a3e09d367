"""The bundle's card: what it is, what it learned from, what it may not be used for."""

from collections.abc import Mapping
from typing import Any

from models.bundle import Bundle


def write_card(manifest: Mapping[str, Any], bundle: Bundle) -> str:
    """The text of ``card.md``, every figure taken from the manifest."""
    trained = manifest.get("training", {})
    rows = [f"| {name} | {value} |" for name, value in _facts(manifest, trained, bundle)]
    return "\n".join(
        [
            f"# {manifest['name']}",
            "",
            "读中文人身保险投诉:根因(可多选,附原文证据)与代理退保迹象(仅供核验)。",
            "Reads Chinese life-insurance complaints: root causes with evidence, and signs of",
            "proxy-surrender agents for a person to check.",
            "",
            "| | |",
            "|---|---|",
            *rows,
            "",
            *_figures(manifest.get("metrics", {})),
            *_risks(manifest.get("risk", {})),
            "## 用途与限制 Use and limits",
            "",
            "- 提示只影响由谁复核,不得用于拒绝、拖延或降低任何投诉的处理。",
            "  A level may change who reviews. It may not refuse, delay or lower a complaint.",
            "- 受害人不给等级,只提示提供帮助。 A victim gets no level, only an offer of help.",
            "- 随附语料为撰写而非采集;真实来件上的效果须由保险公司以自有数据评估后再用。",
            "  The texts that come with xiaobao were written, not collected: measure a model on",
            "  your own complaints before relying on it.",
            "- 开发集用于选择轮次、阈值和校准,其数字偏乐观。",
            "  Epochs, thresholds and calibration were chosen on the development split: its",
            "  figures flatter.",
            "",
        ]
    )


def _figures(metrics: Mapping[str, Mapping[str, float | int | None]]) -> list[str]:
    """A table of what was measured, a column a part; nothing where nothing was."""
    if not metrics:
        return []
    names = dict.fromkeys(name for figures in metrics.values() for name in figures)
    columns = list(metrics.values())
    return [
        "## 测得 Measured",
        "",
        f"| | {' | '.join(metrics)} |",
        f"|---|{'---|' * len(metrics)}",
        *(f"| {n} | {' | '.join(_shown(c.get(n)) for c in columns)} |" for n in names),
        "",
    ]


def _risks(risk: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What holds of the two thresholds and whether it was proven; nothing for an older bundle."""
    if not risk:
        return []
    rows = [
        f"| {_RISKS[name]} | {own['threshold']:.2f} | {own['bound']:.2f} | {own['found']:.3f} "
        f"| {own['records']} | {'是 yes' if own['proven'] else '否 no'} ({own['confidence']:.0%}) |"
        for name, own in risk.items()
    ]
    return [
        "## 阈值与风险 Thresholds and risk",
        "",
        "| 阈值 threshold | 值 value | 界 bound | 测得 found | 记录 records | 已证 proven |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
    ]


_RISKS = {
    "flags": "强迹象:误提示率不高于界 strong signs: rate of false flags at most",
    "review": "转人工:不转者主因正确率不低于界 review: accuracy of the rest at least",
}


def _shown(value: float | int | None) -> str:
    if value is None:
        return "—"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _facts(
    manifest: Mapping[str, Any], trained: Mapping[str, Any], bundle: Bundle
) -> list[tuple[str, object]]:
    examples = trained.get("examples", {})
    teacher = trained.get("teacher")
    return [
        ("编码器 encoder", trained.get("base", "?")),
        *([("教师 teacher", teacher)] if teacher else []),
        ("建立 created", manifest["created"]),
        ("xiaobao", manifest["xiaobao"]),
        ("分类 taxonomy", bundle.taxonomy.version),
        ("迹象手册 codebook", bundle.codebook.version),
        ("精度 precision", bundle.precision),
        ("标签 labels", len(bundle.labels.evidence)),
        ("训练 training texts", examples.get("train", "?")),
        ("开发 development texts", examples.get("development", "?")),
        ("测试 test texts", examples.get("test", "?")),
        ("轮次 epochs", f"{trained.get('best_epoch', '?')} / {trained.get('epochs', '?')}"),
    ]
