"""Where tuning starts from: a checkpoint, or a bundle that was tuned on complaints before.

A small table of one's own is learned far better from an encoder that was tuned on complaints, and
what the bundle knows of the same labels is kept: see ``heads``. What it has learned from may not be
held out to measure on.
"""

from pathlib import Path

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from models.bundle import MANIFEST, load_bundle
from models.weights import load_network
from training.pretraining.encoders import EncoderError, reading
from training.tuning.heads import write_heads

_SPECIAL = {
    "pad_token": ("[PAD]", "<pad>"),
    "unk_token": ("[UNK]", "<unk>"),
    "cls_token": ("[CLS]", "<s>"),
    "sep_token": ("[SEP]", "</s>"),
    "mask_token": ("[MASK]", "<mask>"),
}


def checkpoint_of(base: str, *, directory: Path) -> str:
    """``base`` itself; where it is a bundle's directory, its encoder as a checkpoint, heads beside.

    The checkpoint is written under ``directory`` and bears the bundle's name. Raises BundleError
    for a bundle that is broken, EncoderError for one whose tokenizer hides no words.
    """
    if not _is_bundle(base):
        return base
    bundle = load_bundle(Path(base))
    tokenizer = Tokenizer.from_file(str(bundle.file("tokenizer.json")))
    found = directory / str(bundle.manifest["name"])
    special = _special(tokenizer, base)
    with reading(base):
        network = load_network(bundle)
        network.encoder.save_pretrained(found)  # type: ignore[operator]
        write_heads(network, bundle.labels, found)
        fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
        fast.save_pretrained(found)
    return str(found)


def learned_by(base: str) -> tuple[str, ...]:
    """Digests of the texts that a bundle was tuned on; of a checkpoint none are known."""
    return learned_by_bundle(Path(base)) if _is_bundle(base) else ()


def learned_by_bundle(directory: Path) -> tuple[str, ...]:
    """Digests of the texts that the bundle of a directory was tuned on. Raises BundleError."""
    return tuple(load_bundle(directory).manifest.get("training", {}).get("texts", ()))


def _is_bundle(base: str) -> bool:
    return (Path(base) / MANIFEST).is_file()


def _special(tokenizer: Tokenizer, base: str) -> dict[str, str]:
    """The special tokens that the tokenizer has, by the names that transformers gives them."""
    special = {
        name: token
        for name, tokens in _SPECIAL.items()
        for token in tokens
        if tokenizer.token_to_id(token) is not None
    }
    if "mask_token" not in special:
        raise EncoderError(f"{base}: no mask token found in its tokenizer, one wanted")
    return special
