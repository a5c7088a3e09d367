"""From a tuned network to a bundle: export, calibration, self-check, card. Writes nothing else."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.analyzer import Analyzer, load_analyzer
from models.assessment import Assessment
from models.bundle import load_bundle, write_bundle
from models.calibration import Calibration, LabelCalibration
from models.codebook import AGENT_SIGNS, Codebook
from models.labels import KINDS, LabelSpace
from models.network import Network
from models.record import LabelledRecord
from models.runtimes import OnnxRuntime
from models.scores import TextScores
from models.self_check import golden_outputs
from models.taxonomy import ROOT_CAUSES
from training.evaluation.levels import REVIEW
from training.pretraining.encoders import Encoder
from training.tuning.calibrating import DevelopmentLogits, calibrate, fit_evidence
from training.tuning.card import write_card
from training.tuning.exporting import export_onnx
from training.tuning.risk import FLAGS, Controlled, control_flags, control_review

# Short and plain, of the taxonomy's own kind, and no person's.
GOLDEN = (
    "柜台的人跟我说是三年定存,到期才知道是保险,现在要求退还保费。",
    "资料交齐两个月没有任何回音,请尽快赔付。",
    "退下来要给他们三成服务费,一律联系我,不许给投保人打电话。",
    "请问怎么查现金价值?",
)


def make_bundle(
    network: Network,
    encoder: Encoder,
    development: Sequence[LabelledRecord],
    *,
    labels: LabelSpace,
    directory: Path,
    manifest: Mapping[str, Any],
    measure: Callable[[Analyzer], Mapping[str, Any]],
    taxonomy: Traversable | Path = ROOT_CAUSES,
    codebook: Traversable | Path = AGENT_SIGNS,
) -> Analyzer:
    """Writes the bundle of a network, calibrated on ``development``; returns its analyzer.

    measure: called with the calibrated analyzer; what it returns stands in the manifest as
    ``metrics``. taxonomy, codebook: the files that name the labels; the bundle gets copies.
    Calibration reads the exported network through the serving path: what is served is what was
    calibrated.
    """
    with tempfile.TemporaryDirectory() as scratch:
        onnx_file = Path(scratch) / "network.onnx"
        export_onnx(network, onnx_file)
        files = {
            "taxonomy.yaml": taxonomy.read_bytes(),
            "signs.yaml": codebook.read_bytes(),
            **_uncalibrated(network, encoder, labels, onnx_file),
        }
        return publish(
            files,
            development,
            labels=labels,
            directory=directory,
            manifest=manifest,
            measure=measure,
        )


def publish(
    uncalibrated: Mapping[str, bytes | str | Path],
    development: Sequence[LabelledRecord],
    *,
    labels: LabelSpace,
    directory: Path,
    manifest: Mapping[str, Any],
    measure: Callable[[Analyzer], Mapping[str, Any]],
) -> Analyzer:
    """Calibrates the files of a bundle, measures and writes it; see ``make_bundle``.

    What ``measure`` raises leaves ``directory`` as it was.
    """
    files = dict(uncalibrated)
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch) / "draft"
        write_bundle(draft, files, manifest=manifest)
        calibration, controlled = _calibrated(draft, development, labels)
        files["calibration.json"] = _as_text(calibration.as_json())
        write_bundle(draft, files, manifest=manifest)
        analyzer = _analyzer(draft)
        whole = {
            **manifest,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "xiaobao": _version(),
            "metrics": measure(analyzer),
            "risk": {name: each.as_json() for name, each in controlled.items()},
            "golden": golden_outputs(GOLDEN, analyzer.readings),
        }
        files["card.md"] = write_card(whole, analyzer.bundle)
        write_bundle(directory, files, manifest=whole)
    return load_analyzer(directory)


def _uncalibrated(
    network: Network, encoder: Encoder, labels: LabelSpace, onnx_file: Path
) -> dict[str, bytes | str | Path]:
    return {
        "tokenizer.json": encoder.tokenizer.to_str(),
        "network.json": _network_json(network, encoder, labels),
        "network.onnx": onnx_file,
        "calibration.json": _as_text(_neutral(labels).as_json()),
        "card.md": "",
    }


def _calibrated(
    draft: Path, development: Sequence[LabelledRecord], labels: LabelSpace
) -> tuple[Calibration, Mapping[str, Controlled]]:
    """The calibration, and what was proven of its two thresholds."""
    analyzer = _analyzer(draft)
    scores = list(analyzer.score([labelled.record for labelled in development]))
    pooled = [each.pooled() for each in scores]
    logits = DevelopmentLogits(
        *(np.array([p[name] for p in pooled]) for name in ("labels", "primary", "agent", "demand"))
    )
    fitted = partial(
        calibrate,
        logits,
        development,
        labels=labels,
        codebook=analyzer.bundle.codebook,
        evidence=fit_evidence(scores, development, labels=labels),
    )
    answers = {sure: _answers(analyzer, fitted(sure=sure), scores) for sure in FLAGS}
    agent_run = np.array([record.agent_run for record in development])
    flags = control_flags(
        {sure: _flagged(given, analyzer.bundle.codebook) for sure, given in answers.items()},
        agent_run,
    )
    primary = [answer.root_cause.primary for answer in answers[flags.threshold]]
    review = control_review(
        np.array([label.probability for label in primary]),
        np.array([p.id == r.primary for p, r in zip(primary, development, strict=True)]),
    )
    calibration = fitted(sure=flags.threshold, review=review.threshold)
    return calibration, {"flags": flags, "review": review}


def _answers(
    analyzer: Analyzer, calibration: Calibration, scores: Sequence[TextScores]
) -> list[Assessment]:
    bundle = replace(analyzer.bundle, calibration=calibration)
    answering = Analyzer(bundle, analyzer.runtime)
    return [answering.answer(each) for each in scores]


def _flagged(answers: Sequence[Assessment], codebook: Codebook) -> NDArray[np.bool_]:
    least = codebook.rank_of(REVIEW)
    return np.array([codebook.rank_of(answer.agent.level) >= least for answer in answers])


def _analyzer(directory: Path) -> Analyzer:
    bundle = load_bundle(directory)
    return Analyzer(bundle, OnnxRuntime(bundle.file("network.onnx")))


def _neutral(labels: LabelSpace) -> Calibration:
    """What a draft needs before anything was calibrated."""
    plain = LabelCalibration(scale=1.0, bias=0.0, threshold=0.5, positives=0)
    return Calibration(
        labels=dict.fromkeys(labels.evidence, plain),
        demand=dict.fromkeys(labels.demand, plain),
        agent=plain,
        primary_temperature=1.0,
        evidence=dict.fromkeys(KINDS, 0.5),
        review=0.5,
    )


def _network_json(network: Network, encoder: Encoder, labels: LabelSpace) -> str:
    return _as_text(
        {
            "labels": labels.as_json(),
            "shape": network.shape.as_json(),
            "window": encoder.window,
            "overlap": encoder.overlap,
            "encoder": encoder.config,
        }
    )


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n"


def _version() -> str:
    try:
        return version("xiaobao")
    except PackageNotFoundError:
        return "uninstalled"
