"""Writing: a report as XLSX, CSV and HTML, each file whole or not at all. Counts nothing."""

import csv
from datetime import date
from io import BytesIO, StringIO
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from models.assessment import NOTICE
from models.whole_files import write_whole, writing
from serving.reports.figures import Report, Table, Value
from serving.reports.suppression import Hidden

_HEAD = PatternFill("solid", fgColor="E4EEF8")
NOTES = (
    NOTICE,
    "统计口径:每件投诉取最新版本,按收到日期(没有时按登记日期)计入当月。",
    "原因为现行主要根因:有人工复核的以最后一次复核为准,其余为模型所给。",
    "报告不含投诉文字、案件编号和个人信息。",
)


def write_report(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write ``report-YYYY-MM`` in its three forms; returns the files. Raises OutputError."""
    forms = {".xlsx": as_xlsx(report), ".csv": as_csv(report), ".html": as_html(report)}
    paths = {folder / f"report-{report.month}{suffix}": form for suffix, form in forms.items()}
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in paths.items():
            write_whole(path, [content])
    return tuple(paths)


def as_csv(report: Report) -> bytes:
    """One line a cell, so that any tool can pivot it; with a mark by which Excel knows UTF-8."""
    text = StringIO()
    out = csv.writer(text, lineterminator="\r\n")
    out.writerow(("月份", "表", "行", "列", "值"))
    for table in report.tables:
        for row in table.rows:
            for column, value in zip(table.columns[1:], row[1:], strict=True):
                out.writerow((report.month, table.title, row[0], column, _csv_value(value)))
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(report: Report) -> bytes:
    """A sheet a table, the notes first; shares are numbers, shown as percent."""
    book = Workbook()
    first: Worksheet = book.active
    first.title = "说明"
    first.append([f"投诉根因月度分析 {report.month}"])
    first["A1"].font = Font(bold=True, size=14)
    for line in NOTES:
        first.append([line])
    first.column_dimensions["A"].width = 90
    for table in report.tables:
        _add_sheet(book, table)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def as_html(report: Report) -> bytes:
    """One page that needs nothing else, to be read or printed."""
    environment = Environment(
        loader=PackageLoader("serving.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html").render(
        report=report, notes=NOTES, shown=_shown, made=date.today().isoformat(), is_share=_is_share
    )
    return page.encode("utf-8")


def _add_sheet(book: Workbook, table: Table) -> None:
    sheet = book.create_sheet(table.title)
    sheet.append(list(table.columns))
    for row in table.rows:
        sheet.append([value.sign if isinstance(value, Hidden) else value for value in row])
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True), _HEAD
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    for row_ in sheet.iter_rows(min_row=2):
        for cell in row_:
            if isinstance(cell.value, float):
                cell.number_format = "0.0%"
            if isinstance(cell.value, str):
                cell.data_type = "s"  # text, whatever it begins with
    sheet.freeze_panes = "B2"
    sheet.column_dimensions["A"].width = 30
    for number in range(2, len(table.columns) + 1):
        sheet.column_dimensions[get_column_letter(number)].width = 13
    if table.note:
        sheet.append([])
        sheet.append([table.note])


def _csv_value(value: Value) -> str | int:
    match value:
        case Hidden():
            return value.sign
        case float():
            return f"{value:.4f}"
        case None:
            return ""
        case _:
            return value


def _shown(value: Value) -> str:
    match value:
        case Hidden():
            return value.sign
        case float():
            return f"{value:.1%}".replace("%", " %")
        case None:
            return "—"
        case _:
            return str(value)


def _is_share(value: Value) -> bool:
    return isinstance(value, float)
