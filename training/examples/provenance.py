"""Provenance: what a bundle's manifest notes of its training, and whether records are the same.

Names data by fingerprints; holds no text and no case id.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from models.errors import XiaobaoError
from models.record import LabelledRecord, Record
from training.examples.splits import FRACTIONS, Split, leave_one_writer_out, split

PARTS = ("train", "development", "test")


class ProvenanceError(XiaobaoError):
    """Records that cannot be split as they were when a bundle was trained."""


def fingerprint(records: Iterable[LabelledRecord]) -> str:
    """sha256 over ids and texts, whatever their order: names a data set without showing it."""
    lines = sorted(f"{r.record.case_id}\x1f{r.record.text}" for r in records)
    return hashlib.sha256("\x1e".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def parts_of(
    records: Sequence[LabelledRecord],
    *,
    seed: int,
    fractions: tuple[float, float, float],
    hold_out: str | None,
) -> Split:
    """The parts that such settings make of the records.

    Raises ProvenanceError where no record is by the writer to hold out.
    """
    if hold_out is None:
        return split(records, seed=seed, fractions=fractions)
    ((_, others, held),) = leave_one_writer_out(records, [hold_out])
    if not held:
        raise ProvenanceError(f"writer {hold_out!r}: 0 records found, at least 1 wanted")
    train, development, _ = fractions
    whole = train + development
    rest = split(
        [records[i] for i in others],
        seed=seed,
        fractions=(train / whole, development / whole, 0.0),
    )
    back = {part: tuple(others[i] for i in getattr(rest, part)) for part in PARTS}
    return Split(back["train"], tuple(sorted((*back["development"], *back["test"]))), held)


def learned_from(records: Iterable[Record], manifest: Mapping[str, Any]) -> int:
    """How many of the texts stand, word for word, among those that the bundle was tuned on."""
    seen = set(manifest.get("training", {}).get("texts", ()))
    return sum(digest(record) in seen for record in records)


def digest(record: Record) -> str:
    """12 hex digits of a text's sha256: names the text without showing it."""
    return hashlib.sha256(record.text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def is_own(records: Sequence[LabelledRecord], manifest: Mapping[str, Any]) -> bool:
    """Whether these are the records that the bundle was trained on; labels may have changed."""
    return bool(manifest.get("training", {}).get("data") == fingerprint(records))


def split_again(records: Sequence[LabelledRecord], manifest: Mapping[str, Any]) -> Split:
    """The split of the bundle's training, for its own records or others.

    Raises ProvenanceError where its own records come out in other parts, as after a change of
    labels: a development part would then hold texts that the bundle learned from.
    """
    trained = manifest.get("training", {})
    train, development, test = trained.get("fractions", FRACTIONS)
    parts = parts_of(
        records,
        seed=trained.get("split_seed", 0),
        fractions=(train, development, test),
        hold_out=trained.get("hold_out"),
    )
    noted = trained.get("parts") if is_own(records, manifest) else None
    for part, wanted in (noted or {}).items():
        if fingerprint(pick(records, parts, part)) != wanted:
            raise ProvenanceError(
                f"{part}: other records found than in the training of {manifest['name']}, as its "
                "labels or groups have changed since; wanted --part all with --baseline-data, or a "
                "bundle trained anew"
            )
    return parts


def pick(records: Sequence[LabelledRecord], parts: Split, part: str) -> list[LabelledRecord]:
    """The records of one part, in order."""
    return [records[place] for place in getattr(parts, part)]
