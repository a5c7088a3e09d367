"""Optional cells of any type: read as text, joined to one moment, or left out and counted."""

import datetime
from decimal import Decimal

import orjson
import pytest

from models.record import Record
from tests.support.row_files import note_of, parquet, read, workbook, write


@pytest.mark.parametrize(
    ("value", "field", "wanted"),
    [
        (["重疾"], "product", "text"),
        ({"name": "杜某"}, "seller", "text"),
        (True, "phone", "text"),
        ("信件", "文本类型", "one of own_words"),
        ("poem", "genre", "one of own_words"),
        (3, "genre", "one of own_words"),
        ("11:00", "受理时间", "a day"),
        ("上午11时30分", "受理时间", "a day"),
    ],
)
def test_an_optional_value_of_no_use_is_left_out_and_counted(tmp_path, value, field, wanted):
    path = write(tmp_path, "a.jsonl", orjson.dumps({"text": "不赔", field: value}))
    assert read(path) == ([Record(text="不赔")], [])
    ((_, found, count),) = note_of(path).unused
    assert (found.startswith(wanted), count) == (True, 1)


@pytest.mark.parametrize(
    ("value", "written"),
    [(10023, "10023"), (10023.0, "10023"), (12.5, "12.5"), (0, "0"), (float("nan"), None)],
)
@pytest.mark.parametrize("field", ["product", "seller", "address", "policyholder"])
def test_a_number_in_a_field_of_text_is_read_as_text(tmp_path, field, value, written):
    path = parquet(tmp_path / "a.parquet", {"text": ["不赔"], field: [value]})
    assert read(path) == ([Record(text="不赔", **{field: written})], [])


def test_a_decimal_is_its_digits(tmp_path):
    columns = {"text": ["不赔"], "保单号": [Decimal(880012)], "产品": [Decimal("12.50")]}
    (record,) = read(parquet(tmp_path / "a.parquet", columns))[0]
    assert (record.policy_no, record.product) == ("880012", "12.50")


def test_a_day_as_a_number_is_read_as_the_same_text_is(tmp_path):
    rows = [["投诉内容", "受理时间"], ["没人管", 20250403], ["不赔", "20250403"]]
    records, faults = read(workbook(tmp_path / "a.xlsx", rows))
    assert ([record.received_at for record in records], faults) == (["20250403"] * 2, [])


DAY, MIDNIGHT = datetime.date(2025, 4, 3), datetime.datetime(2025, 4, 3)
ELEVEN = datetime.time(11, 2)


@pytest.mark.parametrize("names", [("受理日期", "受理时间"), ("投诉日期", "投诉时间")])
@pytest.mark.parametrize(
    ("day", "time", "moment"),
    [
        (MIDNIGHT, ELEVEN, "2025-04-03T11:02:00"),
        ("2025-04-03", "11:02", "2025-04-03T11:02:00"),
        ("2025/4/3 0:00", "11:02:00", "2025-04-03T11:02:00"),
        (20250403, ELEVEN, "2025-04-03T11:02:00"),
        (45750, ELEVEN, "2025-04-03T11:02:00"),
        (MIDNIGHT, None, "2025-04-03"),
        (MIDNIGHT, "上午", "2025-04-03"),
        ("2025年4月3日", "上午11时", "2025年4月3日"),
        ("2025-04-03", "25:00", "2025-04-03"),
        (DAY, datetime.datetime(2025, 4, 3, 9, 5), "2025-04-03T09:05:00"),
        (None, "2025-04-03 09:05", "2025-04-03 09:05"),
        ("四月三号", ELEVEN, "四月三号"),
    ],
)
def test_of_a_day_and_a_time_in_two_columns_the_day_counts(tmp_path, names, day, time, moment):
    path = workbook(tmp_path / "a.xlsx", [["投诉内容", *names], ["没人管", day, time]])
    assert read(path) == ([Record(text="没人管", received_at=moment)], [])
    assert (note_of(path).unused, note_of(path).ignored_columns) == ((), ())


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_day_and_time_are_joined_in_every_format(tmp_path, name):
    columns = {"受理时间": "11:00", "投诉内容": "退保难", "受理日期": "2025-04-03"}
    if name == "a.csv":
        path = write(tmp_path, name, ",".join(columns) + "\n" + ",".join(columns.values()))
    elif name == "a.jsonl":
        path = write(tmp_path, name, orjson.dumps(columns))
    else:
        path = parquet(tmp_path / name, {key: [value] for key, value in columns.items()})
    assert read(path)[0] == [Record(text="退保难", received_at="2025-04-03T11:00:00")]


def test_a_time_is_not_joined_to_the_day_of_another_column(tmp_path):
    path = write(tmp_path, "a.csv", "投诉内容,受理时间,创建时间\n退保难,11:00,2025-04-03\n")
    assert read(path)[0][0].received_at == "2025-04-03"


@pytest.mark.parametrize("cell", [ELEVEN, "11:02", 0.46])
def test_a_time_of_no_day_is_left_out_and_counted(tmp_path, cell):
    path = workbook(tmp_path / "a.xlsx", [["投诉内容", "受理时间"], ["没人管", cell]])
    assert read(path) == ([Record(text="没人管")], [])
    assert note_of(path).unused == (("received_at", "a day", 1),)


def test_a_column_can_be_ignored(tmp_path):
    path = write(tmp_path, "a.csv", "投诉内容,业务员\n退保难,系统\n")
    assert read(path, fields={"业务员": ""})[0] == [Record(text="退保难")]
    assert note_of(path, fields={"业务员": ""}).ignored_columns == ("业务员",)


def test_line_ends_that_excel_writes_as_codes_are_line_ends(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [["text"], ["第一行_x000D_\n第二行"]])
    assert read(path)[0] == [Record(text="第一行\r\n第二行")]
