"""Excerpts: shorter texts made of the labelled ones, whose labels are known by their evidence.

A network that reads whole stories only learns what stands beside a cause as readily as what
proves it. Two cuts tell them apart, drawn anew each epoch: a *clip* is evidence standing alone;
an *abridged* window leaves clauses out, and a label goes with the last of its evidence. What an
excerpt cannot say (who wrote it, which cause comes first) is ``IGNORED`` and not asked.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from training.tuning.batches import IGNORED, Target

CLAUSE_ENDS = ",。;:!?,;:!?\n"
LEAST_CLIP = 4  # tokens: of fewer, no reader could say more than a word's habit
LEAST_LEFT = 10  # tokens of an abridged window
MOST_LEFT_OUT = 0.45  # of its clauses


def clause_ends(tokenizer: Tokenizer) -> frozenset[int]:
    """The ids of the tokens after which a clause is over."""
    ids = (tokenizer.token_to_id(mark) for mark in CLAUSE_ENDS)
    return frozenset(id_ for id_ in ids if id_ is not None)


class Excerpts:
    """The targets of a fit as each epoch reads them.

    causes: how many of the labels, the first ones, are causes. ends: ids of the tokens that end a
    clause; without them no window is abridged.
    """

    def __init__(
        self, targets: Sequence[Target], *, causes: int, ends: Collection[int] = ()
    ) -> None:
        self._targets = targets
        self._clips = clips_of(targets, causes=causes)
        self._causes = causes
        self._ends = np.array(sorted(ends), dtype=np.int64)

    def drawn(
        self, *, clips: float, abridged: float, generator: np.random.Generator
    ) -> list[Target]:
        """Every target, a share of them abridged, and a share of the clips; shares are 0 to 1."""
        read = [
            self._abridged(target, generator) if generator.random() < abridged else target
            for target in self._targets
        ]
        chosen = generator.permutation(len(self._clips))[: round(clips * len(self._clips))]
        return read + [self._clips[place] for place in chosen]

    def _abridged(self, target: Target, generator: np.random.Generator) -> Target:
        kept = kept_tokens(target.window.ids, ends=self._ends, generator=generator)
        return abridged(target, kept, causes=self._causes)


def evidence_runs(target: Target) -> dict[tuple[int, int], list[int]]:
    """Each run of evidence tokens, ``(start, end)``, with the labels that all of it proves."""
    runs: dict[tuple[int, int], list[int]] = {}
    for label in np.unique(target.proof[:, 1]):
        tokens = np.sort(target.proof[target.proof[:, 1] == label, 0])
        for run in np.split(tokens, np.flatnonzero(np.diff(tokens) > 1) + 1):
            runs.setdefault((int(run[0]), int(run[-1]) + 1), []).append(int(label))
    return runs


def clips_of(targets: Sequence[Target], *, causes: int) -> list[Target]:
    """Every run of evidence as a window of its own, between the special tokens of its window.

    causes: how many of the labels, the first ones, are causes.
    """
    return [
        _clip(target, start, end, places, causes=causes)
        for target in targets
        for (start, end), places in evidence_runs(target).items()
        if LEAST_CLIP <= end - start < len(target.window.ids) - 2
    ]


def _clip(target: Target, start: int, end: int, places: list[int], *, causes: int) -> Target:
    whole = target.window
    kept = np.r_[0, start:end, len(whole.ids) - 1]
    labels = np.zeros_like(target.labels)
    labels[places] = 1.0
    proved = [(token, place) for place in places for token in range(1, end - start + 1)]
    return replace(
        target,
        window=replace(whole, ids=whole.ids[kept], offsets=whole.offsets[kept]),
        labels=labels,
        proof=np.array(proved, dtype=np.int64),
        primary=next((place for place in places if place < causes), IGNORED),
        agent=float(IGNORED),
        demand=np.zeros_like(target.demand),
        record_type=IGNORED,
        role=IGNORED,
        genre=IGNORED,
        taught=np.full_like(target.taught, np.nan),
    )


def kept_tokens(
    ids: NDArray[np.int64], *, ends: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.bool_]:
    """(tokens,): False for the clauses that are left out; special tokens stay.

    Each text draws the share that it loses, each clause its own lot.
    """
    kept = np.ones(len(ids), dtype=bool)
    inner = np.flatnonzero(np.isin(ids[1:-1], ends)) + 2
    edges = np.unique(np.r_[1, inner, len(ids) - 1])
    share = generator.uniform(0, MOST_LEFT_OUT)
    for start, end in pairwise(edges):
        if generator.random() < share:
            kept[start:end] = False
    return kept if kept.sum() >= LEAST_LEFT else np.ones_like(kept)


def abridged(target: Target, kept: NDArray[np.bool_], *, causes: int) -> Target:
    """The window with only the tokens that are ``kept``: (tokens,).

    A label whose evidence is gone goes too; one without evidence stays. The primary cause is
    ``IGNORED`` where more than half of its evidence is gone, the writer where that of a sign or
    mark is.
    """
    if kept.all():
        return target
    size = len(target.labels)
    before = np.bincount(target.proof[:, 1], minlength=size)
    proof = target.proof[kept[target.proof[:, 0]]]
    after = np.bincount(proof[:, 1], minlength=size)
    gone = (before > 0) & (after == 0)
    thinned = 2 * after[target.primary] < before[target.primary]
    unwritten = gone[causes:].any()
    whole = target.window
    return replace(
        target,
        window=replace(whole, ids=whole.ids[kept], offsets=whole.offsets[kept]),
        labels=np.where(gone, np.float32(0), target.labels),
        proof=np.column_stack([(np.cumsum(kept) - 1)[proof[:, 0]], proof[:, 1]]),
        primary=IGNORED if thinned else target.primary,
        agent=float(IGNORED) if unwritten else target.agent,
        taught=_still_taught(target.taught, gone, primary=not thinned, agent=not unwritten),
    )


def _still_taught(
    taught: NDArray[np.float32], gone: NDArray[np.bool_], *, primary: bool, agent: bool
) -> NDArray[np.float32]:
    """What a teacher said of the whole window, as far as it holds of the abridged one."""
    if not len(taught):
        return taught
    still, size = taught.copy(), len(gone)
    still[:size][gone] = 0.0
    if not primary:
        still[size:-1] = np.nan
    if not agent:
        still[-1] = np.nan
    return still
