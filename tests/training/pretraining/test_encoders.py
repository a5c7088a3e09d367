import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertForMaskedLM

from models.weights import bare_encoder
from tests.support.tiny import save_bert, save_modernbert
from training.pretraining import encoders
from training.pretraining.encoders import EncoderError, load_encoder, load_tokenizer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def modernbert(tmp_path_factory, tiny_tokenizer) -> Path:
    return save_modernbert(tmp_path_factory.mktemp("base") / "modern", tiny_tokenizer)


@pytest.fixture(scope="module")
def bert(tmp_path_factory) -> Path:
    return save_bert(tmp_path_factory.mktemp("base") / "bert", ["理赔太慢"])


@pytest.fixture
def copy(modernbert, tmp_path) -> Path:
    """A checkpoint that a test may spoil."""
    return shutil.copytree(modernbert, tmp_path / "spoiled")


def test_a_checkpoint_of_bert_with_the_standard_vocabulary_reads_512_tokens(bert):
    encoder = load_encoder(bert, device=CPU)
    assert (encoder.window, encoder.overlap, encoder.width) == (512, 128, 32)
    assert encoder.tokenizer.get_vocab_size() == 21128
    assert encoder.mask_id == 103
    assert encoder.tokenizer.encode("理赔").tokens == ["[CLS]", "理", "赔", "[SEP]"]


def test_a_checkpoint_of_full_size_loads_from_its_vocabulary_file(tmp_path, bert):
    """As the hub has Chinese MacBERT and RoBERTa-wwm: BERT-base weights beside a vocab.txt."""
    BertForMaskedLM(BertConfig(vocab_size=21128)).save_pretrained(tmp_path)
    shutil.copy(bert / "vocab.txt", tmp_path)
    encoder = load_encoder(tmp_path, device=CPU)
    assert (encoder.width, encoder.window) == (768, 512)
    assert sum(weight.numel() for weight in encoder.module.parameters()) == 101_677_056
    assert encoder.tokenizer.encode("理赔").tokens == ["[CLS]", "理", "赔", "[SEP]"]


def test_a_checkpoint_of_modernbert_reads_as_many_tokens_as_it_has_positions(modernbert):
    encoder = load_encoder(modernbert, device=CPU)
    assert (encoder.name, encoder.window, encoder.overlap) == ("modern", 256, 64)


def test_the_embedded_encoder_loads():
    encoder = load_encoder(device=CPU)
    assert (encoder.window, encoder.overlap, encoder.width) == (1024, 128, 384)


@pytest.mark.parametrize("layout", ["bert", "modernbert"])
def test_the_weights_are_those_of_the_checkpoint_in_fp32(layout, request):
    base = request.getfixturevalue(layout)
    stored = {n.split(".", 1)[1]: t for n, t in load_file(base / "model.safetensors").items()}
    own = load_encoder(base, device=CPU).module.state_dict()
    assert all(torch.equal(tensor, stored[name]) for name, tensor in own.items())
    assert {tensor.dtype for tensor in own.values()} == {torch.float32}


@pytest.mark.parametrize("layout", ["bert", "modernbert"])
def test_a_bare_encoder_has_room_for_the_same_weights(layout, request):
    encoder = load_encoder(request.getfixturevalue(layout), device=CPU)
    config = json.loads(json.dumps(encoder.config, default=str))
    bare = bare_encoder(config)
    bare.load_state_dict(encoder.module.state_dict())
    ids = torch.arange(5, 25).reshape(1, 20)
    with torch.inference_mode():
        found, wanted = (m.eval()(input_ids=ids)[0] for m in (bare, encoder.module))
    assert torch.equal(found, wanted)


@pytest.mark.parametrize("layout", ["bert", "modernbert"])
@pytest.mark.parametrize("share", [0.0, 0.4])
def test_dropout_is_the_one_asked_for(layout, share, request):
    module = load_encoder(request.getfixturevalue(layout), device=CPU, dropout=share).module
    parts = [(n, p) for n, p in module.named_modules() if isinstance(p, torch.nn.Dropout)]
    rates = {part.p for name, part in parts if not name.endswith(("self.dropout", "out_drop"))}
    assert rates == {share}


# --- what cannot be used ------------------------------------------------------------------------


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


def lose_a_weight(base: Path) -> None:
    weights = load_file(base / "model.safetensors")
    del weights["model.layers.1.mlp.Wi.weight"]
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})


def add_tokens(base: Path) -> None:
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.add_tokens(["保险", "理赔"])
    tokenizer.save(str(base / "tokenizer.json"))


SPOILED = {
    "no weights at all": (
        lambda base: (base / "model.safetensors").unlink(),
        r"no usable checkpoint \(OSError\); wanted a directory with config\.json",
    ),
    "weights cut short": (
        lambda base: (base / "model.safetensors").write_bytes(b"x" * 40),
        "no usable checkpoint",
    ),
    "weights of another size": (
        lambda base: edit(base / "config.json", hidden_size=64),
        "no usable checkpoint",
    ),
    "a weight missing": (lose_a_weight, r"no weight layers\.1\.mlp\.Wi\.weight"),
    "no configuration": (lambda base: (base / "config.json").unlink(), "no usable checkpoint"),
    "an unknown architecture": (
        lambda base: edit(base / "config.json", model_type="parrot"),
        "no usable checkpoint",
    ),
    "a tokenizer larger than the weights": (
        add_tokens,
        "token number 1281 found in its tokenizer, numbers below 1280 wanted",
    ),
    "no mask token": (
        lambda base: edit(base / "tokenizer_config.json", mask_token=None),
        "no mask token found",
    ),
    "nothing around a text": (
        lambda base: edit(base / "tokenizer.json", post_processor=None),
        "0 special tokens found around a text, 2 wanted",
    ),
    "too few positions": (
        lambda base: edit(base / "config.json", max_position_embeddings=16),
        "max_position_embeddings is 16 in its config.json, at least 32 wanted",
    ),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_a_checkpoint_that_cannot_be_used_is_named_with_its_fault(fault, copy):
    spoil, message = SPOILED[fault]
    spoil(copy)
    with pytest.raises(EncoderError, match=f"spoiled: {message}"):
        load_encoder(copy, device=CPU)


def test_a_slow_tokenizer_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "CanineTokenizer"}')
    with pytest.raises(EncoderError, match="CanineTokenizer found, a fast tokenizer wanted"):
        load_tokenizer(tmp_path, vocabulary=100)


def test_a_path_that_leads_nowhere_is_named(tmp_path):
    with pytest.raises(EncoderError, match="nowhere: no usable checkpoint"):
        load_encoder(tmp_path / "nowhere", device=CPU)


@pytest.mark.parametrize("base", ["./nowhere", "runs/to/nowhere", "~/nowhere", "nowhere/"])
def test_what_can_only_be_a_path_is_not_asked_of_the_hub(base, monkeypatch):
    monkeypatch.setattr(encoders, "get_hf_file_metadata", pytest.fail)
    with pytest.raises(EncoderError, match=r"no usable checkpoint \(no such directory\)"):
        load_encoder(base, device=CPU)


def test_the_hub_is_asked_once_for_what_may_be_an_id(monkeypatch):
    asked = []

    def unreachable(url):
        asked.append(url)
        raise ConnectionError

    monkeypatch.setattr(encoders, "get_hf_file_metadata", unreachable)
    with pytest.raises(EncoderError, match=r"the hub cannot be asked: ConnectionError"):
        load_encoder("nobody/nothing", device=CPU)
    assert [url.endswith("nobody/nothing/resolve/main/config.json") for url in asked] == [True]


def test_a_vocabulary_that_n_grams_cannot_count_is_refused(tmp_path, tiny_tokenizer):
    large = Tokenizer.from_str(tiny_tokenizer.to_str())
    large.add_tokens([f"词{number}" for number in range(32000)])
    base = save_modernbert(tmp_path / "large", large)
    with pytest.raises(EncoderError, match="large: 33280 tokens found, at most 32768 wanted"):
        load_encoder(base, device=CPU)
