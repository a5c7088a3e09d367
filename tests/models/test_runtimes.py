"""Runtimes: the same answers from each."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models import openvino_runtime
from models.analyzer import Analyzer, load_analyzer
from models.assessment import Assessment
from models.bundle import load_bundle
from models.ngram_slots import slots_of
from models.record import LabelledRecord, Record
from models.runtime_choice import (
    ONNX,
    OPENVINO,
    TORCH,
    Batch,
    RuntimeRequest,
    open_runtime,
)
from models.runtimes import Runtime
from models.self_check import TOLERANCES
from models.windows import pack, pad
from tests.support.places import ROOT

needs_openvino = pytest.mark.skipif(
    find_spec("openvino") is None, reason="the extra openvino is not installed"
)
EACH = [
    ONNX,
    pytest.param(OPENVINO, marks=needs_openvino),
    pytest.param(
        TORCH, marks=pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
    ),
]


def logistic(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values.astype(np.float64)))


@pytest.fixture(scope="module")
def batches(tiny_analyzer: Analyzer, samples: list[LabelledRecord]) -> list[Batch]:
    """Real windows of the samples, in batches of one padded length."""
    cut = tiny_analyzer.cut([labelled.record for labelled in samples])
    windows = [window for text in cut for window in text.windows]
    return [pad([windows[i] for i in batch]) for batch in pack(windows, batch_tokens=512)]


@pytest.fixture(scope="module", params=EACH)
def runtime(request: pytest.FixtureRequest, tiny_bundle: Path) -> Runtime:
    bundle = load_bundle(tiny_bundle)
    return open_runtime(bundle, request.param, precision="fp32", threads=1)


@pytest.fixture(scope="module")
def bf16(tiny_bundle: Path) -> Runtime:
    from models.openvino_runtime import OpenVinoRuntime

    return OpenVinoRuntime(tiny_bundle / "network.onnx", precision="bf16", threads=1)


# The same answers


def test_every_runtime_gives_the_logits_of_the_default(
    runtime: Runtime, tiny_analyzer: Analyzer, batches: list[Batch]
) -> None:
    for batch in batches:
        wanted, found = tiny_analyzer.runtime.infer(*batch), runtime.infer(*batch)
        assert set(found) == set(wanted)
        for name, values in wanted.items():
            np.testing.assert_allclose(logistic(found[name]), logistic(values), atol=1e-3)


def test_every_runtime_gives_the_labels_and_levels_of_the_default(
    runtime: Runtime, tiny_analyzer: Analyzer, samples: list[LabelledRecord]
) -> None:
    records = [labelled.record for labelled in samples]
    answers = Analyzer(tiny_analyzer.bundle, runtime).assess(records)
    assert [said(a) for a in answers] == [said(a) for a in tiny_analyzer.assess(records)]


def said(answer: Assessment) -> tuple[Any, ...]:
    root, agent = answer.root_cause, answer.agent
    causes = tuple(label.id for label in root.labels)
    signs = tuple(sign.id for sign in agent.signs)
    return root.primary.id, causes, signs, agent.level, answer.review.needed


def test_a_window_reads_the_same_alone_and_in_company(
    runtime: Runtime, batches: list[Batch]
) -> None:
    # To the last bit, but by torch: it sums in another order where there are more rows.
    loose = TOLERANCES["fp32"] if runtime.name.startswith("torch") else 0.0
    for ids, mask in batches:
        together = runtime.infer(ids, mask)
        for row in range(len(ids)):
            alone = runtime.infer(ids[row : row + 1], mask[row : row + 1])
            for name, values in together.items():
                np.testing.assert_allclose(
                    logistic(alone[name][0]), logistic(values[row]), atol=loose, rtol=0
                )


def test_what_a_runtime_gave_stays_when_it_reads_on(runtime: Runtime, batches: list[Batch]) -> None:
    first = runtime.infer(*batches[0])
    kept = {name: values.copy() for name, values in first.items()}
    for batch in batches[1:]:
        runtime.infer(*batch)
    for name, values in kept.items():
        np.testing.assert_array_equal(first[name], values)


@needs_openvino
def test_in_bf16_answers_stay_within_its_tolerance(
    bf16: Runtime, tiny_analyzer: Analyzer, samples: list[LabelledRecord]
) -> None:
    texts = [labelled.record.text for labelled in samples]
    found = Analyzer(tiny_analyzer.bundle, bf16).readings(texts)
    for reading, wanted in zip(found, tiny_analyzer.readings(texts), strict=True):
        for name in ("labels", "primary", "agent"):
            off = np.abs(np.asarray(getattr(reading, name)) - getattr(wanted, name)).max()
            assert off <= TOLERANCES["bf16"]


@needs_openvino
def test_in_bf16_a_window_reads_the_same_alone_and_in_company(
    bf16: Runtime, batches: list[Batch]
) -> None:
    for ids, mask in batches:
        together = bf16.infer(ids, mask)
        for row in range(len(ids)):
            alone = bf16.infer(ids[row : row + 1], mask[row : row + 1])
            for name, values in together.items():
                np.testing.assert_array_equal(alone[name][0], values[row])


def test_slots_in_numpy_are_those_in_torch() -> None:
    import torch

    from models.ngrams import ngram_keys, slot_of

    ids = np.random.default_rng(0).integers(0, 32768, (3, 50))
    keys, _ = ngram_keys(torch.from_numpy(ids), torch.ones(3, 50))
    for slots in (2**19, 1000):
        np.testing.assert_array_equal(
            slots_of(ids, slots=slots), slot_of(keys, slots=slots).numpy()
        )


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        ("fpu avx512_bf16 sse", "bf16"),
        ("amx_bf16 amx_tile", "bf16"),
        ("avx2 avx512f amx_int8", "fp32"),
        (None, "fp32"),
    ],
)
def test_bf16_is_taken_where_the_processor_multiplies_in_it(tmp_path, monkeypatch, flags, wanted):
    told = tmp_path / "cpuinfo"
    if flags is not None:
        told.write_text(f"model name\t: of this test\nflags\t\t: {flags}\n", "utf-8")
    monkeypatch.setattr(openvino_runtime, "_CPUINFO", told)
    assert openvino_runtime.fastest_precision() == wanted


@needs_openvino
def test_openvino_is_opened_without_its_reports_to_its_maker() -> None:
    code = (
        "import sys\n"
        "from models.openvino_runtime import import_openvino\n"
        "import_openvino()\n"
        "print('openvino_telemetry.main' in sys.modules, 'openvino' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (result.stdout, result.stderr) == ("False True\n", "")


@pytest.mark.parametrize("kind", EACH)
def test_the_embedded_bundle_passes_its_self_check_on_every_runtime(kind: str) -> None:
    analyzer = load_analyzer(threads=1, wanted=RuntimeRequest(kind))
    (answer,) = analyzer.assess([Record("理赔资料交了四十天,到现在没有结果。")])
    assert answer.root_cause.primary.id == "CLAIM.CLAIM_DELAY"
