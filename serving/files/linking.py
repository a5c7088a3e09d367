"""Files linked: the cases of one file in, one line a case out, and a table of groups to read.

The whole file is in memory: a link needs both ends. Shows ids, kinds and reasons, never a text, a
name or a number of a customer.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from rich import box
from rich.console import Console, RenderableType
from rich.console import Group as Lines
from rich.table import Table
from rich.text import Text

from models.assessment import NOTICE
from models.codebook import Codebook
from models.links import HubList, Linked, LinkedCase, Linker
from models.record import Record
from models.rows import Columns, ReadingNote, Row, RowFault, parse_record, read_rows, settle
from models.whole_files import write_whole, writing
from serving.contracts import Analyzer
from serving.engines.reading import assess_sorted
from serving.files.faults import FaultFile
from serving.files.places import check_place, check_suffix
from serving.files.tables import advice_text, plain

_MOST_CASES = 6  # of a group in the table; the rest is counted


@dataclass(frozen=True, slots=True)
class LinkOutcome:
    """What became of a file: its linked cases and the rows that gave no case."""

    linked: Linked
    faults: tuple[RowFault, ...]


def link_file(
    source: Path,
    *,
    analyzer: Analyzer,
    codebook: Codebook,
    fields: Mapping[str, str] | None = None,
    hubs: HubList | None = None,
    elsewhere: Callable[[Sequence[Record]], Linked] | None = None,
    on_note: Callable[[ReadingNote], None] | None = None,
) -> LinkOutcome:
    """Assess and link every record of a file. Raises RowsError for an unreadable one.

    Identifiers may stand in columns or in an object named ``meta``; a column wins. ``fields``
    maps the file's own column names to a record's fields; ``hubs`` ties nobody, by default ours.
    ``elsewhere`` does both for the records in place of this process.
    """
    faults: list[RowFault] = []
    records: list[Record] = []
    for found in read_linkable(source, fields=fields, on_note=on_note):
        if isinstance(found, RowFault):
            faults.append(found)
        else:
            records.append(found)
    if elsewhere is not None:
        return LinkOutcome(elsewhere(records), tuple(faults))
    assessments = assess_sorted(records, analyzer)
    return LinkOutcome(Linker(codebook, hubs=hubs).link(records, assessments), tuple(faults))


def read_linkable(
    source: Path,
    *,
    fields: Mapping[str, str] | None = None,
    on_note: Callable[[ReadingNote], None] | None = None,
    prefix: str = "",
) -> Iterator[Record | RowFault]:
    """The records of a file with what their ``meta`` holds.

    A row without an id is called ``#row`` after ``prefix``, in a workbook of several sheets
    ``[sheet]#row``: each sheet counts its rows anew.
    """
    columns = Columns(fields)
    for row in read_rows(source, fields=fields, also=("meta",), on_note=on_note):
        if isinstance(row, RowFault):
            yield row
            continue
        values = _flat(row.values, columns)
        found = parse_record(settle(Row(row.file, row.number, values), Counter()))
        if isinstance(found, Record) and found.case_id is None:
            sheet = row.file.removeprefix(str(source))
            found = replace(found, case_id=f"{prefix}{sheet}#{row.number}")
        yield found


def check_out(source: Path, out: Path) -> None:
    """Raise OutputError where the answer cannot be written to ``out``."""
    check_suffix(out, (".jsonl",))
    check_place(source, out)


def write_links(outcome: LinkOutcome, out: Path) -> Path | None:
    """Write one line a case, in input order; the path of the failed rows, if there are any."""
    with writing(out), FaultFile(out) as faults:
        write_whole(out, (orjson.dumps(line_of(case)) + b"\n" for case in outcome.linked.cases))
        for fault in outcome.faults:
            faults.add(fault)
        return faults.finish()


def line_of(case: LinkedCase) -> dict[str, Any]:
    """The JSON object of a linked case."""
    return {
        "case_id": case.case_id,
        "group_id": case.group_id,
        "group_kind": case.group_kind,
        "level": case.level,
        "links": [asdict(link) for link in case.links],
    }


def group_table(linked: Linked, *, levels: Mapping[str, str], width: int = 110) -> RenderableType:
    """The groups, one a row: size, kind, levels of its cases, why, what to verify."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, width=width)
    table.add_column("组", no_wrap=True)
    table.add_column("件数", justify="right", no_wrap=True)
    table.add_column("性质", ratio=4, overflow="fold")
    table.add_column("案件", min_width=14, overflow="fold")
    table.add_column("提示", no_wrap=True)
    table.add_column("关联依据", ratio=4, overflow="fold")
    table.add_column("请核验", ratio=5, overflow="fold")
    by_group = _cases_of(linked)
    for group in linked.groups:
        table.add_row(
            group.id,
            str(len(group.case_ids)),
            Text.assemble((group.kind.zh, "bold"), f"\n{group.kind.meaning}"),
            Text(_few(group.case_ids)),
            _levels(by_group[group.id], levels),
            Text(";".join(group.why[:3])),
            Text(";".join(group.kind.verify)),
        )
    return Lines(table, Text(), _summary(linked))


def show_groups(outcome: LinkOutcome, *, console: Console, levels: Mapping[str, str]) -> None:
    """Print the table of groups; rows that failed are named below it."""
    console.print(group_table(outcome.linked, levels=levels, width=console.width))


def _flat(values: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    flat = {name: value for name, value in values.items() if name != "meta"}
    meta = values.get("meta")
    if isinstance(meta, dict):
        header = columns.match(tuple(meta))
        for field, value in header.named(tuple(meta.values())).items():
            if flat.get(field) is None:
                flat[field] = value
    return flat


def _cases_of(linked: Linked) -> dict[str, list[LinkedCase]]:
    found: dict[str, list[LinkedCase]] = {group.id: [] for group in linked.groups}
    for case in linked.cases:
        if case.group_id is not None:
            found[case.group_id].append(case)
    return found


def _levels(cases: Sequence[LinkedCase], levels: Mapping[str, str]) -> Text:
    counts = {level: sum(case.level == level for case in cases) for level in levels}
    shown = [
        Text.assemble(advice_text(level, levels), f" {count}")
        for level, count in reversed(counts.items())
        if count
    ]
    return Text("\n").join(shown)


def _few(names: Sequence[str]) -> str:
    more = len(names) - _MOST_CASES
    shown = [plain(name) for name in names[:_MOST_CASES]]
    return "\n".join(shown) + (f"\n… {more}" if more > 0 else "")


def _summary(linked: Linked) -> Text:
    grouped = sum(len(group.case_ids) for group in linked.groups)
    return Text(
        f"共 {len(linked.cases)} 件 cases,{len(linked.groups)} 组 groups,组内 {grouped} 件。"
        f"{NOTICE};同组不等于有问题 · A group accuses no member.",
        style="italic",
    )
