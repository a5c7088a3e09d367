"""Teaching: what a larger network says of a window is learned as far as it holds of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.analyzer import Analyzer
from models.labels import LabelSpace
from models.network import Outputs
from models.record import LabelledRecord, Record, Span
from models.windows import WindowReader
from training.tuning.batches import Batch, Target, collate, targets_of
from training.tuning.excerpts import abridged, clips_of
from training.tuning.losses import Counts, LossWeights, total_loss
from training.tuning.teaching import TeacherError, load_teacher, taught_by

TEXT = "柜员说这是存款,我交了三万。现在退只给一万。要我把二成给帮忙的人。"
CONFUSE, FEE = "SALES_MISLEAD.PRODUCT_CONFUSE", "PS_FEE_SHARE"


def span(words: str, label: str) -> Span:
    start = TEXT.index(words)
    return Span(start, start + len(words), (label,))


@pytest.fixture(scope="module")
def teacher(tiny_labels: LabelSpace) -> Analyzer:
    return load_teacher(Path("models/embedded/bundle"), labels=tiny_labels)


@pytest.fixture(scope="module")
def target(tiny_reader: WindowReader, tiny_labels: LabelSpace, teacher: Analyzer) -> Target:
    record = LabelledRecord(
        Record(TEXT),
        primary=CONFUSE,
        causes=(CONFUSE,),
        signs=(FEE,),
        agent_run=True,
        spans=(span("柜员说这是存款", CONFUSE), span("把二成给帮忙的人", FEE)),
    )
    return taught_by(teacher, [TEXT], targets_of([record], reader=tiny_reader, labels=tiny_labels))[
        0
    ]


def parts(target: Target, labels: LabelSpace) -> list[np.ndarray]:
    return np.split(target.taught, [len(labels.evidence), -1])


def test_a_window_is_taught_what_the_teacher_reads_in_it(
    target: Target, teacher: Analyzer, tiny_labels: LabelSpace
) -> None:
    reading = teacher.readings([TEXT])[0]
    labels, primary, agent = parts(target, tiny_labels)
    np.testing.assert_allclose(labels, reading.labels, atol=1e-4)
    np.testing.assert_allclose(primary, reading.primary, atol=1e-4)
    assert agent[0] == pytest.approx(reading.agent, abs=1e-4)


def test_each_window_of_a_long_text_is_taught_its_own_words(
    teacher: Analyzer, tiny_reader: WindowReader, tiny_labels: LabelSpace
) -> None:
    long = "我的账户登录不了,验证码一直收不到。" * 6 + "柜员当时说这是存款,结果是保险。" * 6
    records = [
        LabelledRecord(Record(each), primary=CONFUSE, causes=(CONFUSE,)) for each in (TEXT, long)
    ]
    targets = targets_of(records, reader=tiny_reader, labels=tiny_labels)
    first, *_, last = taught_by(teacher, [TEXT, long], targets)[1:]
    login = tiny_labels.evidence.index("SYSTEM.LOGIN_AUTH")
    confuse = tiny_labels.evidence.index(CONFUSE)
    assert first.taught[login] > 0.5 > last.taught[login]
    assert last.taught[confuse] > 0.5 > first.taught[confuse]


def test_what_is_left_out_of_a_window_is_not_taught(
    target: Target, tiny_labels: LabelSpace
) -> None:
    confuse, fee = (tiny_labels.evidence.index(label) for label in (CONFUSE, FEE))
    kept = np.ones(len(target.window.ids), dtype=bool)
    kept[target.proof[target.proof[:, 1] == fee, 0]] = False
    labels, primary, agent = parts(
        abridged(target, kept, causes=len(tiny_labels.causes)), tiny_labels
    )
    before = parts(target, tiny_labels)
    assert labels[fee] == 0 < before[0][fee]
    assert labels[confuse] == before[0][confuse]
    assert np.array_equal(primary, before[1])
    assert np.isnan(agent).all()


def test_without_its_evidence_the_primary_cause_is_not_taught(
    target: Target, tiny_labels: LabelSpace
) -> None:
    confuse = tiny_labels.evidence.index(CONFUSE)
    kept = np.ones(len(target.window.ids), dtype=bool)
    kept[target.proof[target.proof[:, 1] == confuse, 0]] = False
    _, primary, agent = parts(abridged(target, kept, causes=len(tiny_labels.causes)), tiny_labels)
    assert np.isnan(primary).all()
    assert not np.isnan(agent).any()


def test_a_clip_is_not_taught(target: Target, tiny_labels: LabelSpace) -> None:
    clips = clips_of([target], causes=len(tiny_labels.causes))
    assert len(clips) == 2
    assert all(np.isnan(clip.taught).all() for clip in clips)


def loss_of(batch: Batch, outputs: Outputs, *, taught: float) -> float:
    return float(total_loss(outputs, batch, weights=LossWeights(taught=taught)))


def answers(target: Target, labels: LabelSpace, *, like: np.ndarray) -> Outputs:
    """Logits of the probabilities ``like``; nothing of the rest."""
    sure = torch.from_numpy(np.clip(like, 1e-4, 1 - 1e-4))[None]
    logits = torch.logit(sure)
    evidence = len(labels.evidence)
    facets = {name: torch.zeros(1, 16) for name in ("role", "genre")}
    return Outputs(
        labels=logits[:, :evidence],
        primary=sure[:, evidence:-1].log(),
        agent=logits[:, -1],
        demand=torch.zeros(1, len(target.demand)),
        record_type=torch.zeros(1, 8),
        tokens=torch.zeros(1, target.window.padded, evidence),
        **facets,
    )


def test_who_answers_as_the_teacher_does_loses_least(
    target: Target, tiny_labels: LabelSpace
) -> None:
    batch = collate([target])
    same = answers(target, tiny_labels, like=target.taught)
    other = answers(target, tiny_labels, like=np.full_like(target.taught, 0.5))

    def taught(outputs: Outputs) -> float:
        return loss_of(batch, outputs, taught=1.0) - loss_of(batch, outputs, taught=0.0)

    assert 0 < taught(same) < taught(other)


def test_where_nobody_teaches_the_loss_is_that_of_the_labels(
    target: Target, tiny_labels: LabelSpace
) -> None:
    outputs = answers(target, tiny_labels, like=target.taught)
    alone = collate([replace(target, taught=np.zeros(0, dtype=np.float32))])
    assert loss_of(alone, outputs, taught=1.0) == loss_of(alone, outputs, taught=0.0)
    clip = replace(target, taught=np.full_like(target.taught, np.nan))
    assert loss_of(collate([clip]), outputs, taught=1.0) == pytest.approx(
        loss_of(alone, outputs, taught=0.0)
    )


def test_what_parts_of_a_batch_are_taught_adds_up_to_the_whole(
    target: Target, tiny_labels: LabelSpace
) -> None:
    untaught = replace(target, taught=np.full_like(target.taught, np.nan))
    batch = collate([target, untaught, target])
    one = answers(target, tiny_labels, like=np.linspace(0.1, 0.9, len(target.taught), dtype="f4"))
    outputs = {name: getattr(one, name).repeat(3, *[1] * (getattr(one, name).ndim - 1))
               for name in one.__dataclass_fields__}  # fmt: skip
    weights, counts = LossWeights(), Counts.of(batch)
    whole = total_loss(Outputs(**outputs), batch, weights=weights)
    parts = [
        total_loss(
            Outputs(**{name: value[rows] for name, value in outputs.items()}),
            batch.part(rows),
            weights=weights,
            counts=counts,
        )
        for rows in ([0, 2], [1])
    ]
    assert float(sum(parts)) == pytest.approx(float(whole), rel=1e-5)


def test_a_teacher_of_other_labels_is_refused(tiny_labels: LabelSpace) -> None:
    fewer = replace(tiny_labels, causes=tiny_labels.causes[1:])
    with pytest.raises(TeacherError) as refusal:
        load_teacher(Path("models/embedded/bundle"), labels=fewer)
    found, wanted = tiny_labels.causes[:2]
    assert f"{found} found where {wanted} is wanted" in str(refusal.value)
