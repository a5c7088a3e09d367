import ast
import re
from pathlib import Path

import pytest

from models import codebook as codebook_module
from models.codebook import (
    WHERE,
    CodebookError,
    Mark,
    Sign,
    default_codebook,
    load_codebook,
    parse_codebook,
)
from models.taxonomy import default_taxonomy

SMALL = """
version: "1.0"
levels:
  - {id: QUIET, zh: 无, meaning_zh: 没有}
  - {id: LOOK, zh: 看一看, meaning_zh: 仅作记录}
  - {id: ASK, zh: 问一问, meaning_zh: 请人核实}
strengths:
  - {id: light, zh: 轻}
  - {id: heavy, zh: 重}
groups:
  - {id: who, zh: 身份}
  - {id: coin, zh: 钱款}
routes:
  - {id: help, zh: 帮助}
signs:
  - id: S_FEE
    zh: 收费
    group: coin
    where: [text]
    strength: heavy
    weight: 3
    definition: a fee is due
    innocent_reading_zh: 可能是律师费
    verify_zh: 问清谁付给谁
    basis: [B1]
  - id: S_OTHER
    zh: 他人来信
    group: who
    strength: light
    weight: 1
    definition: someone else writes
    innocent_reading_zh: 可能是家人
    verify_zh: 给本人打电话
marks:
  - {id: M_KIN, zh: 家人, effect: hides S_OTHER, suppresses: {signs: [S_OTHER]}}
  - {id: M_COIN, zh: 正当费用, effect: hides coin, suppresses: {groups: [coin]}}
  - {id: M_OWN, zh: 自述, effect: caps, cap: {level: LOOK}}
  - {id: M_TOOL, zh: 工具, effect: half, discount: {signs: [S_FEE], factor: 0.5}}
  - {id: M_HELP, zh: 求助, effect: helps, no_level: true, route: help}
decision_policy:
  floor: LOOK
  points: {statement: at most 3, max_per_group: 3}
  rules:
    - {level: ASK, statement: one heavy sign, any_of: [{strength: heavy, signs: 1}]}
  ceilings:
    - {level: LOOK, statement: light alone, strengths: [light]}
  genres:
    - {genre: staff_note, zh: 备注, statement: only who, groups: [who]}
sources:
  - {id: B1, grade: A, title: 规定}
"""


def small(old: str = "", new: str = "") -> str:
    assert old in SMALL
    return SMALL.replace(old, new, 1)


def test_the_default_codebook_has_40_signs_and_17_marks():
    codebook = default_codebook()
    assert (len(codebook.signs), len(codebook.marks)) == (40, 17)


@pytest.mark.parametrize("sign", default_codebook().signs, ids=lambda sign: sign.id)
def test_every_sign_says_in_chinese_what_else_it_may_be_and_how_to_verify(sign: Sign):
    chinese = re.compile(r"[\u4e00-\u9fff]{4}")
    assert chinese.search(sign.innocent_reading)
    assert chinese.search(sign.verify)


@pytest.mark.parametrize("mark", default_codebook().marks, ids=lambda mark: mark.id)
def test_a_mark_does_to_signs_what_its_words_say(mark: Mark):
    named = set(re.findall(r"PS_[A-Z_]*[A-Z]", mark.statement))
    assert named <= mark.suppressed | mark.discounted


def test_every_rule_that_acts_stands_beside_its_words():
    policy = default_codebook().policy
    acting = (*policy.rules, *policy.ceilings, *policy.genres)
    assert all(rule.statement for rule in acting)


def test_what_a_default_mark_sets_is_known_to_the_default_taxonomy():
    taxonomy = default_taxonomy()
    known = {"cause": taxonomy.leaves, **taxonomy.facets}
    wrong = [
        (mark.id, name, value)
        for mark in default_codebook().marks
        for name, value in mark.sets.items()
        if value not in known[name]
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "module", ["codebook", "marks", "policy", "reasons", "rules", "strict_yaml", "taxonomy"]
)
def test_no_id_of_the_data_stands_in_the_code(module: str):
    codebook = default_codebook()
    groups = {group.id for group in codebook.groups} - set(WHERE)
    nodes = (*codebook.signs, *codebook.marks, *codebook.levels, *codebook.strengths)
    ids = groups | {node.id for node in (*nodes, *codebook.routes)}
    ids |= set(default_taxonomy().leaves) | {parent.id for parent in default_taxonomy().parents}
    source = Path(codebook_module.__file__).with_name(f"{module}.py").read_text("utf-8")
    literals = {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert literals & ids == set()


def test_levels_and_strengths_are_ranked_as_they_stand():
    codebook = parse_codebook(SMALL, name="own.yaml")
    assert (codebook.rank_of("ASK"), codebook.strength_rank_of("heavy")) == (2, 1)


def test_signs_and_marks_are_found_by_id():
    codebook = parse_codebook(SMALL, name="own.yaml")
    assert codebook.sign_of("S_FEE").zh == "收费"
    assert codebook.mark_of("M_KIN").suppressed == {"S_OTHER"}


def test_a_mark_that_hides_a_group_hides_all_its_signs():
    codebook = parse_codebook(SMALL, name="own.yaml")
    assert codebook.mark_of("M_COIN").suppressed == {"S_FEE"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("id: S_OTHER\n", "id: S_FEE\n", "own.yaml: S_FEE: id: found S_FEE twice, wanted every"),
        ("id: M_COIN", "id: M_KIN", "own.yaml: M_KIN: id: found M_KIN twice, wanted every id once"),
        ("id: M_COIN", "id: S_FEE", "own.yaml: S_FEE: id: found S_FEE twice, wanted every id once"),
        ("id: ASK", "id: LOOK", "own.yaml: LOOK: id: found LOOK twice"),
        ("id: ASK", f"id: {'A' * 17}", "id: found 17 characters, wanted 16 at most"),
        ("    zh: 收费\n", "", "own.yaml: S_FEE: zh: found nothing, wanted a Chinese name"),
        (", zh: 家人", "", "own.yaml: M_KIN: zh: found nothing, wanted a Chinese name"),
        ("    group: who\n", "", "S_OTHER: group: found nothing, wanted one of who, coin"),
        ("    group: who\n", "    group: whom\n", "S_OTHER: group: found whom, wanted one of who"),
        ("strength: light\n", "strength: mild\n", "found mild, wanted one of light, heavy"),
        ("weight: 1", "weight: 0", "S_OTHER: weight: found 0, wanted a number above 0"),
        ("where: [text]", "where: [dream]", "S_FEE: where: found dream, wanted any of text"),
        ("    verify_zh: 问清谁付给谁\n", "", "S_FEE: verify_zh: found nothing, wanted how to"),
        ("    innocent_reading_zh: 可能是家人\n", "", "wanted an innocent reading in Chinese"),
        ("basis: [B1]", "basis: [B2]", "S_FEE: basis: found B2, wanted any of B1"),
        ("signs: [S_OTHER]", "signs: [S_ELSE]", "M_KIN.suppresses: signs: found S_ELSE, wanted"),
        ("{groups: [coin]}", "{groups: [coins]}", "M_COIN.suppresses: groups: found coins"),
        ("{groups: [coin]}", "{group: [coin]}", "M_COIN.suppresses: found unknown key group"),
        ("cap: {level: LOOK}", "cap: {level: TOP}", "M_OWN.cap: level: found TOP, wanted one of"),
        ("cap: {level: LOOK}", "cap: {level: QUIET}", "found QUIET, wanted one of LOOK, ASK"),
        (
            "cap: {level: LOOK}",
            "cap: {level: LOOK, unless_groups: []}",
            "unless_strength: found nothing, wanted both unless_strength and unless_groups",
        ),
        ("factor: 0.5", "factor: 1.5", "M_TOOL.discount: factor: found 1.5, wanted a number of"),
        ("route: help", "route: away", "own.yaml: M_HELP: route: found away, wanted one of help"),
        ("no_level: true", "no_level: 'yes'", "M_HELP: no_level: found yes, wanted true or false"),
        ("floor: LOOK", "floor: PEEK", "decision_policy: floor: found PEEK, wanted one of LOOK"),
        ("level: ASK,", "level: ACT,", "decision_policy.rules[1]: level: found ACT, wanted one of"),
        ("strength: heavy, signs", "strength: big, signs", "rules[1].any_of[1]: strength: found"),
        ("strengths: [light]", "groups: [what]", "ceilings[1]: groups: found what, wanted any of"),
        (", strengths: [light]", "", "ceilings[1]: found neither strengths nor groups, wanted"),
        ("groups: [who]", "groups: [why]", "decision_policy.genres[1]: groups: found why, wanted"),
        ("genre: staff_note", "genre: diary", "genres[1]: genre: found diary, wanted one of own"),
        ("any_of: [{strength: heavy, signs: 1}]", "any_of: []", "wanted at least one condition"),
        ("decision_policy:", "policy:", "own.yaml: found unknown key policy, wanted one of"),
        ("max_per_group: 3", "per_group: 3", "decision_policy.points: found unknown key per_group"),
        ('version: "1.0"', "", "own.yaml: version: found nothing, wanted a version in quotes"),
        ("    weight: 1\n", "    weight: 1\n    weight: 2\n", "found key weight stands twice"),
    ],
)
def test_a_broken_codebook_names_file_place_and_what_is_wrong(old: str, new: str, message: str):
    with pytest.raises(CodebookError) as failure:
        parse_codebook(small(old, new), name="own.yaml")
    assert str(failure.value).startswith("own.yaml: ")
    assert message in str(failure.value)


def test_a_policy_of_sentences_alone_is_refused():
    start = SMALL.index("decision_policy:")
    end = SMALL.index("sources:")
    prose = 'decision_policy: ["REVIEW needs a strong sign"]\n'
    with pytest.raises(CodebookError, match="found a list, wanted rules for the machine"):
        parse_codebook(SMALL[:start] + prose + SMALL[end:], name="own.yaml")


def test_a_codebook_without_a_policy_is_refused():
    text = SMALL[: SMALL.index("decision_policy:")] + SMALL[SMALL.index("sources:") :]
    with pytest.raises(CodebookError, match="decision_policy: found nothing, wanted rules"):
        parse_codebook(text, name="own.yaml")


def test_a_codebook_in_another_encoding_is_refused_by_name(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_bytes(SMALL.encode("gb18030"))
    with pytest.raises(CodebookError, match=r"own\.yaml: .*wanted UTF-8"):
        load_codebook(path)
