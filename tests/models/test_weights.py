import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from tokenizers import Tokenizer

from models.bundle import Bundle, BundleError, load_bundle
from models.network import Network, NetworkShape, outputs_of
from models.runtimes import OnnxRuntime
from models.weights import load_network
from tests.support.tiny import save_bert
from training.pretraining.encoders import load_encoder
from training.tuning.bundling import make_bundle
from training.tuning.starting import checkpoint_of

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bert_bundle(tmp_path_factory, samples, tiny_labels) -> Path:
    """A bundle of the BERT layout: weights at random, without n-grams."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("bert")
    base = save_bert(folder / "base", [labelled.record.text for labelled in samples])
    encoder = load_encoder(base, device=CPU)
    network = Network(encoder.module, NetworkShape.of(tiny_labels, width=encoder.width))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))  # else the exporter joins like ones
    make_bundle(
        network,
        encoder,
        samples,
        labels=tiny_labels,
        directory=folder / "bundle",
        manifest={"name": "bert"},
        measure=lambda _: {},
    )
    return folder / "bundle"


@pytest.fixture(params=["tiny_bundle", "bert_bundle"])
def bundle(request) -> Bundle:
    return load_bundle(request.getfixturevalue(request.param))


def test_the_torch_network_gives_the_logits_of_the_onnx_file(bundle):
    generator = np.random.default_rng(0)
    ids = generator.integers(5, 1280, (3, 48))
    mask = np.ones_like(ids)
    mask[0, 40:] = 0
    runtime = OnnxRuntime(bundle.file("network.onnx"), threads=1)
    wanted = runtime.infer(ids, mask)
    with torch.inference_mode():
        found = outputs_of(load_network(bundle), torch.from_numpy(ids), torch.from_numpy(mask))
    for name, values in wanted.items():
        np.testing.assert_allclose(getattr(found, name).numpy(), values, atol=1e-3)


def test_the_weights_are_those_that_were_exported(tiny_bundle, tiny_network):
    found = load_network(load_bundle(tiny_bundle)).state_dict()
    wanted = tiny_network.state_dict()
    assert set(found) == set(wanted)
    for name, tensor in wanted.items():
        # Half precision on disk: eleven bits of a number.
        torch.testing.assert_close(found[name], tensor, rtol=2**-11, atol=1e-7, msg=name)


def test_an_encoder_that_was_stored_in_half_precision_computes_in_full(bundle):
    halved = {**bundle.network, "encoder": {**bundle.network["encoder"], "dtype": "float16"}}
    weights = load_network(replace(bundle, network=halved)).state_dict()
    assert {weight.dtype for weight in weights.values() if weight.is_floating_point()} == {
        torch.float32
    }


def test_the_network_is_ready_to_answer(bundle):
    assert not any(part.training for part in load_network(bundle).modules())


# --- bundles that hold no network ---------------------------------------------------------------


def rewritten(bundle: Path, to: Path, **changes: str | None) -> Bundle:
    """The bundle with entries of its description removed, unverified."""
    found = load_bundle(bundle)
    lacking = {name: value for name, value in found.network.items() if name not in changes}
    shutil.copytree(bundle, to)
    return Bundle(
        to, found.manifest, found.taxonomy, found.codebook, found.labels, found.calibration, lacking
    )


@pytest.mark.parametrize("name", ["shape", "encoder"])
def test_a_description_without_a_network_is_named(tiny_bundle, tmp_path, name):
    bundle = rewritten(tiny_bundle, tmp_path / "copy", **{name: None})
    with pytest.raises(BundleError, match=f"copy: network.json lacks '{name}'"):
        load_network(bundle)


def test_a_weight_that_is_missing_is_named(tiny_bundle, tmp_path):
    bundle = rewritten(tiny_bundle, tmp_path / "copy")
    model = onnx.load(str(bundle.file("network.onnx")))
    kept = [t for t in model.graph.initializer if not t.name.startswith("evidence.weight")]
    assert len(kept) == len(model.graph.initializer) - 1
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.save_model(model, str(bundle.file("network.onnx")))
    with pytest.raises(BundleError, match=r"network\.onnx lacks the weight evidence\.weight"):
        load_network(bundle)


def test_a_bundle_says_how_its_encoder_reads_and_not_where_it_lay(bert_bundle):
    written = (bert_bundle / "network.json").read_text("utf-8")
    description = json.loads(written)
    assert (description["window"], description["overlap"]) == (512, 128)
    assert description["encoder"]["model_type"] == "bert"
    assert str(bert_bundle.parent) not in written


def test_a_bundle_may_be_started_from_as_a_checkpoint(tiny_bundle: Path, tmp_path: Path):
    base = checkpoint_of(str(tiny_bundle), directory=tmp_path)
    encoder = load_encoder(base, device=CPU)
    wanted = load_network(load_bundle(tiny_bundle)).encoder.state_dict()
    found = encoder.module.state_dict()
    assert encoder.name == "tiny"
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    own = Tokenizer.from_file(str(tiny_bundle / "tokenizer.json"))
    assert encoder.tokenizer.encode("理赔太慢").ids == own.encode("理赔太慢").ids
    assert encoder.mask_id == own.token_to_id("[MASK]")


def test_what_is_no_bundle_is_left_as_it_is(tmp_path: Path):
    assert checkpoint_of("some/name", directory=tmp_path) == "some/name"
    assert list(tmp_path.iterdir()) == []
