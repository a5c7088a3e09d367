"""Runtimes: the same answers from each, and which one is taken, and why."""

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import models.runtime_choice
import serving.opening
import xiaobao
from models import openvino_runtime
from models.analyzer import Analyzer, load_analyzer
from models.assessment import Assessment
from models.bundle import EMBEDDED, BundleError, load_bundle
from models.ngram_slots import slots_of
from models.record import LabelledRecord, Record
from models.runtime_choice import (
    AUTO,
    ONNX,
    OPENVINO,
    TORCH,
    Batch,
    RuntimeChoice,
    RuntimeChoiceError,
    Wanted,
    choose_runtime,
    fastest,
    open_runtime,
    trial,
    trial_batches,
)
from models.runtimes import Logits, Runtime
from models.self_check import TOLERANCES
from models.windows import pack, pad
from serving.logs import configure_logs
from serving.settings import ServingSettings

ROOT = Path(xiaobao.__file__).parent
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
    analyzer = load_analyzer(threads=1, wanted=Wanted(kind))
    (answer,) = analyzer.assess([Record("理赔资料交了四十天,到现在没有结果。")])
    assert answer.root_cause.primary.id == "CLAIM.CLAIM_DELAY"


# Which one is taken


class Paced:
    """Reads nothing, and moves a clock by so many seconds a token."""

    precision = "fp32"

    def __init__(self, name: str, pace: float, now: list[float]) -> None:
        self.name = name
        self.read: list[tuple[int, ...]] = []
        self._pace, self._now = pace, now

    def infer(self, ids: Any, mask: Any) -> Logits:
        self.read.append(ids.shape)
        self._now[0] += self._pace * ids.size
        return {}


def paced(*paces: float) -> tuple[dict[str, Runtime], Any]:
    """Runtimes of these paces, by kind, and their clock."""
    now = [0.0]
    kinds = (ONNX, OPENVINO, TORCH)[: len(paces)]
    found = zip(kinds, paces, strict=True)
    return {kind: Paced(f"{kind}-fake", pace, now) for kind, pace in found}, lambda: now[0]


@pytest.mark.parametrize(("paces", "kind"), [((2e-5, 1e-5), OPENVINO), ((1e-5, 2e-5), ONNX)])
def test_auto_takes_the_faster_of_two_and_says_why(paces: Sequence[float], kind: str) -> None:
    runtimes, clock = paced(*paces)
    choice = fastest(runtimes, trial_batches(1024), clock=clock)
    assert (choice.kind, choice.runtime) == (kind, runtimes[kind])
    assert choice.reason == "fastest in the trial"
    tokens = sum(ids.size for ids, _ in trial_batches(1024))
    wanted = {f"{name}-fake": pace * tokens for name, pace in zip(runtimes, paces, strict=True)}
    assert choice.seconds == pytest.approx(wanted)


def test_a_trial_reads_texts_of_several_lengths() -> None:
    runtimes, clock = paced(1e-5, 1e-5)
    trial(runtimes, trial_batches(1024), clock=clock)
    assert {shape[1] for shape in runtimes[ONNX].read} == {32, 128, 512}
    assert runtimes[ONNX].read == runtimes[OPENVINO].read


def test_a_trial_of_a_slow_network_ends_after_the_shortest_texts() -> None:
    runtimes, clock = paced(1.0, 0.5)
    spent = trial(runtimes, trial_batches(1024), seconds=0.5, clock=clock)
    assert [len(runtime.read) for runtime in runtimes.values()] == [2, 2]
    assert spent == {ONNX: 128.0, OPENVINO: 64.0}


def test_a_trial_of_a_fast_network_goes_on_until_its_time_is_up() -> None:
    runtimes, clock = paced(1e-6, 1e-6)
    trial(runtimes, trial_batches(1024), seconds=0.5, clock=clock)
    assert 0.5 <= clock() < 0.51


def test_a_trial_asks_for_no_window_longer_than_the_network_reads() -> None:
    assert max(ids.shape[1] for ids, _ in trial_batches(64)) == 64


def test_one_runtime_alone_needs_no_trial() -> None:
    runtimes, clock = paced(1e-5)
    choice = fastest(runtimes, trial_batches(64), refused={TORCH: "not installed"}, clock=clock)
    assert (choice.kind, choice.reason, dict(choice.seconds)) == (ONNX, "the only one", {})
    assert clock() == 0.0


def test_auto_leaves_out_what_fails_the_self_check(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {ONNX: Paced("good", 1.0, [0.0]), OPENVINO: Paced("bad", 0.1, [0.0])}
    monkeypatch.setattr(models.runtime_choice, "find_spec", lambda kind: kind == OPENVINO or None)
    monkeypatch.setattr(models.runtime_choice, "open_runtime", lambda _, kind, **__: found[kind])

    def check(runtime: Runtime) -> None:
        if runtime.name == "bad":
            raise BundleError("self-check failed")

    choice = choose_runtime(load_bundle(tiny_bundle), Wanted(AUTO), check=check)
    assert choice.runtime.name == "good"
    assert choice.refused == {OPENVINO: "self-check failed", TORCH: "not installed"}


def test_a_runtime_asked_for_by_name_is_not_replaced_by_another(
    tiny_bundle: Path,
) -> None:
    def check(runtime: Runtime) -> None:
        raise BundleError("self-check failed")

    with pytest.raises(BundleError, match="self-check failed"):
        choose_runtime(load_bundle(tiny_bundle), Wanted(ONNX), check=check)


@pytest.mark.parametrize("kind", [OPENVINO, TORCH])
def test_a_runtime_that_is_not_installed_says_which_extra_brings_it(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(models.runtime_choice, "find_spec", lambda _: None)
    with pytest.raises(RuntimeChoiceError, match=rf"runtime {kind}: not installed; .*pip install"):
        load_analyzer(tiny_bundle, wanted=Wanted(kind))


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted("abacus"), "runtime: 'abacus' found, one of auto, onnx, openvino, torch wanted"),
        (Wanted(ONNX, "fp4"), "precision: 'fp4' found, one of auto, fp32 wanted"),
    ],
)
def test_an_unknown_name_is_told_with_those_that_are_known(wanted: Wanted, message: str) -> None:
    with pytest.raises(RuntimeChoiceError, match=message):
        load_analyzer(wanted=wanted)


def test_auto_reads_with_what_it_chose_and_tells(tiny_bundle: Path) -> None:
    told: list[RuntimeChoice] = []
    analyzer = load_analyzer(tiny_bundle, threads=1, wanted=Wanted(AUTO), report=told.append)
    (choice,) = told
    assert analyzer.runtime is choice.runtime
    assert {*choice.refused, *choice.seconds} >= {TORCH} or find_spec("torch") is None
    assert choice.seconds.keys() or choice.reason == "the only one"


# In the commands


@pytest.mark.parametrize("command", [["assess", "in.jsonl"], ["serve", "--port", "0"]])
def test_a_command_with_an_unknown_runtime_is_one_line_and_exit_code_two(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(xiaobao.app, [*command, "--runtime", "abacus"])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert "runtime" in result.stderr.lower()


def test_assess_says_what_auto_chose_and_no_word_of_the_text(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "理赔资料交了四十天"}\n', "utf-8")
    result = CliRunner().invoke(xiaobao.app, ["assess", str(source), "--runtime", "auto"])
    assert result.exit_code == 0
    (line,) = result.stderr.splitlines()
    assert line.startswith("推理引擎 runtime: ")
    assert "四十天" not in line


def test_the_service_logs_why_and_keeps_to_the_choice_for_later_bundles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runtimes, clock = paced(2e-5, 1e-5)
    choice = fastest(runtimes, trial_batches(1024), refused={TORCH: "not installed"}, clock=clock)

    def opened(*_: Any, report: Any, **__: Any) -> None:
        report(choice)

    monkeypatch.setattr(serving.opening, "open_analyzer", opened)
    stream = StringIO()
    configure_logs(level="info", stream=stream)
    _, settings = serving.opening.open_chosen(ServingSettings(runtime="auto"))
    logging.getLogger().handlers.clear()
    assert settings.runtime == OPENVINO
    line = json.loads(stream.getvalue())
    assert (line["event"], line["runtime"]) == ("runtime chosen", "openvino-fake")
    assert line["reason"] == "fastest in the trial"
    assert line["seconds"]["openvino-fake"] < line["seconds"]["onnx-fake"]
    assert line["refused"] == {TORCH: "not installed"}


def test_the_runtime_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIAOBAO_RUNTIME", "auto")
    monkeypatch.setenv("XIAOBAO_PRECISION", "fp32")
    settings = ServingSettings()
    assert (settings.runtime, settings.precision) == ("auto", "fp32")


def test_by_default_the_embedded_bundle_is_read_by_onnx_runtime() -> None:
    assert load_analyzer(EMBEDDED, threads=1).runtime.name == "onnxruntime-cpu"
