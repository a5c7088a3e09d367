"""Encoders: any Chinese BERT-like checkpoint, by local path or hub id, with its tokenizer.

Says in one line what is wrong with a checkpoint; knows nothing about heads or labels.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError
from tokenizers import Tokenizer
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import CONFIG_NAME
from transformers.utils import logging as transformers_logging

from models.errors import XiaobaoError
from models.ngram_slots import STRIDE
from models.weights import without_pooler

EMBEDDED_ENCODER = Path(__file__).parents[2] / "models" / "embedded" / "encoder"
# What ModernBERT and BERT and its kin call it. Not in attention: drawing a mask for every pair of
# tokens made the encoder's training step 1.27 times as long on two cores.
DROPOUTS = ("embedding_dropout", "mlp_dropout", "hidden_dropout_prob")
LONGEST = 1024  # tokens a window, where the encoder's positions allow so many
SHORTEST = 32
_HUB_ID = re.compile(r"\w[\w.-]*(/[\w.-]+)?", re.ASCII)
OVERLAP = 128  # tokens that neighbouring windows share, a quarter of short ones


class EncoderError(XiaobaoError):
    """A checkpoint that cannot be used as an encoder."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """A loaded checkpoint. ``window``: tokens it reads at once, special tokens included."""

    name: str
    module: nn.Module
    tokenizer: Tokenizer
    config: dict[str, Any]
    width: int
    window: int
    mask_id: int

    @property
    def overlap(self) -> int:
        """Tokens that neighbouring windows share."""
        return min(OVERLAP, self.window // 4)


def load_encoder(
    base: str | Path = EMBEDDED_ENCODER, *, device: torch.device, dropout: float | None = None
) -> Encoder:
    """The checkpoint at a path or of a hub id, in fp32; EncoderError says what is wrong with it.

    dropout: after embeddings and in feed-forward layers; None leaves what the checkpoint says.
    """
    with reading(base):
        config = AutoConfig.from_pretrained(str(base))
        for name in DROPOUTS if dropout is not None else ():
            if hasattr(config, name):
                setattr(config, name, dropout)
        module, found = AutoModel.from_pretrained(
            str(base),
            config=config,
            dtype=torch.float32,
            attn_implementation=attention_on(device),
            output_loading_info=True,
        )
    module = without_pooler(module)
    absent = sorted(set(found["missing_keys"]) & set(module.state_dict()))
    if absent:
        raise EncoderError(f"{base}: no weight {absent[0]}; wanted all weights of its config.json")
    tokenizer = load_tokenizer(base, vocabulary=_vocabulary(base, config))
    return Encoder(
        name="embedded" if Path(base) == EMBEDDED_ENCODER else Path(base).name,
        module=module,
        tokenizer=tokenizer.backend_tokenizer,
        config=_public(config.to_dict()),
        width=int(config.hidden_size),
        window=min(LONGEST, positions_of(base, config) // 16 * 16),
        mask_id=int(tokenizer.mask_token_id),
    )


def load_tokenizer(base: str | Path, *, vocabulary: int) -> Any:
    """The fast tokenizer of a checkpoint that knows ``vocabulary`` tokens; cuts and pads nothing.

    Raises EncoderError for one that does not fit: slow, too large, without a mask or without
    exactly two special tokens around a text.
    """
    with reading(base):
        tokenizer = AutoTokenizer.from_pretrained(str(base))
    if not getattr(tokenizer, "is_fast", False):
        raise EncoderError(f"{base}: {type(tokenizer).__name__} found, a fast tokenizer wanted")
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    ends = len(tokenizer.backend_tokenizer.encode("").ids)
    if ends != 2:
        raise EncoderError(f"{base}: {ends} special tokens found around a text, 2 wanted")
    if tokenizer.mask_token_id is None:
        raise EncoderError(f"{base}: no mask token found in its tokenizer, one wanted")
    largest = max(tokenizer.get_vocab().values())
    if largest >= vocabulary:
        raise EncoderError(
            f"{base}: token number {largest} found in its tokenizer, numbers below {vocabulary} "
            "wanted, as its weights are of that size"
        )
    return tokenizer


def positions_of(base: str | Path, config: Any) -> int:
    """The tokens that a checkpoint's positions allow; EncoderError where too few or unknown."""
    found = getattr(config, "max_position_embeddings", None)
    if not isinstance(found, int) or found < SHORTEST:
        raise EncoderError(
            f"{base}: max_position_embeddings is {found} in its config.json, at least {SHORTEST} "
            "wanted"
        )
    return found


def attention_on(device: torch.device) -> str:
    """Eager attention on processors: its backward pass was 1.3 times as fast there in bf16."""
    return "sdpa" if device.type == "cuda" else "eager"


@contextmanager
def reading(base: str | Path) -> Iterator[None]:
    """Turns whatever a checkpoint makes transformers raise into an EncoderError; no chatter."""
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    _check_is_there(str(base))
    try:
        yield
    except Exception as error:  # its readers raise what they meet: KeyError to SafetensorError
        raise EncoderError(_unusable(base, type(error).__name__)) from error


def _check_is_there(base: str) -> None:
    """Asks the hub once for what is no directory here: transformers tries six times, 23 seconds."""
    if Path(base).is_dir():
        return
    if not _HUB_ID.fullmatch(base):
        raise EncoderError(_unusable(base, "no such directory"))
    try:
        if not isinstance(try_to_load_from_cache(base, CONFIG_NAME), str):
            get_hf_file_metadata(hf_hub_url(base, CONFIG_NAME))
    except Exception as error:  # those of the hub and of its HTTP client alike
        hub = "gives no such model" if isinstance(error, HfHubHTTPError) else "cannot be asked"
        why = f"no such directory, and the hub {hub}: {type(error).__name__}"
        raise EncoderError(_unusable(base, why)) from error


def _unusable(base: str | Path, why: str) -> str:
    return (
        f"{base}: no usable checkpoint ({why}); wanted a directory with "
        "config.json, model.safetensors and a tokenizer, or a hub id"
    )


def _vocabulary(base: str | Path, config: Any) -> int:
    size = int(config.vocab_size)
    if size > STRIDE // 2:
        raise EncoderError(f"{base}: {size} tokens found, at most {STRIDE // 2} wanted")
    return size


def _public(config: dict[str, Any]) -> dict[str, Any]:
    """Without what begins with an underscore: where the checkpoint lay is nobody's business."""
    return {name: value for name, value in config.items() if not name.startswith("_")}


def autocast(device: torch.device) -> torch.autocast:
    """bf16 where the processor computes it, else full precision."""
    if device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16, enabled=torch.cuda.is_bf16_supported())
    capabilities = torch.cpu.get_capabilities()
    has_bf16 = bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_bf16)
