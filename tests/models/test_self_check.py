"""The self-check of a bundle when it is loaded."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from models.analyzer import load_analyzer
from models.bundle import MANIFEST, BundleError


@pytest.fixture
def golden(tiny_bundle: Path, tmp_path: Path) -> Any:
    """Changes the golden answers of a copy of the bundle, and gives its directory."""

    def change(name: str, change_to: Any) -> Path:
        copied = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
        manifest = json.loads((copied / MANIFEST).read_text("utf-8"))
        manifest["golden"][1][name] = change_to(manifest["golden"][1][name])
        (copied / MANIFEST).write_text(json.dumps(manifest), "utf-8")
        return copied

    return change


def test_a_bundle_that_answers_as_it_did_passes_its_self_check(golden: Any) -> None:
    directory = golden("agent", lambda share: share + 0.0005)
    assert load_analyzer(directory, threads=1).bundle.manifest["name"] == "tiny"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("agent", lambda share: share + 0.002),
        ("agent", lambda _: float("nan")),
        ("labels", lambda shares: [*shares[:-1], shares[-1] + 0.002]),
        ("primary", lambda shares: shares[::-1]),
        ("primary", lambda shares: shares[:-1]),
        ("labels", lambda _: None),
        ("agent", lambda _: "none"),
        ("text", lambda _: "退下来要给他们三成服务费。"),
    ],
)
def test_a_bundle_that_answers_otherwise_is_refused(golden: Any, name: str, change: Any) -> None:
    with pytest.raises(BundleError, match=r"self-check failed: \w+ of golden input 1"):
        load_analyzer(golden(name, change), threads=1)


@pytest.mark.parametrize("stored", [None, [], {}, ["柜台说是定存"], [{"labels": [0.5]}]])
def test_a_bundle_without_golden_inputs_is_refused(
    tiny_bundle: Path, tmp_path: Path, stored: Any
) -> None:
    copied = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    manifest = json.loads((copied / MANIFEST).read_text("utf-8"))
    (copied / MANIFEST).write_text(json.dumps({**manifest, "golden": stored}), "utf-8")
    with pytest.raises(BundleError, match="no golden inputs found"):
        load_analyzer(copied, threads=1)
