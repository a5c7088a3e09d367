"""Files in: each format, each kind of bad row, each unreadable file."""

import datetime

import openpyxl
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.record import Record
from models.rows import Columns, RowsError
from models.rows.lines import parse_line
from tests.support.places import SAMPLES
from tests.support.row_files import note_of, parquet, read, workbook, write

EXPORTS = SAMPLES / "exports"
HEADER = "工单号,投诉内容,联系电话\n"


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ('{"text": 5}', "text", "found a number, wanted text"),
        ('{"text": null}', "text", "missing, wanted the complaint text"),
        ('{"case_id": "A1"}', "text", "missing, wanted the complaint text"),
        ('{"text": "  "}', "text", "found an empty text, wanted the complaint text"),
        ('{"text": "不赔", "case_id": true}', "case_id", "found true or false, wanted text"),
        (
            '{"text": "不赔", "phone": 1.5}',
            "phone",
            "found a number with a fraction, wanted digits",
        ),
        ('["不赔"]', None, "found a list, wanted a JSON object"),
        ('"不赔"', None, "found text, wanted a JSON object"),
        ('{"text": "不赔"', None, "not valid JSON at character"),
        ('{"text": "\\ud800"}', None, "not valid JSON at character"),
    ],
)
def test_a_bad_line_is_a_fault_with_field_found_and_wanted(tmp_path, line, field, reason):
    path = write(tmp_path, "a.jsonl", f'{{"text": "好"}}\n{line}\n{{"text": "也好"}}\n')
    records, faults = read(path)
    assert [record.text for record in records] == ["好", "也好"]
    assert (faults[0].file, faults[0].row, faults[0].field) == (str(path), 2, field)
    assert faults[0].reason.startswith(reason)


def test_invalid_utf8_in_a_line_names_the_byte_offset(tmp_path):
    path = write(tmp_path, "a.jsonl", b'{"text": "\xff"}\n{"text": "ok"}\n')
    records, faults = read(path)
    assert faults[0].reason == "found byte 0xff at offset 10 of the line, wanted UTF-8"
    assert [record.text for record in records] == ["ok"]


def test_a_line_over_the_limit_is_a_fault_and_the_next_line_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("models.rows.lines.LONGEST_LINE", 64)
    path = write(tmp_path, "a.jsonl", '{"text": "' + "拖" * 100 + '"}\n{"text": "短"}\n')
    records, faults = read(path)
    assert (faults[0].row, [record.text for record in records]) == (1, ["短"])


def test_a_text_of_ten_megabytes_is_one_record(tmp_path):
    path = write(tmp_path, "a.jsonl", orjson.dumps({"text": "拖" * 3_400_000}))
    records, faults = read(path)
    assert (len(records[0].text), faults) == (3_400_000, [])


def test_a_text_is_kept_exactly_as_it_stands(tmp_path):
    text = "  全额\u200b退保\r\n第二行 "
    path = write(tmp_path, "a.jsonl", orjson.dumps({"text": text, "product": " 年金险 "}))
    assert read(path)[0] == [Record(text=text, product="年金险")]


def test_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path):
    path = write(tmp_path, "a.ndjson", '\ufeff{"text": "甲"}\n\n  \n{"text": "乙"}')
    assert [record.text for record in read(path)[0]] == ["甲", "乙"]
    assert note_of(path).blank_rows == 2


@pytest.mark.parametrize("value", [19900001234, 19900001234.0, "19900001234"])
def test_digits_as_a_number_are_the_same_digits(tmp_path, value):
    path = write(tmp_path, "a.jsonl", orjson.dumps({"text": "不赔", "phone": value}))
    assert read(path)[0][0].phone == "19900001234"


@given(st.binary(max_size=60))
def test_any_bytes_are_an_object_or_a_fault(raw):
    parsed = parse_line(raw, file="a.jsonl", number=1)
    assert isinstance(parsed, dict) or (parsed.row == 1 and parsed.reason)


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_reads_the_same_in_every_encoding_and_with_every_delimiter(
    tmp_path, codec, delimiter
):
    content = HEADER + '甲1,"理赔款拖了两个月,没人管",19900001111\n甲2,保单没收到,\n'
    content = content.replace("月,没", "月，没").replace(",", delimiter)
    records, faults = read(write(tmp_path, "a.csv", content.encode(codec)))
    assert faults == []
    assert records == [
        Record(text="理赔款拖了两个月，没人管", case_id="甲1", phone="19900001111"),
        Record(text="保单没收到", case_id="甲2"),
    ]


def test_a_damaged_byte_costs_only_its_own_row(tmp_path):
    lines = [f"甲{i},第{i}次催办没人回,1\n".encode() for i in range(12)]
    lines[4] = lines[4].replace("次".encode(), b"\xe6\xac")
    records, faults = read(write(tmp_path, "a.csv", HEADER.encode() + b"".join(lines)))
    assert (len(records), [(fault.row, fault.field) for fault in faults]) == (11, [(6, "text")])
    assert faults[0].reason.startswith("found byte 0xe6 at character")


def test_a_row_of_several_lines_has_the_number_of_its_first(tmp_path):
    content = HEADER + '甲1,"一、没合同\n二、没回访",1\n甲2,,1\n'
    records, faults = read(write(tmp_path, "a.csv", content))
    assert (records[0].text, faults[0].row) == ("一、没合同\n二、没回访", 4)


def test_more_cells_than_columns_are_a_fault(tmp_path):
    _, faults = read(write(tmp_path, "a.csv", HEADER + "甲1,排队两小时,没人理,1\n"))
    assert faults[0].reason.startswith("found 4 cells, wanted 3 as in the header")


def test_a_quote_never_closed_names_the_lines_it_swallows(tmp_path):
    _, faults = read(write(tmp_path, "a.csv", HEADER + '甲1,"没收尾,1\n甲2,好的,1\n'))
    assert (faults[0].row, faults[0].field) == (2, None)
    assert faults[0].reason.startswith("broken quotes from line 2 to line 3")


def test_digits_that_a_spreadsheet_rounded_are_left_out_and_counted(tmp_path):
    rows = "投诉内容,工单号,收款账号\n没到账,2.02503E+17,6.22202E+18\n没到账,E+7,62220212\n"
    path = write(tmp_path, "a.csv", rows)
    found = [(record.case_id, record.payee_account) for record in read(path)[0]]
    assert found == [(None, None), ("E+7", "62220212")]
    assert dict(note_of(path).left_out) == {"case_id": 1, "payee_account": 1}


def test_a_windows_export_in_tabs_is_read_by_its_own_suffix(tmp_path):
    path = write(tmp_path, "a.tsv", HEADER.replace(",", "\t") + "甲1\t没人管\t1\n")
    assert read(path)[0][0].text == "没人管"


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("投诉内容", "text"),
        ("* 投诉内容（必填）", "text"),
        ("投訴內容", "text"),
        ("工单号", "case_id"),
        ("ＩＤ", "case_id"),
        ("受 理 时 间", "received_at"),
        ("销售渠道", "channel"),
        ("投诉渠道", "source"),
        ("险种", "product"),
        ("收款账号", "payee_account"),
        ("业务员", "seller"),
        ("责任部门", None),
        ("", None),
        (None, None),
    ],
)
def test_a_column_name_of_an_export_means_its_field(name, field):
    assert Columns().match([name]).fields == (field,)


def test_of_two_columns_for_one_field_the_preferred_wins_and_the_other_is_noted():
    header = Columns().match(["工单内容", "投诉内容"])
    assert (header.fields, header.ignored) == ((None, "text"), ("工单内容",))


def test_the_users_own_column_map_beats_the_table(tmp_path):
    path = write(tmp_path, "a.csv", "内容,客户原话\n摘要,我要合同\n")
    assert read(path, fields={"客户原话": "text"})[0][0].text == "我要合同"


def test_a_column_map_to_an_unknown_field_is_an_error():
    with pytest.raises(RowsError, match="'客户原话' goes to 'words', wanted one of"):
        Columns({"客户原话": "words"})


def test_unknown_columns_are_noted_once(tmp_path):
    path = write(tmp_path, "a.jsonl", '{"text": "甲", "坐席": 1}\n{"text": "乙", "坐席": 2}\n')
    assert note_of(path).ignored_columns == ("坐席",)


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        (datetime.date(2025, 4, 1), "2025-04-01"),
        (datetime.datetime(2025, 4, 1, 14, 35), "2025-04-01T14:35:00"),
        (45748, "2025-04-01"),
        ("四月一号", "四月一号"),
        (None, None),
    ],
)
def test_a_date_cell_is_iso_8601_and_a_text_stays(tmp_path, cell, moment):
    path = workbook(tmp_path / "a.xlsx", [["投诉内容", "受理时间"], ["没人管", cell]])
    assert read(path)[0][0].received_at == moment


def test_a_number_beyond_excels_digits_is_left_out_and_counted(tmp_path):
    rows = [["投诉内容", "收款账号"], ["没到账", 9_000_000_000_000_001], ["没到账", "0000001"]]
    path = workbook(tmp_path / "a.xlsx", rows)
    assert [record.payee_account for record in read(path)[0]] == [None, "0000001"]
    assert note_of(path).left_out == (("payee_account", 1),)


def test_every_sheet_with_a_text_column_is_read_and_faults_name_the_sheet(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [["投诉内容"], ["一月的事"]], title="一月")
    book = openpyxl.load_workbook(path)
    book.create_sheet("二月").append(["编号", "投诉内容"])
    book["二月"].append(["甲1", None])
    book.create_sheet("汇总").append(["件数", 2])
    book.save(path)
    records, faults = read(path)
    assert [record.text for record in records] == ["一月的事"]
    assert (faults[0].file, faults[0].row) == (f"{path}[二月]", 2)
    assert note_of(path).skipped_sheets == ("汇总",)


def test_parquet_rows_are_counted_from_one(tmp_path):
    columns = {
        "投诉内容": ["没人管", None, "不赔"],
        "工单号": [1, 2, 3],
        "部门": ["甲", "乙", "丙"],
    }
    path = parquet(tmp_path / "a.parquet", columns)
    records, faults = read(path)
    assert [(record.text, record.case_id) for record in records] == [("没人管", "1"), ("不赔", "3")]
    assert [(fault.row, fault.field) for fault in faults] == [(2, "text")]
    assert note_of(path).ignored_columns == ("部门",)


def test_a_parquet_moment_is_iso_8601_and_a_rounded_account_is_left_out(tmp_path):
    moment = datetime.datetime(2025, 4, 1, 9, 5)
    columns = {"text": ["没到账"], "received_at": [moment], "payee_account": [9.0e18]}
    path = parquet(tmp_path / "a.parquet", columns)
    assert read(path)[0] == [Record(text="没到账", received_at="2025-04-01T09:05:00")]
    assert note_of(path).left_out == (("payee_account", 1),)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.docx", b"PK", "found suffix '.docx', wanted one of .jsonl"),
        ("a", b"", "found suffix 'none', wanted one of .jsonl"),
        ("a.csv", b"", "found no rows; wanted a text column"),
        ("a.csv", "工单号,部门\n1,2\n".encode(), r"columns for case_id and unknown ones \(部门\)"),
        ("a.csv", b"\x00\x00\xdc\xdc" * 40, "found binary content, wanted text in UTF-8"),
        ("a.xlsx", b"no workbook", "found no Excel workbook inside, wanted .xlsx"),
        ("a.xlsx", bytes.fromhex("d0cf11e0a1b11ae1"), "old or encrypted Excel file"),
        ("a.parquet", b"no table", "found no Parquet table or a damaged one"),
        ("a.jsonl", '{"text": "甲"}'.encode("utf-16"), "found UTF-16, wanted lines in UTF-8"),
    ],
)
def test_an_unreadable_file_is_one_error_naming_the_file(tmp_path, name, content, message):
    path = write(tmp_path, name, content)
    with pytest.raises(RowsError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))


def test_a_missing_file_is_an_error_naming_it(tmp_path):
    with pytest.raises(RowsError, match=r"none\.jsonl: cannot be read"):
        read(tmp_path / "none.jsonl")


def test_a_table_without_a_text_column_is_an_error_in_every_format(tmp_path):
    with pytest.raises(RowsError, match="columns for case_id"):
        read(workbook(tmp_path / "a.xlsx", [["工单号"], ["甲1"]]))
    with pytest.raises(RowsError, match="columns for case_id"):
        read(parquet(tmp_path / "a.parquet", {"工单号": ["甲1"]}))


def test_a_file_without_a_header_does_not_put_its_complaint_into_the_message(tmp_path):
    path = write(tmp_path, "a.csv", "甲1,业务员骗我签字,19900001111\n")
    with pytest.raises(RowsError) as caught:
        read(path)
    assert "骗我" not in str(caught.value)
    assert "19900001111" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "case_ids", "faults"),
    [
        (
            "messy_gb18030.csv",
            ["CD-01", "CD-02", "CD-03", "CD-06", "CD-08", "CD-10", "CD-12"],
            [(10, "text"), (11, None), (13, "policyholder"), (16, "text"), (18, None)],
        ),
        (
            "messy_bom.csv",
            ["S-101", "S-102", "S-103", "S-105", "S-106", "S-108", "S-109", "S-110", "S-111"],
            [(7, "text"), (10, None), (15, None)],
        ),
        (
            "messy_worklist.xlsx",
            ["X-01", "X-02", "X-03", "X-05", "X-06", "X-07", "X-10", "X-11", "X-12"],
            [(9, "text"), (15, "text"), (16, "text")],
        ),
    ],
)
def test_of_a_messy_export_exactly_the_bad_rows_are_faults(name, case_ids, faults):
    records, found = read(EXPORTS / name)
    assert [record.case_id for record in records] == case_ids
    assert [(fault.row, fault.field) for fault in found] == faults


@pytest.mark.parametrize(
    ("name", "blank", "ignored", "encoding"),
    [
        ("messy_gb18030.csv", 2, (), "gb18030"),
        ("messy_bom.csv", 2, ("工单内容", "备注"), "utf-8-sig"),
        ("messy_worklist.xlsx", 7, ("序号", "附件"), None),
    ],
)
def test_of_a_messy_export_everything_left_aside_is_noted(name, blank, ignored, encoding):
    note = note_of(EXPORTS / name)
    assert (note.blank_rows, note.ignored_columns, note.encoding) == (blank, ignored, encoding)


def test_the_merged_worklist_gives_dates_phones_and_rare_characters():
    records = {record.case_id: record for record in read(EXPORTS / "messy_worklist.xlsx")[0]}
    assert records["X-02"].received_at == "2025-04-01T14:35:00"
    assert records["X-05"].received_at == "2025-04-03"
    assert records["X-01"].phone == "19900006601"
    assert records["X-06"].payee_account is None
    assert read(EXPORTS / "messy_gb18030.csv")[0][1].policyholder == "𠮷田芳"


def test_a_field_that_is_too_long_is_a_fault_with_both_lengths(tmp_path):
    row = orjson.dumps({"text": "理赔太慢", "address": "路" * 1001})
    _, (fault,) = read(write(tmp_path, "a.jsonl", row))
    assert (fault.field, fault.reason) == ("address", "found 1001 characters, wanted 1000 at most")


@pytest.mark.parametrize(("codec", "rows"), [("utf-8", 1), ("utf-8", 200), ("gb18030", 200)])
def test_a_zero_byte_in_a_text_does_not_make_the_file_utf_16(tmp_path, codec, rows):
    lines = ["甲0,退\0保难\n", *(f"甲{i},第{i}次催办没人回\n" for i in range(1, rows))]
    content = "工单号,投诉内容\n" + "".join(lines)
    path = write(tmp_path, "a.csv", content.encode(codec))
    records, faults = read(path)
    assert (len(records), faults, note_of(path).encoding) == (rows, [], codec)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["sent the form twice", "理赔拖了两个月" * 200])
def test_utf_16_without_a_mark_is_known_by_its_zero_bytes(tmp_path, codec, text):
    path = write(tmp_path, "a.csv", f"id,content\n1,{text}\n2,{text}\n".encode(codec))
    assert [record.text for record in read(path)[0]] == [text] * 2


@pytest.mark.parametrize("name", ["exports", "exports.csv"])
def test_a_directory_is_named_as_what_it_is(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(RowsError, match=rf"{name}: found a directory, wanted a file \(\.jsonl"):
        read(tmp_path / name)
