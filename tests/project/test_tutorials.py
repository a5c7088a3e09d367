"""The tutorials do what they say: every command of a page is run, in order, in a scratch folder."""

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest

from tests.support.places import ROOT

PAGES = sorted(
    path for room in ("tutorials", "guides") for path in (ROOT / "docs" / room).iterdir()
)
NAMES = [f"{page.parent.name}/{page.stem}" for page in PAGES]
FEW = 12  # rows of a sample file: enough for every page
HOW = ("run", "serve", "fails", "skip")
SHIMS = {
    "xiaobao": f'exec {sys.executable} {ROOT / "xiaobao.py"} "$@"',
    "python": f'exec {sys.executable} "$@"',
    # An answer that is an error ends the page: to a bare curl a 404 is a success.
    "curl": 'exec /usr/bin/curl --no-progress-meter --fail-with-body --noproxy "*" "$@"',
}


@dataclass(frozen=True, slots=True)
class Block:
    """Commands of a page and what a test does with them: HOW, and for ``skip`` why."""

    how: str
    why: str
    commands: str


def blocks_of(page: Path) -> list[Block]:
    """The sh blocks of a page, each with the mark above it; an unmarked one has no ``how``."""
    found = re.findall(
        r"(?:^<!-- (\w+)(?:: (.+?))? -->\n)?^```sh\n(.*?)^```",
        page.read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    return [Block(*parts) for parts in found]


def script_of(page: Path, port: int) -> str:
    """One script of a page: servers in the background, everything else in its order."""
    lines = ["set -euo pipefail", "trap '{ kill $(jobs -p) && wait; } 2>/dev/null || true' EXIT"]
    for block in blocks_of(page):
        commands = block.commands.replace(":8000", f":{port}").rstrip()
        if block.how == "serve":
            ready = f"http://127.0.0.1:{port}/readyz"
            lines.append(f"{commands} >server.log 2>&1 &")
            lines.append(f"curl -s -o ready --retry 300 --retry-all-errors --retry-delay 1 {ready}")
        elif block.how == "fails":
            lines.append(f"if {commands}\nthen exit 3; fi")
        elif block.how == "run":
            lines.append(commands)
    return "\n".join(lines) + "\n"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder as the reader's: sample data, FEW rows each, and a bundle that was trained."""
    samples = tmp_path / "data_samples"
    (samples / "exports").mkdir(parents=True)
    for path in (ROOT / "data_samples").rglob("*.*"):
        target = samples / path.relative_to(ROOT / "data_samples")
        if path.suffix == ".jsonl":
            with path.open(encoding="utf-8") as lines:
                target.write_text("".join(islice(lines, FEW)), "utf-8")
        else:
            shutil.copy(path, target)
    bundle = ROOT / "models" / "embedded" / "bundle"
    # Copies: what a page writes into a linked folder would land in the repository.
    for place in ("models/embedded/bundle", "runs/first"):
        shutil.copytree(bundle, tmp_path / place)
    for name, line in SHIMS.items():
        shim = tmp_path / "bin" / name
        shim.parent.mkdir(exist_ok=True)
        shim.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
        shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_block_of_commands_says_what_a_test_does_with_it(page):
    blocks = blocks_of(page)
    assert [block.commands for block in blocks if block.how not in HOW] == []
    assert [block.commands for block in blocks if block.how == "skip" and not block.why] == []
    assert any(block.how == "run" for block in blocks)


@pytest.mark.parametrize(
    "blocks",
    [
        "<!-- run -->\n```sh\nfalse\ntrue\n```\n",
        "<!-- fails -->\n```sh\ntrue\n```\n",
        "<!-- run -->\n```sh\ncurl -s http://127.0.0.1:8000/no-server\n```\n",
    ],
    ids=["a command fails", "what should fail does not", "no server answers"],
)
def test_a_page_that_does_not_do_what_it_says_is_told(blocks, scratch):
    page = scratch / "page.md"
    page.write_text(blocks, "utf-8")
    assert run_page(page, scratch).returncode != 0


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_of_a_page_does_its_work(page, scratch):
    result = run_page(page, scratch)
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]


def run_page(page: Path, scratch: Path) -> subprocess.CompletedProcess[str]:
    """The page as one script in the scratch folder, on a port of its own."""
    port = free_port()
    environment = {
        **os.environ,
        "PATH": f"{scratch / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "XIAOBAO_PORT": str(port),
        "XIAOBAO_DATA_DIR": str(scratch / "xiaobao-data"),
    }
    return subprocess.run(
        ["bash", "-xc", script_of(page, port)],
        cwd=scratch, env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
