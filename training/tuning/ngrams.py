"""Fits the n-gram scores of a network: linear support vector machines over token pairs."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.svm import LinearSVC

from models.ngrams import NgramScores, ngram_keys, slot_of
from training.tuning.batches import Target

SLOTS = 2**19
LEAST = 4  # windows an n-gram must stand in


def fit_ngrams(
    targets: Sequence[Target], *, causes: int, regularisation: float = 1.0
) -> NgramScores:
    """The scores fitted on the targets' windows; columns as in ``Network.ngram_outputs``.

    Every output is a machine of its own, one against the rest; an output without an example
    scores -1 throughout, the margin of a sure no, and one without a counter-example 1.
    """
    wanted = _wanted(targets, causes=causes)
    table = _table([window_keys(target) for target in targets], outputs=wanted.shape[1])
    features = _features(table, targets)
    fitted = [_fit_column(features, column, regularisation) for column in wanted.T]
    weight = np.stack([weights for weights, _ in fitted], axis=1)
    scale = np.maximum(np.abs(weight).max(axis=0), 1e-9) / 127
    table.weight.copy_(torch.from_numpy(np.round(weight / scale).astype(np.int8)))
    table.scale.copy_(torch.from_numpy(scale.astype(np.float32)))
    table.bias.copy_(torch.tensor([bias for _, bias in fitted], dtype=torch.float32))
    return table


def window_keys(target: Target) -> NDArray[np.int64]:
    """The different n-gram keys of one window."""
    ids = torch.from_numpy(target.window.ids).unsqueeze(0)
    keys, valid = ngram_keys(ids, torch.ones_like(ids))
    return np.unique(keys[valid].numpy())


def _wanted(targets: Sequence[Target], *, causes: int) -> NDArray[np.bool_]:
    """(windows, outputs): labels, the primary cause one-hot, agent."""
    labels = np.array([target.labels for target in targets]) > 0
    primary = np.eye(causes, dtype=bool)[[target.primary for target in targets]]
    agent = np.array([[target.agent > 0] for target in targets])
    return np.concatenate([labels, primary, agent], axis=1)


def _fit_column(
    features: csr_matrix, wanted: NDArray[np.bool_], regularisation: float
) -> tuple[NDArray[np.float64], float]:
    if wanted.all() or not wanted.any():
        return np.zeros(features.shape[1]), 1.0 if wanted.all() else -1.0
    machine = LinearSVC(C=regularisation, random_state=0).fit(features, wanted)
    return machine.coef_[0], float(machine.intercept_[0])


def _table(keys: Sequence[NDArray[np.int64]], *, outputs: int) -> NgramScores:
    """Scores with keys and weights of rarity, and nothing fitted yet; the commoner key wins."""
    found, count = np.unique(np.concatenate(keys), return_counts=True)
    order = np.argsort(-count, kind="stable")
    order = order[count[order] >= LEAST]
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


def _features(table: NgramScores, targets: Sequence[Target]) -> csr_matrix:
    indices, values, ends = [], [], [0]
    for target in targets:
        ids = torch.from_numpy(target.window.ids).unsqueeze(0)
        rows, weights = table.known(ids, torch.ones_like(ids))
        known = rows[0] > 0
        indices.append(rows[0][known].numpy())
        values.append(weights[0][known].numpy())
        ends.append(ends[-1] + int(known.sum()))
    shape = (len(targets), len(table.keys))
    matrix = csr_matrix((np.concatenate(values), np.concatenate(indices), ends), shape=shape)
    matrix.sum_duplicates()
    return matrix
