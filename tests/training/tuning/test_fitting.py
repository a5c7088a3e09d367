"""Fitting: deterministic, stoppable, resumable; the best weights are the ones that stay."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from models.network import Network, outputs_of
from training.tuning import stepping
from training.tuning.batches import Target, collate
from training.tuning.fitting import fit, infer, parameter_groups, training_digest
from training.tuning.losses import LossWeights, total_loss
from training.tuning.run_state import Swapped, copied_weights
from training.tuning.settings import FitSettings

SETTINGS = FitSettings(epochs=3, batch_tokens=512, token_mask=0.2, seed=5)
CPU = torch.device("cpu")


class InterruptionError(Exception):
    pass


class Scores:
    """Gives the scores it was made with, one an epoch, and keeps the weights it saw."""

    def __init__(self, *scores: float) -> None:
        self.scores = list(scores)
        self.seen: list[dict[str, torch.Tensor]] = []

    def __call__(self, network: Network) -> float:
        self.seen.append(copied_weights(network))
        return self.scores[len(self.seen) - 1]


class InterruptedScores(Scores):
    """Is interrupted where the scores end."""

    def __call__(self, network: Network) -> float:
        if len(self.seen) == len(self.scores):
            raise InterruptionError
        return super().__call__(network)


@pytest.fixture(scope="module")
def few(tiny_targets: list[Target]) -> list[Target]:
    return tiny_targets[:24]


@pytest.fixture(scope="module")
def run(make_network: Any, few: list[Target]) -> Any:
    """Fits a fresh tiny network; returns it with its history."""

    def fit_one(
        scores: Scores,
        *,
        settings: FitSettings = SETTINGS,
        targets: list[Target] = few,
        seed: int = 0,
        **more: Any,
    ) -> tuple[Network, list[Any]]:
        network = make_network(seed=seed)
        return network, fit(
            network, targets, score=scores, settings=settings, device=CPU, mask_id=4, **more
        )

    return fit_one


def assert_equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    torch.testing.assert_close(first, second, atol=0, rtol=0)


def differ(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return any(not torch.equal(first[name], second[name]) for name in first)


def test_fitting_lowers_the_loss(run: Any) -> None:
    _, history = run(Scores(0, 1, 2))
    assert history[0].loss > history[1].loss > history[2].loss


def test_the_same_seed_gives_the_same_weights(run: Any) -> None:
    (first, history), (second, again) = run(Scores(0, 1, 2)), run(Scores(0, 1, 2))
    assert history == again
    assert_equal(copied_weights(first), copied_weights(second))


def test_another_seed_gives_other_weights(run: Any) -> None:
    first, _ = run(Scores(0, 1, 2))
    second, _ = run(Scores(0, 1, 2), settings=replace(SETTINGS, seed=6))
    assert differ(copied_weights(first), copied_weights(second))


def test_accumulating_is_a_batch_so_many_times_as_large(run: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(stepping, "autocast", lambda _: torch.autocast("cpu", enabled=False))
    large, history = run(Scores(0, 1, 2), settings=replace(SETTINGS, batch_tokens=768))
    small, again = run(Scores(0, 1, 2), settings=replace(SETTINGS, batch_tokens=256, accumulate=3))
    assert [e.loss for e in again] == pytest.approx([e.loss for e in history], rel=1e-4)
    first, second = copied_weights(large), copied_weights(small)
    # A bias before a softmax has no gradient: its optimizer follows the rounding alone.
    del first["attention.bias"], second["attention.bias"]
    torch.testing.assert_close(first, second, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("epochs_before", [0, 1, 2])
def test_a_run_that_was_interrupted_is_the_run_that_was_not(
    run: Any, tmp_path: Path, epochs_before: int
) -> None:
    scores = (0.3, 0.5, 0.4)
    whole, history = run(Scores(*scores))
    with pytest.raises(InterruptionError):
        run(InterruptedScores(*scores[:epochs_before]), checkpoint=tmp_path)
    resumed, again = run(Scores(*scores[epochs_before:]), checkpoint=tmp_path)
    assert history == again
    assert_equal(copied_weights(whole), copied_weights(resumed))


def test_a_finished_run_is_not_run_again(run: Any, tmp_path: Path) -> None:
    first, history = run(Scores(0, 1, 2), checkpoint=tmp_path)
    second, again = run(Scores(), checkpoint=tmp_path)
    assert history == again
    assert_equal(copied_weights(first), copied_weights(second))


@pytest.mark.parametrize(
    "changes", [{"seed": 6}, {"learning_rate": 1e-3}, {"loss": LossWeights(tokens=1.0)}]
)
def test_a_state_of_other_settings_is_not_taken_up(
    run: Any, tmp_path: Path, changes: dict[str, Any]
) -> None:
    run(Scores(0, 1, 2), checkpoint=tmp_path)
    scores = Scores(0, 1, 2)
    run(scores, checkpoint=tmp_path, settings=replace(SETTINGS, **changes))
    assert len(scores.seen) == 3


def test_a_state_of_other_texts_is_not_taken_up(
    run: Any, tmp_path: Path, few: list[Target]
) -> None:
    run(Scores(0, 1, 2), checkpoint=tmp_path)
    scores = Scores(0, 1, 2)
    other = [*few[:-1], replace(few[-1], agent=1.0 - few[-1].agent)]
    run(scores, checkpoint=tmp_path, targets=other)
    assert len(scores.seen) == 3


def test_a_fingerprint_depends_on_every_target(few: list[Target], make_network: Any) -> None:
    network = make_network(seed=1)
    every = {training_digest(given, network) for given in (few, few[:-1], few[::-1])}
    assert len(every) == 3


def test_a_fingerprint_depends_on_the_first_weights(few: list[Target], make_network: Any) -> None:
    assert training_digest(few, make_network(seed=1)) != training_digest(few, make_network(seed=2))


@pytest.mark.parametrize(
    ("scores", "epochs"),
    [
        ((1, 0, 0, 9), 3),  # two epochs without a better one
        ((0, 0, 0, 9), 3),  # an equal score is no better one
        ((0, 1, 0, 2, 1, 0, 9), 6),
        ((float("nan"), 0.5, 0.4, 0.3, 9), 4),
    ],
)
def test_a_run_stops_when_it_is_out_of_patience(
    run: Any, few: list[Target], scores: tuple[float, ...], epochs: int
) -> None:
    settings = replace(SETTINGS, epochs=len(scores), patience=2)
    _, history = run(Scores(*scores), settings=settings, targets=few[:4])
    assert len(history) == epochs


def test_the_best_weights_are_the_ones_that_stay(run: Any) -> None:
    scores = Scores(0.1, 0.9, 0.2)
    network, _ = run(scores)
    assert_equal(copied_weights(network), scores.seen[1])


def test_what_is_scored_is_the_average_of_the_weights(run: Any) -> None:
    slow, quick = Scores(0, 1, 2), Scores(0, 1, 2)
    run(slow, settings=replace(SETTINGS, average=0.99))
    run(quick, settings=replace(SETTINGS, average=0.0))
    assert differ(slow.seen[0], quick.seen[0])


def test_progress_is_told_step_by_step(run: Any) -> None:
    told: list[tuple[str, int, int, float]] = []
    run(Scores(0, 1, 2), report=lambda *line: told.append(line))
    assert [step for _, step, _, _ in told] == list(range(1, len(told) + 1))
    assert told[0][0] == "epoch 1/3"


def test_other_weights_are_held_for_the_time_of_a_block(make_network: Any) -> None:
    network = make_network(seed=1)
    own, other = copied_weights(network), copied_weights(make_network(seed=2))
    with Swapped(network, other):
        assert_equal(copied_weights(network), other)
    assert_equal(copied_weights(network), own)


def test_lower_layers_learn_more_slowly(make_network: Any) -> None:
    network = make_network()
    groups = parameter_groups(network, FitSettings())
    names = [name for name, _ in network.named_parameters()]
    peaks = {name: group["peak"] for name, group in zip(names, groups, strict=True)}
    rates = [
        peaks["encoder.embeddings.tok_embeddings.weight"],
        peaks["encoder.layers.0.mlp.Wi.weight"],
        peaks["encoder.layers.1.mlp.Wi.weight"],
        peaks["labels.weight"],
    ]
    assert rates == sorted(set(rates))


def test_reading_gives_every_target_its_logits_without_dropout(
    tiny_targets: list[Target], make_network: Any
) -> None:
    network = make_network(dropout=0.9)
    first = [o.labels for _, o in infer(network, tiny_targets, device=CPU, batch_tokens=600)]
    second = [o.labels for _, o in infer(network, tiny_targets, device=CPU, batch_tokens=600)]
    assert sum(len(labels) for labels in first) == len(tiny_targets)
    torch.testing.assert_close(first, second)


def loss_of(network: Network, targets: list[Target], weights: LossWeights) -> float:
    batch = collate(targets)
    with torch.inference_mode():
        outputs = outputs_of(network.eval(), batch.input_ids, batch.attention_mask)
        return float(total_loss(outputs, batch, weights=weights))


@pytest.mark.parametrize("part", ["labels", "primary", "tokens", "agent", "facets"])
def test_every_part_of_the_loss_counts(make_network: Any, few: list[Target], part: str) -> None:
    none = LossWeights(labels=0, primary=0, tokens=0, agent=0, facets=0)
    assert loss_of(make_network(), few, replace(none, **{part: 1.0})) > 0
    assert loss_of(make_network(), few, none) == 0


def test_words_outside_the_spans_of_a_label_that_is_held_count_less(
    make_network: Any, few: list[Target]
) -> None:
    network = make_network()
    lenient = loss_of(network, few, LossWeights(unproved=0.0))
    assert lenient < loss_of(network, few, LossWeights(unproved=1.0))
