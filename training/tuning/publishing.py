"""A quantized bundle from a full one: quantized, calibrated anew, measured beside it, gated."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.analyzer import Analyzer
from models.bundle import FULL_PRECISION, REQUIRED, Bundle, BundleError, check_free
from models.record import LabelledRecord, Record
from training.evaluation.measuring import headline_of, measure_part
from training.evaluation.metrics import Evaluation
from training.examples.provenance import ProvenanceError, learned_from, pick, split_again
from training.examples.splits import Split
from training.tuning.bundling import publish
from training.tuning.gate import MARGIN, Compared, check_gate, check_margin, compare
from training.tuning.quantizing import PRECISION, quantize_network

CALIBRATION_TEXTS = 256
_OF_THE_OTHER = ("format", "files", "created", "xiaobao", "metrics", "risk", "golden")
DEVELOPMENT = "development"


@dataclass(frozen=True, slots=True)
class Quantized:
    """A published int8 bundle, its figures beside those of the full one, and both files' bytes."""

    analyzer: Analyzer
    compared: tuple[Compared, ...]
    bytes_full: int
    bytes_quantized: int


def quantize_bundle(
    full: Analyzer,
    records: Sequence[LabelledRecord],
    *,
    directory: Path,
    margin: float = MARGIN,
    seed: int = 0,
) -> Quantized:
    """Writes an int8 bundle at ``directory``, unless the gate refuses it.

    records: those that ``full`` was trained on, or others; they are split as in its training.
    Activations are calibrated on the training part, thresholds and the gate on the development
    part. Raises GateError for a network that is worse by more than ``margin``, BundleError for a
    bundle that is quantized already, ProvenanceError for records that leave a part empty.
    """
    bundle = full.bundle
    check_margin(margin)
    check_free(directory)
    if bundle.precision != FULL_PRECISION:
        raise BundleError(
            f"{bundle.directory}: {bundle.precision} found, {FULL_PRECISION} wanted to quantize"
        )
    parts = split_again(records, bundle.manifest)
    development = pick(records, parts, DEVELOPMENT)
    _check_parts(records, parts, bundle)
    before = _measured(full, development)
    compared: list[Compared] = []

    def measure(analyzer: Analyzer) -> Mapping[str, Any]:
        after = _measured(analyzer, development)
        compared.extend(compare(before, after))
        check_gate(compared, margin=margin, directory=directory)
        return {DEVELOPMENT: headline_of(after)}

    with tempfile.TemporaryDirectory() as scratch:
        network = Path(scratch) / "network.onnx"
        texts = full.cut(_some(pick(records, parts, "train"), seed=seed))
        windows = [window for text in texts for window in text.windows]
        quantize_network(bundle.file("network.onnx"), network, windows)
        analyzer = publish(
            {**{name: bundle.file(name) for name in REQUIRED}, "network.onnx": network},
            development,
            labels=bundle.labels,
            directory=directory,
            manifest=_manifest(bundle.manifest, bundle.name, directory.name, margin),
            measure=measure,
        )
    sizes = (each.file("network.onnx").stat().st_size for each in (bundle, analyzer.bundle))
    return Quantized(analyzer, tuple(compared), *sizes)


def _check_parts(records: Sequence[LabelledRecord], parts: Split, bundle: Bundle) -> None:
    """Records of other data may leave nothing to calibrate or to measure on."""
    if parts.train and parts.development:
        return
    learned = learned_from([one.record for one in records], bundle.manifest)
    use = "measure on" if parts.train else "calibrate on"
    raise ProvenanceError(
        f"data: {len(records)} records found, {learned} of them among those that {bundle.name} "
        f"learned from, and none to {use}; wanted the files that this bundle was trained on"
    )


def _measured(analyzer: Analyzer, records: Sequence[LabelledRecord]) -> Evaluation:
    return measure_part(DEVELOPMENT, records, analyzer=analyzer, baseline=None).network


def _some(records: Sequence[LabelledRecord], *, seed: int) -> list[Record]:
    order = np.random.default_rng(seed).permutation(len(records))
    return [records[place].record for place in order[:CALIBRATION_TEXTS]]


def _manifest(noted: Mapping[str, Any], source: str, name: str, margin: float) -> dict[str, Any]:
    kept = {key: value for key, value in noted.items() if key not in _OF_THE_OTHER}
    made = {"from": source, "margin": margin, "calibration_texts": CALIBRATION_TEXTS}
    return {**kept, "name": name, "precision": PRECISION, "quantized": made}
