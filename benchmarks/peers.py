"""The service beside peers that serve the same encoder: throughput, and waiting at equal load.

    python -m benchmarks.peers [--seconds 20] [--rounds 3] [--torch-from SITE_PACKAGES]

Ours is ``xiaobao serve`` as users call it, without a register: normalising, windows, network,
calibrated causes, signs, marks, level, evidence. The peers answer with one label of a
classification head on the same encoder weights, in fp32, cut at its longest input: a plain
FastAPI route around a pipeline of transformers, LitServe with batches, and infinity. They do
less, so the ratios are on the low side.

Each peer runs in an environment of its own, made here; ``--torch-from`` lets it take torch (and
what else fits) from a place where it is installed. All sides have the same number of threads and
take turns in rounds; while one is measured the others are stopped. First 64 connections that ask
again as soon as they are answered; then the same number of requests a second for all, ``--share``
of what the slowest could answer in the first round. A machine that does other work makes seconds
lie; processor time for an answer lies less, and stands beside them.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.assess_throughput import ROOT, SAMPLES, append, draw_texts
from benchmarks.overload import CONNECTIONS, Request, full, overload
from benchmarks.peer_sides import SIDES, Side, SideError, make_environment, save_checkpoint, started
from benchmarks.usage import cpu_name

RESULTS = ROOT / "docs" / "benchmarks" / "peers.jsonl"
SHORTEST, LONGEST, TEXTS = 20, 1200, 1000  # characters, characters, texts
_DRAWN = 4000  # of which so many have such lengths


def main() -> None:
    options = _options()
    texts = mixed_texts(seed=options.seed)[:TEXTS]
    with tempfile.TemporaryDirectory(prefix="xiaobao-peers-") as name:
        result = measure(texts, Path(name), options)
    append(result, options.out)
    print(json.dumps(result, ensure_ascii=False, indent=1))


def mixed_texts(*, seed: int) -> list[str]:
    """Texts of the corpus of `SHORTEST` to `LONGEST` characters, in an order drawn."""
    drawn = draw_texts(SAMPLES, count=_DRAWN, seed=seed)
    return [text for text in drawn if SHORTEST <= len(text) <= LONGEST]


def measure(texts: list[str], folder: Path, options: Namespace) -> dict[str, Any]:
    checkpoint = save_checkpoint(folder / "checkpoint")
    environments = options.environments or folder
    pythons, left_out = {}, {}
    for side in SIDES.values():
        if side.name in options.without:
            continue
        try:
            pythons[side.name] = make_environment(side, environments, torch_from=options.torch_from)
        except SideError as error:
            left_out[side.name] = str(error)
    load_before = os.getloadavg()
    with started(
        pythons,
        checkpoint,
        threads=options.threads,
        runtime=options.runtime,
        left_out=left_out,
    ) as running:
        rounds = take_turns(running, texts, options)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": options.threads,
        "runtime": options.runtime,
        "load_before": round(load_before[0], 2),
        "load_after": round(os.getloadavg()[0], 2),
        "versions": {name: _versions(python) for name, python in pythons.items()},
        "connections": CONNECTIONS,
        "texts": len(texts),
        "characters": sum(map(len, texts)),
        "seconds": options.seconds,
        **summary(rounds),
        "left_out": left_out,
        "rounds": rounds,
    }


def take_turns(
    running: dict[str, Side], texts: list[str], options: Namespace
) -> list[dict[str, dict[str, float]]]:
    """Rounds of figures by side; who goes first changes with each."""
    rounds: list[dict[str, dict[str, float]]] = []
    names, offered = list(running), 0.0
    for number in range(options.rounds):
        order = names[number % len(names) :] + names[: number % len(names)]
        measured = {
            name: asyncio.run(fill(running[name], texts, seconds=options.seconds)) for name in order
        }
        if not offered:
            offered = options.share * min(one["per_second"] for one in measured.values())
        for name in order:
            waits = asyncio.run(offer(running[name], texts, rate=offered, options=options))
            measured[name] |= {"offered_per_second": round(offered, 2), **waits}
        rounds.append(measured)
        print(f"round {number + 1}: {measured}", file=sys.stderr)
    return rounds


async def fill(side: Side, texts: list[str], *, seconds: float) -> dict[str, float]:
    """Answers a second with every connection always waiting for one."""
    requests = [side.request(text) for text in texts]
    with side.awake():
        await full(requests, side.place, seconds=min(seconds / 4, 5))  # warm
        before = side.processor_seconds()
        rate, characters = await full(requests, side.place, seconds=seconds)
        spent = side.processor_seconds() - before
    answered = max(rate * seconds, 1)
    return {
        "per_second": round(rate, 2),
        "characters_per_second": round(characters),
        "processor_ms": round(spent / answered * 1000, 2),
    }


async def offer(
    side: Side, texts: list[str], *, rate: float, options: Namespace
) -> dict[str, float]:
    """Waiting times when so many requests a second come, whatever becomes of them."""
    requests: list[Request] = [side.request(text) for text in texts]
    how = Namespace(seconds=options.seconds, deadline_ms=60_000, seed=options.seed)
    with side.awake():
        outcome = await overload(requests, side.place, rate=rate, options=how)
    waits = sorted(outcome.waits) or [float("nan")]
    failed = sum(outcome.statuses.values()) - outcome.statuses["200"]
    return {
        "p50_ms": round(waits[len(waits) // 2] * 1000),
        "p99_ms": round(waits[len(waits) * 99 // 100] * 1000),
        "failed": failed,
    }


def summary(rounds: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Medians of the rounds by side, and of the rounds' ratios: above 1 ours does better."""
    sides = list(rounds[0])
    figures = ("per_second", "processor_ms", "p50_ms", "p99_ms")
    medians = {
        figure: {side: statistics.median(r[side][figure] for r in rounds) for side in sides}
        for figure in figures
    }
    ratios = {
        side: {
            "throughput": _median(r["ours"]["per_second"] / r[side]["per_second"] for r in rounds),
            "processor_time": _median(
                r[side]["processor_ms"] / r["ours"]["processor_ms"] for r in rounds
            ),
            "p99": _median(r[side]["p99_ms"] / r["ours"]["p99_ms"] for r in rounds),
        }
        for side in sides
        if side != "ours"
    }
    return {"medians": medians, "ratios": ratios}


def _median(values: Any) -> float:
    return round(statistics.median(values), 2)


def _versions(python: str) -> dict[str, str]:
    code = (
        "import importlib.metadata as m, json\n"
        "names = ['numpy', 'onnxruntime', 'torch', 'transformers', 'fastapi', 'litserve', "
        "'infinity-emb']\n"
        "have = {d.metadata['name'].lower() for d in m.distributions()}\n"
        "print(json.dumps({n: m.version(n) for n in names if n.lower() in have}))"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def _options() -> Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--runtime", default="onnx", help="of ours, as `xiaobao serve` takes it")
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--environments", type=Path, help="where they are kept; default: nowhere")
    parser.add_argument("--torch-from", type=Path, help="site-packages that hold torch")
    parser.add_argument("--without", action="append", default=[], choices=sorted(SIDES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
