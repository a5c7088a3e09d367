"""Cases as a plain workbook, one row a case: codes in columns, each evidence quote in a cell.

An evidence cell reads ``LABEL;LABEL @12: words`` with the place of the words in the text; who
writes one by hand may leave the place out where the words stand in the text but once.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Font
from openpyxl.worksheet.datavalidation import DataValidation

from models.causes import RootCauseTaxonomy
from models.codebook import Codebook
from models.errors import XiaobaoError
from models.record import Span
from models.rows import RowFault
from models.rows.columns import RECORD_FIELDS
from training.examples.annotating.cases import AnnotationCase

SHEET, CODES = "案件 cases", "代码 codes"
EVIDENCE = "evidence"
LONGEST = 32_767  # UTF-16 units that a cell of a workbook holds
SPARE = 4  # empty evidence columns for who annotates
_LISTS = ("causes", "signs", "marks", "demand")
_TITLES = {
    "case_id": "工单号", "text": "投诉内容", "primary": "主因", "causes": "全部原因",
    "signs": "迹象", "marks": "标志", "agent_run": "代理操作", "demand": "诉求",
    "record_type": "记录类型", "suggested": "模型建议", "group": "同组", "writer": "撰写人",
}  # fmt: skip
_FIRST = (
    "case_id", "text", "primary", "causes", "signs", "marks", "agent_run", "demand", "record_type",
)  # fmt: skip
_LAST = (*(name for name in RECORD_FIELDS if name not in ("case_id", "text")), "group", "writer")
# Control characters, and what would be read as an escape of one (ECMA-376, ST_Xstring).
_ESCAPED = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


class CellTooLongError(XiaobaoError):
    """A value that no cell of a workbook holds."""


def write_workbook(
    cases: Sequence[AnnotationCase],
    *,
    taxonomy: RootCauseTaxonomy,
    codebook: Codebook,
    suggested: Sequence[str] | None = None,
    without: Iterable[str] = (),
) -> tuple[bytes, tuple[RowFault, ...]]:
    """The workbook, and the faults of cases that fit into no cell and are left out.

    suggested: for each case a primary cause that a model suggests; it is never read back.
    """
    book = Workbook()
    sheet = book.active
    sheet.title = SHEET
    hidden, faults = set(without), []
    spans = max((len(case.labelled.spans) for case in cases if case.labelled), default=0)
    names = [*_FIRST, *(f"{EVIDENCE}_{n}" for n in range(1, spans + SPARE + 1))]
    names += [*(("suggested",) if suggested else ()), *_LAST]
    names = [name for name in names if name not in hidden]
    _write_row(sheet, 1, [_title(name) for name in names])
    last = 1
    for place, case in enumerate(cases):
        values = values_of(case) | ({"suggested": suggested[place]} if suggested else {})
        try:
            _write_row(sheet, last + 1, [_cell_text(name, values.get(name)) for name in names])
            last += 1
        except CellTooLongError as error:
            faults.append(RowFault(case.file, case.row, None, str(error)))
    _dress(sheet, names, taxonomy)
    _write_codes(book.create_sheet(CODES), taxonomy, codebook)
    content = BytesIO()
    book.save(content)
    return content.getvalue(), tuple(faults)


def values_of(case: AnnotationCase) -> dict[str, str | None]:
    """The cells of a case by column; labels only where it has some."""
    values: dict[str, Any] = {**asdict(case.record), "group": case.group}
    labelled = case.labelled
    if labelled is None:
        return values
    values |= {name: "; ".join(getattr(labelled, name)) or None for name in _LISTS}
    values |= {name: getattr(labelled, name) for name in ("primary", "record_type", "writer")}
    values["agent_run"] = "是" if labelled.agent_run else "否"
    quotes = (write_quote(span, labelled.record.text) for span in labelled.spans)
    return values | {f"{EVIDENCE}_{n}": quote for n, quote in enumerate(quotes, start=1)}


def write_quote(span: Span, text: str) -> str:
    """The evidence cell of a span."""
    return f"{';'.join(span.labels)} @{span.start}: {text[span.start : span.end]}"


def escape(value: str) -> str:
    """Control characters as workbooks hold them, so that they come back."""
    return _ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", value)


def _cell_text(name: str, value: str | None) -> str | None:
    text = None if value is None else escape(value)
    if text is not None and len(text.encode("utf-16-le")) // 2 > LONGEST:
        found = f"{name}: found {len(text)} characters"
        raise CellTooLongError(f"{found}, wanted at most {LONGEST} in a cell of a workbook")
    return text


def _title(name: str) -> str:
    if name.startswith(EVIDENCE):
        return f"证据 {name}"
    return f"{_TITLES[name]} {name}" if name in _TITLES else name


def _write_row(sheet: Any, row: int, values: Sequence[str | None]) -> None:
    for column, value in enumerate(values, start=1):
        if value is not None:
            cell: Cell = sheet.cell(row, column)
            cell.value = value
            cell.data_type = "s"  # a text that begins with = is no formula


def _dress(sheet: Any, names: Sequence[str], taxonomy: RootCauseTaxonomy) -> None:
    """Bold titles that stay in view, a broad text column, and the codes to choose from."""
    sheet.freeze_panes = "C2"
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for column in ("text", f"{EVIDENCE}_1"):
        if column in names:
            letter = sheet.cell(1, names.index(column) + 1).column_letter
            sheet.column_dimensions[letter].width = 60
            for cell in sheet[letter]:
                cell.alignment = Alignment(wrap_text=True, vertical="top")
    # As text, also where nobody has typed yet: a spreadsheet makes a number of 01 else.
    for place, name in enumerate(names, start=1):
        if name != "text" and not name.startswith(EVIDENCE):
            column = sheet.cell(1, place).column_letter
            for cell in (sheet.column_dimensions[column], *sheet[column]):
                cell.number_format = "@"
    last = len(taxonomy.causes) + 1
    choices = DataValidation("list", formula1=f"'{CODES}'!$A$2:$A${last}", allow_blank=True)
    sheet.add_data_validation(choices)
    letter = sheet.cell(1, names.index("primary") + 1).column_letter
    choices.add(f"{letter}2:{letter}{max(2, sheet.max_row)}")


def _write_codes(sheet: Any, taxonomy: RootCauseTaxonomy, codebook: Codebook) -> None:
    """All codes with names and definitions, causes first, for who annotates."""
    for row in (
        ("代码 code", "名称 name", "类别 kind", "定义 definition"),
        *_codes(taxonomy, codebook),
    ):
        sheet.append(row)
    for cell in sheet[1]:
        cell.font = Font(bold=True)


def _codes(taxonomy: RootCauseTaxonomy, codebook: Codebook) -> Iterator[tuple[str, str, str, str]]:
    names = taxonomy.names
    for cause in taxonomy.causes:
        path = " › ".join(names[id_] for id_ in taxonomy.path_of(cause.id))
        yield cause.id, path, "原因 cause", cause.definition
    for sign in codebook.signs:
        yield sign.id, sign.zh, "迹象 sign", sign.definition
    for mark in codebook.marks:
        # What it looks like in a text; its effect is for the machine.
        yield mark.id, mark.zh, "标志 mark", "; ".join(mark.cues) or mark.example or mark.zh
