"""``xiaobao taxonomy check | diff``: own tables of any depth, checked and compared."""

import json

import pytest
from typer.testing import CliRunner, Result

import xiaobao
from models.codebook import default_codebook
from models.taxonomy import (
    ROOT_CAUSES,
    RootCauseTaxonomy,
    default_taxonomy,
    find_faults,
    parse_taxonomy,
)
from tests.support.own_codes import ONE_LEVEL, THREE_LEVELS
from training.examples.taxonomies.differences import compare
from training.examples.taxonomies.findings import find_questions
from training.examples.taxonomies.mapping import draft_mapping, parse_mapping


def run(*words: object) -> Result:
    return CliRunner().invoke(xiaobao.app, ["taxonomy", *(str(word) for word in words)])


def deep(old: str = "", new: str = "") -> str:
    assert old in THREE_LEVELS
    return THREE_LEVELS.replace(old, new, 1)


def read(text: str) -> RootCauseTaxonomy:
    return parse_taxonomy(text, name="own.yaml")


# --- tables of other depths ---------------------------------------------------------------------


def test_a_table_of_one_level_keeps_its_own_codes():
    taxonomy = read(ONE_LEVEL)
    assert (taxonomy.depth, len(taxonomy.leaves), taxonomy.fallback) == (1, 12, "99")
    assert {taxonomy.parent_of(code).id for code in taxonomy.leaves} == set(taxonomy.leaves)


def test_a_leaf_of_a_deep_table_knows_its_path():
    taxonomy = read(THREE_LEVELS)
    assert taxonomy.depth == 3
    assert taxonomy.path_of("XS.YB.WD") == ("XS", "XS.YB", "XS.YB.WD")
    assert [taxonomy.name_of(id_) for id_ in taxonomy.path_of("XS.GX.GD")] == [
        "销售", "个险", "孤儿单",
    ]  # fmt: skip


def test_branches_may_differ_in_depth():
    taxonomy = read(THREE_LEVELS)
    assert [len(taxonomy.path_of(leaf)) for leaf in taxonomy.leaves] == [3, 3, 3, 3, 2, 3, 1]


@pytest.mark.parametrize(("leaf", "type_"), [("XS.YB.WD", "销售"), ("XS.GX.WD", "承保")])
def test_a_bulletin_type_comes_from_the_nearest_node_above(leaf: str, type_: str):
    assert read(THREE_LEVELS).bulletin_type_of(leaf) == type_


def test_own_ids_stand_once_in_the_whole_table():
    text = deep("level1:", "ids: own\nlevel1:").replace("{to: XS.YB,", "{to: YB,")
    assert find_faults(text, name="own.yaml") == (
        "own.yaml: XS.GX.WD: id: found WD twice, wanted every id once",
    )


# --- check --------------------------------------------------------------------------------------

BROKEN = deep("zh: 银保", "zh: ''").replace("{to: XS.YB,", "{to: XS.YZ,")
BROKEN = BROKEN.replace("fallback: QT", "fallback: QX").replace(
    "definition: 时效", "defintion: 时效"
)


def test_all_faults_are_told_at_once_with_place_found_and_wanted():
    assert find_faults(BROKEN, name="own.yaml") == (
        "own.yaml: XS.YB: zh: found an empty text, wanted a Chinese name",
        "own.yaml: LP.MAN: found unknown key defintion, wanted one of id, zh, definition, "
        "examples, exclude, bulletin_type, codes",
        "own.yaml: LP.MAN: definition: found nothing, wanted a definition",
        "own.yaml: XS.GX.WD.exclude[1]: to: found XS.YZ, wanted the id of a cause, or one of "
        "demand, any_substantive",
        "own.yaml: fallback: found QX, wanted one of XS.YB.WD, XS.YB.DQ, XS.GX.WD, XS.GX.GD, "
        "LP.MAN, LP.JE.SHAO, QT",
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- 销售", "own.yaml: found a list, wanted a table of fields"),
        ("version: '1'\nlevel1: 3\nfallback: A", "own.yaml: level1: found 3, wanted a list of"),
        (deep("id: LP\n", "id: L P\n"), "wanted an id without blanks"),
        (deep("id: LP\n", "id: 0101\n"), "found 65, wanted an id"),
    ],
)
def test_what_is_no_taxonomy_is_a_fault_too(text: str, fault: str):
    assert fault in "\n".join(find_faults(text, name="own.yaml"))


@pytest.mark.parametrize("text", [ONE_LEVEL, THREE_LEVELS, ROOT_CAUSES.read_text("utf-8")])
def test_a_table_that_reads_has_no_faults(text: str):
    assert find_faults(text, name="own.yaml") == ()


def test_causes_without_examples_and_marks_without_their_cause_are_asked_about():
    found = {(f.kind, f.id) for f in find_questions(read(THREE_LEVELS), default_codebook())}
    assert ("no_examples", "LP.MAN") in found
    assert ("no_examples", "XS.YB.WD") not in found
    assert ("unmet_mark", "NX_VICTIM_REPORT") in found


def test_two_leaves_of_one_name_under_one_parent_are_asked_about():
    text = deep("zh: 代签", "zh: 误导")
    (found,) = [f for f in find_questions(read(text), default_codebook()) if f.kind == "same_name"]
    assert found.id == "XS.YB.DQ"


def test_our_own_taxonomy_raises_no_question():
    assert find_questions(default_taxonomy(), default_codebook()) == ()


def test_check_ends_with_1_on_faults_and_0_on_questions(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text(BROKEN, "utf-8")
    broken = run("check", file)
    assert (broken.exit_code, broken.stdout.count("wanted")) == (1, 5)
    file.write_text(THREE_LEVELS, "utf-8")
    asked = run("check", file)
    assert asked.exit_code == 0
    assert "causes without examples (5)" in asked.stdout


# --- diff ---------------------------------------------------------------------------------------


def changes(before: str, after: str) -> list[tuple[str, str, str | None, str | None]]:
    found = compare(read(before), read(after)).changes
    return [(change.kind, change.id, change.before, change.after) for change in found]


def test_a_taxonomy_does_not_differ_from_itself():
    assert changes(THREE_LEVELS, THREE_LEVELS) == []


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("zh: 慢,", "zh: 拖延,", ("name", "LP.MAN", "慢", "拖延")),
        ("definition: 时效", "definition: 太久", ("definition", "LP.MAN", "时效", "太久")),
        ("id: MAN", "id: SLOW", ("renamed", "LP.MAN", "LP.MAN", "LP.SLOW")),
        ("{id: MAN, zh: 慢,", "{id: SLOW, zh: 迟,", ("renamed", "LP.MAN", "LP.MAN", "LP.SLOW")),
    ],
)
def test_a_change_is_told_by_its_kind(old: str, new: str, change: tuple[str, ...]):
    assert change in changes(THREE_LEVELS, deep(old, new))


def test_what_is_new_and_what_is_gone_are_told():
    line = "      - {id: MAN, zh: 慢, definition: 时效}\n"
    assert changes(THREE_LEVELS, deep(line)) == [("removed", "LP.MAN", "慢", None)]
    assert changes(deep(line), THREE_LEVELS) == [("added", "LP.MAN", None, "慢")]


def test_leaves_of_a_renamed_parent_are_renamed_and_have_not_moved():
    kinds = [
        (kind, id_)
        for kind, id_, _, _ in changes(
            THREE_LEVELS, deep("id: YB", "id: BANK").replace("to: XS.YB", "to: XS.BANK")
        )
    ]
    assert kinds == [("renamed", "XS.YB"), ("renamed", "XS.YB.WD"), ("renamed", "XS.YB.DQ")]


def test_a_leaf_under_another_parent_has_moved():
    line = "          - {id: GD, zh: 孤儿单, definition: 无人服务}\n"
    moved = deep(line).replace(
        "      - {id: MAN", line.replace("    ", "  ", 2) + "      - {id: MAN"
    )
    assert ("moved", "XS.GX.GD", "XS.GX", "LP") in changes(THREE_LEVELS, moved)


def test_a_leaf_that_becomes_a_group_is_divided():
    divided = deep(
        "{id: MAN, zh: 慢, definition: 时效}",
        "{id: MAN, zh: 慢, definition: 时效, children: [{id: A, zh: 甲, definition: a}]}",
    )
    found = [change for change in changes(THREE_LEVELS, divided) if change[0] == "divided"]
    assert found == [("divided", "LP.MAN", "LP.MAN", "LP.MAN.A")]


def test_the_draft_of_a_mapping_fills_in_what_is_sure():
    line = "      - {id: MAN, zh: 慢, definition: 时效}\n"
    draft = draft_mapping(
        compare(read(THREE_LEVELS), read(deep("id: DQ", "id: QM").replace(line, "")))
    )
    targets = parse_mapping(draft, name="draft.yaml").targets
    assert targets["XS.YB.DQ"].to == ("XS.YB.QM",)
    assert targets["LP.MAN"].rule == "none"
    assert list(targets) == list(read(THREE_LEVELS).leaves)


def test_diff_shows_changes_and_writes_a_draft(tmp_path):
    for name, text in (("a.yaml", THREE_LEVELS), ("b.yaml", deep("id: MAN", "id: SLOW"))):
        (tmp_path / name).write_text(text, "utf-8")
    result = run("diff", tmp_path / "a.yaml", tmp_path / "b.yaml", "--draft", tmp_path / "m.yaml")
    assert (result.exit_code, "LP.MAN: LP.MAN → LP.SLOW" in result.stdout) == (0, True)
    assert "LP.MAN: LP.SLOW" in (tmp_path / "m.yaml").read_text("utf-8")
    plain = run("diff", tmp_path / "a.yaml", tmp_path / "b.yaml", "--json")
    assert [change["kind"] for change in json.loads(plain.stdout)] == ["renamed"]


def test_a_draft_replaces_neither_a_taxonomy_nor_an_edited_mapping(tmp_path):
    old, new, edited = (tmp_path / name for name in ("a.yaml", "b.yaml", "map.yaml"))
    for file in (old, new, edited):
        file.write_text(THREE_LEVELS, "utf-8")
    for draft, told in ((new, "is the input itself"), (edited, "may hold decisions")):
        result = run("diff", old, new, "--draft", draft)
        assert (result.exit_code, told in result.stderr) == (2, True)
        assert draft.read_text("utf-8") == THREE_LEVELS
