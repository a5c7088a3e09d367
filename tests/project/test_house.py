"""The house in order: what the documents say is what stands on the disk."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.core import TyperGroup

import xiaobao
from models.bundle import MANIFEST, REQUIRED
from serving.api.problems import ProblemError, problem_response
from serving.api.schemas import RECORD_FIELDS, TITLES
from serving.app import create_app
from serving.settings import ServingSettings
from tests.support.places import ROOT
from tests.support.readers import KeywordAnalyzer
from xiaobao import COMMANDS

READMES = ("README.md", "README.zh-CN.md")
IGNORED = [line.strip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split()]
PACKAGES = {"models/", "training/", "serving/"}
UNLISTED = {"__init__.py", "py.typed"}


def files_of(folder: Path) -> Iterator[Path]:
    """What git would track: all files that .gitignore leaves."""
    for path in sorted(folder.iterdir()):
        if path.name != ".git" and not any(fnmatch(path.name, name) for name in IGNORED):
            yield from files_of(path) if path.is_dir() else (path,)


FILES = tuple(path.relative_to(ROOT).as_posix() for path in files_of(ROOT))
PAGES = tuple(name for name in FILES if name.endswith(".md"))


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


# --- the tree -----------------------------------------------------------------------------------


def tree_of(readme: str) -> dict[str, str]:
    """Path in the tree, folders with a slash at the end, to its comment."""
    block = re.search(r"^xiaobao/\n(.*?)^```", read(readme), re.MULTILINE | re.DOTALL)
    assert block, f"{readme} has no tree"
    folders: list[str] = []
    entries = {}
    for line in block[1].splitlines():
        match = re.fullmatch(r"((?:│   |    )*)[├└]── (\S+)(.*)", line)
        assert match, f"{readme}: no entry: {line}"
        depth = len(match[1]) // 4
        path = "".join(folders[:depth]) + match[2]
        folders[depth:] = [match[2]]
        entries[path] = match[3].strip()
    return entries


def children_on_disk(folder: str) -> set[str]:
    below = (name.removeprefix(folder) for name in FILES if name.startswith(folder))
    return {folder + re.sub(r"/.*", "/", rest) for rest in below if rest not in UNLISTED}


def opened(tree: dict[str, str]) -> set[str]:
    """The folders of which the tree lists what is in them; a closed one is told by its comment."""
    return {re.sub(r"[^/]+/?$", "", path) for path in tree}


@pytest.mark.parametrize("readme", READMES)
def test_the_tree_lists_what_stands_on_the_disk(readme):
    tree = tree_of(readme)
    wanted = {path for folder in opened(tree) for path in children_on_disk(folder)}
    assert sorted(wanted - set(tree)) == [], "not in the tree"
    assert sorted(set(tree) - wanted) == [], "not on the disk"


@pytest.mark.parametrize("readme", READMES)
def test_the_tree_opens_the_packages(readme):
    assert opened(tree_of(readme)) >= PACKAGES


@pytest.mark.parametrize("readme", READMES)
def test_every_entry_of_the_tree_has_a_comment(readme):
    assert [path for path, comment in tree_of(readme).items() if not comment] == []


# --- the documents ------------------------------------------------------------------------------


def commands_of(page: str) -> Iterator[str]:
    text = read(page).replace("\\\n", " ")
    for fence in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from re.findall(r"^(?:\.venv/bin/)?xiaobao +(.+)$", fence, re.MULTILINE)
    yield from re.findall(r"`xiaobao ([a-z][^`]*)`", text)
    yield from re.findall(r"^\t\$\(BIN\)/xiaobao +(.+)$", text, re.MULTILINE)  # of the Makefile


DOCUMENTED = sorted({(page, line) for page in (*PAGES, "Makefile") for line in commands_of(page)})


@pytest.mark.parametrize(("page", "line"), DOCUMENTED)
def test_every_command_in_the_documents_exists_with_its_options(page, line):
    name, *words = shlex.split(line, comments=True)
    command = xiaobao._command(name, COMMANDS[name])
    while isinstance(command, TyperGroup) and words:
        command = command.commands[words.pop(0)]
    with typer.Context(command) as context:
        given, rest, _ = command.make_parser(context).parse_args(args=words)
    lacking = [p.name for p in command.params if words and p.required and not given.get(p.name)]
    assert (rest, lacking) == ([], [])


@pytest.mark.parametrize("readme", READMES)
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_shown_in_both_readmes(readme, name):
    assert any(line.split()[0] == name for line in commands_of(readme))


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_in_the_documents_exists(page):
    named = re.findall(r"(?:^|`)make ([a-z]+)", read(page), re.MULTILINE)
    targets = re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE)
    assert set(named) <= set(targets)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_between_documents_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", read(page))
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def table_of(page: str, name: str) -> list[list[str]]:
    """The cells of a table between markers, without its header."""
    block = read(page).partition(f"<!-- {name}: begin -->")[2].partition(f"<!-- {name}: end -->")[0]
    rows = [line for line in block.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_settings_in_the_documents_are_the_settings():
    wanted = [
        [
            f"`XIAOBAO_{name.upper()}`",
            "" if field.default is None else f"`{field.default}`",
            field.description,
        ]
        for name, field in ServingSettings.model_fields.items()
    ]
    assert table_of("docs/operations.md", "settings") == wanted


def test_the_problems_in_the_documents_are_the_problems():
    bodies = (problem_response(ProblemError(status, ""), request_id="").body for status in TITLES)
    types = [json.loads(bytes(body))["type"] for body in bodies]
    wanted = [[str(s), f"`{type_}`"] for s, type_ in zip(TITLES, types, strict=True)]
    assert [row[:2] for row in table_of("docs/operations.md", "problems")] == wanted


def test_the_routes_in_the_documents_are_the_routes():
    schema = create_app(KeywordAnalyzer(), ServingSettings()).openapi()
    wanted = {(verb.upper(), path) for path, verbs in schema["paths"].items() for verb in verbs}
    named = re.findall(r"^\| `(GET|POST) (\S+)` \|", read("docs/api.md"), re.MULTILINE)
    assert set(named) == wanted


def test_the_fields_of_a_request_in_the_documents_are_its_fields():
    section = read("docs/api.md").partition("## A request")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == RECORD_FIELDS


def test_the_files_of_a_bundle_in_the_documents_are_its_files():
    section = read("ARCHITECTURE.md").partition("## The bundle")[2].partition("\n## ")[0]
    first_cells = "".join(re.findall(r"^\|([^|]+)\|", section, re.MULTILINE))
    assert set(re.findall(r"`([^`]+)`", first_cells)) == {MANIFEST, *REQUIRED}


# --- what may not stand in any file -------------------------------------------------------------

# Spelled so that this file does not hold what it forbids.
FORBIDDEN = {
    "a registry's host": r"py[p]i\.org|python[h]osted|npm[j]s\.|deb[i]an\.org",
    "a pip index": r"(?:extra-)?index[-_]ur[l]|trusted[-_]hos[t]|find[-_]link[s]",
    "a path of one machine": r"(?<![\w.:/-])/(?:roo[t]|hom[e]|wor[k]|User[s])/",
    "an e-mail address": r"[\w.]+@[\w-]+\.(?:com|cn|org|net)\b",
}
WRITTEN = tuple(n for n in FILES if not n.startswith(("data_samples/", "models/embedded/")))


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what):
    pattern = re.compile(FORBIDDEN[what])
    texts = ((name, (ROOT / name).read_bytes().decode("utf-8", "ignore")) for name in WRITTEN)
    assert [name for name, text in texts if pattern.search(text)] == []


# --- dependencies -------------------------------------------------------------------------------


def pins() -> dict[str, str]:
    lines = [line for line in read("constraints.txt").splitlines() if not line.startswith("#")]
    pairs = [re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)", line) for line in lines]
    return {canonicalize_name(pair[1]): pair[2] for pair in pairs if pair}


def requirements() -> list[str]:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    named = [*project["dependencies"], *(line for lines in extras.values() for line in lines)]
    return [line for line in named if Requirement(line).name != project["name"]]


@pytest.mark.parametrize("line", requirements())
def test_every_dependency_is_pinned_to_a_version_that_the_project_takes(line):
    requirement = Requirement(line)
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


def test_constraints_are_names_with_versions_and_nothing_else():
    lines = [line for line in read("constraints.txt").splitlines() if not line.startswith("#")]
    assert len(pins()) == len(lines)


# --- imports ------------------------------------------------------------------------------------


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def test_the_packages_keep_their_import_contracts():
    result = python(
        "from importlinter.cli import lint_imports\n"
        "raise SystemExit(lint_imports(no_cache=True, no_logo=True))"
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    "module",
    [
        "xiaobao",
        "serving.app",
        "serving.commands",
        "serving.files.scoring",
        "serving.register.commands",
        "models.analyzer",
    ],
)
def test_what_serves_loads_nothing_of_training_and_no_arrow(module):
    heavy = "{'torch', 'transformers', 'datasets', 'sklearn', 'training', 'pyarrow'}"
    result = python(f"import sys, {module}\nprint({heavy} & set(sys.modules))")
    assert (result.stdout.strip(), result.stderr) == ("set()", "")


@pytest.mark.parametrize("entry", COMMANDS.values(), ids=COMMANDS)
def test_every_command_of_the_front_door_is_there(entry):
    assert callable(getattr(import_module(entry.module), entry.function))
