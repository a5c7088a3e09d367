import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from training.pretraining.states import FILE, StateError, read_state, write_state


def stepped(steps: int, *, network: nn.Module | None = None) -> tuple[nn.Module, torch.optim.AdamW]:
    torch.manual_seed(0)
    network = network or nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)
    for _ in range(steps):
        step(network, optimizer)
    return network, optimizer


def step(network: nn.Module, optimizer: torch.optim.AdamW) -> Tensor:
    optimizer.zero_grad()
    network(torch.ones(1, 3)).pow(2).sum().backward()
    optimizer.step()
    return network.weight.detach().clone()


def test_a_state_comes_back_as_it_was_written(tmp_path):
    network, optimizer = stepped(2)
    write_state(tmp_path / "new", {"network": network.state_dict()}, optimizer, {"step": 2})
    state = read_state(tmp_path / "new")
    assert state.about == {"step": 2}
    assert torch.equal(state.tensors["network"]["weight"], network.weight)


def test_an_optimizer_goes_on_as_if_it_had_not_stopped(tmp_path):
    network, optimizer = stepped(3)
    write_state(tmp_path, {"network": network.state_dict()}, optimizer, {})
    state = read_state(tmp_path)
    wanted = step(network, optimizer)
    other = nn.Linear(3, 2)
    other.load_state_dict(state.tensors["network"])
    _, fresh = stepped(0, network=other)
    state.into(fresh)
    assert torch.equal(step(other, fresh), wanted)


@pytest.mark.parametrize("below", [None, "empty", "nowhere"])
def test_there_may_be_no_state(tmp_path, below):
    (tmp_path / "empty").mkdir()
    assert read_state(below and tmp_path / below) is None


def test_a_state_that_fails_to_be_written_leaves_the_older_one(tmp_path):
    network, optimizer = stepped(1)
    write_state(tmp_path, {"network": network.state_dict()}, optimizer, {"step": 1})
    with pytest.raises(TypeError):
        write_state(tmp_path, {"network": network.state_dict()}, optimizer, {"step": object()})
    assert read_state(tmp_path).about == {"step": 1}


def test_a_newer_state_takes_the_place_of_the_older(tmp_path):
    network, optimizer = stepped(1)
    for number in (1, 2):
        write_state(tmp_path, {"network": network.state_dict()}, optimizer, {"step": number})
    assert read_state(tmp_path).about == {"step": 2}
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"about": "{"}])
def test_tensors_that_are_no_state_are_named(tmp_path, metadata):
    save_file({"weight": torch.ones(2)}, tmp_path / FILE, metadata=metadata)
    with pytest.raises(StateError, match=f"{FILE}: .* delete it to begin anew"):
        read_state(tmp_path)


def test_a_file_that_was_cut_short_is_named(tmp_path):
    network, optimizer = stepped(1)
    write_state(tmp_path, {"network": network.state_dict()}, optimizer, {})
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:-5])
    with pytest.raises(StateError, match="delete it to begin anew"):
        read_state(tmp_path)
