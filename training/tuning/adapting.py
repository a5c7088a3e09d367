"""Adapting: the encoder reads the training texts, unlabelled, before it is tuned on their labels.

Domain-adaptive pretraining (Gururangan et al. 2020, "Don't Stop Pretraining"). Development and test
texts stay out: what a bundle is measured on, its encoder has not read.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from models.record import LabelledRecord
from training.examples.provenance import data_digest
from training.pretraining.masked_language import PretrainSettings, Progress, pretrain

LENGTH = 128  # tokens a block, where the encoder reads so many
LEARNING_RATE = 3e-4  # lower than from nothing: what the encoder knows is to stay
TEXTS = "texts.txt"
DONE = "config.json"  # pretraining writes it last
ABOUT = "adapting.json"


def adapted(
    base: str,
    records: Sequence[LabelledRecord],
    *,
    minutes: float,
    window: int,
    directory: Path,
    seed: int,
    device: torch.device,
    report: Callable[[Progress], None] = lambda _: None,
) -> str:
    """The path of a checkpoint like ``base`` that has read the texts for so many minutes.

    window: tokens that ``base`` reads at once. The checkpoint stands in ``directory``: a whole one
    of the same base, texts and settings is taken as it is, an interrupted one goes on, another
    goes. The texts stand there only while they are read, for their owner alone.
    """
    settings = PretrainSettings(
        minutes=minutes, learning_rate=LEARNING_RATE, length=min(LENGTH, window), seed=seed
    )
    about = {"base": _name(base), "texts": data_digest(records), "settings": asdict(settings)}
    if _about(directory) != about:
        shutil.rmtree(directory, ignore_errors=True)
    if (directory / DONE).is_file():
        return str(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / ABOUT).write_text(json.dumps(about), "utf-8")
    texts = directory / TEXTS
    texts.touch(mode=0o600)
    texts.chmod(0o600)  # one that a killed run left may have other rights
    texts.write_text("\n".join(record.record.text for record in records), "utf-8", "replace")
    try:
        pretrain(
            [texts], base=base, directory=directory, settings=settings, device=device, report=report
        )
    finally:
        texts.unlink()
    return str(directory)


def _about(directory: Path) -> Mapping[str, Any] | None:
    """What the checkpoint of a directory came from; None where that is not known."""
    try:
        found: Mapping[str, Any] = json.loads((directory / ABOUT).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found


def _name(base: str) -> str:
    """What names a checkpoint: its files, wherever they lie; the id of one that is elsewhere."""
    if not Path(base).is_dir():
        return base
    digest = hashlib.sha256()
    for path in sorted(path for path in Path(base).iterdir() if path.is_file()):
        with path.open("rb") as file:
            digest.update(f"{path.name}:{hashlib.file_digest(file, 'sha256').hexdigest()}".encode())
    return digest.hexdigest()
