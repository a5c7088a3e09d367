"""Tuning: labelled records and an encoder in, a measured bundle out. The whole of ``train``."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import average_precision_score

from models.analyzer import Analyzer
from models.bundle import check_free, load_bundle
from models.labels import LabelSpace
from models.network import Network, NetworkShape
from models.record import LabelledRecord, Record, Span
from models.taxonomy import RootCauseTaxonomy
from models.windows import WindowReader
from training.baselines.linear import LinearBaseline, fit_baseline
from training.evaluation.measuring import Measured, headline_of, measure_parts
from training.examples.noise import noisy_copies
from training.pretraining.encoders import Encoder, load_encoder
from training.pretraining.masked_language import Progress
from training.processes import ALONE, Processes
from training.tuning.adapting import adapted
from training.tuning.batches import Target, targets_of
from training.tuning.bundling import make_bundle
from training.tuning.excerpts import clause_ends
from training.tuning.facts import facts_of
from training.tuning.fitting import Epoch, Report, fit, infer
from training.tuning.heads import take_heads
from training.tuning.mixing import mix
from training.tuning.ngrams import fit_ngrams
from training.tuning.settings import FitSettings, TrainSettings
from training.tuning.starting import checkpoint_of
from training.tuning.task import Task, checkpoint_beside
from training.tuning.teaching import load_teacher, taught_by

__all__ = [
    "Trained",
    "catalogue_examples",
    "development_score",
    "train",
    "tune",
]


@dataclass(frozen=True, slots=True)
class Trained:
    """A bundle on disk, how fitting went, what it measures; ``measured``: parts with records."""

    analyzer: Analyzer
    history: tuple[Epoch, ...]
    measured: tuple[Measured, ...]


def train(
    records: Sequence[LabelledRecord],
    *,
    directory: Path,
    settings: TrainSettings,
    device: torch.device,
    processes: Processes = ALONE,
    report: Report = lambda *_: None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    stage: Callable[[str], None] = lambda _: None,
) -> Trained:
    """Tunes, exports, calibrates, measures and writes the bundle at ``directory``.

    The state after each epoch is kept beside it in ``NAME.fit/`` until the bundle is whole; a run
    that was interrupted goes on from there. report, on_epoch and stage are told how far it is.
    Of several processes this is the leader's part; the others ``accompany`` it.
    """
    check_free(directory)  # now: hours later it would cost the training
    task = Task.of(records, settings)
    learned, development = task.chosen["train"], task.chosen["development"]
    checkpoint = checkpoint_beside(directory)
    base = checkpoint_of(settings.base, directory=checkpoint / "base")
    given = load_encoder(base, device=device)  # an unfit one is told now
    teacher = load_teacher(settings.teacher, labels=task.labels) if settings.teacher else None
    stage("linear baseline")
    baseline = fit_baseline(learned, development, labels=task.labels)
    if settings.adapt:
        stage("adapting the encoder")
        base = adapted(
            base,
            learned,
            minutes=settings.adapt,
            window=given.window,
            directory=checkpoint / "encoder",
            seed=settings.fit.seed,
            device=device,
            report=_of_adapting(report, settings.adapt),
        )
    encoder = load_encoder(base, device=device, dropout=settings.fit.encoder_dropout)
    stage("network")
    processes.tell(base)
    network, history = tune(
        learned,
        development,
        encoder=encoder,
        labels=task.labels,
        taxonomy=task.taxonomy,
        settings=settings.fit,
        device=device,
        base=Path(base),
        teacher=teacher,
        checkpoint=checkpoint,
        processes=processes,
        report=report,
        on_epoch=on_epoch,
    )
    stage("export and calibration")
    facts = {
        **facts_of(records, task.parts, settings, history),
        "base": given.name,
        "teacher": teacher.bundle.name if teacher else None,
        "beside": load_bundle(settings.beside).name if settings.beside else None,
    }
    measuring = _Measuring(task, baseline, stage)
    analyzer = make_bundle(
        network,
        encoder,
        development,
        labels=task.labels,
        directory=directory,
        manifest={"name": directory.name, "training": facts},
        measure=measuring,
        taxonomy=settings.taxonomy,
        codebook=settings.codebook,
    )
    shutil.rmtree(checkpoint, ignore_errors=True)
    return Trained(analyzer, tuple(history), measuring.measured)


def _of_adapting(report: Report, minutes: float) -> Callable[[Progress], None]:
    return lambda now: report("adapting", int(now.seconds), int(60 * minutes), now.loss)


class _Measuring:
    """Measures a calibrated bundle on both held-out parts, and keeps what it found."""

    def __init__(self, task: Task, baseline: LinearBaseline, stage: Callable[[str], None]) -> None:
        self._task, self._baseline, self._stage = task, baseline, stage
        self.measured: tuple[Measured, ...] = ()

    def __call__(self, analyzer: Analyzer) -> Mapping[str, Any]:
        """The headline figures, by part."""
        self._stage("measuring")
        held_out = {part: self._task.chosen[part] for part in ("development", "test")}
        measured = measure_parts(held_out, analyzer=analyzer, baseline=self._baseline)
        self.measured = tuple(measured)
        return {each.part: headline_of(each.network) for each in self.measured}


def tune(
    train_records: Sequence[LabelledRecord],
    development: Sequence[LabelledRecord],
    *,
    encoder: Encoder,
    labels: LabelSpace,
    taxonomy: RootCauseTaxonomy,
    settings: FitSettings,
    device: torch.device,
    base: Path | None = None,
    teacher: Analyzer | None = None,
    checkpoint: Path | None = None,
    processes: Processes = ALONE,
    report: Report = lambda *_: None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> tuple[Network, list[Epoch]]:
    """The network tuned on one set of records, its epochs and mixing chosen on another.

    base: directory of the encoder's checkpoint, where heads may be kept; teacher: what it says of
    the training texts is learned beside the labels. In the processes beside the leader the network
    stays without n-grams.
    """
    reader = WindowReader(encoder.tokenizer, window=encoder.window, overlap=encoder.overlap)
    copies = noisy_copies(
        train_records, share=settings.noise, generator=np.random.default_rng(settings.seed)
    )
    texts = [*train_records, *copies, *catalogue_examples(taxonomy)]
    targets = targets_of(texts, reader=reader, labels=labels)
    if teacher:
        targets = taught_by(teacher, [each.record.text for each in texts], targets)
    held_out = targets_of(development, reader=reader, labels=labels)
    torch.manual_seed(settings.seed)
    shape = NetworkShape.of(labels, width=encoder.width)
    network = Network(encoder.module, shape, dropout=settings.dropout)
    if base:
        take_heads(network, labels, base)
    history = fit(
        network,
        targets,
        score=lambda tuned: development_score(tuned, held_out, device=device),
        settings=settings,
        device=device,
        checkpoint=checkpoint,
        mask_id=encoder.mask_id,
        ends=clause_ends(encoder.tokenizer),
        processes=processes,
        report=report,
        on_epoch=on_epoch,
    )
    if processes.leads:
        network.add_ngrams(fit_ngrams(targets, causes=shape.causes))
        mix(network, held_out, device=device)
    return network, history


def development_score(
    network: Network, targets: Sequence[Target], *, device: torch.device
) -> float:
    """Mean of the primary cause's accuracy and the labels' average precision (micro)."""
    right, shares, gold = [], [], []
    for group, outputs in infer(network, targets, device=device):
        primary = outputs.primary.argmax(dim=1).cpu().numpy()
        right += [found == target.primary for found, target in zip(primary, group, strict=True)]
        shares.append(outputs.labels.float().cpu().numpy())
        gold.append(np.array([target.labels for target in group]))
    precision = average_precision_score(
        np.concatenate(gold), np.concatenate(shares), average="micro"
    )
    return float(np.mean(right) + precision) / 2


def catalogue_examples(taxonomy: RootCauseTaxonomy) -> list[LabelledRecord]:
    """The taxonomy's own example sentences as records: short, and evidence from end to end."""
    return [
        LabelledRecord(
            Record(text, genre="own_words"),
            primary=cause.id,
            causes=(cause.id,),
            spans=(Span(0, len(text), (cause.id,)),),
        )
        for cause in taxonomy.causes
        for text in cause.examples
    ]
