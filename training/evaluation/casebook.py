"""The casebook: the errors of a bundle with the complaints' texts, for the analyst's own machine.

The one output of training that holds texts. Both files can be read by their owner only, where the
system knows owners; nothing of them is shown in a terminal or a log.
"""

import csv
import html
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from models.assessment import Assessment, Label, SignFound
from models.record import LabelledRecord
from training.evaluation import errors as kinds
from training.evaluation.errors import Errors, ExaminedCase, Mistake
from training.evaluation.tables import Table, table_markdown

WARNING = (
    "**本文件与 errors.csv 含投诉原文,可能含个人信息:只留在本机,不得外传,"
    "不得提交到代码库,用毕删除。** "
    "This file and errors.csv hold the texts of complaints, maybe personal data: keep them on this "
    "machine, never send or commit them, delete them after use."
)
MOST_CONFUSIONS, CASES_EACH, MOST_CASES = 15, 3, 30
NEAREST_SHOWN = 160  # characters of a nearest example on the page; its place names the rest
COLUMNS = (
    *("kind", "place", "case_id", "given", "answered", "confidence", "given_primary"),
    *("answered_primary", "given_causes", "answered_causes", "given_signs", "answered_signs"),
    *("given_marks", "answered_marks", "agent_run", "level", "evidence", "complaint_text"),
    *("nearest_place", "nearest_similarity", "nearest_labels", "nearest_text"),
)
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_casebook(errors: Errors, directory: Path) -> tuple[Path, Path]:
    """Write errors.md, the worst of each kind, and errors.csv, all; returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    page, table = directory / "errors.md", directory / "errors.csv"
    _write_private(page, as_page(errors))
    _write_private(table, "\ufeff" + as_csv(errors))  # a spreadsheet needs the mark for UTF-8
    return page, table


def as_page(errors: Errors) -> str:
    """The page: false flags, signs, marks, confusions, label errors; a case's text stands once."""
    shown: set[int] = set()
    parts = [f"# 错误分析 Error analysis: {errors.part}", f"> {WARNING}"]
    parts += [f"> {note}" for note in errors.notes]
    parts += [f"{errors.records} 条记录 records, {len(errors.cases)} 条有差异 with a difference"]
    for title, table, mistakes in _sections(errors):
        parts += [f"## {title}", *([table_markdown(table, heading="###")] if table else [])]
        parts += [_block(errors, mistake, shown) for mistake in mistakes] or ["无 none"]
    return "\n\n".join(parts) + "\n"


def as_csv(errors: Errors) -> str:
    """One row a mistake, in the order of ``errors``; lists are joined with ``;``."""
    lines = io.StringIO()
    rows = csv.writer(lines, lineterminator="\n")
    rows.writerow(COLUMNS)
    for mistake in errors.mistakes:
        rows.writerow([_cell(value) for value in _row(mistake, errors.cases[mistake.case])])
    return lines.getvalue()


def _sections(errors: Errors) -> Iterator[tuple[str, Table | None, Sequence[Mistake]]]:
    """Title, counts where there are any to show, and the mistakes to show with their case."""
    flags = errors.of_kind(kinds.FALSE_FLAG)
    yield f"真实客户误提示 False flags ({len(flags)})", None, flags[:MOST_CASES]
    for name, false, missed in (
        ("迹象 Signs", kinds.FALSE_SIGN, kinds.MISSED_SIGN),
        ("保护标记 Protective marks", kinds.FALSE_MARK, kinds.MISSED_MARK),
    ):
        wrong, lacking = errors.of_kind(false), errors.of_kind(missed)
        half = MOST_CASES // 2
        cases = (*wrong[:half], *lacking[:half])
        yield f"{name}: 误报与漏报 false and missed", _label_counts(errors, wrong, lacking), cases
    pairs = _confusions(errors)
    surest = [m for mistakes in pairs[:MOST_CONFUSIONS] for m in mistakes[:CASES_EACH]]
    yield "主因混淆 Confusions of the primary cause", _confusion_counts(errors, pairs), surest
    doubted = errors.of_kind(kinds.LABEL_ERROR)
    title = f"可能的标注错误 Likely label errors ({len(doubted)})"
    yield title, None, doubted[:MOST_CASES]


def _confusions(errors: Errors) -> list[list[Mistake]]:
    """Mistakes by (given, answered), the most frequent pair first, in a pair the surest first."""
    pairs: defaultdict[tuple[str, str], list[Mistake]] = defaultdict(list)
    for mistake in errors.of_kind(kinds.CONFUSION):
        pairs[mistake.given, mistake.answered].append(mistake)
    return sorted(pairs.values(), key=lambda own: (-len(own), -sum(m.confidence for m in own)))


def _confusion_counts(errors: Errors, pairs: Sequence[Sequence[Mistake]]) -> Table:
    rows = []
    for own in pairs[:MOST_CONFUSIONS]:
        given, answered = own[0].given, own[0].answered
        among = sum(answered in errors.cases[m.case].placed.labelled.causes for m in own)
        mean = sum(m.confidence for m in own) / len(own)
        names = (_named(errors, given), _named(errors, answered))
        rows.append((*names, str(len(own)), str(among), f"{mean:.2f}"))
    columns = (
        *("标注 given", "输出 answered", "条数 cases", "输出也在标注原因中 among given causes"),
        "平均概率 mean probability",
    )
    return Table("最多的混淆 Worst confusions", columns, tuple(rows))


def _label_counts(errors: Errors, wrong: Sequence[Mistake], lacking: Sequence[Mistake]) -> Table:
    false = Counter(mistake.answered for mistake in wrong)
    missed = Counter(mistake.given for mistake in lacking)
    order = sorted(false | missed, key=lambda id_: (-false[id_] - missed[id_], id_))
    rows = tuple((_named(errors, id_), str(false[id_]), str(missed[id_])) for id_ in order)
    return Table("条数 Counts", ("标签 label", "误报 false", "漏报 missed"), rows)


def _block(errors: Errors, mistake: Mistake, shown: set[int]) -> str:
    """One mistake; the text of its case only where it was not shown before."""
    case = errors.cases[mistake.case]
    given, answered = (_named(errors, id_) for id_ in (mistake.given, mistake.answered))
    place = _escaped(case.placed.place)
    head = f"### {place} · {given} → {answered} · 把握 confidence {mistake.confidence:.2f}"
    if mistake.case in shown:
        return f"{head}\n\n原文见上 text above"
    shown.add(mistake.case)
    return "\n\n".join([head, _quoted(case.placed.labelled.record.text), _facts(errors, case)])


def _facts(errors: Errors, case: ExaminedCase) -> str:
    gold, answer = case.placed.labelled, case.answer
    level = f"级别 level {answer.agent.level}, 代理 agent-run {str(gold.agent_run).lower()}"
    lines = [f"标注 given: {_labels(errors, gold)}", f"输出 answered: {_answered(errors, case)}"]
    lines += [f"{level}, {answer.agent.probability:.2f}"]
    lines += [
        f"证据 evidence {_named(errors, label)}: 「{_escaped(words)}」"
        for label, words in _evidence(case)
    ]
    lines += [
        f"相近样例 nearest {near.similarity:.2f} {_escaped(near.placed.place)}: "
        f"{_labels(errors, near.placed.labelled)}: {_beginning(near.placed.labelled)}"
        for near in case.neighbours
    ]
    return "\n".join(f"- {line}" for line in lines)


def _beginning(near: LabelledRecord) -> str:
    text = near.record.text
    return _escaped(text[:NEAREST_SHOWN]) + ("…" if len(text) > NEAREST_SHOWN else "")


def _answered(errors: Errors, case: ExaminedCase) -> str:
    found = _found(case.answer)
    return ", ".join(f"{_named(errors, one.id)} {one.probability:.2f}" for one in found)


def _labels(errors: Errors, gold: LabelledRecord) -> str:
    others = [id_ for id_ in gold.causes if id_ != gold.primary]
    return ", ".join(
        _named(errors, id_) for id_ in (gold.primary, *others, *gold.signs, *gold.marks)
    )


def _evidence(case: ExaminedCase) -> Iterator[tuple[str, str]]:
    for label in _found(case.answer):
        yield from ((label.id, piece.text) for piece in label.evidence)


def _found(answer: Assessment) -> tuple[Label | SignFound, ...]:
    return (*answer.root_cause.labels, *answer.agent.signs, *answer.agent.marks)


def _row(mistake: Mistake, case: ExaminedCase) -> Iterator[object]:
    """Cells in the order of COLUMNS."""
    gold, root, agent = case.placed.labelled, case.answer.root_cause, case.answer.agent
    yield from (mistake.kind, case.placed.place, gold.record.case_id)
    yield from (mistake.given, mistake.answered, f"{mistake.confidence:.4f}")
    yield from (gold.primary, root.primary.id)
    yield from (_joined(gold.causes), _joined(label.id for label in root.labels))
    yield from (_joined(gold.signs), _joined(sign.id for sign in agent.signs))
    yield from (_joined(gold.marks), _joined(mark.id for mark in agent.marks))
    yield from (str(gold.agent_run).lower(), agent.level)
    yield _joined(f"{label}「{words}」" for label, words in _evidence(case))
    yield gold.record.text
    for near in case.neighbours[:1]:
        own = near.placed.labelled
        yield from (near.placed.place, f"{near.similarity:.4f}")
        yield from (_joined((*own.causes, *own.signs, *own.marks)), own.record.text)


def _joined(values: Iterable[str]) -> str:
    return ";".join(values)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _named(errors: Errors, id_: str) -> str:
    if not id_:
        return "无 none"
    return f"{errors.names[id_]} {_escaped(id_)}" if id_ in errors.names else _escaped(id_)


def _quoted(text: str) -> str:
    return "\n".join(f"> {_escaped(line)}" for line in text.splitlines() or [""])


def _escaped(text: str) -> str:
    """The text as Markdown that shows it as it is: no markup of its own, no line breaks."""
    plain = html.escape(" ".join(text.splitlines()), quote=False)
    marked = re.sub(r"([\\`*_\[\]|~#])", r"\\\1", plain)
    return re.sub(r"^(\s*(?:\d+)?)([-+=.)])", r"\1\\\2", marked)


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)  # it may have stood there with other rights
    path.write_text(text, "utf-8")
