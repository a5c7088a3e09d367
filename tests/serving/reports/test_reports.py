import csv
import io
import time
from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from models.record import Record
from serving.register.database import write
from serving.register.register import Register
from serving.register.reviews import Review
from serving.register.tables import cases
from serving.reports.figures import Report, Table, make_report
from serving.reports.month import Month, MonthError
from serving.reports.reading import ReportedCase, read_reported
from serving.reports.suppression import SMALL, SMALLEST
from serving.reports.writing import as_csv, as_html, as_xlsx
from serving.vocabulary import default_vocabulary
from tests.support.readers import KeywordAnalyzer
from xiaobao import app

NOVEMBER = Month(2026, 11)
WORDS = default_vocabulary()
CASE = ReportedCase(
    month=NOVEMBER,
    cause="CLAIM.CLAIM_DELAY",
    said="CLAIM.CLAIM_DELAY",
    level="NONE",
    route=None,
    needed=False,
    decision=None,
    group=None,
    group_kind=None,
    attributes={"channel": "bank", "product": None, "source": "letter"},
)


def report_of(*cases: ReportedCase) -> Report:
    return make_report(cases, NOVEMBER, WORDS)


def table(report: Report, id_: str) -> Table:
    (found,) = [one for one in report.tables if one.id == id_]
    return found


def row(report: Report, id_: str, name: str) -> tuple:
    (found,) = [one for one in table(report, id_).rows if one[0] == name]
    return found


# --- months -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "11/2026", "1999-01", ""])
def test_what_is_no_month_is_refused(text):
    with pytest.raises(MonthError):
        Month.parse(text)


@pytest.mark.parametrize(("back", "month"), [(1, "2026-10"), (11, "2025-12"), (-2, "2027-01")])
def test_months_are_counted_over_the_turn_of_a_year(back, month):
    assert str(NOVEMBER.before(back)) == month


# --- figures ------------------------------------------------------------------------------------


def test_a_cause_has_its_count_its_denominator_and_the_month_before():
    past = replace(CASE, month=NOVEMBER.before())
    other = replace(CASE, cause="SURRENDER.COOLING_OFF")
    report = report_of(CASE, CASE, other, past)
    assert row(report, "causes1", "理赔") == ("理赔", 2, 3, 2 / 3, 1, 1)
    assert row(report, "causes2", "犹豫期与退保 › 犹豫期争议")[1:4] == (1, 3, 1 / 3)


def test_a_trend_ends_with_the_month_and_sums_up():
    past = replace(CASE, month=NOVEMBER.before(5))
    trend = table(report_of(CASE, CASE, past), "trend")
    assert trend.columns[1:] == tuple(f"2026-{n:02d}" for n in range(6, 12))
    assert trend.rows == (("理赔", 1, 0, 0, 0, 0, 2), ("合计", 1, 0, 0, 0, 0, 2))


def test_a_month_without_cases_has_a_report_without_shares():
    assert row(report_of(), "overview", "已复核") == ("已复核", 0, 0, None)


def test_every_count_of_a_share_is_part_of_its_denominator():
    cases = [CASE] * 7 + [replace(CASE, decision="accept", level="WATCH")] * 3
    for one in report_of(*cases).tables:
        if "占比" in one.columns:
            place = one.columns.index("占比")
            for line in one.rows:
                if line[place - 1]:
                    assert line[place] == line[place - 2] / line[place - 1]


def test_cells_that_cross_a_channel_with_a_cause_hide_small_counts():
    cases = [CASE] * 9 + [replace(CASE, cause="SYSTEM.LOGIN_AUTH")] * 2
    crossed = table(report_of(*cases), "channel_causes")
    assert [cell for cell in crossed.rows[0] if cell == SMALL] == [SMALL]
    assert crossed.rows[0][-1] == len(cases)


def test_a_word_that_few_cases_hold_is_lumped():
    rare = replace(CASE, attributes={**CASE.attributes, "source": "邻居老周来电"})
    report = report_of(*[CASE] * 9, rare)
    assert "老周" not in as_html(report).decode()
    assert [line[1] for line in table(report, "source").rows] == [9, 1]


def test_a_word_of_the_house_that_many_hold_is_shown_and_is_no_formula():
    own = replace(CASE, attributes={**CASE.attributes, "channel": "=1+1"})
    report = report_of(*[own] * SMALLEST)
    assert [line[0] for line in table(report, "channel").rows] == ["'=1+1"]


def test_a_word_of_the_house_is_shown_without_its_control_characters():
    held = ("热线\u0001", "热\u202e线", "热线\x0b二组")
    cases = [replace(CASE, attributes={**CASE.attributes, "source": word}) for word in held]
    report = report_of(*cases * SMALLEST)
    sheet = load_workbook(io.BytesIO(as_xlsx(report)))["来源"]
    assert {cell.value for cell in sheet["A"]} == {"来源", "热线", "热 线", "热线 二组"}
    assert "\u0001" not in as_csv(report).decode() + as_html(report).decode()


def test_a_word_of_control_characters_alone_says_nothing():
    blank = replace(CASE, attributes={**CASE.attributes, "source": "\u0001\u200b"})
    report = report_of(*[blank] * SMALLEST)
    assert [line[:2] for line in table(report, "source").rows] == [("未填写", SMALLEST)]


def test_a_rejected_answer_leaves_its_cause_open():
    rejected = replace(CASE, cause=None, decision="reject")
    assert row(report_of(rejected, CASE), "causes1", "模型所判原因不获认可,原因待定")[1] == 1


def test_agreement_is_of_those_that_were_reviewed():
    agreed = replace(CASE, decision="accept")
    changed = replace(CASE, decision="modify", cause="SYSTEM.LOGIN_AUTH")
    report = report_of(CASE, agreed, agreed, changed)
    assert row(report, "agreement", "理赔") == ("理赔", 2, 3, 2 / 3)
    assert row(report, "reviews", "修改") == ("修改", 1, 3, 1 / 3)


def test_who_needs_help_is_counted_apart_from_the_levels_and_first():
    helped = replace(CASE, route="victim_help")
    report = report_of(CASE, replace(CASE, level="WATCH"), helped, helped)
    routes, levels = list(WORDS.routes.values()), [level.zh for level in WORDS.levels.values()]
    assert [line[0] for line in table(report, "levels").rows] == routes + levels
    assert row(report, "levels", WORDS.route("victim_help")) == ("受害帮扶", 2, 4, 1 / 2)
    assert row(report, "levels", WORDS.level("NONE"))[1] == 1


def test_a_route_that_the_bundle_does_not_know_is_counted_by_its_id():
    report = report_of(replace(CASE, route="shelter"), CASE)
    assert row(report, "levels", "shelter") == ("shelter", 1, 2, 1 / 2)


def test_groups_are_counted_by_kind():
    joined = [replace(CASE, group=number, group_kind="same_seller") for number in (1, 1, 2)]
    (line,) = table(report_of(CASE, *joined), "groups").rows
    assert line[1:] == (2, 3, 4, 3 / 4)


# --- from the register --------------------------------------------------------------------------


def store(register: Register, case_id: str, text: str, day: str | None = "2026-11-05") -> None:
    record = Record(text, case_id=case_id, received_at=day, channel="bank")
    (assessment,) = KeywordAnalyzer().assess([record])
    register.accept(record, assessment)


def read(register: Register, month: Month = NOVEMBER) -> tuple[ReportedCase, ...]:
    return read_reported(register, month, month)


def test_cases_are_read_by_the_day_on_which_they_came(register):
    for case_id, day in (("a", "2026-10-31"), ("b", "2026/11/01 08:00"), ("c", "2026-12-01")):
        store(register, case_id, "理赔太慢", day)
    assert len(read(register)) == 1


@pytest.mark.parametrize("day", ["2026/11/5", "2026年11月5日", "20261105", "20261105103000"])
def test_a_day_counts_however_intake_spells_it(register, day):
    store(register, "a", "理赔太慢", day)
    assert [case.month for case in read(register)] == [NOVEMBER]


def test_a_case_without_a_day_counts_on_the_local_day_of_storing(register, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    moment = "serving.register.accepting.now"
    monkeypatch.setattr(moment, lambda: "2026-11-30T20:00:00.000000Z")
    try:
        time.tzset()
        for case_id, day in (("a", None), ("b", "0000-00-00"), ("c", "1900-01-00")):
            store(register, case_id, "理赔太慢", day)
        register.forget("a", actor="tests")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert len(read(register, NOVEMBER.before(-1))) == 3


def test_a_case_of_a_server_that_knows_no_days_counts_when_it_was_stored(register):
    store(register, "a", "理赔太慢")
    older = cases.update().values(day=None, stored_at="2026-11-30T20:00:00.000000Z")
    with write(register.engine) as connection:
        connection.execute(older)
    assert len(read(register)) == 1


def test_a_case_that_was_sent_again_counts_once_as_it_is_now(register):
    store(register, "a", "理赔太慢")
    store(register, "a", "请问怎么办")
    assert [case.cause for case in read(register)] == ["OTHER.UNCLEAR"]


def test_a_route_is_read_beside_the_level(register):
    record = Record("被人冒名退保", case_id="a", received_at="2026-11-05")
    (assessment,) = KeywordAnalyzer().assess([record])
    agent = replace(assessment.agent, route="victim_help")
    register.accept(record, replace(assessment, agent=agent))
    register.forget("a", actor="tests")
    assert [(case.route, case.level) for case in read(register)] == [("victim_help", "NONE")]


def test_the_word_of_a_person_stands_above_the_machines(register):
    store(register, "a", "请问怎么办")
    changes = {"primary": "CLAIM.CLAIM_DELAY", "causes": ["CLAIM.CLAIM_DELAY"]}
    register.submit_review("a", Review("modify", "复核一组", "材料为证", changes)).result()
    (case,) = read(register)
    assert (case.cause, case.said) == ("CLAIM.CLAIM_DELAY", "OTHER.UNCLEAR")
    register.submit_review("a", Review("reject", "复核一组", "整体不认可")).result()
    assert [(one.cause, one.decision) for one in read(register)] == [(None, "reject")]


def test_a_forgotten_case_still_counts_without_its_attributes(register):
    store(register, "a", "理赔太慢", None)
    (before,) = read_reported(register, Month(2000, 1), Month(2098, 12))
    register.forget("a", actor="tests")
    (after,) = read_reported(register, Month(2000, 1), Month(2098, 12))
    assert (after.cause, after.month) == (before.cause, before.month)
    assert after.attributes["channel"] is None


def test_what_only_looks_like_a_day_counts_when_it_was_stored(register):
    store(register, "a", "理赔太慢", "2026-0x-99")
    assert len(read_reported(register, Month(2000, 1), Month(2098, 12))) == 1


# --- files --------------------------------------------------------------------------------------


def test_all_three_forms_hold_the_same_figures():
    report = report_of(*[CASE] * 6)
    lines = list(csv.reader(io.StringIO(as_csv(report).decode("utf-8-sig"))))
    assert ["2026-11", "一级原因", "理赔", "件数", "6"] in lines
    sheet = load_workbook(io.BytesIO(as_xlsx(report)))["一级原因"]
    assert [cell.value for cell in sheet[2]] == ["理赔", 6, 6, 1, 0, 6]
    assert "理赔</th><td>6</td>" in as_html(report).decode()


def test_no_cell_of_a_workbook_is_a_formula():
    own = replace(CASE, attributes={**CASE.attributes, "channel": "=1+1"})
    book = load_workbook(io.BytesIO(as_xlsx(report_of(*[own] * SMALLEST))))
    kinds = {cell.data_type for sheet in book for line in sheet.iter_rows() for cell in line}
    assert "f" not in kinds


@pytest.fixture
def kept(tmp_path: Path) -> str:
    """The address of a register with two complaints of November, one with a phone in it."""
    url = f"sqlite:///{tmp_path / 'register.db'}"
    with Register.open(url, key_file=tmp_path / "identifier.keys") as register:
        store(register, "T-1", "理赔资料交了四十天,请回电19900001101")
        store(register, "T-2", "请问怎么办")
    return url


def run(*words: str, **env: str):
    return CliRunner().invoke(app, ["report", *words], env=env)


def test_the_command_writes_three_files_without_a_word_of_any_complaint(kept, tmp_path):
    out = tmp_path / "out"
    result = run(
        *("--month", "2026-11", "--out", str(out), "--database", kept),
        XIAOBAO_DATA_DIR=str(tmp_path),
    )
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == [
        f"report-2026-11.{suffix}" for suffix in ("csv", "html", "xlsx")
    ]
    for path in out.iterdir():
        content = path.read_bytes()
        for word in ("T-1", "四十天", "19900001101"):
            assert word.encode() not in content


def test_the_command_refuses_a_month_that_is_none(kept, tmp_path):
    result = run("--month", "November", "--out", str(tmp_path), "--database", kept)
    assert (result.exit_code, "2026-11" in result.output) == (2, True)


def test_a_place_that_cannot_be_written_is_said(kept, tmp_path):
    (tmp_path / "file").write_text("")
    result = run(
        *("--month", "2026-11", "--out", str(tmp_path / "file" / "x"), "--database", kept),
        XIAOBAO_DATA_DIR=str(tmp_path),
    )
    assert result.exit_code == 2
    assert f"{tmp_path / 'file' / 'x'}: cannot be written" in result.output
