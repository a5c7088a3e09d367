"""From a tuned network to a bundle: export, calibration, self-check, card. Writes nothing else."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from models.analyzer import Analyzer, load_analyzer
from models.bundle import load_bundle, write_bundle
from models.calibration import Calibration, LabelCalibration
from models.codebook import AGENT_SIGNS
from models.labels import KINDS, LabelSpace
from models.network import Network
from models.record import LabelledRecord
from models.runtimes import OnnxRuntime
from models.self_check import golden_outputs
from models.taxonomy import ROOT_CAUSES
from training.calibrating import DevelopmentLogits, calibrate, fit_evidence
from training.card import write_card
from training.encoders import Encoder
from training.exporting import export_onnx

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
) -> Analyzer:
    """Writes the bundle of a network, calibrated on ``development``; returns its analyzer.

    measure: called with the calibrated analyzer; what it returns stands in the manifest as
    ``metrics``. Calibration reads the exported network through the serving path: what is served
    is what was calibrated.
    """
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch) / "draft"
        onnx_file = Path(scratch) / "network.onnx"
        export_onnx(network, onnx_file)
        files = _uncalibrated(network, encoder, labels, onnx_file)
        write_bundle(draft, files, manifest=manifest)
        calibration = _calibrated(draft, development, labels)
        files["calibration.json"] = _as_text(calibration.as_json())
        write_bundle(draft, files, manifest=manifest)
        analyzer = _analyzer(draft)
        whole = {
            **manifest,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "xiaobao": _version(),
            "metrics": measure(analyzer),
            "golden": golden_outputs(GOLDEN, analyzer.readings),
        }
        files["card.md"] = write_card(whole, analyzer.bundle)
        write_bundle(directory, files, manifest=whole)
    return load_analyzer(directory)


def _uncalibrated(
    network: Network, encoder: Encoder, labels: LabelSpace, onnx_file: Path
) -> dict[str, bytes | str | Path]:
    return {
        "taxonomy.yaml": ROOT_CAUSES.read_bytes(),
        "signs.yaml": AGENT_SIGNS.read_bytes(),
        "tokenizer.json": encoder.tokenizer.to_str(),
        "network.json": _network_json(network, encoder, labels),
        "network.onnx": onnx_file,
        "calibration.json": _as_text(_neutral(labels).as_json()),
        "card.md": "",
    }


def _calibrated(
    draft: Path, development: Sequence[LabelledRecord], labels: LabelSpace
) -> Calibration:
    analyzer = _analyzer(draft)
    scores = list(analyzer.score([labelled.record for labelled in development]))
    pooled = [each.pooled() for each in scores]
    logits = DevelopmentLogits(
        *(np.array([p[name] for p in pooled]) for name in ("labels", "primary", "agent", "demand"))
    )
    return calibrate(
        logits,
        development,
        labels=labels,
        codebook=analyzer.bundle.codebook,
        evidence=fit_evidence(scores, development, labels=labels),
    )


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
