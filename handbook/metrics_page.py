"""The page of metrics, from the text that a service gives to Prometheus."""

from prometheus_client.parser import text_string_to_metric_families

from handbook.markdown import code, page, table
from handbook.words import words_for

_ABOUT = (
    "`GET /metrics`,Prometheus 文本格式。标签只含路由、状态和分类标识,从不含投诉文字。 "
    "Labels are routes, statuses and ids, never words of a complaint.\n"
)
_SUFFIX = {"counter": "_total", "histogram": "_bucket, _sum, _count"}


def metrics_page(scraped: bytes) -> str:
    """Our own metrics in the page that was scraped; the process's and Python's are left out."""
    families = [
        family
        for family in text_string_to_metric_families(scraped.decode("utf-8"))
        if family.name.startswith("xiaobao_") and not family.name.endswith("_created")
    ]
    words = words_for("metrics", (family.name for family in families))
    rows = (
        (
            code(family.name),
            family.type,
            _SUFFIX.get(family.type, ""),
            f"{words[family.name]} · {family.documentation}",
        )
        for family in families
    )
    header = ("指标 metric", "类型 type", "后缀 suffix", "含义 meaning")
    return page("指标 · Metrics", _ABOUT, table(header, rows))
