"""Adapting: the encoder reads the training texts, unlabelled, before it is tuned on their labels.

Domain-adaptive pretraining (Gururangan et al. 2020, "Don't Stop Pretraining"). Development and test
texts stay out: what a bundle is measured on, its encoder has not read.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from models.record import LabelledRecord
from training.pretraining.masked_language import PretrainSettings, Progress, pretrain

LENGTH = 128  # tokens a block, where the encoder reads so many
LEARNING_RATE = 3e-4  # lower than from nothing: what the encoder knows is to stay
TEXTS = "texts.txt"
DONE = "config.json"  # pretraining writes it last


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
    is taken as it is, an interrupted run goes on. The texts stand there only while they are read,
    for their owner alone.
    """
    if (directory / DONE).is_file():
        return str(directory)
    directory.mkdir(parents=True, exist_ok=True)
    texts = directory / TEXTS
    texts.touch(mode=0o600)
    texts.chmod(0o600)  # one that a killed run left may have other rights
    texts.write_text("\n".join(record.record.text for record in records), "utf-8", "replace")
    settings = PretrainSettings(
        minutes=minutes, learning_rate=LEARNING_RATE, length=min(LENGTH, window), seed=seed
    )
    try:
        pretrain(
            [texts], base=base, directory=directory, settings=settings, device=device, report=report
        )
    finally:
        texts.unlink()
    return str(directory)
