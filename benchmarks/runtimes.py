"""Runtimes and precisions side by side: speed, size, and what each costs in quality.

    python -m benchmarks.runtimes --int8 DIR [--bundle DIR] [--threads 2] [--texts N]

Reads the development split of the bundle's own data. The contestants take turns on every 64
texts, so that a busy machine is as busy for each; the median of the ratios is reported, by the
clock and by the processor time that each took. DIR is what ``xiaobao quantize`` wrote.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.assess_throughput import ROOT, append
from benchmarks.usage import cpu_name
from models.analyzer import Analyzer
from models.assessment import Assessment
from models.bundle import load_bundle
from models.openvino_runtime import OpenVinoRuntime, fastest_precision
from models.record import LabelledRecord
from models.runtimes import OnnxRuntime
from training.evaluation.metrics import Evaluation, measure
from training.examples.provenance import pick, split_again
from training.predictions import prediction_of
from training.terminal import plain_console, read_examples

RESULTS = ROOT / "docs" / "benchmarks" / "runtimes.jsonl"
DATA = [ROOT / "data_samples" / name for name in ("complaints.jsonl", "groups.jsonl")]
REFERENCE = "onnx fp32"
CHUNK = 64
PACKAGES = ("numpy", "onnxruntime", "openvino")


def main() -> None:
    options = _options()
    full = load_bundle(options.bundle)
    examples = read_examples(DATA, plain_console(), full)
    records = pick(examples.records, split_again(examples.records, full.manifest), "development")
    records = records[: options.texts]
    contestants = open_contestants(options)
    answers, seconds = take_turns(contestants, records)
    figures = {
        name: figures_of(records, answers[name], answers[REFERENCE], analyzer)
        for name, analyzer in contestants.items()
    }
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "bf16": fastest_precision() == "bf16",
        "threads": options.threads,
        "load": [round(load, 1) for load in os.getloadavg()],
        "versions": {name: version(name) for name in PACKAGES},
        "bundle": full.name,
        "texts": len(records),
        "contestants": {n: {**speed_of(n, seconds), **figures[n]} for n in contestants},
    }
    append(result, options.out)
    print(json.dumps(result, ensure_ascii=False, indent=1))


def open_contestants(options: argparse.Namespace) -> dict[str, Analyzer]:
    full, int8 = load_bundle(options.bundle), load_bundle(options.int8)
    threads = options.threads

    def onnx(bundle: Any) -> Analyzer:
        return Analyzer(bundle, OnnxRuntime(bundle.file("network.onnx"), threads=threads))

    def openvino(bundle: Any, precision: str) -> Analyzer:
        network = bundle.file("network.onnx")
        return Analyzer(bundle, OpenVinoRuntime(network, precision=precision, threads=threads))

    found = {
        REFERENCE: onnx(full),
        "onnx int8": onnx(int8),
        "openvino fp32": openvino(full, "fp32"),
        "openvino int8": openvino(int8, "fp32"),
    }
    if fastest_precision() == "bf16":
        found["openvino bf16"] = openvino(full, "bf16")
    return found


def take_turns(
    contestants: dict[str, Analyzer], records: Sequence[LabelledRecord]
) -> tuple[dict[str, list[Assessment]], dict[str, list[tuple[float, float]]]]:
    """Answers in order; and of every 64 texts the seconds by the clock and of the processor."""
    answers: dict[str, list[Assessment]] = {name: [] for name in contestants}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for analyzer in contestants.values():  # kernels are made for a shape when it is first met
        analyzer.assess([labelled.record for labelled in records[:CHUNK]])
    for start in range(0, len(records), CHUNK):
        chunk = [labelled.record for labelled in records[start : start + CHUNK]]
        for name, analyzer in contestants.items():
            clock, processor = time.perf_counter(), time.process_time()
            answers[name] += analyzer.assess(chunk)
            seconds[name].append((time.perf_counter() - clock, time.process_time() - processor))
    return answers, seconds


def speed_of(name: str, seconds: dict[str, list[tuple[float, float]]]) -> dict[str, float]:
    own, theirs = seconds[name], seconds[REFERENCE]
    ratios = [
        statistics.median(a[at] / b[at] for a, b in zip(theirs, own, strict=True)) for at in (0, 1)
    ]
    return {
        "seconds": round(sum(clock for clock, _ in own), 2),
        "ratio": round(ratios[0], 2),
        "ratio_processor_time": round(ratios[1], 2),
    }


def figures_of(
    records: Sequence[LabelledRecord],
    answers: Sequence[Assessment],
    reference: Sequence[Assessment],
    analyzer: Analyzer,
) -> dict[str, Any]:
    bundle = analyzer.bundle
    found: Evaluation = measure(
        records,
        [prediction_of(answer) for answer in answers],
        taxonomy=bundle.taxonomy,
        codebook=bundle.codebook,
        resamples=10,
    )
    pairs = list(zip(answers, reference, strict=True))
    flags = found.levels.false_flags
    return {
        "bytes": bundle.file("network.onnx").stat().st_size,
        "level1_macro_f1": _rounded(found.level1_primary.macro.value),
        "causes_micro_f1": _rounded(found.causes.micro.value),
        "signs_micro_f1": _rounded(found.signs.micro.value),
        "false_flags": [flags.count, flags.total],
        "same_primary": _rounded(
            np.mean([a.root_cause.primary.id == b.root_cause.primary.id for a, b in pairs])
        ),
        "same_level": _rounded(np.mean([a.agent.level == b.agent.level for a, b in pairs])),
        "primary_probability_off_by_at_most": _rounded(
            max(
                abs(a.root_cause.primary.probability - b.root_cause.primary.probability)
                for a, b in pairs
                if a.root_cause.primary.id == b.root_cause.primary.id
            )
        ),
        "agent_probability_off_by_at_most": _rounded(
            max(abs(a.agent.probability - b.agent.probability) for a, b in pairs)
        ),
    }


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 4)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="runtimes and precisions side by side")
    parser.add_argument("--bundle", type=Path, help="bundle directory; default: the embedded one")
    parser.add_argument("--int8", type=Path, required=True, help="its int8 bundle")
    parser.add_argument("--texts", type=int, help="development texts; default: all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
