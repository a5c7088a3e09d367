"""Which column means which field: a table of names that exports use, and how a header is found.

Knows names only, never what cells hold. Names in one tuple stand in order of preference: where two
columns of a file mean the same field, the earlier name wins and the other column is ignored. Only
columns of the moment of receipt are kept beside each other: one may hold the day, one the time.
"""

import dataclasses
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from models.record import Record
from models.rows.row import RowsError

RECORD_FIELDS: tuple[str, ...] = tuple(field.name for field in dataclasses.fields(Record))

ALIASES: Mapping[str, tuple[str, ...]] = {
    "text": (
        "投诉内容", "投诉详情", "投诉详细内容", "投诉事由", "投诉描述", "诉求内容", "投诉诉求",
        "诉求描述", "工单内容", "工单详情", "来电内容", "反映内容", "信件内容", "问题描述", "内容",
        "投訴內容", "content", "complaint", "complaint_text",
    ),
    "case_id": (
        "工单号", "工单编号", "投诉编号", "投诉件编号", "投诉单号", "案件编号", "案件号",
        "受理编号", "流水号", "编号", "案件編號", "id", "caseid", "case_no",
    ),
    "received_at": (
        "受理时间", "受理日期", "投诉时间", "投诉日期", "来电时间", "登记时间", "接收时间",
        "创建时间", "受理時間", "date", "created_at",
    ),
    "genre": ("文本类型", "文本体裁", "text_genre"),
    "source": ("投诉渠道", "投诉来源", "来源渠道", "受理渠道", "来源", "件源"),
    "channel": ("销售渠道", "承保渠道", "业务渠道", "出单渠道"),
    "product": ("产品名称", "险种名称", "险种", "产品", "投保产品", "产品类型"),
    "role": ("投诉人身份", "投诉人类型", "投诉人角色", "complainant_role"),
    "phone": (
        "联系电话", "投诉人电话", "联系方式", "手机号", "手机号码", "电话", "来电号码",
        "聯絡電話", "mobile", "tel",
    ),
    "address": ("联系地址", "通讯地址", "寄件地址", "投诉人地址", "地址"),
    "payee_account": ("收款账号", "收款账户", "银行账号", "退款账号", "领款账号", "account"),
    "policyholder": ("投保人", "投保人姓名", "客户姓名", "要保人"),
    "policy_no": ("保单号", "保单号码", "保险单号", "合同号", "保單號碼", "policy_number"),
    "seller": (
        "业务员", "业务员姓名", "销售人员", "代理人", "代理人姓名", "营销员", "客户经理", "经办人",
    ),
    "attachment_author": ("附件作者", "文档作者"),
}  # fmt: skip

# Rows of a file that are searched for its header: titles, dates and notes may stand above it.
HEADER_WITHIN = 20

BESIDE = "received_at@"
"""Begins the name under which a row holds a further column of ``received_at``; in order of
preference, and ending in TWIN where it is named as the first is (受理时间, 受理日期)."""
TWIN = "="

_ADORNMENT = re.compile(r"[(【\[].*?[)】\]]|[*:]")
_OF_DAY_OR_TIME = re.compile(r"(日期|时间|時間|date|time|at)$")


def fold(name: object) -> str:
    """A column name without width, case, spaces, stars and bracketed remarks: `投诉内容*(必填)`."""
    plain = unicodedata.normalize("NFKC", str(name)).casefold()
    plain = "".join(c for c in plain if not c.isspace() and unicodedata.category(c) != "Cf")
    return _ADORNMENT.sub("", plain)


def field_of(name: str) -> str:
    """The field that a row's name stands for."""
    return "received_at" if name.startswith(BESIDE) else name


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """For each column its field or None; ``ignored`` are the names without a field.

    ``beside``: places of further columns of ``received_at``, and the names their cells go by.
    """

    fields: tuple[str | None, ...]
    ignored: tuple[str, ...]
    beside: tuple[tuple[int, str], ...] = ()

    @property
    def known(self) -> int:
        """How many columns have a field."""
        return sum(field is not None for field in self.fields)

    def named(self, cells: Sequence[Any]) -> dict[str, Any]:
        """The cells that have a field, under its name; a row may be shorter than the header."""
        named = {field: cell for field, cell in zip(self.fields, cells, strict=False) if field}
        return named | {name: cells[place] for place, name in self.beside if place < len(cells)}


class Columns:
    """The names that mean a field in one reading.

    ``fields`` maps a file's own column names to fields and beats the table, and to nothing a column
    to ignore; ``also`` are further fields a caller wants under their own name (labels). An unknown
    field is a `RowsError`.
    """

    def __init__(
        self, fields: Mapping[str, str] | None = None, *, also: Iterable[str] = ()
    ) -> None:
        wanted = (*RECORD_FIELDS, *also)
        for name, field in (fields or {}).items():
            if field and field not in wanted:
                raise RowsError(f"column map: {name!r} goes to {field!r}, wanted one of {wanted}")
        self._ranks: dict[str, tuple[int, str]] = {}
        for field in wanted:
            for rank, name in enumerate((field, *ALIASES.get(field, ()))):
                self._ranks.setdefault(fold(name), (rank, field))
        # A field under its own name is never an alias of another (`id` beside `case_id`).
        self._ranks.update({fold(field): (0, field) for field in wanted})
        own = {fold(name): (-1, field) for name, field in (fields or {}).items()}
        ranks = {**self._ranks, **own}
        self._ranks = {name: hit for name, hit in ranks.items() if hit[1]}

    def match(self, names: Sequence[object]) -> Header:
        """The fields of these columns; of two columns for one field the preferred name wins."""
        found = [self._ranks.get(fold(name)) if name is not None else None for name in names]
        best: dict[str, tuple[int, int]] = {}
        for place, hit in enumerate(found):
            if hit is not None:
                best[hit[1]] = min(best.get(hit[1], (hit[0], place)), (hit[0], place))
        winners = {place: field for field, (_, place) in best.items()}
        beside = _beside(names, found)
        used = winners.keys() | dict(beside).keys()
        lost = (name for place, name in enumerate(names) if place not in used)
        return Header(
            fields=tuple(winners.get(place) for place in range(len(names))),
            ignored=tuple(str(name)[:40] for name in lost if name is not None and str(name)),
            beside=beside,
        )

    def find_header(self, rows: Sequence[Sequence[object]]) -> tuple[int, Header] | None:
        """The row with a text column and the most known columns: its index, and its fields."""
        headers = [(place, self.match(row)) for place, row in enumerate(rows[:HEADER_WITHIN])]
        usable = [(place, header) for place, header in headers if "text" in header.fields]
        return max(usable, key=lambda found: (found[1].known, -found[0]), default=None)


def _beside(
    names: Sequence[object], found: Sequence[tuple[int, str] | None]
) -> tuple[tuple[int, str], ...]:
    hits = [(hit[0], place) for place, hit in enumerate(found) if hit and hit[1] == "received_at"]
    places = [place for _, place in sorted(hits)]
    stems = [_OF_DAY_OR_TIME.sub("", fold(names[place])) for place in places]
    twins = [TWIN if stem == stems[0] else "" for stem in stems]
    named = (f"{BESIDE}{order:02}{twin}" for order, twin in enumerate(twins))
    return tuple(zip(places, named, strict=True))[1:]


def no_text_column(place: str, columns: Columns, rows: Sequence[Sequence[object]]) -> RowsError:
    """The error for a table without a text column.

    Names are shown only where at least one is known: a file without a header has a complaint there.
    """
    best = max((columns.match(row) for row in rows), key=lambda h: h.known, default=None)
    if best is None:
        found = "no rows"
    elif best.known:
        fields = [field for field in best.fields if field]
        unknown = f" and unknown ones ({', '.join(best.ignored)})" if best.ignored else ""
        found = f"columns for {', '.join(fields)}{unknown}"
    else:
        found = f"no header with a known name in the first {len(rows)} rows"
    wanted = "、".join(("text", *ALIASES["text"][:4]))
    return RowsError(
        f"{place}: found {found}; wanted a text column ({wanted} …): call it so, or say which one "
        "it is where a command has --column (--column NAME=text)"
    )
