"""Quantizing: an int8 bundle that answers nearly as before, or none at all."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from typer.testing import CliRunner

import training.tuning.publishing
import xiaobao
from models.analyzer import Analyzer, load_analyzer
from models.bundle import BundleError, load_bundle
from models.record import LabelledRecord
from models.runtime_choice import RuntimeRequest
from models.runtimes import OnnxRuntime
from models.self_check import TOLERANCES, tolerance_of
from models.weights import load_network
from models.windows import Window, pack, pad
from tests.support.tiny import write_complaints
from training.examples.provenance import ProvenanceError
from training.tuning.commands import quantize
from training.tuning.gate import MARGIN, Compared, GateError, check_gate, check_margin, compare
from training.tuning.publishing import Quantized, quantize_bundle
from training.tuning.quantizing import quantize_network


@pytest.fixture(scope="module")
def windows(tiny_analyzer: Analyzer, samples: list[LabelledRecord]) -> list[Window]:
    cut = tiny_analyzer.cut([labelled.record for labelled in samples])
    return [window for text in cut for window in text.windows]


@pytest.fixture(scope="module")
def int8(
    tmp_path_factory: pytest.TempPathFactory, tiny_analyzer: Analyzer, windows: list[Window]
) -> Path:
    """The tiny network in int8."""
    path = tmp_path_factory.mktemp("int8") / "network.onnx"
    # Of each of two layers: what makes queries, keys and values, what joins heads, what widens.
    assert quantize_network(tiny_analyzer.bundle.file("network.onnx"), path, windows) == 6
    return path


@pytest.fixture(scope="module")
def quantized(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_analyzer: Analyzer,
    samples: list[LabelledRecord],
) -> Quantized:
    """A published int8 bundle of the tiny one; it is so small that int8 costs it more."""
    directory = tmp_path_factory.mktemp("published") / "int8"
    return quantize_bundle(tiny_analyzer, samples, directory=directory, margin=1.0)


def test_weights_of_the_encoder_are_stored_in_eight_bits_and_heads_as_they_were(
    int8: Path, tiny_bundle: Path
) -> None:
    before = {t.name for t in onnx.load(str(tiny_bundle / "network.onnx")).graph.initializer}
    tensors = onnx.load(str(int8)).graph.initializer
    eight = [t for t in tensors if t.data_type == onnx.TensorProto.INT8 and "ngrams" not in t.name]
    assert sum(len(t.dims) == 2 for t in eight) == 6
    kept = {name for name in before if name.startswith(("evidence", "labels", "ngrams", "agent"))}
    assert kept <= {t.name for t in tensors}


def test_a_window_reads_the_same_in_every_batch_in_int8(int8: Path, windows: list[Window]) -> None:
    runtime = OnnxRuntime(int8, threads=1)
    for batch in pack(windows, batch_tokens=512):
        ids, mask = pad([windows[i] for i in batch])
        together = runtime.infer(ids, mask)
        for row in range(len(ids)):
            alone = runtime.infer(ids[row : row + 1], mask[row : row + 1])
            for name, values in together.items():
                np.testing.assert_array_equal(alone[name][0], values[row])


def test_a_published_bundle_loads_checks_itself_and_says_what_it_is(quantized: Quantized) -> None:
    analyzer = load_analyzer(quantized.analyzer.bundle.directory, threads=1)
    assert analyzer.bundle.precision == "int8"
    assert tolerance_of(analyzer.bundle, "fp32") == TOLERANCES["int8"]
    assert analyzer.bundle.manifest["quantized"]["from"].startswith("tiny@")
    assert "| 精度 precision | int8 |" in analyzer.bundle.file("card.md").read_text("utf-8")


def test_a_quantized_network_is_smaller(quantized: Quantized) -> None:
    assert quantized.bytes_quantized < quantized.bytes_full


def test_openvino_reads_a_quantized_bundle_too(quantized: Quantized) -> None:
    pytest.importorskip("openvino", reason="the extra openvino is not installed")
    load_analyzer(quantized.analyzer.bundle.directory, threads=1, wanted=RuntimeRequest("openvino"))


def test_torch_says_that_it_reads_no_quantized_weights(quantized: Quantized) -> None:
    with pytest.raises(BundleError, match="weights in int8 found, in fp32 wanted"):
        load_network(quantized.analyzer.bundle)


def test_what_is_quantized_is_not_quantized_again(
    quantized: Quantized, samples: list[LabelledRecord], tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match="int8 found, fp32 wanted to quantize"):
        quantize_bundle(quantized.analyzer, samples, directory=tmp_path / "again")


def test_of_other_data_it_says_what_was_found_and_which_is_wanted(
    tiny_analyzer: Analyzer, samples: list[LabelledRecord], tmp_path: Path
) -> None:
    told = r"data: 1 records found, 0 of them among those that .* learned from, and none to measure"
    with pytest.raises(ProvenanceError, match=told):
        quantize_bundle(tiny_analyzer, samples[:1], directory=tmp_path / "int8")


# The gate


def spoiled(network: Path, to: Path, _: Any) -> int:
    """Writes the network with an encoder that reads nothing and heads that say nothing."""
    model = onnx.load(str(network))
    for tensor in model.graph.initializer:
        if tensor.name.startswith(("encoder.", "labels.", "primary.", "evidence.", "ngrams.scale")):
            nothing = np.zeros_like(numpy_helper.to_array(tensor))
            tensor.CopyFrom(numpy_helper.from_array(nothing, tensor.name))
    onnx.save_model(model, str(to))
    return 1


def test_a_spoiled_network_is_not_published(
    tiny_analyzer: Analyzer,
    samples: list[LabelledRecord],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training.tuning.publishing, "quantize_network", spoiled)
    directory = tmp_path / "int8"
    wanted = r"int8: not published: level-1 macro F1 0\.\d{4} found, at least 0\.\d{4} wanted"
    with pytest.raises(GateError, match=wanted):
        quantize_bundle(tiny_analyzer, samples, directory=directory)
    assert list(tmp_path.iterdir()) == []


F1 = Compared("level-1 macro F1", 0.90, 0.90)
RECALL = Compared("recall of PS_FEE_SHARE", 0.80, 0.80, records=100)
FLAGS = Compared("false flags", 0.01, 0.01, gain=-1)


@pytest.mark.parametrize(
    "figure",
    [
        F1,
        Compared("level-1 macro F1", 0.90, 0.88),
        Compared("level-1 macro F1", 0.90, 0.99),
        Compared("recall of PS_FEE_SHARE", 0.80, 0.78, records=100),
        Compared("recall of PS_BURST", 1.00, 0.75, records=4),
        Compared("false flags", 0.01, 0.03, gain=-1),
        Compared("false flags", 0.01, 0.00, gain=-1),
    ],
)
def test_what_is_no_worse_than_the_margin_passes(figure: Compared, tmp_path: Path) -> None:
    check_gate([figure], margin=MARGIN, directory=tmp_path)


@pytest.mark.parametrize(
    ("figure", "told"),
    [
        (
            Compared("level-1 macro F1", 0.90, 0.87),
            "level-1 macro F1 0.8700 found, at least 0.8800 wanted (0.9000 before)",
        ),
        (
            Compared("recall of PS_FEE_SHARE", 0.80, 0.77, records=100),
            "recall of PS_FEE_SHARE 0.7700 found, at least 0.7800 wanted (0.8000 before)",
        ),
        (
            Compared("recall of PS_BURST", 1.00, 0.50, records=4),
            "recall of PS_BURST 0.5000 found, at least 0.7500 wanted (1.0000 before)",
        ),
        (
            Compared("false flags", 0.01, 0.04, gain=-1),
            "false flags 0.0400 found, at most 0.0300 wanted (0.0100 before)",
        ),
    ],
)
def test_what_is_worse_is_refused_with_what_it_is_and_what_it_may_be(
    figure: Compared, told: str, tmp_path: Path
) -> None:
    with pytest.raises(GateError) as caught:
        check_gate([F1, RECALL, FLAGS, figure], margin=0.02, directory=tmp_path / "int8")
    assert str(caught.value) == f"{tmp_path / 'int8'}: not published: {told}"


def test_the_gate_looks_at_every_sign_that_gold_has(
    quantized: Quantized, samples: list[LabelledRecord]
) -> None:
    names = [figure.name for figure in quantized.compared]
    signs = [name for name in names if name.startswith("recall of PS_")]
    assert (names[0], names[-1]) == ("level-1 macro F1", "false flags")
    assert len(signs) == len(set(signs)) > 3
    assert {name.removeprefix("recall of ") for name in signs} <= {
        sign for labelled in samples for sign in labelled.signs
    }


def test_figures_of_other_records_are_not_compared(
    tiny_analyzer: Analyzer, samples: list[LabelledRecord]
) -> None:
    from training.tuning.publishing import _measured

    with pytest.raises(GateError, match="the same one wanted"):
        compare(_measured(tiny_analyzer, samples[:9]), _measured(tiny_analyzer, samples[9:18]))


@pytest.mark.parametrize("margin", [-0.1, 1.5, float("nan")])
def test_a_margin_that_is_no_share_is_refused(margin: float) -> None:
    with pytest.raises(GateError, match="from 0 to 1 wanted"):
        check_margin(margin)


def test_the_command_s_margin_is_that_of_the_gate() -> None:
    import inspect

    assert inspect.signature(quantize).parameters["margin"].default == MARGIN


def test_a_bundle_of_a_precision_that_is_not_known_is_refused(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    copied = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    manifest = copied / "manifest.json"
    text = manifest.read_text("utf-8")
    manifest.write_text(text.replace('"format":', '"precision": "int3", "format":', 1), "utf-8")
    assert load_bundle(copied).precision == "int3"
    with pytest.raises(BundleError, match="precision 'int3' found, one of fp32, bf16, int8"):
        load_analyzer(copied, threads=1)


def test_a_directory_that_holds_something_else_is_told_before_any_work(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    data = write_complaints(tmp_path / "data.jsonl", each=1)
    result = CliRunner().invoke(
        xiaobao.app, ["quantize", str(tiny_bundle), "--data", str(data), "--out", str(tmp_path)]
    )
    assert result.exit_code == 2
    assert "holds something else" in result.stderr
