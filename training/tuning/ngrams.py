"""Fits the n-gram scores of a network: linear support vector machines over token pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.svm import LinearSVC

from models.ngrams import NgramScores, ngram_keys, slot_of
from training.tuning.batches import Target
from training.tuning.excerpts import evidence_runs

SLOTS = 2**19
LEAST = 6  # windows an n-gram must stand in
MOST = 30_000  # n-grams, the commonest: with more the embedded bundle outgrows 25 MB
CLIP_WEIGHT = 0.3  # of a clip, where a window counts 1: tuned on the development split


@dataclass(frozen=True, slots=True)
class _Examples:
    """What the machines learn from: a row of tokens, what it should say, how far it counts.

    ``wanted``: (rows, outputs) bool; ``weights``: (rows,). The first ``windows`` rows are whole
    windows, the rest clips: evidence standing alone, which shows what proves a label apart from
    the story around it.
    """

    ids: list[NDArray[np.int64]]
    wanted: NDArray[np.bool_]
    weights: NDArray[np.float64]
    windows: int


def fit_ngrams(
    targets: Sequence[Target], *, causes: int, regularisation: float = 2.0
) -> NgramScores:
    """The scores fitted on the targets' windows; columns as in ``Network.ngram_outputs``.

    Every output is a machine of its own, one against the rest; an output without an example
    scores -1 throughout, the margin of a sure no, and one without a counter-example 1.
    """
    examples = _examples(targets, causes=causes)
    whole = examples.ids[: examples.windows]
    table = _table([_keys(ids) for ids in whole], outputs=examples.wanted.shape[1])
    features = _features(table, examples.ids)
    fitted = [
        _fit_column(features, column, examples.weights, regularisation)
        for column in examples.wanted.T[:-1]
    ]
    seen = slice(examples.windows)  # no clip says who wrote the text
    agent = examples.wanted[seen, -1]
    fitted.append(_fit_column(features[seen], agent, examples.weights[seen], regularisation))
    weight = np.stack([weights for weights, _ in fitted], axis=1)
    scale = np.maximum(np.abs(weight).max(axis=0), 1e-9) / 127
    table.weight.copy_(torch.from_numpy(np.round(weight / scale).astype(np.int8)))
    table.scale.copy_(torch.from_numpy(scale.astype(np.float32)))
    table.bias.copy_(torch.tensor([bias for _, bias in fitted], dtype=torch.float32))
    return table


def _keys(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The different n-gram keys of a row of tokens."""
    row = torch.from_numpy(ids).unsqueeze(0)
    keys, valid = ngram_keys(row, torch.ones_like(row))
    return np.unique(keys[valid].numpy())


def _examples(targets: Sequence[Target], *, causes: int) -> _Examples:
    """The windows, then their clips; outputs: labels, the primary cause one-hot, agent."""
    labels = np.array([target.labels for target in targets]) > 0
    primary = np.eye(causes, dtype=bool)[[target.primary for target in targets]]
    agent = np.array([[target.agent > 0] for target in targets])
    windows = np.concatenate([labels, primary, agent], axis=1)
    clips = [
        (target.window.ids[start:end], places)
        for target in targets
        for (start, end), places in evidence_runs(target).items()
    ]
    proved = np.zeros((len(clips), windows.shape[1]), dtype=bool)
    for row, (_, places) in enumerate(clips):
        proved[row, places] = True
        first = [place for place in places if place < causes][:1]
        proved[row, [labels.shape[1] + place for place in first]] = True
    weights = np.concatenate([np.ones(len(targets)), np.full(len(clips), CLIP_WEIGHT)])
    ids = [target.window.ids for target in targets] + [ids for ids, _ in clips]
    return _Examples(ids, np.concatenate([windows, proved]), weights, len(targets))


def _fit_column(
    features: csr_matrix,
    wanted: NDArray[np.bool_],
    weights: NDArray[np.float64],
    regularisation: float,
) -> tuple[NDArray[np.float64], float]:
    if wanted.all() or not wanted.any():
        return np.zeros(features.shape[1]), 1.0 if wanted.all() else -1.0
    machine = LinearSVC(C=regularisation, random_state=0)
    machine.fit(features, wanted, sample_weight=weights)
    return machine.coef_[0], float(machine.intercept_[0])


def _table(keys: Sequence[NDArray[np.int64]], *, outputs: int) -> NgramScores:
    """Scores with keys and weights of rarity, and nothing fitted yet; the commoner key wins."""
    found, count = np.unique(np.concatenate(keys), return_counts=True)
    order = np.argsort(-count, kind="stable")
    order = order[count[order] >= LEAST][:MOST]
    slots = slot_of(torch.from_numpy(found[order]), slots=SLOTS).numpy()
    _, first = np.unique(slots, return_index=True)
    kept = order[np.sort(first)]
    table = NgramScores(len(kept), SLOTS, outputs)
    own = slot_of(torch.from_numpy(found[kept]), slots=SLOTS)
    table.rows[own] = torch.arange(1, len(kept) + 1, dtype=torch.int32)
    table.keys[1:] = torch.from_numpy(found[kept].astype(np.int32))
    rarity = np.log((1 + len(keys)) / (1 + count[kept])) + 1
    table.idf[1:] = torch.from_numpy(rarity.astype(np.float32))
    return table


def _features(table: NgramScores, windows: Sequence[NDArray[np.int64]]) -> csr_matrix:
    indices, values, ends = [], [], [0]
    for window in windows:
        ids = torch.from_numpy(window).unsqueeze(0)
        rows, weights = table.known(ids, torch.ones_like(ids))
        known = rows[0] > 0
        indices.append(rows[0][known].numpy())
        values.append(weights[0][known].numpy())
        ends.append(ends[-1] + int(known.sum()))
    shape = (len(windows), len(table.keys))
    return csr_matrix((np.concatenate(values), np.concatenate(indices), ends), shape=shape)
