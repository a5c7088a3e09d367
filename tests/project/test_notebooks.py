"""Notebooks: pairs that say the same, stored without outputs, each run by nbmake from the top."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import jupytext
import pytest
from jupytext.compare import compare_notebooks

from tests.support.places import ROOT

FOLDER = ROOT / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
ROWS = "60"  # what each of them documents: few records, so that all run within a minute or two

each = pytest.mark.parametrize("name", NAMES)


def cells_of(name: str, kind: str) -> list[dict[str, Any]]:
    cells = json.loads((FOLDER / f"{name}.ipynb").read_text("utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == kind]


def test_every_notebook_is_a_pair():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == NAMES
    assert [name[:3] for name in NAMES] == ["01_", "02_", "03_", "04_", "05_"]


@each
def test_both_of_a_pair_say_the_same(name):
    source, stored = (jupytext.read(FOLDER / f"{name}{suffix}") for suffix in (".py", ".ipynb"))
    compare_notebooks(stored, source, fmt="py:percent", allow_expected_differences=False)


@each
def test_a_notebook_is_stored_without_outputs(name):
    code = cells_of(name, "code")
    assert code
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)


@each
def test_under_every_heading_stands_an_english_line(name):
    titled = [text for text in map(text_of, cells_of(name, "markdown")) if text.startswith("#")]
    assert titled
    assert [text for text in titled if not re.match(r"#+ .+\n\*[ -~]+\*(\n|$)", text)] == []


@each
def test_a_notebook_says_how_many_records_it_reads(name):
    assert "`XIAOBAO_NOTEBOOK_ROWS`" in "".join(map(text_of, cells_of(name, "markdown")))


@each
def test_a_notebook_holds_no_functions(name):
    code = "\n".join(map(text_of, cells_of(name, "code")))
    assert not re.search(r"^\s*(def|class|async) ", code, re.MULTILINE)


@each
def test_a_notebook_runs_from_top_to_bottom(name):
    plain = ["-c", os.devnull, "--rootdir", str(FOLDER), "-p", "no:cacheprovider"]
    patient = "--nbmake-timeout=1800"  # seconds a cell: a busy machine is no fault of a notebook
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plain, "--nbmake", patient, f"{name}.ipynb"],
        cwd=FOLDER,
        env={**os.environ, "XIAOBAO_NOTEBOOK_ROWS": ROWS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def text_of(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])
