"""Division: what a batch comes to does not depend on how it is divided."""

from itertools import chain

import pytest
import torch

from models.network import outputs_of
from training.tuning.batches import collate
from training.tuning.division import Division, SharedDropout, shared_dropout
from training.tuning.losses import Counts, LossWeights, total_loss

CPU = torch.device("cpu")


@pytest.mark.parametrize("texts", [1, 2, 3, 7, 24])
@pytest.mark.parametrize(("processes", "passes"), [(1, 1), (2, 1), (1, 3), (3, 2), (8, 1)])
def test_every_text_is_read_once_by_one_process(processes, passes, texts):
    shares = [Division(rank, processes, passes).own(texts) for rank in range(processes)]
    read = [place for parts in shares for rows in parts for place in rows]
    assert sorted(read) == list(range(texts))


@pytest.mark.parametrize(("processes", "passes"), [(2, 1), (1, 3), (3, 2)])
def test_parts_differ_by_one_text_at_most(processes, passes):
    shares = chain.from_iterable(
        Division(rank, processes, passes).own(23) for rank in range(processes)
    )
    sizes = [len(rows) for rows in shares]
    assert len(sizes) == processes * passes
    assert max(sizes) - min(sizes) <= 1


def test_a_process_without_a_text_of_its_own_has_no_pass():
    assert Division(rank=2, processes=3).own(2) == []


def test_the_losses_of_the_parts_add_up_to_that_of_the_whole(make_network, tiny_targets):
    batch, network = collate(tiny_targets[:13]), make_network().eval()
    counts = Counts.of(batch)

    def loss(of, counts):
        with torch.inference_mode():
            outputs = outputs_of(network, of.input_ids, of.attention_mask)
            return total_loss(outputs, of, weights=LossWeights(), counts=counts)

    whole = loss(batch, None)
    parts = [loss(batch.part(rows), counts) for rows in Division(passes=4).own(13)]
    torch.testing.assert_close(sum(parts), whole, atol=0, rtol=1e-5)
    assert all(0 < part < whole for part in parts)


def test_a_part_drops_what_the_whole_drops():
    states, dropout = torch.ones(5, 4, 3), SharedDropout(0.5)
    torch.manual_seed(3)
    dropout.draw(states.shape, CPU)
    dropout.reads(range(5))
    whole = dropout(states)
    assert set(whole.unique().tolist()) == {0.0, 2.0}
    for rows in Division(passes=2).own(5):
        dropout.reads(rows)
        assert torch.equal(dropout(states[list(rows)]), whole[list(rows)])


def test_dropout_is_drawn_as_torch_draws_it():
    states, dropout = torch.randn(5, 4, 3), SharedDropout(0.2)
    torch.manual_seed(3)
    dropout.draw(states.shape, CPU)
    dropout.reads(range(5))
    torch.manual_seed(3)
    assert torch.equal(dropout(states), torch.nn.functional.dropout(states, 0.2))


def test_nothing_is_dropped_when_not_training():
    states, dropout = torch.ones(5, 4, 3), SharedDropout(0.5).eval()
    dropout.draw(states.shape, CPU)
    assert torch.equal(dropout(states), states)


def test_a_network_gets_its_own_dropout_back(make_network):
    network = make_network(dropout=0.3)
    own = network.dropout
    with shared_dropout(network) as shared:
        assert (network.dropout, shared.p) == (shared, 0.3)
    assert network.dropout is own
