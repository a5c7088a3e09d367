"""The report of a drift: JSON for programs, Markdown for readers. Holds no complaint's text."""

import json
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from training.drift.drift import VERDICTS, Drift
from training.drift.telling import TellingWord
from training.evaluation.tables import Table, shown, table_markdown

_SIZES = {"none": "—", "little": "小 little", "some": "中 some", "much": "大 much"}
READING = (
    "预期准确率:主因概率(已校准)的平均值。下降说明模型包更没有把握;对错只有人工标注的抽样能证明。 "
    "Expected accuracy is the mean calibrated probability of the primary cause; only a sample "
    "labelled by hand proves it.",
    "稳定性指数 PSI(Siddiqi 2006):0.1 以下为小,0.25 起为大。机会:Kolmogorov-Smirnov 或卡方检验,"
    "经 Benjamini-Hochberg 校正;0.05 以上记“—”。 Index: below 0.1 little, from 0.25 much; "
    "chance is corrected for the number of questions.",
    "区分度:一个简单的分类器能否分辨两批文本(Lopez-Paz 与 Oquab 2017),0.5 为不能。 "
    "AUC of a reader that tells the two sets apart: 0.5 where it cannot.",
    "各件按相互独立计:同一事件引来的五十件会显得比实际更确定。 "
    "Complaints are taken as independent: fifty of one outage look surer than they are.",
)


def as_json(drift: Drift) -> dict[str, Any]:
    """Every figure as plain values; a ratio without an end is None."""
    fall = drift.fall
    return {
        "verdict": drift.verdict,
        "bundle": drift.bundle,
        "complaints": {"before": drift.before, "after": drift.after, "learned": drift.learned},
        "expected_accuracy": {
            "before": round(drift.expected_before, 6),
            "after": round(drift.expected_after, 6),
            "difference": {n: _number(getattr(fall, n)) for n in ("value", "low", "high")},
        },
        "telling": {
            "auc": round(drift.telling.auc, 6),
            "chance": drift.telling.chance,
            "words": [_word(one) for one in drift.telling.words],
        },
        "shifts": [{**asdict(one), "size": one.size} for one in drift.shifts],
    }


def tables(drift: Drift) -> tuple[Table, ...]:
    """What has moved, and the words that tell the sets apart."""
    shifts = tuple(
        (one.name, one.before, one.after, f"{one.index:.3f}", _SIZES[one.size])
        for one in drift.shifts
    )
    words = tuple(
        (one.word, str(one.change.before), str(one.change.after), _ratio(one.change.ratio))
        for one in drift.telling.words
    )
    columns = ("项目 what", "之前 before", "之后 after", "PSI", "变化 shift")
    found = [Table("变化 What has moved", columns, shifts)]
    if words:
        titles = ("词 word", "之前件数 before", "之后件数 after", "倍数 ratio")
        found.append(Table("用词变化 Words that tell them apart", titles, words))
    return tuple(found)


def summary(drift: Drift) -> tuple[str, ...]:
    """The verdict and what it rests on, a line each."""
    telling = drift.telling
    known = (
        f"之前的 {drift.learned} 件是训练文本,预期准确率因此偏高,请换未学过的投诉。 "
        f"{drift.learned} of before were learned from: the bundle is too sure of them."
    )
    return (
        f"{VERDICTS[drift.verdict]}",
        f"{drift.before} / {drift.after} 件 complaints, {drift.bundle}",
        f"预期准确率 expected accuracy {drift.expected_before:.3f} → {drift.expected_after:.3f} "
        f"({shown(drift.fall, sign=True)})",
        f"区分度 told apart with AUC {telling.auc:.3f}",
        *([known] if drift.learned else ()),
    )


def write_page(drift: Drift, directory: Path) -> tuple[Path, Path]:
    """Write drift.json and drift.md; their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    answer, page = directory / "drift.json", directory / "drift.md"
    text = json.dumps(as_json(drift), ensure_ascii=False, indent=2, allow_nan=False)
    answer.write_text(text + "\n", "utf-8")
    parts = ["# 漂移 Drift", *(f"- {line}" for line in summary(drift))]
    parts += [table_markdown(table) for table in tables(drift)]
    parts += ["## 说明 How to read this", "\n".join(f"- {line}" for line in READING)]
    page.write_text("\n\n".join(parts) + "\n", "utf-8")
    return answer, page


def _word(one: TellingWord) -> dict[str, Any]:
    change = one.change
    counts = {"before": change.before, "after": change.after}
    ends = {name: _number(getattr(change, name)) for name in ("ratio", "low", "high")}
    return {"word": one.word, **counts, **ends}


def _number(value: float | None) -> float | None:
    return round(value, 6) if value is not None and isfinite(value) else None


def _ratio(ratio: float | None) -> str:
    return "新 new" if ratio is None else f"{ratio:.2f}"
