"""The page of labels: what the network of the embedded bundle gives, and from which threshold."""

from collections.abc import Mapping
from typing import Any

from handbook.markdown import code, page, table
from models.labels import KINDS, LabelSpace

_NAMES = {"causes": "原因 · Causes", "signs": "迹象 · Signs", "marks": "保护标记 · Marks"}
_ABOUT = (
    "顺序即网络输出的顺序。概率不低于阈值时给出标签;阈值在开发集上选定,随模型包走。 "
    "The order is that of the network's outputs. A label is given from its threshold on; "
    "thresholds travel in the bundle.\n"
)


def labels_page(labels: LabelSpace, description: Mapping[str, Any]) -> str:
    """Labels in output order with names and thresholds; then the facets' values."""
    known = {label["id"]: label for label in description["labels"]}
    parts = []
    for kind in KINDS:
        rows = (_row(known[id_]) for id_ in getattr(labels, kind))
        parts += [f"## {_NAMES[kind]}\n", table(("标识 id", "名称 name", "阈值 threshold"), rows)]
    facets = (
        (code(name), ", ".join(map(code, getattr(labels, name))))
        for name in ("demand", "record_type", "role", "genre")
    )
    parts += ["## 其他要素 · Facets\n", table(("要素 facet", "取值 values"), facets)]
    return page("标签 · Labels", _ABOUT, f"模型包 bundle: `{description['bundle']}`\n", *parts)


def _row(label: Mapping[str, Any]) -> tuple[str, str, str]:
    return code(label["id"]), label["name"], f"{label['threshold']:.3f}"
