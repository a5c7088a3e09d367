"""Batches: what each window should say, and that each is read once an epoch."""

from typing import Any

import numpy as np
import pytest
import torch

from models.labels import LabelSpace
from models.record import LabelledRecord, Record, Span
from models.windows import WindowReader
from training.tuning.batches import IGNORED, Target, batched, collate, targets_of

DELAY, DENY, FAMILY = "CLAIM.CLAIM_DELAY", "CLAIM.CLAIM_DENY", "NX_FAMILY_HELPER"
TEXT = "我替我妈问，理赔拖了半年"


def labelled(text: str = TEXT, **changes: Any) -> LabelledRecord:
    plain: dict[str, Any] = {
        "primary": DELAY,
        "causes": (DELAY,),
        "marks": (FAMILY,),
        "demand": ("claim_payment", "explanation"),
        "spans": (Span(0, 4, (FAMILY,)), Span(6, 12, (DELAY,))),
    }
    record = Record(text, genre="own_words", role="family_helper")
    return LabelledRecord(record, **{**plain, **changes})


@pytest.fixture
def targets(tiny_reader: WindowReader, tiny_labels: LabelSpace) -> Any:
    def make(*records: LabelledRecord) -> list[Target]:
        return targets_of(records, reader=tiny_reader, labels=tiny_labels)

    return make


def held_by(target: Target, labels: LabelSpace) -> set[str]:
    return {labels.evidence[i] for i in np.flatnonzero(target.labels)}


def proved_by(target: Target, labels: LabelSpace, id_: str) -> list[int]:
    return target.proof[target.proof[:, 1] == labels.evidence.index(id_), 0].tolist()


def test_a_target_holds_causes_signs_and_marks(targets: Any, tiny_labels: LabelSpace) -> None:
    (target,) = targets(labelled(signs=("PS_FEE_SHARE",)))
    assert held_by(target, tiny_labels) == {DELAY, "PS_FEE_SHARE", FAMILY}


def test_the_tokens_of_a_span_prove_its_label(targets: Any, tiny_labels: LabelSpace) -> None:
    (target,) = targets(labelled())
    assert proved_by(target, tiny_labels, FAMILY) == [1, 2, 3, 4]  # [CLS] is 0
    assert proved_by(target, tiny_labels, DELAY) == [7, 8, 9, 10, 11, 12]


def test_spans_are_found_where_normalising_moved_them(
    targets: Any, tiny_labels: LabelSpace
) -> None:
    moved = labelled("\u200b\u200b" + TEXT, spans=(Span(8, 14, (DELAY,)),))
    assert proved_by(targets(moved)[0], tiny_labels, DELAY) == [7, 8, 9, 10, 11, 12]


def test_facets_are_positions_in_the_label_space(targets: Any, tiny_labels: LabelSpace) -> None:
    (target,) = targets(labelled(agent_run=True, record_type="report"))
    assert tiny_labels.role[target.role] == "family_helper"
    assert tiny_labels.genre[target.genre] == "own_words"
    assert tiny_labels.record_type[target.record_type] == "report"
    asked = {tiny_labels.demand[i] for i in np.flatnonzero(target.demand)}
    assert (asked, target.agent) == ({"claim_payment", "explanation"}, 1.0)


def test_of_a_role_and_genre_that_intake_did_not_tell_nothing_is_learned(targets: Any) -> None:
    plain = LabelledRecord(Record(TEXT), primary=DELAY, causes=(DELAY,))
    (target,) = targets(plain)
    assert (target.role, target.genre) == (IGNORED, IGNORED)


@pytest.fixture
def long_record() -> LabelledRecord:
    """Two causes, one proved at the beginning and one at the end of three windows' text."""
    text = "理赔拖了半年" + "啊" * 110 + "拒绝赔付"
    return labelled(
        text,
        causes=(DELAY, DENY),
        spans=(Span(0, 6, (DELAY,)), Span(116, 120, (DENY,))),
    )


def test_a_window_answers_for_the_labels_whose_evidence_it_holds(
    targets: Any, tiny_labels: LabelSpace, long_record: LabelledRecord
) -> None:
    causes = [held_by(target, tiny_labels) - {FAMILY} for target in targets(long_record)]
    assert causes == [{DELAY}, set(), {DENY}]


def test_every_window_answers_for_labels_without_evidence(
    targets: Any, tiny_labels: LabelSpace, long_record: LabelledRecord
) -> None:
    assert [FAMILY in held_by(t, tiny_labels) for t in targets(long_record)] == [True] * 3


def test_the_primary_of_a_window_is_a_cause_that_it_holds(
    targets: Any, tiny_labels: LabelSpace, long_record: LabelledRecord
) -> None:
    primaries = [tiny_labels.causes[target.primary] for target in targets(long_record)]
    assert primaries == [DELAY, DELAY, DENY]  # the middle one holds none: the record's


@pytest.mark.parametrize("generator", [None, np.random.default_rng(3)])
@pytest.mark.parametrize("batch_tokens", [1, 300, 10**6])
def test_an_epoch_reads_every_target_once(
    tiny_targets: list[Target], generator: np.random.Generator | None, batch_tokens: int
) -> None:
    batches = list(batched(tiny_targets, batch_tokens=batch_tokens, generator=generator))
    read = [id(target) for batch in batches for target in batch]
    assert sorted(read) == sorted(id(target) for target in tiny_targets)


@pytest.mark.parametrize("generator", [None, np.random.default_rng(3)])
def test_a_padded_batch_keeps_to_its_tokens(
    tiny_targets: list[Target], generator: np.random.Generator | None
) -> None:
    for batch in batched(tiny_targets, batch_tokens=300, generator=generator):
        assert len(batch) * max(target.window.padded for target in batch) <= 300


def order_of(targets: list[Target], seed: int) -> list[int]:
    generator = np.random.default_rng(seed)
    batches = batched(targets, batch_tokens=300, generator=generator)
    return [id(target) for batch in batches for target in batch]


def test_the_order_follows_the_seed(tiny_targets: list[Target]) -> None:
    assert order_of(tiny_targets, 1) == order_of(tiny_targets, 1) != order_of(tiny_targets, 2)


def test_collating_pads_to_the_longest_and_masks_the_rest(targets: Any) -> None:
    short, long = targets(labelled()), targets(labelled("我替我妈问，" + "理赔拖了半年" * 5))
    batch = collate([*short, *long])
    assert batch.input_ids.shape == (2, 48)
    assert batch.attention_mask.sum(dim=1).tolist() == [14, 38]
    assert batch.input_ids[batch.attention_mask == 0].unique().tolist() == [0]


def test_collated_proof_is_that_of_each_target(targets: Any, tiny_labels: LabelSpace) -> None:
    first, second = targets(labelled(), labelled(spans=()))
    batch = collate([first, second])
    assert batch.proof.shape == (2, 16, len(tiny_labels.evidence))
    assert torch.nonzero(batch.proof[0]).tolist() == sorted(first.proof.tolist())
    assert batch.proof[1].sum() == 0
