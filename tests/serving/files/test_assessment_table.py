"""The table of ``assess`` on the terminal."""

import io
from collections import Counter
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from models.assessment import NOTICE
from models.record import Record
from serving.files.tables import advice_of, assessment_table, plain, summary
from tests.support.readers import KeywordAnalyzer

LEVELS = {"NONE": "无提示", "WATCH": "关注", "REVIEW": "建议核验", "PRIORITY": "重点核验"}


def shown(texts: list[str], *, width: int = 110, **console: object) -> str:
    answers = KeywordAnalyzer().assess([Record(text, case_id=f"T-{text[:2]}") for text in texts])
    out = Console(file=io.StringIO(), width=width, **console)
    out.print(assessment_table(enumerate(answers, 1), names=LEVELS, width=width))
    return out.file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_the_table_fits_its_width_with_chinese_text(width):
    lines = shown(["理赔" * 80 + "全额退保" * 5, "你好" * 300], width=width).splitlines()
    assert max(cell_len(line) for line in lines) <= width


def test_the_table_tells_cause_level_sign_evidence_and_review():
    line = shown(["理赔太慢,我要全额退保"]).splitlines()[2]
    for word in ("T-理赔", "理赔时效", "50%", "○ 关注", "−只要全额退保", "理赔"):
        assert word in line


@pytest.mark.parametrize("width", [80, 100, 140])
def test_neither_a_heading_nor_a_mark_is_cut(width):
    (answer,) = KeywordAnalyzer().assess([Record("理赔全额退保" * 20, case_id="IN-2025-0000001")])
    labels = (
        *answer.root_cause.labels,
        replace(answer.root_cause.labels[0], id="X", name="拖" * 9),
    )
    root = replace(answer.root_cause, labels=labels)
    answer = replace(answer, root_cause=root, review=replace(answer.review, needed=True))
    out = Console(file=io.StringIO(), width=width)
    out.print(assessment_table([(1, answer)], names={"WATCH": "建议核验"}, width=width))
    lines = out.file.getvalue().splitlines()
    assert " ".join(lines[0].split()) == "案件 主要根因 其他根因 提示 迹象−/标志+ 证据 复核"
    assert "○ 建议核验" in lines[2]
    assert lines[2].rstrip().endswith("! 复核")


@pytest.mark.parametrize(("width", "columns"), [(80, 12), (100, 24), (140, 44), (300, 60)])
def test_a_wider_terminal_shows_more_of_the_evidence(width, columns):
    (answer,) = KeywordAnalyzer().assess([Record("理赔")])
    (label,) = answer.root_cause.labels
    label = replace(label, evidence=(replace(label.evidence[0], text="拖" * 90),))
    answer = replace(answer, root_cause=replace(answer.root_cause, labels=(label,)))
    out = Console(file=io.StringIO(), width=width)
    out.print(assessment_table([(1, answer)], names=LEVELS, width=width))
    # The last columns hold the ellipsis, and a blank where a character of two does not fit.
    assert out.file.getvalue().count("拖") == (columns - 1) // 2


@pytest.mark.parametrize(("probability", "words"), [(0.0, "<1%"), (0.5, "50%"), (1.0, ">99%")])
def test_no_probability_is_shown_as_certain(probability, words):
    (answer,) = KeywordAnalyzer().assess([Record("理赔")])
    primary = replace(answer.root_cause.primary, probability=probability)
    answer = replace(answer, root_cause=replace(answer.root_cause, primary=primary))
    out = Console(file=io.StringIO(), width=110)
    out.print(assessment_table([(1, answer)], names=LEVELS))
    assert f"理赔时效 {words}" in out.file.getvalue()


@pytest.mark.parametrize(
    ("level", "route"),
    [("NONE", None), ("NONE", "victim_help"), ("NONE", "safety"), ("WATCH", None)],
)
def test_the_table_accuses_nobody_by_a_probability(level, route):
    (answer,) = KeywordAnalyzer().assess([Record("我在网上找了个退保的,收走四千块就不理人了")])
    tables = []
    for probability in (0.0, 0.87):
        agent = replace(answer.agent, level=level, route=route, probability=probability)
        out = Console(file=io.StringIO(), width=110)
        out.print(assessment_table([(1, replace(answer, agent=agent))], names=LEVELS))
        tables.append(out.file.getvalue())
    assert tables[0] == tables[1]


def test_the_level_is_told_without_colour():
    assert "○ 关注" in shown(["全额退保"], color_system=None)


def test_a_case_without_id_is_shown_by_its_row():
    (answer,) = KeywordAnalyzer().assess([Record("理赔")])
    out = Console(file=io.StringIO(), width=110)
    out.print(assessment_table([(17, answer)], names=LEVELS))
    assert "#17" in out.file.getvalue()


def test_words_of_a_complaint_cannot_steer_the_terminal():
    assert plain("理赔\x1b[31m\n\u202e拖\u200b延") == "理赔 [31m 拖 延"


def test_markup_in_a_case_id_is_shown_as_it_is():
    (answer,) = KeywordAnalyzer().assess([Record("理赔", case_id="[red]1[/]")])
    out = Console(file=io.StringIO(), width=110)
    out.print(assessment_table([(1, answer)], names=LEVELS))
    assert "[red]1[/]" in out.file.getvalue()


def test_the_footer_says_what_a_flag_does_not_do():
    out = Console(file=io.StringIO(), width=110)
    out.print(summary(Counter(NONE=3, WATCH=1), reviews=2, failed=1, names=LEVELS))
    words = out.file.getvalue()
    assert NOTICE in words
    assert "never refuses or delays" in words
    assert "○ 关注 1" in words


def test_who_needs_help_is_told_in_place_of_a_level():
    (answer,) = KeywordAnalyzer().assess([Record("理赔", case_id="H")])
    answer = replace(answer, agent=replace(answer.agent, level="NONE", route="safety"))
    names = {**LEVELS, "safety": "安全关怀"}
    out = Console(file=io.StringIO(), width=110)
    out.print(assessment_table([(1, answer)], names=names))
    out.print(summary(Counter([advice_of(answer)]), reviews=1, failed=0, names=names))
    assert out.file.getvalue().count("✚ 安全关怀") == 2
    assert "无提示" not in out.file.getvalue()
