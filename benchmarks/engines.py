"""Throughput of ``assess`` by engine: this machine's cores, Spark and Ray on the same cores.

    python -m benchmarks.engines [--texts 3000] [--longest 120]

Each engine scores the same file in a process of its own, started, loaded and written as users do;
``ratio`` is its time over that of ``local``. On one machine Spark and Ray can only cost: what they
add is what a cluster must win back. The outputs are compared byte for byte. Needs the extras spark
and ray, and a Java runtime.
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks.assess_throughput import append
from benchmarks.usage import cpu_name
from models.bundle import load_bundle

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "data_samples" / "complaints.jsonl"
RESULTS = ROOT / "docs" / "benchmarks" / "engines.jsonl"
ENGINES = ("local", "spark", "ray")
PACKAGES = ("numpy", "onnxruntime", "pyarrow", "pyspark", "ray")


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        result = compare(Path(folder), options)
    append(result, options.out)
    print(json.dumps(result, ensure_ascii=False, indent=1))


def compare(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    source = folder / "in.jsonl"
    write_texts(source, count=options.texts, longest=options.longest, seed=options.seed)
    before = os.getloadavg()[0]
    seconds = {engine: score(source, folder / f"{engine}.jsonl", engine) for engine in ENGINES}
    answers = {(folder / f"{engine}.jsonl").read_bytes() for engine in ENGINES}
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "load": {"before": round(before, 1), "after": round(os.getloadavg()[0], 1)},
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
        "bundle": load_bundle().name,
        "texts": options.texts,
        "longest": options.longest,
        "seconds": {engine: round(s, 1) for engine, s in seconds.items()},
        "ratio": {engine: round(s / seconds["local"], 2) for engine, s in seconds.items()},
        "same_answers": len(answers) == 1,
    }


def write_texts(path: Path, *, count: int, longest: int, seed: int) -> None:
    """So many texts of the corpus of at most ``longest`` code points; where too few, again."""
    texts = [json.loads(line)["text"] for line in SAMPLES.read_text("utf-8").splitlines()]
    short = [text for text in texts if len(text) <= longest]
    if not short:
        sys.exit(f"{SAMPLES}: no text of at most {longest} found, one at least wanted")
    random.Random(seed).shuffle(short)
    chosen = islice(cycle(short), count)
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in chosen), "utf-8")


def score(source: Path, out: Path, engine: str) -> float:
    """Seconds that the command took, its start and the start of its engine included."""
    command = [sys.executable, str(ROOT / "xiaobao.py"), "assess", str(source)]
    start = time.perf_counter()
    subprocess.run([*command, "--out", str(out), "--engine", engine], cwd=ROOT, check=True)
    return time.perf_counter() - start


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="assess by engine, on one machine")
    parser.add_argument("--texts", type=int, default=3000)
    parser.add_argument("--longest", type=int, default=120, help="code points of a text")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
