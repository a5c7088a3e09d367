"""Errors of a bundle, case by case: false flags, confusions, signs and marks, likely label errors.

For the analyst who reads the texts: ``training.evaluation.casebook`` writes them down. A likely
label error is the annotation's, not the bundle's: there the answer may be right.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.analyzer import Analyzer
from models.assessment import Assessment
from models.bundle import Bundle
from models.decoding import Reading
from models.scores import chunks_of
from training.evaluation.levels import REVIEW
from training.examples.label_errors import Given, doubts
from training.examples.neighbours import Neighbour, Placed, find_neighbours
from training.examples.provenance import learned_from

FALSE_FLAG, CONFUSION, LABEL_ERROR = "false_flag", "confusion", "label_error"
FALSE_SIGN, MISSED_SIGN = "false_sign", "missed_sign"
FALSE_MARK, MISSED_MARK = "false_mark", "missed_mark"
# In the order of reading: what can harm a genuine customer comes first.
KINDS = (
    FALSE_FLAG, FALSE_SIGN, MISSED_SIGN, FALSE_MARK, MISSED_MARK, CONFUSION, LABEL_ERROR,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExaminedCase:
    """A record with its labels, what the bundle answered, and its nearest training examples."""

    placed: Placed
    answer: Assessment
    neighbours: tuple[Neighbour, ...] = ()


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing in which labels and answer differ; ``case`` is the index of its case.

    ``given`` by the annotators, ``answered`` by the bundle: ids, or "" for nothing.
    ``confidence``: how sure the bundle is of its side, 0 to 1.
    """

    kind: str
    case: int
    given: str
    answered: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Errors:
    """All mistakes on a part of ``records`` records, by kind and then the surest first.

    ``cases`` are the records with a mistake; ``names`` the Chinese names of ids; ``notes`` what a
    reader must know.
    """

    part: str
    records: int
    cases: tuple[ExaminedCase, ...]
    mistakes: tuple[Mistake, ...]
    names: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def of_kind(self, *kinds: str) -> tuple[Mistake, ...]:
        """The mistakes of some kinds, in order."""
        return tuple(mistake for mistake in self.mistakes if mistake.kind in kinds)


def find_errors(
    analyzer: Analyzer, golds: Sequence[Placed], *, part: str, train: Sequence[Placed] = ()
) -> Errors:
    """Every mistake on the records; ``train`` are the examples to find neighbours among."""
    bundle = analyzer.bundle
    readings, answers = _read(analyzer, golds)
    found = [
        mistake
        for at, gold in enumerate(golds)
        for mistake in _mistakes(at, gold, answers[at], readings[at], bundle=bundle)
    ]
    fresh = [at for at, gold in enumerate(golds) if not learned_among([gold], bundle)]
    found += _label_errors(fresh, golds, readings, bundle)
    found.sort(key=lambda m: (KINDS.index(m.kind), -m.confidence, m.case))
    kept = sorted({mistake.case for mistake in found})
    near = find_neighbours([golds[at] for at in kept], train)
    place = {at: case for case, at in enumerate(kept)}
    return Errors(
        part=part,
        records=len(golds),
        cases=tuple(
            ExaminedCase(golds[at], answers[at], own) for at, own in zip(kept, near, strict=True)
        ),
        mistakes=tuple(replace(m, case=place[m.case]) for m in found),
        names=_names(bundle),
        notes=_notes(len(golds) - len(fresh), train),
    )


def learned_among(golds: Sequence[Placed], bundle: Bundle) -> tuple[Placed, ...]:
    """The records whose text, word for word, the bundle was tuned on."""
    return tuple(gold for gold in golds if learned_from([gold.labelled.record], bundle.manifest))


def _read(analyzer: Analyzer, golds: Sequence[Placed]) -> tuple[list[Reading], list[Assessment]]:
    readings, answers = [], []
    for chunk in chunks_of([gold.labelled.record for gold in golds]):
        for scores in analyzer.score(chunk):
            readings.append(analyzer.read(scores))
            answers.append(analyzer.answer(scores))
    return readings, answers


def _mistakes(
    at: int, gold: Placed, answer: Assessment, reading: Reading, *, bundle: Bundle
) -> Iterator[Mistake]:
    labelled, agent, primary = gold.labelled, answer.agent, answer.root_cause.primary
    order = [level.id for level in bundle.codebook.levels]
    if not labelled.agent_run and order.index(agent.level) >= order.index(REVIEW):
        yield Mistake(FALSE_FLAG, at, "", agent.level, agent.probability)
    shares = dict(zip(bundle.labels.evidence, map(float, reading.labels), strict=True))
    sides = (
        (FALSE_SIGN, MISSED_SIGN, labelled.signs, [sign.id for sign in agent.signs]),
        (FALSE_MARK, MISSED_MARK, labelled.marks, [mark.id for mark in agent.marks]),
    )
    for false, missed, given, answered in sides:
        for id_ in sorted(set(answered) - set(given)):
            yield Mistake(false, at, "", id_, shares[id_])
        for id_ in sorted(set(given) - set(answered)):
            yield Mistake(missed, at, id_, "", 1 - shares[id_])
    if primary.id != labelled.primary:
        yield Mistake(CONFUSION, at, labelled.primary, primary.id, primary.probability)


def _label_errors(
    fresh: Sequence[int], golds: Sequence[Placed], readings: Sequence[Reading], bundle: Bundle
) -> list[Mistake]:
    """Of the ``fresh`` records only: of what it learned from, the bundle would believe anything."""
    if not fresh:
        return []
    given = Given.of([golds[at].labelled for at in fresh])
    labels = np.array([readings[at].labels for at in fresh])
    primary = np.array([readings[at].primary for at in fresh])
    found = doubts(
        given,
        labels=labels[:, [bundle.labels.evidence.index(id_) for id_ in given.ids]],
        primary=primary[:, [bundle.labels.causes.index(id_) for id_ in given.causes]],
        known=np.ones(len(given.ids) + len(given.causes), dtype=bool),
    )
    return [
        Mistake(LABEL_ERROR, fresh[d.at], d.given or "", d.suggested or "", 1 - d.self_confidence)
        for d in found
    ]


def _names(bundle: Bundle) -> Mapping[str, str]:
    names = {cause.id: cause.zh for cause in bundle.taxonomy.causes}
    names |= {sign.id: sign.zh for sign in bundle.codebook.signs}
    return names | {mark.id: mark.zh for mark in bundle.codebook.marks}


def _notes(learned: int, train: Sequence[Placed]) -> tuple[str, ...]:
    notes = []
    if learned:
        notes.append(
            f"{learned} 条是训练文本,不在其中查找标注错误。 {learned} records were learned from: "
            "no label errors are looked for among them."
        )
    if not train:
        notes.append(
            "没有训练数据,故不列相近样例(可用 --train)。 No training data at hand, so no nearest "
            "examples; --train names files."
        )
    return tuple(notes)
