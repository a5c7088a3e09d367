"""The HTTP API under generated requests: does it ever answer what its schema does not tell?

    python -m benchmarks.api_fuzzing [--cases 5000] [--seed 1] [--database URL]

schemathesis reads ``/openapi.json`` of a real service (embedded bundle, keys, register) and sends
requests that fit the schema, that break it, and that go on from earlier answers. A fault is any
5xx, a status or content type that is not documented, an answer that breaks its schema, a valid
request refused or an invalid one taken, and what ``api_checks`` finds. A 503 is none where the
caller's own deadline was over. Round after round until so many cases were sent, each with the next
seed: the same seed sends the same requests.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.server_process import ROOT, ServerProcess
from models.bundle import load_bundle
from serving.keys.key import SCOPES, make_key, today
from serving.keys.keys_file import changing

CONFIG = ROOT / "benchmarks" / "api_fuzzing.toml"
_OTHER_BUNDLE = "2026-11"  # the name that the schema gives as an example


@dataclass
class Findings:
    """What was sent and found; ``faults`` are counted by kind and operation.

    ``taken`` counts, by operation, the valid requests that were answered 2xx.
    """

    cases: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    reports: list[str] = field(default_factory=list)

    def add(self, report: dict[str, object], text: str) -> None:
        """One run of schemathesis: its JSON report, and what it printed."""
        self.cases += report["test_cases"]["generated"]
        for failure in (*report["failures"], *report["errors"]):
            for operation in failure.get("operations", ["?"]):
                self.faults[f"{failure.get('title', failure)}: {operation}"] += 1
        for operation, phases in report["valid_rates"].items():
            self.taken[operation] += sum(rate["accepted"] for rate in phases.values())
        if report["failures"] or report["errors"]:
            self.reports.append(text)


PHASES = ("examples", "coverage", "fuzzing", "stateful")


def fuzz(
    address: str,
    key: str,
    *,
    examples: int,
    seed: int,
    findings: Findings,
    phases: Sequence[str] = PHASES,
) -> None:
    """One run over all operations; ``examples`` at most of an operation in each phase."""
    with tempfile.TemporaryDirectory(prefix="xiaobao-fuzzing-") as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "--no-color",
            "run", f"{address}/openapi.json", "--header", f"Authorization: Bearer {key}",
            "--max-examples", str(examples), "--seed", str(seed), "--continue-on-failure",
            "--phases", ",".join(phases), "--generation-database", "none", "--no-shrink",
            "--request-timeout", "60",
            "--report", "json", "--report-json-path", str(report),
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # for the checks of ours
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True
        )  # in a folder that goes away: it keeps what failed beside it
        if not report.exists():
            raise RuntimeError(f"schemathesis did not run:\n{done.stdout[-2000:]}{done.stderr}")
        findings.add(json.loads(report.read_text("utf-8")), done.stdout)


@contextlib.contextmanager
def service(
    folder: Path, *, database: str | None = None, with_bundle: bool
) -> Iterator[tuple[str, str]]:
    """A service with keys, a register and a bundle to change to: its address, and a key to all."""
    with changing(folder / "keys.json") as keys:
        made, token = make_key("fuzzing", frozenset(SCOPES), now=today(), expires=None)
        keys.append(made)
    bundles = folder / "bundles"
    bundles.mkdir()
    if with_bundle:
        shutil.copytree(load_bundle().directory, bundles / _OTHER_BUNDLE)
    settings = {"XIAOBAO_KEYS": str(folder / "keys.json"), "XIAOBAO_BUNDLES": str(bundles)}
    database = database or f"sqlite:///{folder / 'register.db'}"
    with ServerProcess(
        database, data_dir=folder, settings=settings, with_bundle=with_bundle
    ) as server:
        server.wait_ready()
        yield server.address, token


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--examples", type=int, default=60, help="of an operation, each round")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", help="an empty one; default: SQLite")
    options = parser.parse_args()
    began, findings = time.monotonic(), Findings()
    with tempfile.TemporaryDirectory(prefix="xiaobao-fuzzing-") as folder:
        started = service(Path(folder), database=options.database, with_bundle=True)
        with started as (address, key):
            seed = options.seed
            while findings.cases < options.cases:
                fuzz(address, key, examples=options.examples, seed=seed, findings=findings)
                seed += 1
    print(*findings.reports, sep="\n")
    print(f"seeds         {options.seed} to {seed - 1}")
    print(f"cases         {findings.cases}")
    print(f"taken         {dict(findings.taken)}")
    print(f"faults        {dict(findings.faults) or 0}")
    print(f"seconds       {time.monotonic() - began:.0f}")
    raise SystemExit(bool(findings.faults))


if __name__ == "__main__":
    main()
