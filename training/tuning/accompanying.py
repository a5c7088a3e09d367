"""Accompanying: what every process but the leader does of a training. Prints and writes nothing."""

from collections.abc import Sequence
from pathlib import Path

import torch

from models.record import LabelledRecord
from training.pretraining.encoders import load_encoder
from training.processes import Processes
from training.tuning.settings import TrainSettings
from training.tuning.task import Task, checkpoint_beside
from training.tuning.teaching import load_teacher
from training.tuning.tune import tune


def accompany(
    records: Sequence[LabelledRecord],
    *,
    base: Path,
    directory: Path,
    settings: TrainSettings,
    device: torch.device,
    processes: Processes,
) -> None:
    """Fits along with the leader's ``train``; base: the checkpoint that the leader told."""
    task = Task.of(records, settings)
    teacher = load_teacher(settings.teacher, labels=task.labels) if settings.teacher else None
    tune(
        task.chosen["train"],
        task.chosen["development"],
        encoder=load_encoder(base, device=device, dropout=settings.fit.encoder_dropout),
        labels=task.labels,
        taxonomy=task.taxonomy,
        settings=settings.fit,
        device=device,
        base=base,
        teacher=teacher,
        checkpoint=checkpoint_beside(directory),
        processes=processes,
    )
