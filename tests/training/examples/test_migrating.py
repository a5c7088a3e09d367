"""``xiaobao taxonomy migrate``: labelled rows from old codes to new ones."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from typer.testing import CliRunner, Result

import xiaobao
from models.record import LabelledRecord, Record, Span
from models.taxonomy import parse_taxonomy
from tests.support.own_codes import THREE_LEVELS
from training.examples.taxonomies.mapping import MappingError, parse_mapping
from training.examples.taxonomies.migrating import migrate, migrate_file


def run(*words: object) -> Result:
    return CliRunner().invoke(xiaobao.app, ["taxonomy", *(str(word) for word in words)])


MAPPING = """
codes:
  A1: LP.MAN
  A2: LP.MAN
  B: {to: [XS.YB.WD, XS.YB.DQ], rule: all}
  C: {to: [XS.GX.WD, XS.GX.GD], rule: person}
  D: {rule: drop}
  E: {by: channel, values: {bank: XS.YB.WD, agent: XS.GX.WD}}
  Z:
"""
TEXT = "资料交齐两个月没赔"


def row(case: str, *codes: str, **fields: Any) -> dict[str, Any]:
    spans = [{"start": 0, "end": 2, "labels": [codes[0]]}]
    return {"case_id": case, "text": TEXT, "primary": codes[0], "causes": list(codes),
            "spans": spans, **fields}  # fmt: skip


def migrated(directory: Path, *rows: dict[str, Any]) -> Any:
    file = directory / "old.jsonl"
    file.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), "utf-8")
    return migrate_file(file, parse_mapping(MAPPING, name="map.yaml"))


@pytest.mark.parametrize(
    ("codes", "fields", "causes"),
    [
        (("A1",), {}, ("LP.MAN",)),
        (("A1", "A2"), {}, ("LP.MAN",)),
        (("B",), {}, ("XS.YB.WD", "XS.YB.DQ")),
        (("A1", "D"), {}, ("LP.MAN",)),
        (("E",), {"channel": "bank"}, ("XS.YB.WD",)),
        (("E",), {"channel": "agent"}, ("XS.GX.WD",)),
    ],
)
def test_old_codes_become_new_ones(tmp_path, codes, fields, causes):
    (new,) = migrated(tmp_path, row("T-1", *codes, **fields)).rows
    assert (new["primary"], tuple(new["causes"])) == (causes[0], causes)
    assert tuple(new["spans"][0]["labels"]) == causes[: len(new["spans"][0]["labels"])]


@pytest.mark.parametrize(
    ("codes", "why", "code"),
    [
        (("Z",), "no_target", "Z"),
        (("A1", "Z"), "no_target", "Z"),
        (("NEVER_SEEN",), "no_target", "NEVER_SEEN"),
        (("C",), "person", "C"),
        (("D", "A1"), "primary_dropped", "D"),
        (("E",), "person", "E"),
    ],
)
def test_what_cannot_be_migrated_is_set_aside_whole(tmp_path, codes, why, code):
    given = row("T-1", *codes)
    found = migrated(tmp_path, given)
    (aside,) = found.aside
    assert (found.rows, aside["aside"][0]["why"], aside["aside"][0]["code"]) == ([], why, code)
    assert {name: aside[name] for name in given} == given


def test_the_report_counts_and_names_cases_without_a_word_of_their_texts(tmp_path):
    found = migrated(tmp_path, row("T-1", "Z"), row("T-2", "A1"), row("T-3", "Z"))
    report = found.as_json()
    assert report["no_target"] == {"Z": {"rows": 2, "cases": ["T-1", "T-3"]}}
    assert (report["rows"], report["migrated"], report["aside"]) == (3, 1, 2)
    assert report["moved"] == {"A1": {"LP.MAN": 1}}
    assert TEXT[:4] not in json.dumps(report, ensure_ascii=False)


def test_no_row_is_lost_and_other_fields_stay(tmp_path):
    broken = {"case_id": "T-9", "text": TEXT, "primary": "A1", "spans": [{"start": 5, "end": 99,
              "labels": ["A1"]}]}  # fmt: skip
    found = migrated(tmp_path, row("T-1", "A1", 我方备注="留", phone="010-1", genre="微信"), broken)
    assert len(found.rows) + len(found.aside) == 2
    assert (found.rows[0]["我方备注"], found.rows[0]["phone"]) == ("留", "010-1")
    assert found.rows[0]["genre"] == "微信"  # none of ours, and theirs to keep
    assert [(fault.row, fault.field) for fault in found.faults] == [(2, "spans[0]")]


def test_signs_stay_in_evidence_that_they_share():
    record = LabelledRecord(
        Record(TEXT), "A1", ("A1", "D"), signs=("PS_FEE_SHARE",),
        spans=(Span(0, 2, ("A1", "PS_FEE_SHARE")), Span(2, 4, ("D",))),
    )  # fmt: skip
    new = migrate(record, parse_mapping(MAPPING, name="map.yaml"))
    assert new.spans == (Span(0, 2, ("LP.MAN", "PS_FEE_SHARE")),)
    assert new.signs == record.signs


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rule: person}", "rule: guess}", "map.yaml: codes.C: rule: found guess, wanted one of"),
        ("{rule: drop}", "{rule: drop, to: [LP.MAN]}", "codes.D: to: found LP.MAN, wanted no new"),
        ("by: channel", "by: mood", "codes.E: by: found mood, wanted one of genre"),
        ("A1: LP.MAN", "A1: [LP.MAN]", "codes: A1: found a list, wanted a new code, nothing, or"),
        ("codes:", "code:", "map.yaml: found unknown key code, wanted one of version"),
    ],
)
def test_a_broken_mapping_names_its_place(old, new, message):
    assert old in MAPPING
    with pytest.raises(MappingError, match=message.replace("[", r"\[")):
        parse_mapping(MAPPING.replace(old, new, 1), name="map.yaml")


def test_every_target_that_the_new_taxonomy_lacks_is_named():
    mapping = parse_mapping(MAPPING.replace("LP.MAN", "LP.NO"), name="map.yaml")
    with pytest.raises(MappingError, match=r"A1 → LP.NO, A2 → LP.NO, wanted one of 7 causes"):
        mapping.check_known(parse_taxonomy(THREE_LEVELS, name="own.yaml").leaves, name="map.yaml")


def test_migrate_writes_rows_what_was_set_aside_and_a_report(tmp_path):
    migrated(tmp_path, row("T-1", "A1"), row("T-2", "C"))
    (tmp_path / "map.yaml").write_text(MAPPING, "utf-8")
    (tmp_path / "new.yaml").write_text(THREE_LEVELS, "utf-8")
    result = run("migrate", tmp_path / "old.jsonl", "--map", tmp_path / "map.yaml",
                 "--taxonomy", tmp_path / "new.yaml", "--out", tmp_path / "new.jsonl")  # fmt: skip
    assert result.exit_code == 1, result.output
    (aside,) = (tmp_path / "new.aside.jsonl").read_text("utf-8").splitlines()
    assert json.loads(aside)["aside"][0]["choices"] == ["XS.GX.WD", "XS.GX.GD"]
    assert json.loads((tmp_path / "new.report.json").read_text("utf-8"))["migrated"] == 1
    assert TEXT not in result.output


def test_migrate_does_not_write_over_what_it_reads(tmp_path):
    (tmp_path / "map.yaml").write_text(MAPPING, "utf-8")
    migrated(tmp_path, row("T-1", "A1"))
    file = tmp_path / "old.jsonl"
    result = run("migrate", file, "--map", tmp_path / "map.yaml", "--out", file)
    assert (result.exit_code, "is the input itself" in result.stderr) == (2, True)


def test_a_spreadsheets_own_date_is_set_aside_as_text(tmp_path):
    book = Workbook()
    day = datetime(2026, 3, 5)
    for cells in (("case_id", "text", "primary", "received_at"), ("a", TEXT, "Z-9", day)):
        book.active.append(cells)
    book.save(tmp_path / "old.xlsx")
    (tmp_path / "map.yaml").write_text("others: aside\ncodes:\n  A1: LP.MAN\n", "utf-8")
    words = ("--map", tmp_path / "map.yaml", "--out", tmp_path / "new.jsonl")
    assert run("migrate", tmp_path / "old.xlsx", *words).exit_code == 1
    aside = json.loads((tmp_path / "new.aside.jsonl").read_text("utf-8"))
    assert (aside["text"], aside["received_at"]) == (TEXT, "2026-03-05T00:00:00")


def test_what_is_left_behind_and_kept_codes_without_a_cause_are_told(tmp_path):
    (tmp_path / "map.yaml").write_text("others: keep\ncodes: {A1: LP.MAN}\n", "utf-8")
    (tmp_path / "new.yaml").write_text(THREE_LEVELS, "utf-8")
    (tmp_path / "old.csv").write_text(f"text,primary,备注\n{TEXT},Q7,急\n{TEXT},A1,\n", "utf-8")
    words = ("--map", tmp_path / "map.yaml", "--taxonomy", tmp_path / "new.yaml")
    result = run("migrate", tmp_path / "old.csv", *words, "--out", tmp_path / "new.jsonl")
    assert result.exit_code == 0, result.output
    assert "new.yaml: Q7 1 条" in result.stderr
    assert "columns left behind: 备注" in result.stderr
