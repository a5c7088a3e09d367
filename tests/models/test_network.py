"""The network and its n-grams, in torch and as exported: one and the same reader."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.svm import LinearSVC

from models.labels import LabelSpace
from models.network import OUTPUT_NAMES, PADDED, Network, outputs_of
from models.ngrams import MULTIPLIER, SHIFT, STRIDE, NgramScores, ngram_keys, slot_of
from models.runtimes import OnnxRuntime
from training.tuning.batches import Target
from training.tuning.exporting import halved
from training.tuning.ngrams import LEAST, fit_ngrams

KEYS = st.integers(0, 2**31 - 1)


@pytest.fixture(scope="module")
def runtime(tiny_bundle: Path) -> OnnxRuntime:
    return OnnxRuntime(tiny_bundle / "network.onnx", threads=1)


@pytest.fixture(scope="module")
def reference(tiny_network: Network) -> Network:
    """The torch network with the weights that the file holds, nothing dropped out."""
    return halved(tiny_network).eval()


def windows_of(
    targets: list[Target], rows: int, length: int, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask of real windows cut to ``length``, so that n-grams are known."""
    whole = [t.window.ids for t in targets if len(t.window.ids) >= length]
    chosen = np.random.default_rng(seed).choice(len(whole), size=rows)
    ids = torch.from_numpy(np.stack([whole[i][:length] for i in chosen]))
    mask = torch.ones_like(ids)
    mask[0, length - length // 4 :] = 0
    return ids, mask


def read(network: Network, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
    with torch.inference_mode():
        outputs = outputs_of(network, ids, mask)
    return {name: getattr(outputs, name) for name in OUTPUT_NAMES}


@pytest.mark.parametrize("name", OUTPUT_NAMES)
def test_outputs_have_the_shapes_of_the_label_space(
    name: str, reference: Network, tiny_targets: list[Target], tiny_labels: LabelSpace
) -> None:
    evidence = len(tiny_labels.evidence)
    wanted = {
        "labels": (3, evidence),
        "tokens": (3, 16, evidence),
        "agent": (3,),
        "primary": (3, len(tiny_labels.causes)),
    }
    facet = (3, len(getattr(tiny_labels, name, ())))
    found = read(reference, *windows_of(tiny_targets, 3, 16))[name]
    assert tuple(found.shape) == wanted.get(name, facet)


@pytest.mark.parametrize("shape", [(1, 16), (2, 16), (1, 48), (5, 32), (3, 64), (1, 7), (2, 5)])
def test_the_exported_network_gives_the_probabilities_of_torch(
    shape: tuple[int, int], runtime: OnnxRuntime, reference: Network, tiny_targets: list[Target]
) -> None:
    ids, mask = windows_of(tiny_targets, *shape)
    wanted, found = read(reference, ids, mask), runtime.infer(ids.numpy(), mask.numpy())
    for name in OUTPUT_NAMES:
        pair = torch.sigmoid(wanted[name]), torch.sigmoid(torch.from_numpy(found[name]))
        torch.testing.assert_close(*pair, atol=1e-3, rtol=0)


def test_half_precision_weights_keep_the_probabilities(
    reference: Network, tiny_network: Network, tiny_targets: list[Target], make_network: Any
) -> None:
    ids, mask = windows_of(tiny_targets, 4, 48)
    whole = make_network()
    whole.add_ngrams(tiny_network.ngrams)
    whole.load_state_dict(tiny_network.state_dict())
    wanted, found = read(whole.eval(), ids, mask), read(reference, ids, mask)
    pair = torch.sigmoid(wanted["labels"]), torch.sigmoid(found["labels"])
    torch.testing.assert_close(*pair, atol=1e-2, rtol=0)


def test_export_leaves_the_network_as_it_was(tiny_network: Network, tiny_bundle: Path) -> None:
    assert tiny_network.training


def test_nothing_is_dropped_out_of_an_exported_network(tiny_bundle: Path) -> None:
    graph = onnx.load(str(tiny_bundle / "network.onnx")).graph
    kinds = {node.op_type for node in graph.node}
    assert not kinds & {"Dropout", "RandomUniform", "RandomUniformLike", "Bernoulli"}


def test_no_operation_whose_last_bits_depend_on_the_batch_is_exported(tiny_bundle: Path) -> None:
    # Runtimes take logarithms of the last few numbers of a batch by another route.
    graph = onnx.load(str(tiny_bundle / "network.onnx")).graph
    assert not {node.op_type for node in graph.node} & {"Log", "ReduceLogSumExp", "ReduceLogSum"}


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
@pytest.mark.parametrize("length", [16, 48, 64])
def test_a_window_reads_the_same_in_every_batch(
    rows: int, length: int, runtime: OnnxRuntime, tiny_targets: list[Target]
) -> None:
    ids, mask = (tensor.numpy() for tensor in windows_of(tiny_targets, 16, length))
    together = runtime.infer(ids, mask)
    for start in range(0, 16, rows):
        apart = runtime.infer(ids[start : start + rows], mask[start : start + rows])
        for name in OUTPUT_NAMES:
            np.testing.assert_array_equal(apart[name], together[name][start : start + rows])


def test_two_threads_read_what_one_reads(
    runtime: OnnxRuntime, tiny_bundle: Path, tiny_targets: list[Target]
) -> None:
    ids, mask = (tensor.numpy() for tensor in windows_of(tiny_targets, 5, 48))
    other = OnnxRuntime(tiny_bundle / "network.onnx", threads=2).infer(ids, mask)
    for name, values in runtime.infer(ids, mask).items():
        np.testing.assert_allclose(other[name], values, atol=1e-4)


def test_padding_changes_no_logit(reference: Network, tiny_targets: list[Target]) -> None:
    ids, _ = windows_of(tiny_targets, 3, 32)
    padded = torch.nn.functional.pad(ids, (0, 16), value=7)  # whatever stands there
    mask = torch.nn.functional.pad(torch.ones_like(ids), (0, 16))
    short, long = read(reference, ids, torch.ones_like(ids)), read(reference, padded, mask)
    torch.testing.assert_close(long["tokens"][:, :32], short["tokens"], atol=1e-4, rtol=0)
    for name in OUTPUT_NAMES[:-1]:
        torch.testing.assert_close(long[name], short[name], atol=1e-4, rtol=0)


def test_padding_is_surely_no_evidence(reference: Network, tiny_targets: list[Target]) -> None:
    ids, mask = windows_of(tiny_targets, 2, 32)
    assert read(reference, ids, mask)["tokens"][mask == 0].unique().tolist() == [PADDED]


def test_a_new_network_is_sure_of_no_token(make_network: Any, tiny_targets: list[Target]) -> None:
    tokens = read(make_network().eval(), *windows_of(tiny_targets, 2, 32))["tokens"]
    assert float(torch.sigmoid(tokens).max()) < 0.2


def test_joined_ngrams_count_for_nothing_until_mixed(
    make_network: Any, tiny_network: Network, tiny_targets: list[Target]
) -> None:
    ids, mask = windows_of(tiny_targets, 2, 32)
    network = make_network().eval()
    before = read(network, ids, mask)
    network.add_ngrams(tiny_network.ngrams)
    torch.testing.assert_close(read(network, ids, mask)["labels"], before["labels"])


# N-grams


def plain_scores(table: NgramScores, ids: list[int]) -> np.ndarray:
    """The scores of one text without a hash table: each known token and pair, once."""
    pairs = [i * STRIDE + j + 1 for i, j in pairwise(ids)]
    keys = [i * STRIDE for i in ids] + pairs
    places = {int(key): row for row, key in enumerate(table.keys.tolist()) if row}
    rows = sorted({places[key] for key in keys if key in places})
    idf = table.idf.double().numpy()[rows]
    weight = table.weight.double().numpy()[rows] * table.scale.double().numpy()
    length = np.sqrt((idf**2).sum() + 1e-6)
    return (idf / length) @ weight + table.bias.double().numpy()


def scores_of(table: NgramScores, ids: list[int]) -> np.ndarray:
    tensor = torch.tensor([ids])
    return table(tensor, torch.ones_like(tensor))[0].numpy()


@pytest.fixture(scope="module")
def table(tiny_network: Network) -> NgramScores:
    assert tiny_network.ngrams is not None
    return tiny_network.ngrams


def test_scores_are_those_of_a_plain_sum(table: NgramScores, tiny_targets: list[Target]) -> None:
    for target in tiny_targets[::10]:
        ids = target.window.ids.tolist()
        np.testing.assert_allclose(scores_of(table, ids), plain_scores(table, ids), atol=1e-4)


@settings(max_examples=30)
@given(st.lists(st.integers(2, 1200), min_size=1, max_size=40))
def test_any_text_scores_as_a_plain_sum(table: NgramScores, ids: list[int]) -> None:
    np.testing.assert_allclose(scores_of(table, ids), plain_scores(table, ids), atol=1e-4)


def test_ngrams_that_are_not_known_score_nothing(table: NgramScores) -> None:
    np.testing.assert_array_equal(scores_of(table, [1279, 1278, 1277]), table.bias.numpy())


def test_padding_scores_nothing(table: NgramScores, tiny_targets: list[Target]) -> None:
    ids, _ = windows_of(tiny_targets, 2, 24)
    padded = torch.cat([ids, ids], dim=1)  # known tokens, but masked
    mask = torch.cat([torch.ones_like(ids), torch.zeros_like(ids)], dim=1)
    torch.testing.assert_close(table(padded, mask), table(ids, torch.ones_like(ids)))


def test_a_pair_across_the_padding_is_no_pair() -> None:
    _, valid = ngram_keys(torch.tensor([[5, 6, 7]]), torch.tensor([[1, 1, 0]]))
    assert valid.tolist() == [[True, True, False, True, False, False]]


def test_only_what_stands_in_several_windows_is_known(
    table: NgramScores, tiny_targets: list[Target]
) -> None:
    counts: dict[int, int] = {}
    for target in tiny_targets:
        ids = target.window.ids
        pairs = ids[:-1] * STRIDE + ids[1:] + 1
        for key in {*(ids * STRIDE).tolist(), *pairs.tolist()}:
            counts[key] = counts.get(key, 0) + 1
    assert min(counts[key] for key in table.keys[1:].tolist()) == LEAST


def test_of_too_many_the_commonest_are_known(
    table: NgramScores, tiny_targets: list[Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.tuning.ngrams.MOST", 5)
    small = fit_ngrams(tiny_targets, causes=73)
    assert len(small.keys) - 1 <= 5
    assert set(small.keys.tolist()) <= set(table.keys.tolist())
    assert small.idf[1:].max() <= table.idf[1:].max()
    assert small.idf[1:].min() == table.idf[1:].min()  # the commonest of all is kept


def test_saying_it_twice_adds_nothing(table: NgramScores, tiny_targets: list[Target]) -> None:
    ids = tiny_targets[0].window.ids.tolist()
    twice = [*ids, *ids]
    seam = ids[-1] * STRIDE + ids[0] + 1
    assert seam not in table.keys.tolist()
    np.testing.assert_allclose(scores_of(table, twice), scores_of(table, ids), atol=1e-5)


def test_scores_are_those_of_a_support_vector_machine(
    table: NgramScores, tiny_targets: list[Target]
) -> None:
    wanted = np.array([target.agent for target in tiny_targets]) > 0  # of windows alone, no clip
    features = np.zeros((len(tiny_targets), len(table.keys)))
    for row, target in zip(features, tiny_targets, strict=True):
        ids = torch.from_numpy(target.window.ids).unsqueeze(0)
        rows, weights = table.known(ids, torch.ones_like(ids))
        np.add.at(row, rows[0].numpy(), weights[0].numpy())
    machine = LinearSVC(C=2.0, random_state=0).fit(features, wanted)
    found = [scores_of(table, target.window.ids.tolist())[-1] for target in tiny_targets]
    # Eight bits a weight, and a solver that stops early.
    np.testing.assert_allclose(found, machine.decision_function(features), atol=0.05)


def test_evidence_alone_speaks_for_its_label(tiny_targets: list[Target]) -> None:
    told = [replace(target, proof=target.proof[:0]) for target in tiny_targets]
    shown, hidden = (fit_ngrams(targets, causes=73) for targets in (tiny_targets, told))
    clips = [
        (target.window.ids[int(first) : int(last) + 1].tolist(), label)
        for target in tiny_targets
        for label in np.unique(target.proof[:, 1])
        for first, last in [np.sort(target.proof[target.proof[:, 1] == label, 0])[[0, -1]]]
    ]
    gain = [scores_of(shown, ids)[at] - scores_of(hidden, ids)[at] for ids, at in clips]
    assert np.mean(gain) > 0.05


def test_a_label_without_an_example_is_a_sure_no(
    table: NgramScores, tiny_targets: list[Target]
) -> None:
    held = np.array([target.labels for target in tiny_targets]).any(axis=0)
    never = int(np.flatnonzero(~held)[0])
    for target in tiny_targets[::20]:
        assert scores_of(table, target.window.ids.tolist())[never] == -1.0


def test_a_label_that_every_window_holds_is_a_sure_yes(tiny_targets: list[Target]) -> None:
    agents = [target for target in tiny_targets if target.agent][:12]
    fitted = fit_ngrams(agents, causes=73)
    assert scores_of(fitted, agents[0].window.ids.tolist())[-1] == 1.0


@given(KEYS, st.sampled_from([1, 4096, 2**19]))
def test_a_slot_is_that_of_whole_numbers(key: int, slots: int) -> None:
    found = int(slot_of(torch.tensor(key), slots=slots))
    assert found == key * MULTIPLIER // SHIFT % slots


@given(KEYS, st.sampled_from([4096, 2**19]))
def test_a_slot_survives_division_in_single_precision(key: int, slots: int) -> None:
    product = key * MULTIPLIER
    exact = product % (slots * SHIFT) - product % SHIFT  # what the exporter divides as fp32
    assert int(np.float32(exact) / np.float32(SHIFT)) == product // SHIFT % slots
