"""Assessments as a table to read on a terminal: from 80 columns, Chinese at double width.

Only shows. Level is told by mark and word, colour is an extra. Words of a complaint are shown as
plain text: no markup, no control characters. The probability of an agent is not shown: without a
sign there is nothing to verify, and beside a victim's name it would accuse.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from models.assessment import NOTICE, Assessment

# Mark and style by level id; the word comes from the codebook of the bundle. What is no level is a
# route, where a case goes instead of getting one.
_LOOKS = {
    "NONE": ("·", "dim"),
    "WATCH": ("○", "cyan"),
    "REVIEW": ("▲", "yellow"),
    "PRIORITY": ("■", "bold red"),
}
_HELP = ("✚", "bold green")
_NARROW = 100
_MOST_NAMES = 3  # of each kind in one cell; the rest is counted

Shown = tuple[int, Assessment]


def assessment_table(
    answers: Iterable[Shown], *, names: Mapping[str, str], width: int = 110
) -> Table:
    """One line a record: pairs of input row and assessment; ``names`` of levels and routes by id.

    ``width`` is the terminal's, in columns: it decides how much of the evidence is shown.
    """
    case, cause, others, signs, evidence = _widths(width)
    gap = 0 if width < _NARROW else 1  # beside the blank that the box draws
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, gap, 0, 0))
    table.add_column("案件", max_width=case, overflow="fold")
    table.add_column("主要根因", max_width=cause, overflow="fold")
    table.add_column("其他根因", max_width=others, overflow="fold")
    table.add_column("提示", no_wrap=True)
    table.add_column("迹象−/标志+", max_width=signs, overflow="fold")
    table.add_column("证据", max_width=evidence, no_wrap=True, overflow="ellipsis")
    table.add_column("复核", no_wrap=True)
    for row, answer in answers:
        table.add_row(*_cells(row, answer, names))
    return table


def advice_of(answer: Assessment) -> str:
    """The id of the level; of the route where a case goes instead of getting one."""
    return answer.agent.route or answer.agent.level


def summary(
    found: Counter[str], *, reviews: int, failed: int, names: Mapping[str, str]
) -> RenderableType:
    """Counts of advice, of cases to read and of failed rows, above what a flag does not do."""
    counts = Text("  ").join(
        Text.assemble(advice_text(advice, names), f" {found[advice]}")
        for advice in sorted(found, key=_severity)
    )
    total = f"共 {sum(found.values())} 件 cases   需人工复核 to review {reviews}"
    lines = [Text(total + (f"   失败行 failed rows {failed}" if failed else "")), counts]
    notice = f"{NOTICE} · A flag is advice to verify: it never refuses or delays a complaint."
    return Group(*lines, Text(notice, style="italic"))


def advice_text(advice: str, names: Mapping[str, str]) -> Text:
    """A level or route as mark and word, coloured."""
    mark, style = _LOOKS.get(advice, _HELP)
    return Text(f"{mark} {names.get(advice, advice)}", style=style)


def plain(words: str) -> str:
    """The words on one line, without control or invisible characters."""
    kept = (char if unicodedata.category(char)[0] != "C" else " " for char in words)
    return " ".join("".join(kept).split())


def _widths(width: int) -> tuple[int, int, int, int, int]:
    """The widest that case, cause, other causes, signs and evidence may be, in columns."""
    if width < _NARROW:
        # With level (10), review (6) and six blanks between: 79, so nothing is cut at 80.
        return 12, 12, 10, 11, 12
    return 14, 18, 18, 23, min(max(24, width - 96), 60)


def _cells(row: int, answer: Assessment, names: Mapping[str, str]) -> tuple[Text, ...]:
    root = answer.root_cause
    others = [label.name for label in root.labels if label.id != root.primary.id]
    return (
        Text(plain(answer.case_id or f"#{row}")),
        Text.assemble(root.primary.name, (f" {_percent(root.primary.probability)}", "dim")),
        Text(_few(others)),
        advice_text(advice_of(answer), names),
        Text(_signs(answer)),
        Text(_first_words(answer)),
        Text("! 复核" if answer.review.needed else ""),
    )


def _signs(answer: Assessment) -> str:
    signs = [f"−{sign.name}" for sign in answer.agent.signs]
    marks = [f"+{mark.name}" for mark in answer.agent.marks]
    return "\n".join(words for words in (_few(signs), _few(marks)) if words)


def _percent(probability: float) -> str:
    """Never 100 % nor 0 %: nothing that was read is certain."""
    if probability < 0.01:
        return "<1%"
    return ">99%" if probability > 0.99 else f"{probability:.0%}"


def _first_words(answer: Assessment) -> str:
    primary = answer.root_cause.primary.id
    for label in answer.root_cause.labels:
        if label.id == primary and label.evidence:
            return plain(max(label.evidence, key=lambda piece: piece.score).text)
    return ""


def _few(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return "\n".join(names[:_MOST_NAMES]) + (f" … {more}" if more > 0 else "")


def _severity(level: str) -> int:
    return list(_LOOKS).index(level) if level in _LOOKS else len(_LOOKS)
