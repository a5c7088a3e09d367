"""Tiny random checkpoints in the layout of Hugging Face, and few complaints to tune them on."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import (
    BertConfig,
    BertForMaskedLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging

from tests.support.places import COMPLAINTS

SPECIAL = {
    "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}  # fmt: skip
TINY = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "pad_token_id": 0}

CAUSES = (
    "OTHER.UNCLEAR", "OTHER.NOT_COMPLAINT", "SALES_MISLEAD.TERM_HIDE", "CONSENT_SIGN.AGENT_SIGNED",
    "SYSTEM.LOGIN_AUTH",
)  # fmt: skip


def write_complaints(path: Path, *, each: int = 10, causes: tuple[str, ...] = CAUSES) -> Path:
    """A file of short labelled complaints, ``each`` of every cause."""
    rows = [json.loads(line) for line in COMPLAINTS.read_text("utf-8").splitlines()]
    short = [row for row in rows if len(row["text"]) < 120]
    chosen = [row for cause in causes for row in islice(_of(short, cause), each)]
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in chosen), "utf-8")
    return path


def _of(rows: list[dict[str, Any]], cause: str) -> Any:
    return (row for row in rows if row["primary"] == cause)


def save_modernbert(
    directory: Path, tokenizer: Tokenizer, *, positions: int = 256, layers: int = 2
) -> Path:
    """Few layers, 32 wide, rotary positions: as the embedded encoder, only smaller."""
    config = ModernBertConfig(
        vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=positions,
        global_attn_every_n_layers=1, cls_token_id=2, sep_token_id=3, bos_token_id=2,
        eos_token_id=3, num_hidden_layers=layers, **TINY,
    )  # fmt: skip
    _save(ModernBertForMaskedLM, config, directory)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL)
    fast.save_pretrained(directory)
    return directory


def save_bert(directory: Path, texts: list[str]) -> Path:
    """The layout of bert-base-chinese: vocab.txt of 21,128 lines, 512 positions, no pooler."""
    directory.mkdir(parents=True, exist_ok=True)
    seen = sorted({char for text in texts for char in text if not char.isspace()})
    words = ["[PAD]", *(f"[unused{i}]" for i in range(1, 100)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words += seen
    words += [f"##{i}" for i in range(21128 - len(words))]
    (directory / "vocab.txt").write_text("\n".join(words) + "\n", "utf-8")
    (directory / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    _save(BertForMaskedLM, BertConfig(vocab_size=21128, num_hidden_layers=2, **TINY), directory)
    return directory


def _save(kind: Any, config: Any, directory: Path) -> None:
    logging.disable_progress_bar()
    torch.manual_seed(0)
    kind(config).save_pretrained(directory)
