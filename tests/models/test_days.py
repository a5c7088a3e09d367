"""The day of a moment of receipt, in the spellings that intake systems write."""

from datetime import date

import pytest

from models.days import day_of

DAY = date(2026, 3, 5)


@pytest.mark.parametrize(
    "given",
    [
        "2026-03-05", "2026-3-5", "2026/3/5", "2026/03/05 08:00", "2026/3/5 8:00", "2026.3.5",
        "20260305", "20260305103000", "202603051030", "20260305103000123", "20260305T103000Z",
        "2026-03-05T10:30", " 2026-03-05 ", "2026年3月5日", "2026年03月05日10:30",
        "2026 年 3 月 5 日", "\uff12026\uff0f3\uff0f5", "2026-03-05-10.30.00",
    ],
)  # fmt: skip
def test_a_day_is_read_however_intake_spells_it(given):
    assert day_of(given) == DAY


@pytest.mark.parametrize("offset", ["Z", "+08:00", "-11:00"])
@pytest.mark.parametrize("time", ["00:30", "23:30:00.5"])
def test_a_moment_counts_on_the_day_that_stands_in_it(time, offset):
    assert day_of(f"2026-03-05T{time}{offset}") == DAY


@pytest.mark.parametrize(
    "given",
    [
        None, "", " ", "上周一", "2026-0x-99", "0000-00-00", "1900-01-00", "1900-01-01",
        "9999-12-31", "2026-02-30", "2026-13-01", "2026-03", "2026-3/5", "05/03/2026",
        "2026-03-055", "1772678400", "1772678400000", "20260305993000", "13812345678", "\x00",
        "2026-03" * 9999,
    ],
)  # fmt: skip
def test_what_is_no_day_is_none(given):
    assert day_of(given) is None
