"""What our own work costs beside the network's: whole answers and the service over bare calls.

    python -m benchmarks.overheads [--bundle DIR] [--texts 400] [--rounds 3] [--seconds 10]

The bare loop is ONNX Runtime alone, on windows that were cut, sorted by length and padded before
the clock starts: nothing that reads these texts with this network is faster. Beside it, on the
same texts with as many threads: ``assess`` as batch scoring runs it (normalising, cutting,
decoding, policy, evidence), and the service under 64 connections, where HTTP and batching as they
come are added. Then single requests of some 100 characters on the idle service beside tokenising
and one call of the runtime. All take turns. The callers of the service run on the same machine;
so beside the clock stands processor time, which leaves them out.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.assess_throughput import ROOT, append
from benchmarks.overload import CONNECTIONS, Connection, Request, full, service
from benchmarks.peers import mixed_texts
from benchmarks.usage import cpu_name, processor_seconds
from models.analyzer import Analyzer, load_analyzer
from models.record import Record
from models.runtimes import Runtime, available_cores
from models.text import normalise
from models.windows import WindowReader, pack, pad
from serving.engines.reading import assess_sorted

RESULTS = ROOT / "docs" / "benchmarks" / "overheads.jsonl"
BATCH_TOKENS = 4096  # as `assess` packs
_SINGLE, _SINGLES = (85, 115), 60  # characters; requests a round

Spent = tuple[float, float]
"""Seconds on the clock and of the processor, for one text."""


def main() -> None:
    options = _options()
    drawn = mixed_texts(seed=options.seed)
    texts = drawn[: options.texts]
    singles = [text for text in drawn if _SINGLE[0] <= len(text) <= _SINGLE[1]][:_SINGLES]
    analyzer = load_analyzer(options.bundle)  # as many threads as the service takes: all cores
    with service(options) as (place, process):
        rounds = take_turns(analyzer, texts, singles, place, process.pid, options)
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": available_cores(),
        "versions": {name: version(name) for name in ("numpy", "onnxruntime", "tokenizers")},
        "bundle": analyzer.bundle.name,
        "texts": len(texts),
        "characters": sum(map(len, texts)),
        "connections": CONNECTIONS,
        **summary(rounds),
        "rounds": rounds,
    }
    append(result, options.out)
    print(json.dumps({k: v for k, v in result.items() if k != "rounds"}, indent=1))


def take_turns(
    analyzer: Analyzer,
    texts: list[str],
    singles: list[str],
    place: tuple[str, int],
    pid: int,
    options: argparse.Namespace,
) -> list[dict[str, Any]]:
    """Rounds of figures in milliseconds; who goes first changes with each."""
    records = [Record(text) for text in texts]
    analyzer.assess(records[:20])
    bare, whole = bare_loop(analyzer, records), partial(assess_sorted, records, analyzer)
    sides: dict[str, Callable[[], Spent]] = {
        "bare": lambda: _timed(bare, texts=len(texts)),
        "assess": lambda: _timed(whole, texts=len(texts)),
        "service": lambda: asyncio.run(fill(texts, place, pid, seconds=options.seconds)),
    }
    rounds = []
    for number in range(options.rounds):
        names = list(sides)
        first = number % len(names)
        order = names[first:] + names[:first]
        spent = {name: sides[name]() for name in order}
        rounds.append(
            {
                "ms": {name: round(one[0] * 1e3, 3) for name, one in spent.items()},
                "processor_ms": {name: round(one[1] * 1e3, 3) for name, one in spent.items()},
                "single_p50_ms": asyncio.run(alone(analyzer, singles, place)),
            }
        )
        print(f"round {number + 1}: {rounds[-1]}", file=sys.stderr)
    return rounds


def bare_loop(analyzer: Analyzer, records: list[Record]) -> Callable[[], object]:
    """Reads all windows of the records, padded beforehand in order of length."""
    windows = [window for text in analyzer.cut(records) for window in text.windows]
    windows.sort(key=lambda window: len(window.ids))
    batches = [
        pad([windows[at] for at in batch]) for batch in pack(windows, batch_tokens=BATCH_TOKENS)
    ]
    return lambda: [analyzer.runtime.infer(*batch) for batch in batches]


async def fill(texts: list[str], place: tuple[str, int], pid: int, *, seconds: float) -> Spent:
    """The service while every connection always waits for an answer; for a text of mean length."""
    requests = [Request.of(text) for text in texts]
    await full(requests, place, seconds=1)  # warm
    before, began = processor_seconds(pid), time.perf_counter()
    _, characters = await full(requests, place, seconds=seconds)
    took = time.perf_counter() - began
    read = characters * took / (sum(map(len, texts)) / len(texts))  # in texts of mean length
    return took / read, (processor_seconds(pid) - before) / read


async def alone(analyzer: Analyzer, texts: list[str], place: tuple[str, int]) -> dict[str, float]:
    """The median of single requests on the idle service, and of bare calls between them."""
    bundle = analyzer.bundle
    reader = WindowReader.from_file(
        bundle.file("tokenizer.json"),
        window=bundle.network["window"],
        overlap=bundle.network["overlap"],
    )
    times: dict[str, list[float]] = {"bare": [], "service": []}
    connection = Connection(place)
    for text in texts:
        plain, request = normalise(text).text, Request.of(text)
        began = time.perf_counter()
        tokenise_and_infer(plain, reader, analyzer.runtime)
        between = time.perf_counter()
        await connection.ask(request.content)
        times["bare"].append(between - began)
        times["service"].append(time.perf_counter() - between)
    connection.close()
    return {name: round(statistics.median(each) * 1e3, 2) for name, each in times.items()}


def tokenise_and_infer(text: str, reader: WindowReader, runtime: Runtime) -> None:
    """What no service can do without."""
    for window in reader.read([text]):
        runtime.infer(*pad([window]))


def summary(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Medians over the rounds, and of the rounds' ratios to the bare loop."""

    def ratio(figure: str, side: str) -> float:
        ratios: list[float] = [one[figure][side] / one[figure]["bare"] for one in rounds]
        return round(statistics.median(ratios), 3)

    return {
        "texts_per_second": {
            side: round(1e3 / statistics.median(one["ms"][side] for one in rounds), 1)
            for side in ("bare", "assess", "service")
        },
        "over_bare": {side: ratio("ms", side) for side in ("assess", "service")},
        "processor_over_bare": {
            side: ratio("processor_ms", side) for side in ("assess", "service")
        },
        "single_over_bare": ratio("single_p50_ms", "service"),
    }


def _timed(work: Callable[[], object], *, texts: int) -> Spent:
    began, worked = time.perf_counter(), time.process_time()
    work()
    took, spent = time.perf_counter() - began, time.process_time() - worked
    return took / texts, spent / texts


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="what our own work costs beside the network's")
    parser.add_argument("--bundle", type=Path, help="bundle directory; default: the embedded one")
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
