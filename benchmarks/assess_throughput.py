"""Throughput of ``assess`` beside a plain transformers loop, on the same weights and texts.

    python -m benchmarks.assess_throughput [--bundle DIR] [--texts 1000] [--rounds 3]

Ours is the analyzer as users call it: normalising, windows, batches, network, decoding, policy,
evidence. The peer is what one writes first: fp32, one text at a time, tokenise and forward, cut
at the window's length, no decoding and no evidence. The peer therefore does less; the ratio is
on the low side. Each side runs in a process of its own with the same number of threads; rounds
alternate, and the median ratio is reported, because a shared machine drifts.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.usage import cpu_name
from models.analyzer import load_analyzer
from models.bundle import load_bundle
from models.record import Record

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "data_samples" / "complaints.jsonl"
RESULTS = ROOT / "docs" / "benchmarks" / "assess_throughput.jsonl"
WARM_UP = 20  # texts read before the clock starts
PACKAGES = ("numpy", "onnxruntime", "tokenizers", "torch", "transformers")


def main() -> None:
    options = _options()
    if options.side:
        texts = draw_texts(options.samples, count=options.texts, seed=options.seed)
        side = {"ours": time_ours, "peer": time_peer}[options.side]
        print(json.dumps(side(texts, bundle=options.bundle, threads=options.threads)))
        return
    result = compare(options)
    append(result, options.out)
    print(
        json.dumps({k: v for k, v in result.items() if k != "rounds"}, ensure_ascii=False, indent=1)
    )


def draw_texts(samples: Path, *, count: int, seed: int) -> list[str]:
    """``count`` texts of the corpus as they are, drawn without replacement."""
    lines = samples.read_text("utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines if line.strip()]
    if len(texts) < count:
        sys.exit(f"{samples}: {len(texts)} texts found, {count} wanted")
    return random.Random(seed).sample(texts, count)


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Alternate the two sides; times in seconds over all texts."""
    rounds = []
    for number in range(options.rounds):
        # Who goes first alternates too: the second may find a warmer or a hotter processor.
        order = ("ours", "peer") if number % 2 == 0 else ("peer", "ours")
        sides = {side: _run(side, options) for side in order}
        rounds.append({side: answer["seconds"] for side, answer in sides.items()})
        print(f"round {number + 1}: {rounds[-1]}", file=sys.stderr)
    ours, peer = sides["ours"]["primary"], sides["peer"]["primary"]
    medians = {side: statistics.median(r[side] for r in rounds) for side in ("ours", "peer")}
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "threads": options.threads,
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
        "bundle": load_bundle(options.bundle).name,
        "texts": options.texts,
        "characters": sides["ours"]["characters"],
        "texts_per_second": {side: round(options.texts / s, 1) for side, s in medians.items()},
        "median_ratio": round(statistics.median(r["peer"] / r["ours"] for r in rounds), 2),
        # Not 1.0: ours reads long texts whole and picks the primary among the causes it gives.
        "same_primary": round(sum(a == b for a, b in zip(ours, peer, strict=True)) / len(ours), 4),
        "rounds": rounds,
    }


def time_ours(texts: list[str], *, bundle: Path | None, threads: int) -> dict[str, Any]:
    analyzer = load_analyzer(bundle, threads=threads)
    records = [Record(text) for text in texts]
    analyzer.assess(records[:WARM_UP])
    start = time.perf_counter()
    answers = analyzer.assess(records)
    seconds = time.perf_counter() - start
    return _answer(texts, seconds, [answer.root_cause.primary.id for answer in answers])


def time_peer(texts: list[str], *, bundle: Path | None, threads: int) -> dict[str, Any]:
    # Here, so that the other side's process never loads torch.
    import torch
    from transformers import PreTrainedTokenizerFast

    from models.network import OUTPUT_NAMES
    from models.text import normalise
    from models.weights import load_network

    torch.set_num_threads(threads)
    loaded = load_bundle(bundle)
    about = loaded.network
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(loaded.file("tokenizer.json")))
    network = load_network(loaded)
    # Both sides read the same characters; ours pays for this step, the peer does not.
    readable = [normalise(text).text for text in texts]

    def primary_of(text: str) -> str:
        tokens = tokenizer(text, return_tensors="pt", truncation=True, max_length=about["window"])
        outputs = network(tokens["input_ids"], tokens["attention_mask"])
        values = {name: torch.sigmoid(x) for name, x in zip(OUTPUT_NAMES, outputs, strict=True)}
        return str(about["labels"]["causes"][int(values["primary"][0].argmax())])

    with torch.inference_mode():
        for text in readable[:WARM_UP]:
            primary_of(text)
        start = time.perf_counter()
        primary = [primary_of(text) for text in readable]
        seconds = time.perf_counter() - start
    return _answer(texts, seconds, primary)


def append(result: dict[str, Any], path: Path) -> None:
    """One result a line; earlier ones stay."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(result, ensure_ascii=False) + "\n")


def _run(side: str, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.assess_throughput", "--side", side]
    for name in ("texts", "seed", "threads", "samples", "bundle"):
        value = getattr(options, name)
        # The other process starts in the repository, not where we were called.
        value = value.resolve() if isinstance(value, Path) else value
        command += [f"--{name}", str(value)] if value is not None else []
    threads = str(options.threads)
    limits = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "RAYON_NUM_THREADS": threads}
    environment = {**os.environ, **limits, "TOKENIZERS_PARALLELISM": "true"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _answer(texts: list[str], seconds: float, primary: list[str]) -> dict[str, Any]:
    return {"seconds": seconds, "characters": sum(map(len, texts)), "primary": primary}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="assess beside a plain transformers loop")
    parser.add_argument("--bundle", type=Path, help="bundle directory; default: the embedded one")
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=Path, default=SAMPLES)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--side", choices=("ours", "peer"), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
