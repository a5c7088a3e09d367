"""Processes: two do as one does, and one that fails ends all. Real processes of a tiny training."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import typer
from safetensors.torch import load_file

from models.errors import XiaobaoError
from tests.support.fit_together import fit_few
from tests.support.places import ROOT
from tests.support.tiny import save_modernbert, write_complaints
from training.processes import (
    ALONE,
    OtherEndedError,
    Processes,
    ProcessesError,
    alone_by_mistake,
    device_here,
    ending,
    refuse_several,
    together,
)
from training.tuning.settings import FitSettings

SETTINGS = FitSettings(epochs=2, batch_tokens=128, seed=5, learning_rate=2e-3)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_together(
    folder: Path, *, trouble: str = "none", settings: FitSettings = SETTINGS, count: int = 2
) -> list[tuple[int, str]]:
    """Exit status and standard error of each process."""
    plain = {k: v for k, v in asdict(settings).items() if k != "loss"}
    (folder / "settings.json").write_text(json.dumps(plain), "utf-8")
    given = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    started = [
        subprocess.Popen(
            [sys.executable, ROOT / "tests" / "support" / "fit_together.py", folder, trouble],
            cwd=ROOT, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **given, "RANK": str(rank), "PYTHONPATH": str(ROOT)},
        )
        for rank in range(count)
    ]  # fmt: skip
    try:
        told = [process.communicate(timeout=300)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    return [(process.returncode, said) for process, said in zip(started, told, strict=True)]


@pytest.fixture
def folder(tmp_path, tiny_tokenizer) -> Path:
    save_modernbert(tmp_path / "base", tiny_tokenizer, positions=64, layers=1)
    write_complaints(tmp_path / "few.jsonl", each=5)
    return tmp_path


def assert_same(folder: Path, weights: dict[str, torch.Tensor], history: list) -> None:
    """What the processes left in a folder is this, rounding apart.

    A bias before a softmax has no gradient: its optimizer follows the rounding alone.
    """
    rows = json.loads((folder / "history.json").read_text("utf-8"))
    assert [row["loss"] for row in rows] == pytest.approx([e.loss for e in history], rel=1e-4)
    found = load_file(folder / "weights.safetensors")
    assert found.pop("attention.bias").shape == weights.pop("attention.bias").shape
    torch.testing.assert_close(found, weights, atol=1e-4, rtol=1e-3)


def test_two_processes_come_to_the_weights_of_one(folder):
    settings = replace(SETTINGS, accumulate=2)
    assert run_together(folder, settings=settings) == [(0, ""), (0, "")]
    (folder / "fit").rename(folder / "done")
    assert_same(folder, *fit_few(folder, settings))


def test_two_processes_go_on_from_the_state_of_one(folder):
    whole = fit_few(folder, SETTINGS)
    (folder / "fit").rename(folder / "done")

    def stop(stage, *_):
        if stage.startswith("epoch 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_few(folder, SETTINGS, report=stop)
    assert (folder / "fit" / "state.safetensors").is_file()
    assert run_together(folder, trouble="none") == [(0, ""), (0, "")]
    assert_same(folder, *whole)


@pytest.mark.parametrize(
    ("trouble", "wanted"),
    [
        ("1:error", [(2, ""), (2, "xiaobao: process 2 of 2: the disk: full found, room wanted\n")]),
        (
            "1:killed",
            [(2, "xiaobao: lost another process; all of them wanted until the end\n"), (9, "")],
        ),
    ],
)
def test_a_failure_of_one_ends_all_with_one_message(folder, trouble, wanted):
    assert run_together(folder, trouble=trouble) == wanted


# --- two in one process: what they say to each other ---------------------------------------------


@pytest.fixture
def pair() -> tuple[Processes, Processes]:
    store = dist.HashStore()
    return tuple(Processes(rank=rank, count=2, store=store) for rank in range(2))


def test_the_others_hear_what_the_leader_tells_in_its_order(pair):
    leader, other = pair
    leader.tell("base/one")
    leader.tell(0.25)
    assert [other.hear(), other.hear()] == ["base/one", 0.25]


def test_who_reads_other_files_than_the_leader_says_so(pair):
    leader, other = pair
    leader.agree("abc at step 3", on="texts")
    with pytest.raises(ProcessesError, match="texts: abc at step 0 found, abc at step 3 wanted"):
        other.agree("abc at step 0", on="texts")


def test_who_waits_for_a_leader_that_has_ended_leaves_with_its_status(pair):
    leader, other = pair
    leader.end(2)
    with pytest.raises(OtherEndedError) as ended:
        other.hear()
    left_with = ending(ended.value, other)
    assert (type(left_with), left_with.exit_code) == (typer.Exit, 2)


def test_what_was_told_before_the_end_is_heard(pair):
    leader, other = pair
    leader.tell("last")
    leader.end(0)
    assert other.hear() == "last"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (XiaobaoError("a file: none found, one wanted"), 2),
        (ZeroDivisionError(), 1),
        (KeyboardInterrupt(), 1),
        (typer.Exit(1), 1),
        (typer.Exit(0), 0),
    ],
)
def test_the_leaders_error_stays_what_it_is_and_ends_all(pair, error, status):
    leader, other = pair
    assert ending(error, leader) is error
    assert other.ended(within=0) == status


def test_who_ends_first_is_heard(pair):
    leader, other = pair
    other.end(2)
    leader.end(1)
    assert [each.ended(within=0) for each in pair] == [2, 2]


def test_one_process_alone_is_the_leader_and_waits_for_nobody(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with together() as processes:
        processes.tell("nobody hears")
        assert (processes.leads, processes.count) == (True, 1)
        assert processes.summed(torch.tensor(2.5)) == 2.5


def test_one_process_alone_reads_its_own_network_and_device():
    network = torch.nn.Linear(1, 1)
    assert ALONE.joined(network, torch.device("cpu")) is network
    assert device_here(torch.device("cuda"), ALONE) == torch.device("cuda")


@pytest.mark.parametrize(
    ("rank", "error", "message"),
    [("0", ProcessesError, "pretrain: 4 processes found, one wanted"), ("3", typer.Exit, "2")],
)
def test_a_command_that_shares_nothing_refuses_to_be_several_and_says_so_once(
    monkeypatch, rank, error, message
):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", rank)
    with pytest.raises(error, match=message):
        refuse_several("pretrain")


def test_a_launcher_that_started_one_of_several_is_told_apart(monkeypatch):
    for name in ("RANK", "MASTER_PORT", "ACCELERATE_MIXED_PRECISION"):
        monkeypatch.delenv(name, raising=False)
    assert not alone_by_mistake()
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    monkeypatch.setenv("MASTER_PORT", "29500")
    assert alone_by_mistake()
    monkeypatch.setenv("RANK", "0")
    assert not alone_by_mistake()
