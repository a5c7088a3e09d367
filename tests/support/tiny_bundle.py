"""A bundle small enough to be made by the tests: its tokenizer, its network, its directory."""

import itertools
from pathlib import Path
from typing import Any

from models.labels import LabelSpace
from models.record import LabelledRecord
from models.text import normalise

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def character_tokenizer(samples: list[LabelledRecord]) -> Any:
    """A tokenizer of single characters, as the embedded encoder has one."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

    seen = {char for labelled in samples for char in normalise(labelled.record.text).text}
    spare = (chr(code) for code in range(0x4E00, 0x9FFF) if chr(code) not in seen)
    words = [*SPECIAL, *sorted(char for char in seen if not char.isspace())]
    words += [next(spare) for _ in range(1280 - len(words))]
    vocabulary = {word: place for place, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("."), "isolated")]
    )
    ends = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def network_maker(labels: LabelSpace) -> Any:
    """Makes untrained networks of two layers, 32 wide: the same for the same seed."""
    import torch
    from transformers import ModernBertConfig, ModernBertModel

    from models.network import Network, NetworkShape

    torch.set_num_threads(1)
    config = ModernBertConfig(
        vocab_size=1280, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=256, global_attn_every_n_layers=1,
        pad_token_id=0, cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    config._attn_implementation = "eager"

    def make(*, seed: int = 0, dropout: float = 0.1) -> Network:
        torch.manual_seed(seed)
        return Network(ModernBertModel(config), NetworkShape.of(labels, width=32), dropout=dropout)

    return make


def fit_by_heart(network: Any, targets: Any) -> Any:
    """Fit a network until it knows its targets by heart, n-grams joined."""
    import torch

    from training.tuning.fitting import fit
    from training.tuning.mixing import mix
    from training.tuning.ngrams import fit_ngrams
    from training.tuning.settings import FitSettings

    settings = FitSettings(epochs=5, batch_tokens=512, learning_rate=5e-3, average=0.9)
    device = torch.device("cpu")
    score = itertools.count().__next__  # the last weights are the best
    fit(
        network,
        targets,
        score=lambda _: score(),
        settings=settings,
        device=device,
        mask_id=4,
    )
    network.add_ngrams(fit_ngrams(targets, causes=network.shape.causes))
    mix(network, targets, device=device)
    network.mixing.clamp_(min=0.3)  # on texts known by heart one reader alone would do
    return network.train()  # as fitting may leave it: what is exported must not drop out


def save_bundle(
    directory: Path,
    *,
    network: Any,
    tokenizer: Any,
    labels: LabelSpace,
    samples: list[LabelledRecord],
) -> None:
    """Write a true bundle of a tiny network: exported, calibrated, self-checked."""
    from training.pretraining.encoders import Encoder
    from training.tuning.bundling import make_bundle

    config = network.encoder.config.to_dict()
    encoder = Encoder("tiny", network.encoder, tokenizer, config, 32, 64, 4)
    make_bundle(
        network,
        encoder,
        samples,
        labels=labels,
        directory=directory,
        manifest={"name": "tiny"},
        measure=lambda _: {},
    )
