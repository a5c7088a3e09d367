"""Excerpts: what is cut takes its labels along, and what a cut cannot say is not asked."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from models.labels import LabelSpace
from models.network import Outputs
from models.record import LabelledRecord, Record, Span
from models.windows import WindowReader
from training.tuning.batches import IGNORED, Batch, Target, collate, targets_of
from training.tuning.excerpts import Excerpts, abridged, clips_of, evidence_runs, kept_tokens
from training.tuning.losses import LossWeights, total_loss

TEXT = "柜员说这是存款,我交了三万。现在退只给一万。要我把二成给帮忙的人。"
CONFUSE, CASH_VALUE = "SALES_MISLEAD.PRODUCT_CONFUSE", "SURRENDER.CASH_VALUE_DISPUTE"
FEE = "PS_FEE_SHARE"


def at(words: str, *labels: str) -> Span:
    start = TEXT.index(words)
    return Span(start, start + len(words), labels)


@pytest.fixture(scope="module")
def target(tiny_reader: WindowReader, tiny_labels: LabelSpace) -> Target:
    record = LabelledRecord(
        Record(TEXT, genre="own_words", role="policyholder"),
        primary=CONFUSE,
        causes=(CONFUSE, CASH_VALUE),
        signs=(FEE,),
        agent_run=True,
        spans=(
            at("柜员说这是存款", CONFUSE),
            at("现在退只给一万", CASH_VALUE),
            at("把二成给帮忙的人", FEE),
        ),
    )
    return targets_of([record], reader=tiny_reader, labels=tiny_labels)[0]


def held(target: Target, labels: LabelSpace) -> set[str]:
    return {labels.evidence[place] for place in np.flatnonzero(target.labels)}


def without(target: Target, labels: LabelSpace, *gone: str) -> Target:
    """The target without the evidence of some labels."""
    kept = np.ones(len(target.window.ids), dtype=bool)
    for label in gone:
        kept[target.proof[target.proof[:, 1] == labels.evidence.index(label), 0]] = False
    return abridged(target, kept, causes=len(labels.causes))


def test_a_clip_is_evidence_alone_with_its_label(target: Target, tiny_labels: LabelSpace) -> None:
    clips = clips_of([target], causes=len(tiny_labels.causes))
    assert [held(clip, tiny_labels) for clip in clips] == [{CONFUSE}, {CASH_VALUE}, {FEE}]
    runs = sorted(evidence_runs(target))
    assert [list(clip.window.ids[1:-1]) for clip in clips] == [
        list(target.window.ids[start:end]) for start, end in runs
    ]
    ends = (target.window.ids[0], target.window.ids[-1])
    assert all((clip.window.ids[0], clip.window.ids[-1]) == ends for clip in clips)


def test_the_tokens_of_a_clip_prove_its_label_and_special_tokens_prove_nothing(
    target: Target, tiny_labels: LabelSpace
) -> None:
    clip = clips_of([target], causes=len(tiny_labels.causes))[0]
    assert clip.proof[:, 0].tolist() == list(range(1, len(clip.window.ids) - 1))


def test_a_clip_says_which_cause_comes_first_but_not_who_wrote(
    target: Target, tiny_labels: LabelSpace
) -> None:
    cause, _, sign = clips_of([target], causes=len(tiny_labels.causes))
    assert (cause.primary, sign.primary) == (tiny_labels.causes.index(CONFUSE), IGNORED)
    assert {clip.agent for clip in (cause, sign)} == {IGNORED}
    assert {clip.record_type for clip in (cause, sign)} == {IGNORED}


@pytest.mark.parametrize(
    ("gone", "left", "primary_known", "writer_known"),
    [
        (CASH_VALUE, {CONFUSE, FEE}, True, True),
        (CONFUSE, {CASH_VALUE, FEE}, False, True),
        (FEE, {CONFUSE, CASH_VALUE}, True, False),
    ],
)
def test_a_label_goes_with_the_last_of_its_evidence(
    target: Target,
    tiny_labels: LabelSpace,
    gone: str,
    left: set[str],
    primary_known: bool,
    writer_known: bool,
) -> None:
    found = without(target, tiny_labels, gone)
    assert held(found, tiny_labels) == left
    assert (found.primary != IGNORED, found.agent != IGNORED) == (primary_known, writer_known)


def test_evidence_moves_with_its_tokens(target: Target, tiny_labels: LabelSpace) -> None:
    found = without(target, tiny_labels, CONFUSE)
    place = tiny_labels.evidence.index(FEE)
    moved = found.window.ids[found.proof[found.proof[:, 1] == place, 0]]
    proved = target.window.ids[target.proof[target.proof[:, 1] == place, 0]]
    assert moved.tolist() == proved.tolist()


def test_a_label_without_evidence_stays(target: Target, tiny_labels: LabelSpace) -> None:
    unproved = replace(target, proof=np.zeros((0, 2), dtype=np.int64))
    kept = np.ones(len(target.window.ids), dtype=bool)
    kept[3:9] = False
    found = abridged(unproved, kept, causes=len(tiny_labels.causes))
    assert held(found, tiny_labels) == held(target, tiny_labels)
    assert (found.primary, found.agent) == (target.primary, target.agent)


def test_whole_clauses_are_left_out_and_special_tokens_stay() -> None:
    ids = np.array([2, *[7] * 9, 5, *[8] * 9, 5, *[9] * 9, 5, 3], dtype=np.int64)
    clauses = [slice(1, 11), slice(11, 21), slice(21, 31)]
    generator = np.random.default_rng(0)
    drawn = [kept_tokens(ids, ends=np.array([5]), generator=generator) for _ in range(200)]
    assert all(kept[0] and kept[-1] for kept in drawn)
    assert all(kept[clause].all() or not kept[clause].any() for kept in drawn for clause in clauses)
    assert {tuple(bool(kept[clause][0]) for clause in clauses) for kept in drawn} > {
        (True, True, True),
        (False, True, True),
        (True, False, True),
    }
    assert all(kept.sum() >= 10 for kept in drawn)


def test_an_epoch_reads_every_text_and_the_share_of_clips(
    target: Target, tiny_labels: LabelSpace
) -> None:
    excerpts = Excerpts([target] * 4, causes=len(tiny_labels.causes))
    for clips, count in ((0.0, 4), (0.5, 10), (1.0, 16)):
        drawn = excerpts.drawn(clips=clips, abridged=1.0, generator=np.random.default_rng(0))
        assert len(drawn) == count
    assert drawn[:4] == [target] * 4  # no token is known to end a clause


def loss_of(batch: Batch, **changed: torch.Tensor) -> float:
    shape = {
        "labels": batch.labels.shape,
        "primary": (len(batch.primary), 73),
        "agent": batch.agent.shape,
        "demand": batch.demand.shape,
        "record_type": (len(batch.primary), 8),
        "role": (len(batch.primary), 16),
        "genre": (len(batch.primary), 16),
        "tokens": batch.proof.shape,
    }
    outputs = Outputs(**{**{name: torch.zeros(size) for name, size in shape.items()}, **changed})
    return float(total_loss(outputs, batch, weights=LossWeights(smoothing=0.0)))


def test_what_a_clip_cannot_say_costs_nothing(target: Target, tiny_labels: LabelSpace) -> None:
    sign = clips_of([target], causes=len(tiny_labels.causes))[2]
    batch = collate([sign])
    anything: dict[str, Any] = {
        "primary": torch.randn(1, 73),
        "agent": torch.randn(1),
        "demand": torch.randn(batch.demand.shape),
        "role": torch.randn(1, 16),
    }
    assert loss_of(batch, **anything) == pytest.approx(loss_of(batch))
    assert loss_of(batch, labels=torch.randn(batch.labels.shape)) != pytest.approx(loss_of(batch))
    asked = collate([target])
    for name, value in anything.items():
        assert loss_of(asked, **{name: value}) != pytest.approx(loss_of(asked))


def test_a_clip_in_the_batch_leaves_the_others_their_weight(
    target: Target, tiny_labels: LabelSpace
) -> None:
    sign = clips_of([target], causes=len(tiny_labels.causes))[2]
    wrong = torch.zeros(2, 73)
    wrong[0, target.primary] = -3.0
    together, alone = collate([target, sign]), collate([target])
    assert loss_of(together, primary=wrong) - loss_of(together) == pytest.approx(
        loss_of(alone, primary=wrong[:1]) - loss_of(alone), rel=1e-5
    )
