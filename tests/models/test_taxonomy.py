import pytest

from models.taxonomy import (
    ROOT_CAUSES,
    Exclude,
    TaxonomyError,
    default_taxonomy,
    load_taxonomy,
    parse_taxonomy,
)

SMALL = """
version: "1.0"
level1:
  - id: SALE
    zh: 销售
    definition: what was said at the sale
    exclude:
      - {to: PAY.LATE, when: only the payment is late}
      - {to: demand, when: only a refund is asked for}
    bulletin_type: 销售
    codes: {own: A1}
    children:
      - {id: WORDS, zh: 说法, definition: wrong words, examples: [说是存款]}
      - {id: PAPER, zh: 材料, definition: wrong paper, bulletin_type: 承保}
  - id: PAY
    zh: 给付
    definition: money due
    bulletin_type: 理赔
    children:
      - {id: LATE, zh: 迟延, definition: paid late}
  - {id: APP, zh: 线上, definition: the app fails, examples: [登不上去], bulletin_type: 服务其他}
technical_parent: {id: REST, zh: 其余, definition: no cause, bulletin_type: 服务其他}
fallback: REST.UNCLEAR
technical:
  - {id: REST.UNCLEAR, zh: 不清, definition: nothing told}
facets:
  demand: [refund, unknown]
"""


def small(old: str = "", new: str = "") -> str:
    assert old in SMALL
    return SMALL.replace(old, new, 1)


def test_the_default_taxonomy_has_69_leaves_then_4_technical_causes():
    causes = default_taxonomy().causes
    assert [cause.technical for cause in causes] == [False] * 69 + [True] * 4


def test_the_default_taxonomy_has_14_level_1_causes_and_a_parent_of_the_technical_ones():
    parents = default_taxonomy().parents
    assert len(parents) == 15
    assert parents[-1].zh == "其他"


def test_every_default_leaf_has_chinese_examples_and_a_bulletin_type():
    lacking = [c.id for c in default_taxonomy().causes if not (c.examples and c.bulletin_type)]
    assert lacking == []


def test_leaves_stand_in_the_order_of_the_file():
    leaves = ("SALE.WORDS", "SALE.PAPER", "PAY.LATE", "APP", "REST.UNCLEAR")
    assert parse_taxonomy(SMALL, name="own.yaml").leaves == leaves


@pytest.mark.parametrize(
    ("leaf", "parent"), [("SALE.PAPER", "SALE"), ("APP", "APP"), ("REST.UNCLEAR", "REST")]
)
def test_every_leaf_has_a_parent(leaf: str, parent: str):
    assert parse_taxonomy(SMALL, name="own.yaml").parent_of(leaf).id == parent


@pytest.mark.parametrize(
    ("node", "name"), [("SALE", "销售"), ("SALE.WORDS", "说法"), ("APP", "线上"), ("REST", "其余")]
)
def test_leaves_and_parents_have_chinese_names(node: str, name: str):
    assert parse_taxonomy(SMALL, name="own.yaml").name_of(node) == name


@pytest.mark.parametrize(
    ("leaf", "bulletin_type"),
    [("SALE.WORDS", "销售"), ("SALE.PAPER", "承保"), ("REST.UNCLEAR", "服务其他")],
)
def test_a_leaf_has_its_own_bulletin_type_or_its_parents(leaf: str, bulletin_type: str):
    assert parse_taxonomy(SMALL, name="own.yaml").bulletin_type_of(leaf) == bulletin_type


def test_a_level_1_cause_without_children_is_its_own_leaf():
    cause = parse_taxonomy(SMALL, name="own.yaml").cause_of("APP")
    assert (cause.parent, cause.examples) == ("APP", ("登不上去",))


def test_excludes_and_codes_are_kept():
    parent = parse_taxonomy(SMALL, name="own.yaml").parents[0]
    assert parent.excludes[0] == Exclude("PAY.LATE", "only the payment is late")
    assert parent.codes == {"own": "A1"}


def test_the_fallback_is_a_cause_of_the_taxonomy():
    assert default_taxonomy().fallback in default_taxonomy().leaves


@pytest.mark.parametrize("node", ["SALE.NONE", "SALE"])
def test_an_unknown_leaf_has_no_parent(node: str):
    with pytest.raises(KeyError):
        parse_taxonomy(SMALL, name="own.yaml").parent_of(node)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('version: "1.0"', "", "own.yaml: version: found nothing, wanted a version"),
        ('version: "1.0"', "version: 1.0", "own.yaml: version: found 1.0, wanted a version"),
        ("zh: 说法, ", "", "own.yaml: SALE.WORDS: zh: found nothing, wanted a Chinese name"),
        (
            "zh: 销售\n",
            "zh: ''\n",
            "own.yaml: SALE: zh: found an empty text, wanted a Chinese name",
        ),
        ("definition: paid late", "", "PAY.LATE: definition: found nothing, wanted a definition"),
        ("{to: PAY.LATE,", "{to: PAY.LOST,", "SALE.exclude[1]: to: found PAY.LOST, wanted the id"),
        ("id: PAPER", "id: WORDS", "own.yaml: SALE.WORDS: id: found WORDS twice, wanted every"),
        ("id: PAY\n", "id: SALE\n", "own.yaml: SALE: id: found SALE twice, wanted every id once"),
        ("id: PAY\n", f"id: {'P' * 61}\n", "id: found 66 characters, wanted an id of 64 at most"),
        ("id: PAY\n", "id: PAY.ALL\n", "found PAY.ALL, wanted a level-1 id without a dot"),
        ("definition: wrong words", "defintion: x", "SALE.WORDS: found unknown key defintion"),
        ("when: only the", "if: only the", "SALE.exclude[1]: found unknown key if, wanted one"),
        ("- {id: REST.UNCLEAR", "- {id: UNCLEAR", "found UNCLEAR, wanted an id that begins with"),
        ("fallback: REST.UNCLEAR", "fallback: APP.X", "own.yaml: fallback: found APP.X, wanted"),
        ("technical_parent:", "parent:", "own.yaml: found unknown key parent, wanted one of"),
        ("bulletin_type: 理赔", "bulletin_type: [理赔]", "PAY: bulletin_type: found ['理赔']"),
        ("bulletin_type: 理赔", "zh: 赔付", "own.yaml: line 18: found key zh stands twice"),
        ("children:", "children: [", "own.yaml: line 13: found "),
        ("[说是存款]", "说是存款", "SALE.WORDS: examples: found 说是存款, wanted a list of texts"),
        ("demand: [refund, unknown]", "demand: [1]", "facets: demand: found [1], wanted a list"),
    ],
)
def test_a_broken_taxonomy_names_file_place_and_what_is_wrong(old: str, new: str, message: str):
    with pytest.raises(TaxonomyError) as failure:
        parse_taxonomy(small(old, new), name="own.yaml")
    assert message in str(failure.value)


@pytest.mark.parametrize(
    "text",
    ["", "- 销售", "只有一句话", "? [a]\n: b", "a: 2024-02-30", "\x00", 'version: "1"\nlevel1: []'],
)
def test_a_file_without_causes_is_refused(text: str):
    with pytest.raises(TaxonomyError, match=r"own\.yaml: .*wanted"):
        parse_taxonomy(text, name="own.yaml")


def test_a_file_that_is_not_utf_8_is_refused_by_name(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_bytes(SMALL.encode("gb18030"))
    with pytest.raises(TaxonomyError, match=r"own\.yaml: .*wanted UTF-8"):
        load_taxonomy(path)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(TaxonomyError, match=r"own\.yaml: .*wanted a readable file"):
        load_taxonomy(tmp_path / "own.yaml")


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(SMALL, "utf-8-sig")
    assert load_taxonomy(path) == parse_taxonomy(SMALL, name="own.yaml")


def test_the_default_taxonomy_is_the_file_in_the_package():
    text = ROOT_CAUSES.read_text("utf-8")
    assert default_taxonomy() == parse_taxonomy(text, name="root_causes.yaml")
