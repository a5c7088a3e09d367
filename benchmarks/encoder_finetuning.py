"""What an encoder is worth: fine-tuned on public Chinese sets, beside words by jieba in TF-IDF.

    python -m benchmarks.encoder_finetuning DIRECTORY [--encoder DIR ...] [--set NAME ...]

DIRECTORY holds ``NAME_train`` and ``NAME_dev`` or ``NAME_test`` as ``.jsonl`` or ``.jsonl.xz`` with
``text`` and ``label``; the sets are not ours to pass on. Every encoder is tuned in the same way
(AdamW, linear fall, no search); the accuracy of the last epoch counts, so that the evaluation
split chooses nothing. Texts that also stand in the training split are counted apart: public
splits leak.
"""

import argparse
import json
import lzma
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC
from torch import nn
from torch.nn import functional as torch_functions

from models.text import normalise
from training.baselines.words import cut_words
from training.pretraining.encoders import EMBEDDED_ENCODER, Encoder, autocast, load_encoder

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "benchmarks" / "encoder_finetuning.jsonl"
LONGEST = 256  # tokens of a text that are read
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Sets:
    """One task: texts and labels (numbers) to learn from and to be measured on."""

    name: str
    train: tuple[list[str], np.ndarray]
    held_out: tuple[list[str], np.ndarray]

    @property
    def unseen(self) -> np.ndarray:
        """Which held-out texts do not stand in the training split."""
        known = set(self.train[0])
        return np.array([text not in known for text in self.held_out[0]])


def main() -> None:
    options = _options()
    for name in options.sets:
        task = load_sets(options.directory, name, share=options.share)
        for given, found in _answers(task, options):
            right = found == task.held_out[1]
            line = {
                "set": name,
                "reader": given,
                "accuracy": round(float(right.mean()), 4),
                "accuracy_unseen": round(float(right[task.unseen].mean()), 4),
                "texts": len(right),
                "unseen": int(task.unseen.sum()),
                "trained_on": len(task.train[0]),
                "epochs": options.epochs,
                "learning_rate": options.learning_rate,
                "when": datetime.now(UTC).date().isoformat(),
            }
            print(json.dumps(line, ensure_ascii=False), flush=True)
            with options.out.open("a", encoding="utf-8") as handle:
                handle.write(json.dumps(line, ensure_ascii=False) + "\n")


def _answers(task: Sets, options: argparse.Namespace) -> Iterator[tuple[str, np.ndarray]]:
    """Each reader's name and its answers on the held-out texts."""
    yield "jieba + TF-IDF + linear SVM", baseline(task)
    for path in options.encoders:
        encoder = load_encoder(path, device=CPU, dropout=0.1)
        yield encoder.name, tuned(encoder, task, options)


def load_sets(directory: Path, name: str, *, share: float) -> Sets:
    """The task called ``name``; a share below 1 takes that part of the training split."""
    train = _rows(directory, f"{name}_train")
    held_out = _rows(directory, f"{name}_test", optional=True) or _rows(directory, f"{name}_dev")
    labels = {label: number for number, label in enumerate(sorted({r["label"] for r in train}))}
    order = np.random.default_rng(0).permutation(len(train))[: int(share * len(train))]
    return Sets(name, _pairs([train[i] for i in order], labels), _pairs(held_out, labels))


def _rows(directory: Path, stem: str, *, optional: bool = False) -> list[dict[str, Any]]:
    for path in (directory / f"{stem}.jsonl", directory / f"{stem}.jsonl.xz"):
        if path.is_file():
            opened = lzma.open if path.suffix == ".xz" else open
            with opened(path, "rt", encoding="utf-8") as lines:
                return [json.loads(line) for line in lines]
    if optional:
        return []
    sys.exit(f"{directory / stem}.jsonl: not found, a set of texts with labels wanted")


def _pairs(rows: Sequence[dict[str, Any]], labels: dict[str, int]) -> tuple[list[str], np.ndarray]:
    texts = [normalise(row["text"]).text for row in rows]
    return texts, np.array([labels[row["label"]] for row in rows])


def baseline(task: Sets) -> np.ndarray:
    """Answers of a linear machine on words and pairs of words."""
    vectorizer = TfidfVectorizer(
        tokenizer=cut_words, token_pattern=None, lowercase=False, ngram_range=(1, 2), min_df=2,
        sublinear_tf=True,
    )  # fmt: skip
    machine = LinearSVC(C=0.5).fit(vectorizer.fit_transform(task.train[0]), task.train[1])
    return np.asarray(machine.predict(vectorizer.transform(task.held_out[0])))


class Classifier(nn.Module):
    """The encoder with one linear layer on its first state and the mean of all."""

    def __init__(self, encoder: Encoder, classes: int) -> None:
        super().__init__()
        self.encoder = encoder.module
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(2 * encoder.width, classes)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Logits (batch, classes) of (batch, tokens) ids and mask."""
        states = self.encoder(input_ids=ids, attention_mask=mask)[0].float()
        share = mask.unsqueeze(-1).float()
        mean = (states * share).sum(dim=1) / share.sum(dim=1)
        logits: torch.Tensor = self.head(self.dropout(torch.cat([states[:, 0], mean], dim=-1)))
        return logits


def tuned(encoder: Encoder, task: Sets, options: argparse.Namespace) -> np.ndarray:
    """Answers of the tuned encoder on the held-out texts."""
    torch.manual_seed(0)
    model = Classifier(encoder, int(task.train[1].max()) + 1)
    optimizer = torch.optim.AdamW(
        [
            {"params": model.encoder.parameters(), "lr": options.learning_rate},
            {"params": model.head.parameters(), "lr": 5 * options.learning_rate},
        ],
        betas=(0.9, 0.98),
        weight_decay=0.01,
        fused=True,
    )
    peaks = [group["lr"] for group in optimizer.param_groups]
    tokens = _tokens(encoder, task.train[0])
    generator, started = np.random.default_rng(0), time.monotonic()
    for epoch in range(options.epochs):
        batches = _batches(tokens, batch_tokens=options.batch_tokens, generator=generator)
        for number, places in enumerate(batches):
            done = (epoch + number / len(batches)) / options.epochs
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * min(1.0, done / 0.06 + 0.01) * (1 - done)
            _step(model, optimizer, [tokens[i] for i in places], task.train[1][places])
        seconds = time.monotonic() - started
        print(f"{task.name} {encoder.name} epoch {epoch + 1}: {seconds:.0f} s", file=sys.stderr)
    return _predicted(model, _tokens(encoder, task.held_out[0]), options)


def _tokens(encoder: Encoder, texts: Sequence[str]) -> list[list[int]]:
    encoded = encoder.tokenizer.encode_batch(list(texts))
    return [own.ids[: LONGEST - 1] + own.ids[-1:] for own in encoded]


def _batches(
    tokens: Sequence[Sequence[int]], *, batch_tokens: int, generator: np.random.Generator
) -> list[list[int]]:
    """Places in batches of like length, in random order."""
    jitter = generator.random(len(tokens))
    order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]) + 4 * jitter[i])
    batches: list[list[int]] = [[]]
    for place in order:
        if batches[-1] and (len(batches[-1]) + 1) * len(tokens[place]) > batch_tokens:
            batches.append([])
        batches[-1].append(place)
    generator.shuffle(batches)
    return batches


def _padded(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    return ids, mask


def _step(
    model: Classifier, optimizer: torch.optim.Optimizer, rows: list[list[int]], labels: np.ndarray
) -> None:
    model.train()
    with autocast(CPU):
        logits = model(*_padded(rows))
    loss = torch_functions.cross_entropy(logits.float(), torch.from_numpy(labels))
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def _predicted(
    model: Classifier, tokens: list[list[int]], options: argparse.Namespace
) -> np.ndarray:
    model.eval()
    found = np.zeros(len(tokens), dtype=int)
    batches = _batches(
        tokens, batch_tokens=2 * options.batch_tokens, generator=np.random.default_rng(0)
    )
    with torch.inference_mode(), autocast(CPU):
        for places in batches:
            found[places] = model(*_padded([tokens[i] for i in places])).argmax(dim=1).numpy()
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--encoder", dest="encoders", nargs="+", default=[EMBEDDED_ENCODER])
    parser.add_argument("--set", dest="sets", nargs="+", default=["chnsenticorp", "tnews"])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=4e-4)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--share", type=float, default=1.0, help="part of the training split")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
