"""Heads taken over from another bundle, label by label."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from models.labels import LabelSpace
from models.network import Network, NetworkShape, outputs_of
from training.tuning.batches import Target
from training.tuning.heads import FILE, take_heads, write_heads


@pytest.fixture
def fresh(make_network: Any) -> Any:
    """Makes untrained networks of the tiny network's width for other labels."""

    def make(labels: LabelSpace) -> Network:
        encoder = make_network(seed=5).encoder
        return Network(encoder, NetworkShape.of(labels, width=32)).eval()

    return make


def moved(labels: LabelSpace) -> LabelSpace:
    """The same labels in another order, one cause and one sign less, two of each new."""
    return replace(
        labels,
        causes=("MINE.FIRST", *labels.causes[:0:-1], "MINE.LAST"),
        signs=("PS_MINE", *labels.signs[:0:-1], "PS_OURS"),
    )


def test_with_the_same_labels_a_network_answers_as_the_one_before(
    tiny_network: Network,
    tiny_labels: LabelSpace,
    tiny_targets: list[Target],
    fresh,
    tmp_path: Path,
):
    write_heads(tiny_network, tiny_labels, tmp_path)
    network = fresh(tiny_labels)
    network.encoder.load_state_dict(tiny_network.encoder.state_dict())
    ids = torch.from_numpy(tiny_targets[0].window.ids[None])
    bare = Network(tiny_network.encoder, network.shape).eval()
    bare.load_state_dict(
        {name: weight for name, weight in tiny_network.state_dict().items() if "ngrams" not in name}
    )
    bare.mixing.copy_(network.mixing)  # while tuned, n-grams stay out
    before = outputs_of(network, ids, torch.ones_like(ids))
    take_heads(network, tiny_labels, tmp_path)
    found = outputs_of(network, ids, torch.ones_like(ids))
    wanted = outputs_of(bare, ids, torch.ones_like(ids))
    assert torch.equal(found.labels, wanted.labels)
    assert torch.equal(found.tokens, wanted.tokens)
    assert torch.equal(found.agent, wanted.agent)
    assert torch.equal(found.role, wanted.role)
    assert not torch.equal(before.labels, wanted.labels)


def test_a_label_keeps_its_weights_wherever_it_stands(
    tiny_network: Network, tiny_labels: LabelSpace, fresh, tmp_path: Path
):
    write_heads(tiny_network, tiny_labels, tmp_path)
    labels = moved(tiny_labels)
    network = fresh(labels)
    untouched = {name: weight.clone() for name, weight in network.state_dict().items()}
    take_heads(network, labels, tmp_path)
    own, theirs = network.state_dict(), tiny_network.state_dict()
    cause, sign = tiny_labels.causes[7], tiny_labels.signs[3]
    for name in ("evidence.weight", "evidence.bias", "labels.weight", "labels_pool"):
        for label in (cause, sign):
            here, there = labels.evidence.index(label), tiny_labels.evidence.index(label)
            assert torch.equal(own[name][here], theirs[name][there])
        assert torch.equal(own[name][0], untouched[name][0])
    here, there = labels.causes.index(cause), tiny_labels.causes.index(cause)
    assert torch.equal(own["primary.weight"][here], theirs["primary.weight"][there])
    here, there = 64 + labels.signs.index(sign), 64 + tiny_labels.signs.index(sign)
    assert own["agent.weight"][0, here] == theirs["agent.weight"][0, there] != 0
    assert own["agent.weight"][0, 64] == 0
    assert torch.equal(own["agent.weight"][0, :64], theirs["agent.weight"][0, :64])
    assert torch.equal(own["attention.weight"], theirs["attention.weight"])
    assert torch.equal(own["facets.weight"], theirs["facets.weight"])


def test_a_checkpoint_without_heads_leaves_the_network_as_it_is(
    tiny_labels: LabelSpace, fresh, tmp_path: Path
):
    network = fresh(tiny_labels)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    take_heads(network, tiny_labels, tmp_path / "nowhere")
    assert all(torch.equal(before[name], weight) for name, weight in network.state_dict().items())
    assert not (tmp_path / FILE).exists()
