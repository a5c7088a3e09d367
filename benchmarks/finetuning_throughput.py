"""Fine-tuning beside a plain Hugging Face ``Trainer``: texts a second, and what both then know.

    python -m benchmarks.finetuning_throughput [--texts 1500] [--epochs 1] [--rounds 1]

Both tune the same network from the same first weights on the same windows, with the same loss,
optimizer, peak rates, schedule and precision, and as many tokens a step on average. The Trainer
draws texts in random order in batches of one size and pads to the longest, as its defaults do;
ours puts like lengths together and keeps an average of its weights, as ``train`` does. Excerpts,
noise and hidden tokens are off: both read every text once an epoch. The sides run at the same
time, each in a process of its own with its own thread, so that other work on the machine slows
both; whoever is slower has the machine for itself at the end, which brings the ratio nearer to 1.
With ``--base`` a bundle, both begin with its encoder and heads of their own, and know something
after few texts; what is held out are texts that the bundle has not read.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import f1_score
from torch import nn
from transformers import Trainer, TrainingArguments

from benchmarks.assess_throughput import SAMPLES, append
from benchmarks.usage import cpu_name
from models.codebook import default_codebook
from models.labels import LabelSpace, label_space
from models.network import Network, NetworkShape, outputs_of
from models.record import LabelledRecord
from models.taxonomy import default_taxonomy
from models.windows import WindowReader
from training.examples.provenance import parts_of
from training.pretraining.encoders import EMBEDDED_ENCODER, Encoder, autocast, load_encoder
from training.terminal import plain_console, read_examples
from training.tuning.batches import Batch, Target, batched, collate, targets_of
from training.tuning.fitting import fit, infer, parameter_groups
from training.tuning.losses import LossWeights, total_loss
from training.tuning.settings import FitSettings
from training.tuning.starting import checkpoint_of, learned_by

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "benchmarks" / "finetuning_throughput.jsonl"
CPU = torch.device("cpu")
PACKAGES = ("accelerate", "torch", "transformers")


def main() -> None:
    options = _options()
    if options.side:
        print(json.dumps(run_side(options)))
        return
    rounds = []
    for number in range(options.rounds):
        command = [sys.executable, "-m", "benchmarks.finetuning_throughput", *sys.argv[1:]]
        started = {
            side: subprocess.Popen([*command, "--side", side], stdout=subprocess.PIPE, text=True)
            for side in SIDES
        }
        sides = {
            side: json.loads(child.communicate()[0].splitlines()[-1])
            for side, child in started.items()
        }
        rounds.append(sides)
        print(f"round {number + 1}: {sides}", flush=True)
    append(_result(options, rounds), options.out)


def run_side(options: argparse.Namespace) -> dict[str, Any]:
    """What one side measures of itself."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        base = checkpoint_of(str(options.base), directory=Path(scratch))
        encoder = load_encoder(base, device=CPU, dropout=0.0)
    labels = label_space(default_taxonomy(), default_codebook())
    train, development = drawn(options, encoder, labels)
    torch.manual_seed(options.seed)
    network = Network(encoder.module, NetworkShape.of(labels, width=encoder.width), dropout=0.2)
    settings = FitSettings(
        epochs=options.epochs, patience=options.epochs, batch_tokens=options.batch_tokens,
        seed=options.seed, noise=0, clips=0, abridged=0, token_mask=0,
    )  # fmt: skip
    run, batches = SIDES[options.side]
    clock = timed(lambda: run(network, train, settings))
    return {
        **clock,
        **known(network, development),
        "windows": len(train),
        "steps_an_epoch": len(batches(train, settings)),
        "padding": padding(batches(train, settings)),
    }


def drawn(
    options: argparse.Namespace, encoder: Encoder, labels: LabelSpace
) -> tuple[list[Target], list[Target]]:
    """Windows of the texts to learn from, and of the development part beside them."""
    records = read_examples([options.samples], plain_console()).records
    parts = parts_of(
        records,
        seed=0,
        fractions=(0.8, 0.2, 0.0),
        hold_out=None,
        learned=learned_by(str(options.base)),
    )
    order = np.random.default_rng(options.seed).permutation(parts.train)[: options.texts]
    reader = WindowReader(encoder.tokenizer, window=encoder.window, overlap=encoder.overlap)

    def read(places: Sequence[int]) -> list[Target]:
        chosen: list[LabelledRecord] = [records[place] for place in places]
        return targets_of(chosen, reader=reader, labels=labels)

    return read(order), read(parts.development[: options.held_out])


def timed(run: Callable[[], None]) -> dict[str, float]:
    """Seconds of the clock and of the processor, all threads together."""
    clock, processor = time.perf_counter(), time.process_time()
    run()
    return {
        "seconds": round(time.perf_counter() - clock, 2),
        "processor_seconds": round(time.process_time() - processor, 2),
    }


def fit_ours(network: Network, targets: Sequence[Target], settings: FitSettings) -> None:
    """As ``train`` fits, without what chooses among epochs: the last one stays."""
    scores = iter(range(settings.epochs))
    fit(network, targets, score=lambda _: next(scores), settings=settings, device=CPU)


class WithLoss(nn.Module):
    """The network as the Trainer wants it: inputs by name, a loss."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, **inputs: Any) -> dict[str, torch.Tensor]:
        batch = Batch(**{name: inputs[name] for name in Batch.__dataclass_fields__})
        outputs = outputs_of(self.network, batch.input_ids, batch.attention_mask)
        return {"loss": total_loss(outputs, batch, weights=LossWeights())}


def fit_trainer(network: Network, targets: Sequence[Target], settings: FitSettings) -> None:
    """As the Trainer fits by its defaults, but for rates, precision and tokens a step."""
    size = texts_a_step(targets, settings)
    steps = settings.epochs * -(-len(targets) // size)
    warm = int(steps * settings.warmup)
    optimizer = torch.optim.AdamW(
        parameter_groups(network, settings), lr=settings.learning_rate, betas=(0.9, 0.98)
    )

    def rate(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 0.02 + 0.49 * (1 + np.cos(np.pi * min(1.0, (step - warm) / max(1, steps - warm))))

    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            per_device_train_batch_size=size,
            num_train_epochs=settings.epochs,
            max_grad_norm=settings.clip,
            seed=settings.seed,
            bf16=has_bf16(),
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            remove_unused_columns=False,
        )
        Trainer(
            model=WithLoss(network),
            args=arguments,
            train_dataset=list(targets),
            data_collator=_collated,
            optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, rate)),
        ).train()


def texts_a_step(targets: Sequence[Target], settings: FitSettings) -> int:
    """So many texts that a batch of random ones holds ``batch_tokens`` tokens on average."""
    return max(1, round(settings.batch_tokens / np.mean([len(t.window.ids) for t in targets])))


def has_bf16() -> bool:
    """Whether ``train`` computes in bf16 on this processor."""
    return bool(autocast(CPU)._enabled)  # no public name


def _collated(targets: list[Target]) -> dict[str, torch.Tensor]:
    batch = collate(targets)
    return {name: getattr(batch, name) for name in batch.__dataclass_fields__}


def known(network: Network, development: Sequence[Target]) -> dict[str, float]:
    """How well the primary head names the level-2 cause of windows that it has not read."""
    found, gold = [], []
    for group, outputs in infer(network, development, device=CPU):
        found += outputs.primary.argmax(dim=1).tolist()
        gold += [target.primary for target in group]
    return {
        "accuracy": round(float(np.mean(np.array(found) == np.array(gold))), 4),
        "macro_f1": round(float(f1_score(gold, found, average="macro", zero_division=0)), 4),
    }


def padding(batches: Sequence[Sequence[Target]]) -> float:
    """The share of all positions that hold no token."""
    held = sum(len(target.window.ids) for batch in batches for target in batch)
    positions = sum(len(batch) * max(t.window.padded for t in batch) for batch in batches)
    return round(1 - held / positions, 3)


def _our_batches(targets: Sequence[Target], settings: FitSettings) -> list[list[Target]]:
    generator = np.random.default_rng(settings.seed)
    return list(batched(targets, batch_tokens=settings.batch_tokens, generator=generator))


def _their_batches(targets: Sequence[Target], settings: FitSettings) -> list[list[Target]]:
    size = texts_a_step(targets, settings)
    order = np.random.default_rng(settings.seed).permutation(len(targets))
    return [[targets[i] for i in order[at : at + size]] for at in range(0, len(order), size)]


SIDES = {"ours": (fit_ours, _our_batches), "trainer": (fit_trainer, _their_batches)}


def _result(
    options: argparse.Namespace, rounds: list[dict[str, dict[str, float]]]
) -> dict[str, Any]:
    def both(name: str) -> dict[str, float]:
        return {side: statistics.median(each[side][name] for each in rounds) for side in SIDES}

    def ratio(name: str) -> float:
        return round(statistics.median(r["trainer"][name] / r["ours"][name] for r in rounds), 2)

    read = options.texts * options.epochs
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "threads_a_side": 1,
        "load": round(os.getloadavg()[1], 1),
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
        "bf16": has_bf16(),
        "base": "embedded encoder" if options.base == EMBEDDED_ENCODER else options.base.name,
        "texts": options.texts,
        "epochs": options.epochs,
        "held_out": options.held_out,
        "batch_tokens": options.batch_tokens,
        "texts_per_second": {s: round(read / each, 2) for s, each in both("seconds").items()},
        "ratio": ratio("seconds"),
        "processor_ratio": ratio("processor_seconds"),
        "padding": both("padding"),
        "accuracy": both("accuracy"),
        "macro_f1": both("macro_f1"),
        "rounds": rounds,
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--texts", type=int, default=1500)
    parser.add_argument("--held-out", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--batch-tokens", type=int, default=1024)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--base", type=Path, default=EMBEDDED_ENCODER, help="encoder or bundle")
    parser.add_argument("--samples", type=Path, default=SAMPLES)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--side", choices=tuple(SIDES), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
