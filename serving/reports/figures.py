"""Figures: the tables of a month, each count with what it is a part of. Knows no file format."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from models.links.kinds import read_kinds
from serving.files.tables import plain
from serving.reports.month import Month
from serving.reports.reading import ATTRIBUTES, ReportedCase
from serving.reports.suppression import SMALLEST, Hidden, hide_small
from serving.vocabulary import Vocabulary

TREND = 6
"""How many months a trend shows."""

Value = str | int | float | Hidden | None
_REJECTED = "模型所判原因不获认可,原因待定"
_UNSAID = "未填写"
_RARE = f"其他(每种少于 {SMALLEST} 件)"
_LONGEST = 40
_TITLES = {"channel": "渠道", "product": "产品", "source": "来源"}


@dataclass(frozen=True, slots=True)
class Table:
    """A table. Floats are shares, 0 to 1; None: there is nothing to divide by."""

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one month."""

    month: Month
    tables: tuple[Table, ...]


def make_report(cases: Sequence[ReportedCase], month: Month, words: Vocabulary) -> Report:
    """The tables of a month; ``cases`` are those of it and of the months of its trend."""
    now = [case for case in cases if case.month == month]
    past = [case for case in cases if case.month == month.before()]
    level2 = lambda case: _cause_name(case.cause, words)  # noqa: E731
    level1 = lambda case: _branch_name(case.cause, words)  # noqa: E731
    tables = [
        _overview(now, past),
        _levels(now, words),
        _compared("causes1", "一级原因", now, past, level1),
        _compared("causes2", "二级原因", now, past, level2),
        _trend(cases, month, level1),
    ]
    for name in ATTRIBUTES:
        value = _values_of(name, now, words)
        tables.append(_compared(name, _TITLES[name], now, past, value))
        tables.append(_crossed(name, now, value, level1))
    return Report(month, (*tables, _reviews(now, words), _agreement(now, words), _groups(now)))


def _overview(now: Sequence[ReportedCase], past: Sequence[ReportedCase]) -> Table:
    reviewed = [case for case in now if case.decision is not None]
    joined = [case for case in now if case.group is not None]
    rows: list[tuple[Value, ...]] = [
        ("投诉件数", len(now), None, None),
        ("上月投诉件数", len(past), None, None),
        ("较上月增减", len(now) - len(past), len(past), _share(len(now) - len(past), len(past))),
        _part("建议人工复核", sum(case.needed for case in now), len(now)),
        _part("已复核", len(reviewed), len(now)),
        _part("有关联案件", len(joined), len(now)),
    ]
    return Table("overview", "概况", ("指标", "件数", "分母", "比例"), tuple(rows))


def _levels(now: Sequence[ReportedCase], words: Vocabulary) -> Table:
    """Counts by route, who needs help first; then by level of those who have none."""
    helped = Counter(case.route for case in now if case.route is not None)
    found = Counter(case.level for case in now if case.route is None)
    named = [(words.route(id_), helped[id_]) for id_ in dict.fromkeys((*words.routes, *helped))]
    named += [(words.level(id_), found[id_]) for id_ in dict.fromkeys((*words.levels, *found))]
    rows = tuple(_part(name, count, len(now)) for name, count in named)
    note = "需要帮助的人不给级别,在前单独计数。级别只提示由谁核验,不说明来件人的性质。"
    return Table("levels", "提示级别", ("去向或级别", "件数", "分母", "占比"), rows, note)


def _compared(
    id_: str,
    title: str,
    now: Sequence[ReportedCase],
    past: Sequence[ReportedCase],
    value: Callable[[ReportedCase], str],
) -> Table:
    """Counts by one property, the most frequent first, beside those of the month before."""
    found, before = Counter(map(value, now)), Counter(map(value, past))
    names = sorted({*found, *before}, key=lambda name: (-found[name], -before[name], name))
    rows = tuple(
        (*_part(name, found[name], len(now)), before[name], found[name] - before[name])
        for name in names
    )
    return Table(id_, title, (title, "件数", "分母", "占比", "上月件数", "增减"), rows)


def _trend(
    cases: Sequence[ReportedCase], month: Month, value: Callable[[ReportedCase], str]
) -> Table:
    months = [month.before(back) for back in reversed(range(TREND))]
    found = Counter((value(case), case.month) for case in cases)
    names = sorted({name for name, _ in found}, key=lambda name: (-found[name, month], name))
    rows: list[tuple[Value, ...]] = [
        (name, *(found[name, one] for one in months)) for name in names
    ]
    total: tuple[Value, ...] = (
        "合计",
        *(sum(case.month == one for case in cases) for one in months),
    )
    columns = ("一级原因", *map(str, months))
    return Table("trend", f"一级原因 {TREND} 个月走势", columns, (*rows, total))


def _crossed(
    id_: str,
    now: Sequence[ReportedCase],
    value: Callable[[ReportedCase], str],
    cause: Callable[[ReportedCase], str],
) -> Table:
    """Counts of a property by level-1 cause, small ones hidden; totals are the denominators."""
    found = Counter((value(case), cause(case)) for case in now)
    values, causes = _by_count(map(value, now)), _by_count(map(cause, now))
    hidden = hide_small([[found[one, other] for other in causes] for one in values])
    rows: list[tuple[Value, ...]] = [
        (one, *line, sum(found[one, other] for other in causes))
        for one, line in zip(values, hidden, strict=True)
    ]
    total: tuple[Value, ...] = (
        "合计",
        *(sum(found[one, other] for one in values) for other in causes),
        len(now),
    )
    note = f"少于 {SMALLEST} 件的格显示为“<{SMALLEST}”;“…”是为避免倒推而一并隐去的格。"
    title = f"{_TITLES[id_]}与一级原因"
    return Table(f"{id_}_causes", title, (_TITLES[id_], *causes, "合计"), (*rows, total), note)


def _reviews(now: Sequence[ReportedCase], words: Vocabulary) -> Table:
    found = Counter(case.decision for case in now if case.decision is not None)
    names = words.words["decision"]
    rows = tuple(_part(name, found[id_], found.total()) for id_, name in names.items())
    note = "分母为本月案件中已复核的件数;一件多次复核只计最后一次。"
    return Table("reviews", "复核结论", ("结论", "件数", "分母", "占比"), rows, note)


def _agreement(now: Sequence[ReportedCase], words: Vocabulary) -> Table:
    told = [case for case in now if case.decision is not None]
    asked = Counter(_branch_name(case.said, words) for case in told)
    same = Counter(_branch_name(case.said, words) for case in told if case.cause == case.said)
    rows = [_part(name, same[name], count) for name, count in asked.most_common()]
    total = _part("合计", same.total(), asked.total())
    note = (
        "复核人认可模型主要根因(二级)的件数;按模型所给一级原因分列。复核并非随机抽取,不等于准确率。"
    )
    columns = ("模型所给一级原因", "认可件数", "分母", "占比")
    return Table("agreement", "主要根因复核一致", columns, (*rows, total), note)


def _groups(now: Sequence[ReportedCase]) -> Table:
    kinds = read_kinds().by_id
    joined = [case for case in now if case.group is not None and case.group_kind is not None]
    groups = {(case.group, case.group_kind) for case in joined}
    number = Counter(kind for _, kind in groups)
    members = Counter(case.group_kind for case in joined)
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (kind.zh, number[id_], *_part("", members[id_], len(now))[1:])
        for id_, kind in kinds.items()
        if number[id_]
    )
    note = "本月有案件到达的组;件数只计本月案件。成组不说明任何来件人有问题。"
    return Table("groups", "案件组", ("性质", "组数", "本月件数", "分母", "占比"), rows, note)


def _values_of(
    name: str, now: Sequence[ReportedCase], words: Vocabulary
) -> Callable[[ReportedCase], str]:
    """Names of a property's values; what few cases hold is lumped: a rare word may be a person."""
    found = Counter(case.attributes[name] for case in now)

    def value(case: ReportedCase) -> str:
        held = case.attributes[name]
        if held is None:
            return _UNSAID
        if held in words.words[name]:
            return words.word(name, held)
        return _cell(held) if found[held] >= SMALLEST else _RARE

    return value


def _cell(word: str) -> str:
    """A word from outside that a spreadsheet holds, and does not take for a formula."""
    short = plain(word)[:_LONGEST] or _UNSAID
    return f"'{short}" if short[:1] in ("=", "+", "-", "@") else short


def _cause_name(cause: str | None, words: Vocabulary) -> str:
    if cause is None:
        return _REJECTED
    return " › ".join(words.path(cause))


def _branch_name(cause: str | None, words: Vocabulary) -> str:
    return _REJECTED if cause is None else words.path(cause)[0]


def _by_count(names: Iterable[str]) -> list[str]:
    found = Counter(names)
    return sorted(found, key=lambda name: (-found[name], name))


def _part(name: str, count: int, of: int) -> tuple[Value, ...]:
    return (name, count, of, _share(count, of))


def _share(count: int, of: int) -> float | None:
    return count / of if of else None
