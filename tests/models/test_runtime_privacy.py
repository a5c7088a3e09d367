import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT


def files_left_by(code: str, home: Path) -> list[str]:
    """What a program leaves in an empty home of its user."""
    unset = {"ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=ROOT, check=True, timeout=120,
        env={**kept, "HOME": str(home)}, capture_output=True,
    )  # fmt: skip
    return [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()]


@pytest.mark.parametrize("module", ["models.runtimes", "models.analyzer", "serving.app"])
def test_the_runtime_keeps_no_id_of_the_machine_and_no_events_to_send(module, tmp_path):
    assert files_left_by(f"import {module}", tmp_path) == []
