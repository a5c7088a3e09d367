"""What stands where in the site: sections and, in each, pages by path. Nothing is left out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath

from handbook.markdown import title_of

HOME = "index.md"


@dataclass(frozen=True, slots=True)
class Section:
    """A title and patterns of paths in the order wanted; a pattern may match no page."""

    title: str
    patterns: tuple[str, ...]


SECTIONS = (
    Section(
        "教程 · Tutorials",
        (
            "tutorials/first-hour-intake.md",
            "tutorials/first-hour-analyst.md",
            "tutorials/first-hour-engineer.md",
            "tutorials/*.md",
        ),
    ),
    Section("怎么做 · How to", ("guides/*.md",)),
    Section("规则 · Rules", ("rules-and-deadlines.md", "privacy-and-fairness.md")),
    Section("运行 · Operations", ("operations.md", "console.md", "register.md", "api.md")),
    Section(
        "参考 · Reference",
        ("reference/cli.md", "reference/settings.md", "reference/http.md", "reference/*.md"),
    ),
    Section(
        "模型与数据 · Model and data",
        ("model/card.md", "model/figures.md", "model/datasheet.md", "model/*.md", "figures/*.md"),
    ),
    Section(
        "深入 · In depth",
        (
            "more/architecture.md",
            "training.md",
            "pretraining.md",
            "decisions/README.md",
            "decisions/*.md",
        ),
    ),
    Section("项目 · Project", ("more/*.md",)),
)
TITLES = {
    "api.md": "HTTP 接口说明 · The HTTP API",
    "console.md": "复核台 · The review console",
    "operations.md": "运行手册 · Operations",
    "pretraining.md": "预训练 · Pretraining",
    "privacy-and-fairness.md": "隐私与公平 · Privacy and fairness",
    "register.md": "登记库 · The register",
    "decisions/README.md": "决定 · Decisions",
    "figures/development/report.md": "开发集报告 · Report, development",
    "figures/test/report.md": "测试集报告 · Report, test",
    "model/card.md": "模型卡 · Model card",
    "model/datasheet.md": "数据说明书 · Datasheet",
    "model/encoder.md": "内置编码器 · The embedded encoder",
    "more/architecture.md": "架构 · Architecture",
    "more/benchmarks.md": "基准测试 · Benchmarks",
    "more/changelog.md": "变更记录 · Changelog",
    "more/contributing.md": "参与开发 · Contributing",
    "more/notebooks.md": "分析笔记本 · Notebooks",
    "more/security.md": "安全 · Security",
}
"""Names in two languages for pages whose own heading has one, or speaks to another reader."""

_REST = "更多 · More"  # a page that no section names yet is shown all the same

Navigation = Mapping[str, tuple[str, ...]]


def navigate(paths: Mapping[str, object]) -> Navigation:
    """Title of a section to its pages, each page once, the home page in none."""
    left = sorted(set(paths) - {HOME})
    chosen: dict[str, tuple[str, ...]] = {}
    for section in SECTIONS:
        pages = tuple(dict.fromkeys(p for q in section.patterns for p in left if fnmatch(p, q)))
        left = [path for path in left if path not in pages]
        if pages:
            chosen[section.title] = pages
    return chosen | ({_REST: tuple(left)} if left else {})


def page_title(path: str, text: str) -> str:
    """What the navigation calls a page: by TITLES, its first heading, or its file's name."""
    return TITLES.get(path) or title_of(text) or PurePosixPath(path).stem


def home_page(navigation: Navigation, texts: Mapping[str, str]) -> str:
    """The first page: what xiaobao is, and every page by section."""
    return "\n".join([_WELCOME, *_listed(navigation, texts)])


def _listed(navigation: Navigation, texts: Mapping[str, str]) -> Iterator[str]:
    for title, paths in navigation.items():
        yield f"## {title}\n"
        yield "".join(f"- [{page_title(path, texts[path])}]({path})\n" for path in paths)


_WELCOME = """# 消保 xiaobao

读中文人身保险投诉:**出了什么问题**(根因,每个都附原文证据),以及**是否有代理退保的迹象**(仅供核验)。
在一台两核机器上运行,不需要显卡和互联网,投诉不离开本机。

It reads complaints to a life insurer: **what went wrong**, each cause with the words that say so,
and **signs of proxy-surrender agents**, as advice only. No complaint leaves the machine.

提示仅供核验,不影响受理、时限和处理结果。 A flag never refuses, delays or lowers a complaint.

教程、指南、规则和参考中文在前,英文在后,命令共用;参考由代码生成。深入部分多为英文。

Tutorials, how-tos, rules and reference hold both languages, Chinese first; the reference is written
from the code. What goes deeper is mostly in English.
"""
