"""Which runtime reads, why, and how the commands say so."""

import json
import logging
from collections.abc import Sequence
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import models.runtime_choice
import serving.opening
import xiaobao
from models.analyzer import load_analyzer
from models.bundle import EMBEDDED_BUNDLE, BundleError, load_bundle
from models.runtime_choice import (
    AUTO,
    ONNX,
    OPENVINO,
    TORCH,
    RuntimeChoice,
    RuntimeChoiceError,
    RuntimeRequest,
    choose_runtime,
    fastest,
    trial,
    trial_batches,
)
from models.runtimes import Logits, Runtime
from serving.logs import configure_logs
from serving.settings import ServingSettings


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

    choice = choose_runtime(load_bundle(tiny_bundle), RuntimeRequest(AUTO), check=check)
    assert choice.runtime.name == "good"
    assert choice.refused == {OPENVINO: "self-check failed", TORCH: "not installed"}


def test_a_runtime_asked_for_by_name_is_not_replaced_by_another(
    tiny_bundle: Path,
) -> None:
    def check(runtime: Runtime) -> None:
        raise BundleError("self-check failed")

    with pytest.raises(BundleError, match="self-check failed"):
        choose_runtime(load_bundle(tiny_bundle), RuntimeRequest(ONNX), check=check)


@pytest.mark.parametrize("kind", [OPENVINO, TORCH])
def test_a_runtime_that_is_not_installed_says_which_extra_brings_it(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(models.runtime_choice, "find_spec", lambda _: None)
    with pytest.raises(RuntimeChoiceError, match=rf"runtime {kind}: not installed; .*pip install"):
        load_analyzer(tiny_bundle, wanted=RuntimeRequest(kind))


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            RuntimeRequest("abacus"),
            "runtime: 'abacus' found, one of auto, onnx, openvino, torch wanted",
        ),
        (RuntimeRequest(ONNX, "fp4"), "precision: 'fp4' found, one of auto, fp32 wanted"),
    ],
)
def test_an_unknown_name_is_told_with_those_that_are_known(
    wanted: RuntimeRequest, message: str
) -> None:
    with pytest.raises(RuntimeChoiceError, match=message):
        load_analyzer(wanted=wanted)


def test_auto_reads_with_what_it_chose_and_tells(tiny_bundle: Path) -> None:
    told: list[RuntimeChoice] = []
    analyzer = load_analyzer(
        tiny_bundle, threads=1, wanted=RuntimeRequest(AUTO), report=told.append
    )
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
    assert load_analyzer(EMBEDDED_BUNDLE, threads=1).runtime.name == "onnxruntime-cpu"
