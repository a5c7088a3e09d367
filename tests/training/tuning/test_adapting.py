"""Adapting: who may read the training texts while the encoder reads them."""

from pathlib import Path

import pytest
import torch

from models.record import LabelledRecord, Record
from training.tuning import adapting

RECORD = LabelledRecord(Record("理赔太慢"), "CLAIM.CLAIM_DELAY", ("CLAIM.CLAIM_DELAY",))


@pytest.fixture
def modes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rights of the file of texts, of every time that it is read."""
    found: list[int] = []

    def look(texts, **_) -> None:
        found.extend(path.stat().st_mode & 0o777 for path in texts)

    monkeypatch.setattr(adapting, "pretrain", look)
    return found


def adapt(directory: Path) -> None:
    adapting.adapted(
        "base", [RECORD], minutes=1, window=64, directory=directory, seed=0,
        device=torch.device("cpu"),
    )  # fmt: skip


def test_training_texts_are_read_by_their_owner_only(tmp_path, modes):
    adapt(tmp_path)
    assert modes == [0o600]
    assert not (tmp_path / adapting.TEXTS).exists()


def test_texts_that_a_killed_run_left_for_all_are_closed(tmp_path, modes):
    (tmp_path / adapting.TEXTS).touch(mode=0o644)
    adapt(tmp_path)
    assert modes == [0o600]
