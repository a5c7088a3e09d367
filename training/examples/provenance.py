"""Provenance: what a bundle's manifest notes of its training, and whether records are the same.

Names data by fingerprints; holds no text and no case id.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from models.errors import XiaobaoError
from models.record import LabelledRecord, Record
from training.examples.splits import FRACTIONS, Split, leave_one_writer_out, split

PARTS = ("train", "development", "test")


class ProvenanceError(XiaobaoError):
    """Records that cannot be divided as the settings want."""


def data_digest(records: Iterable[LabelledRecord]) -> str:
    """sha256 over ids and texts, whatever their order: names a data set without showing it."""
    lines = sorted(f"{r.record.case_id}\x1f{r.record.text}" for r in records)
    return hashlib.sha256("\x1e".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def parts_of(
    records: Sequence[LabelledRecord],
    *,
    seed: int,
    fractions: tuple[float, float, float],
    hold_out: str | None,
    learned: Collection[str] = (),
) -> Split:
    """The parts that such settings make of the records.

    learned: digests of texts that the network to be tuned has learned from; they stand in train.
    Raises ProvenanceError where no record is by the writer to hold out, or one was learned from.
    """
    seen = set(learned)
    known = {place for place, each in enumerate(records) if digest(each.record) in seen}
    if hold_out is None:
        return split(records, seed=seed, fractions=fractions, learned=known)
    ((_, others, held),) = leave_one_writer_out(records, [hold_out])
    if not held:
        raise ProvenanceError(f"writer {hold_out!r}: 0 records found, at least 1 wanted")
    if told := len(known.intersection(held)):
        raise ProvenanceError(
            f"writer {hold_out!r}: {told} records found that were learned from before, 0 wanted"
        )
    train, development, _ = fractions
    whole = train + development
    rest = split(
        [records[i] for i in others],
        seed=seed,
        fractions=(train / whole, development / whole, 0.0),
        learned=[place for place, i in enumerate(others) if i in known],
    )
    back = {part: tuple(others[i] for i in getattr(rest, part)) for part in PARTS}
    return Split(back["train"], tuple(sorted((*back["development"], *back["test"]))), held)


def learned_from(records: Iterable[Record], manifest: Mapping[str, Any]) -> int:
    """How many of the texts stand, word for word, among those that the bundle was tuned on."""
    seen = set(manifest.get("training", {}).get("texts", ()))
    return sum(digest(record) in seen for record in records)


def chosen_on(records: Iterable[Record], manifest: Mapping[str, Any]) -> int:
    """How many of the texts stand among those that thresholds and calibration were chosen on."""
    seen = set(manifest.get("training", {}).get("held_out_texts", {}).get("development", ()))
    return sum(digest(record) in seen for record in records)


def digest(record: Record) -> str:
    """12 hex digits of a text's sha256: names the text without showing it."""
    return hashlib.sha256(record.text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def is_own(records: Sequence[LabelledRecord], manifest: Mapping[str, Any]) -> bool:
    """Whether these are the records that the bundle was trained on; labels may have changed."""
    return bool(manifest.get("training", {}).get("data") == data_digest(records))


def split_again(records: Sequence[LabelledRecord], manifest: Mapping[str, Any]) -> Split:
    """The parts of the bundle's training, where these are its records; else parts made like them.

    Of other records, those that the bundle learned from stand in train, whatever the settings; a
    writer who was held out is again where he wrote some of them.
    """
    trained = manifest.get("training", {})
    if is_own(records, manifest) and "held_out_texts" in trained:
        return _noted_parts(records, trained["held_out_texts"])
    train, development, test = trained.get("fractions", FRACTIONS)
    held = trained.get("hold_out")
    return parts_of(
        records,
        seed=trained.get("split_seed", 0),
        fractions=(train, development, test),
        hold_out=held if any(one.writer == held for one in records) else None,
        learned=trained.get("texts", ()),
    )


def held_out_texts(records: Sequence[LabelledRecord], parts: Split) -> dict[str, list[str]]:
    """Digests of the texts of the parts that nothing is learned of, as ``manifest.json`` notes."""
    return {
        part: sorted(digest(one.record) for one in pick(records, parts, part)) for part in PARTS[1:]
    }


def _noted_parts(records: Sequence[LabelledRecord], noted: Mapping[str, Sequence[str]]) -> Split:
    part_of = {text: part for part, texts in noted.items() for text in texts}
    found: dict[str, list[int]] = {part: [] for part in PARTS}
    for place, one in enumerate(records):
        found[part_of.get(digest(one.record), "train")].append(place)
    return Split(*(tuple(found[part]) for part in PARTS))


def pick(records: Sequence[LabelledRecord], parts: Split, part: str) -> list[LabelledRecord]:
    """The records of one part, in order."""
    return [records[place] for place in getattr(parts, part)]
