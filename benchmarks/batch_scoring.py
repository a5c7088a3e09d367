"""Batch scoring of very many short complaints, killed at random moments and taken up again.

    python -m benchmarks.batch_scoring --folder DIR [--rows 1000000] [--kills 3] [--prefix 200000]

``assess`` reads a file of synthetic short complaints with all cores, as users run it, and is killed
with ``kill -9`` so many times. Rate, memory of all its processes together, and whether the output
is that of a run without interruption over the first ``--prefix`` rows, byte for byte; all kills
fall among these. Beside it the bare loop on a sample of the same rows, read in turns with the
command before and after the long run: windows cut, sorted and padded before the clock starts, and
ONNX Runtime alone on all cores, as one session with a thread a core and as a process a core;
the faster one is the measure.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.assess_throughput import ROOT, append
from benchmarks.overheads import bare_loop
from benchmarks.synthetic import short_text
from benchmarks.usage import cpu_name, memory_mb_of_group
from models.analyzer import load_analyzer
from models.record import Record
from models.runtimes import available_cores

_EVERY = 2.0  # seconds between two looks at the memory
_START = 5.0  # seconds: a run that is killed sooner has read nothing


def main() -> None:
    options = _options()
    source, out = options.folder / "in.jsonl", options.folder / "out.jsonl"
    prefix, alone = options.folder / "prefix.jsonl", options.folder / "prefix.out.jsonl"
    characters = write_rows(source, count=options.rows)
    write_rows(prefix, count=options.prefix)
    rounds = take_turns(prefix, options.folder, count=options.sample, rounds=options.rounds)
    uninterrupted = run_killed(prefix, alone, lives=[])
    whole = run_killed(source, out, lives=lives(uninterrupted["seconds"], options))
    rounds += take_turns(prefix, options.folder, count=options.sample, rounds=options.rounds)
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "cores": available_cores(),
        "versions": {name: version(name) for name in ("numpy", "onnxruntime")},
        "rows": options.rows,
        "characters": characters,
        **whole,
        "prefix": options.prefix,
        "same_as_uninterrupted": same_beginning(alone, out),
        "sample": options.sample,
        "sample_of_bare": shares(rounds, [turn["assess"] for turn in rounds]),
        "whole_of_bare": shares(rounds, [whole["rows_per_second"]] * len(rounds)),
        "rounds": rounds,
    }
    if options.out:
        append(result, options.out)
    print(json.dumps(result, indent=1))


def write_rows(path: Path, *, count: int) -> int:
    """So many short complaints, the same ones in every run; characters in all."""
    rng, characters = random.Random("short complaints"), 0
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            text = short_text(rng)
            characters += len(text)
            row = {"case_id": f"M{number}", "text": text}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return characters


# --- the command --------------------------------------------------------------------------------


def lives(seconds: float, options: argparse.Namespace) -> list[float]:
    """How long each run lives that is killed: together no longer than the prefix takes."""
    chance = random.Random(options.seed)
    return [chance.uniform(_START, seconds / options.kills) for _ in range(options.kills)]


def run_killed(source: Path, out: Path, *, lives: Sequence[float]) -> dict[str, Any]:
    """Runs ``assess`` until it is done, killed after each life: seconds, rate, memory at most.

    A run that ends before it would be killed is the last one.
    """
    out.unlink(missing_ok=True)
    runs = [run(source, out, until=life) for life in (*lives, None) if not out.exists()]
    seconds, rows = sum(took for took, _ in runs), count_rows(out)
    return {
        "seconds": round(seconds, 1),
        "killed_after": [round(took, 1) for took, _ in runs[:-1]],
        "rows_written": rows,
        "rows_per_second": round(rows / seconds, 1),
        "memory_mb": round(max(memory for _, memory in runs)),
    }


def run(source: Path, out: Path, *, until: float | None = None) -> tuple[float, float]:
    """Seconds and megabytes at most of one run of the command, killed after ``until`` seconds."""
    command = [sys.executable, str(ROOT / "xiaobao.py"), "assess", str(source), "--out", str(out)]
    began, memory = time.perf_counter(), 0.0
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL)
    while until is None or time.perf_counter() - began < until:
        memory = max(memory, memory_mb_of_group(process.pid))
        with contextlib.suppress(subprocess.TimeoutExpired):
            if process.wait(_EVERY):
                sys.exit(f"assess ended with {process.returncode}")
            return time.perf_counter() - began, memory
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return time.perf_counter() - began, memory


def count_rows(path: Path) -> int:
    with path.open("rb") as file:
        return sum(line.endswith(b"\n") for line in file)


def same_beginning(short: Path, long: Path) -> bool:
    """Whether the longer file begins with all lines of the shorter one."""
    with short.open("rb") as one, long.open("rb") as two:
        return all(mine == next(two, None) for mine in one)


# --- the bare loop ------------------------------------------------------------------------------


def take_turns(source: Path, folder: Path, *, count: int, rounds: int) -> list[dict[str, float]]:
    """Rows a second of the command and of bare loops on the first rows, a round a line."""
    lines = source.read_text("utf-8").splitlines(keepends=True)[:count]
    sample, out = folder / "sample.jsonl", folder / "sample.out.jsonl"
    sample.write_text("".join(lines), "utf-8")
    texts = [json.loads(line)["text"] for line in lines]
    found = []
    for number in range(rounds):
        sides = {
            "assess": lambda: run(sample, out)[0],
            "session": lambda: bare_seconds(texts, processes=1),
            "processes": lambda: bare_seconds(texts, processes=available_cores()),
        }
        names = list(sides)[number % 3 :] + list(sides)[: number % 3]
        took = {name: sides[name]() for name in names}
        out.unlink(missing_ok=True)
        found.append({name: round(len(texts) / seconds, 1) for name, seconds in took.items()})
        print(f"round {number + 1}: {found[-1]}", file=sys.stderr)
    return found


def shares(rounds: Sequence[dict[str, float]], rates: Sequence[float]) -> dict[str, float]:
    """Rates over those of each bare loop in the same rounds, as the median of them."""
    return {
        bare: round(
            statistics.median(r / turn[bare] for r, turn in zip(rates, rounds, strict=True)), 3
        )
        for bare in ("session", "processes")
    }


def bare_seconds(texts: Sequence[str], *, processes: int) -> float:
    """Seconds of bare loops that begin at one moment, each with its part of the texts."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(processes + 1)
    threads = max(1, available_cores() // processes)
    parts = [list(islice(texts, n, None, processes)) for n in range(processes)]
    loops = [context.Process(target=_loop, args=(part, threads, ready)) for part in parts]
    for loop in loops:
        loop.start()
    ready.wait()
    began = time.perf_counter()
    for loop in loops:
        loop.join()
    return time.perf_counter() - began


def _loop(texts: list[str], threads: int, ready: Any) -> None:
    analyzer = load_analyzer(threads=threads)
    work = bare_loop(analyzer, [Record(text) for text in texts])
    ready.wait()
    work()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="assess of very many short complaints, killed")
    parser.add_argument("--folder", type=Path, required=True, help="an empty one; gigabytes")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--prefix", type=int, default=200_000, help="rows also read uninterrupted")
    parser.add_argument("--sample", type=int, default=20_000, help="rows read beside a bare loop")
    parser.add_argument("--rounds", type=int, default=2, help="of the sample, before and after")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON lines to which the result is appended")
    return parser.parse_args()


if __name__ == "__main__":
    main()
