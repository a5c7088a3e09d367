"""The site of documents: pages from the code, links that lead somewhere, no warnings."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from handbook.building import SiteError, build, lay_out, run_tool, settings_text
from handbook.figures_page import figures_page
from handbook.links import LinkError, relink
from handbook.markdown import table
from handbook.navigation import HOME, SECTIONS, home_page, navigate
from handbook.pages import OUTSIDE, PARTS, Page, generated_pages
from handbook.words import WordsError, words_for
from models.codebook import default_codebook
from models.taxonomy import default_taxonomy
from serving.api.schemas import TITLES
from serving.settings import ServingSettings
from tests.support.places import ROOT
from xiaobao import COMMANDS


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {page.path: page.text for page in generated_pages(ROOT)}


@pytest.fixture(scope="module")
def laid(tmp_path_factory) -> Path:
    """The pages of the site as the tool gets them."""
    directory: Path = tmp_path_factory.mktemp("site")
    lay_out(ROOT, directory)
    return directory


# --- the reference says what the code is ----------------------------------------------------------


def test_every_command_has_its_section(pages):
    sections = {line.split()[2] for line in headings(pages["reference/cli.md"], 2)}
    assert sections == set(COMMANDS)


def test_a_command_below_another_has_its_section_too(pages):
    assert "## xiaobao keys revoke" in headings(pages["reference/cli.md"], 2)


def test_every_setting_stands_with_default_and_meaning_in_two_languages(pages):
    for name, field in ServingSettings.model_fields.items():
        (row,) = rows_of(pages["reference/settings.md"], f"`XIAOBAO_{name.upper()}`")
        assert re.fullmatch(r".*[\u4e00-\u9fff].* · .+", row[2])
        assert row[1] == ("" if field.default is None else f"`{field.default}`")


def test_every_route_and_every_shape_that_it_names_has_a_section(pages):
    text = pages["reference/http.md"]
    anchors = {re.sub(r"^#+ ", "", line).lower() for line in headings(text, 3)}
    assert set(re.findall(r"\]\(#(\w+)\)", text)) <= anchors
    assert {"## POST /v1/assess", "## GET /v1/groups/{group_id}"} <= set(headings(text, 2))


def test_every_cause_sign_and_mark_stands_in_its_page_and_among_the_labels(pages):
    codebook = default_codebook()
    causes = [cause.id for cause in default_taxonomy().causes]
    signs = [entry.id for entry in (*codebook.signs, *codebook.marks)]
    assert [id_ for id_ in causes if f"`{id_}`" not in pages["reference/causes.md"]] == []
    assert [id_ for id_ in signs if f"`{id_}`" not in pages["reference/signs.md"]] == []
    assert [i for i in causes + signs if f"`{i}`" not in pages["reference/labels.md"]] == []


def test_every_problem_stands_with_its_status(pages):
    assert all(rows_of(pages["reference/errors.md"], str(status)) for status in TITLES)


def test_a_word_for_a_metric_that_does_not_exist_is_told():
    with pytest.raises(WordsError, match=r"lacking \['new'\]"):
        words_for("metrics", ["new"])


@pytest.mark.parametrize("part", PARTS)
def test_the_figures_are_those_of_the_report(part):
    path = ROOT / "docs" / "figures" / part / "report.json"
    report = json.loads(path.read_text("utf-8"))
    accuracy = report["network"]["level1_accuracy"]
    accuracy["value"] = 0.1234
    text = figures_page({part: report})
    assert f"0.123 [{accuracy['low']:.3f}, {accuracy['high']:.3f}]" in text


# --- links ----------------------------------------------------------------------------------------


PLACES = {"docs/a.md": "a.md", "data/SHEET.md": "model/sheet.md", "docs/x.png": "x.png"}


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[一](../data/SHEET.md#c)", "[一](model/sheet.md#c)"),
        ("![图](x.png)", "![图](x.png)"),
        ("[法](https://example.com/a.md)", "[法](https://example.com/a.md)"),
        ("[上](#up)", "[上](#up)"),
        ("[包](../xiaobao.py) 等", "包 等"),  # stays behind
        ("```sh\n[x](nowhere.md)\n```\n", "```sh\n[x](nowhere.md)\n```\n"),
    ],
)
def test_a_link_reads_as_the_site_needs_it(written, shown):
    assert relink(Page("b.md", "docs/b.md", written), PLACES, root=ROOT) == shown


@pytest.mark.parametrize("written", ["[x](nowhere.md)", "![x](nowhere.png)"])
def test_a_link_to_nowhere_is_told_with_page_and_target(written):
    with pytest.raises(LinkError, match=r"docs/b\.md: link to nowhere\.(md|png)"):
        relink(Page("b.md", "docs/b.md", written), PLACES, root=ROOT)


def test_a_bar_in_a_cell_does_not_break_its_table():
    assert table(("a",), [["x|y\nz"]]).splitlines()[-1] == r"| x\|y z |"


# --- the site -------------------------------------------------------------------------------------


def test_every_page_is_in_the_navigation_once():
    paths = {HOME: "", "tutorials/b.md": "", "reference/cli.md": "", "new-page.md": ""}
    shown = [path for pages in navigate(paths).values() for path in pages]
    assert sorted(shown) == sorted(set(paths) - {HOME})


def test_a_section_without_a_page_is_left_out():
    assert list(navigate({HOME: "", "operations.md": ""})) == [
        section.title for section in SECTIONS if "operations.md" in section.patterns
    ]


def test_the_home_page_and_the_settings_name_pages_by_their_titles():
    texts = {HOME: "", "new.md": '# 接口 "API"\n'}
    navigation = navigate(texts)
    assert '- [接口 "API"](new.md)' in home_page(navigation, texts)
    assert r'{"接口 \"API\"" = "new.md"}' in settings_text(navigation, texts)


def test_what_people_wrote_and_what_the_code_says_are_laid_out_together(laid):
    wanted = {"tutorials/first-hour-intake.md", "reference/cli.md", HOME, *OUTSIDE.values()}
    assert [path for path in sorted(wanted) if not (laid / "pages" / path).is_file()] == []


def test_no_page_sends_a_browser_elsewhere_for_what_it_shows(laid):
    texts = ((p.name, p.read_text("utf-8")) for p in (laid / "pages").rglob("*.md"))
    assert [
        n for n, text in texts if re.search(r"!\[[^\]]*\]\(https?:|<(script|img)\b", text)
    ] == []


@pytest.mark.skipif(find_spec("zensical") is None, reason="the docs extra is not installed")
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    out = tmp_path / "site"
    pages = build(ROOT, out=out)
    assert pages == len(list(out.rglob("*.html"))) - 1  # one tells that there is no such page
    html = "".join(page.read_text("utf-8") for page in out.rglob("*.html"))
    assert re.findall(r"<(?:script|img|link)[^>]+(?:src|href)=\"?https?://[^\">]+", html) == []
    assert "理赔时效" in (out / "search.json").read_text("utf-8")


@pytest.mark.skipif(find_spec("zensical") is None, reason="the docs extra is not installed")
def test_a_warning_of_the_tool_is_an_error_that_tells_it(tmp_path):
    texts = {HOME: "", "a.md": "# 甲\n\n[乙](a.md#no-such-heading)\n"}
    navigation = navigate(texts)
    texts[HOME] = home_page(navigation, texts)
    (tmp_path / "pages").mkdir()
    for path, text in texts.items():
        (tmp_path / "pages" / path).write_text(text, "utf-8")
    (tmp_path / "zensical.toml").write_text(settings_text(navigation, texts), "utf-8")
    with pytest.raises(SiteError, match="anchor does not exist"):
        run_tool(tmp_path)


def test_without_the_tool_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("handbook.building.find_spec", lambda _: None)
    with pytest.raises(SiteError, match=r"install the docs extra: pip install '\.\[docs\]'"):
        build(ROOT, out=tmp_path / "site")


def headings(text: str, deepest: int) -> list[str]:
    return [line for line in text.splitlines() if re.match(rf"#{{2,{deepest}}} ", line)]


def rows_of(text: str, first: str) -> list[list[str]]:
    """The rows of all tables of a page whose first cell is this."""
    lines = (line for line in text.splitlines() if line.startswith("| "))
    cells = ([c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines)
    return [row for row in cells if row[0] == first]
