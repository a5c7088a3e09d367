"""Adapting: who may read the training texts while the encoder reads them, and whose it is."""

from pathlib import Path
from typing import Any

import pytest
import torch

from models.record import LabelledRecord, Record
from training.tuning import adapting


@pytest.fixture
def modes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rights of the file of texts, of every time that it is read."""
    found: list[int] = []

    def look(texts, **_) -> None:
        found.extend(path.stat().st_mode & 0o777 for path in texts)

    monkeypatch.setattr(adapting, "pretrain", look)
    return found


def adapt(directory: Path, text: str = "理赔太慢", **changes: Any) -> None:
    record = LabelledRecord(Record(text), "CLAIM.CLAIM_DELAY", ("CLAIM.CLAIM_DELAY",))
    options = {"minutes": 1, "window": 64, "seed": 0, **changes}
    base = options.pop("base", "base")
    adapting.adapted(base, [record], directory=directory, device=torch.device("cpu"), **options)


def test_training_texts_are_read_by_their_owner_only(tmp_path, modes):
    adapt(tmp_path)
    assert modes == [0o600]
    assert not (tmp_path / adapting.TEXTS).exists()


def test_texts_that_a_killed_run_left_for_all_are_closed(tmp_path, modes):
    (tmp_path / adapting.TEXTS).touch(mode=0o644)
    adapt(tmp_path)
    assert modes == [0o600]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What stood in the directory, of every time that a checkpoint was made there."""
    found: list[list[str]] = []

    def make(_, *, directory: Path, **__) -> None:
        found.append(sorted(path.name for path in directory.iterdir()))
        (directory / adapting.DONE).touch()

    monkeypatch.setattr(adapting, "pretrain", make)
    return found


def test_a_whole_checkpoint_of_the_same_texts_is_taken_as_it_is(tmp_path, made):
    adapt(tmp_path / "encoder")
    adapt(tmp_path / "encoder")
    assert len(made) == 1


@pytest.mark.parametrize(
    "changes", [{"text": "柜员说是存款"}, {"seed": 1}, {"minutes": 2}, {"base": "another"}]
)
def test_an_encoder_that_has_read_other_texts_is_not_taken(tmp_path, made, changes):
    adapt(tmp_path / "encoder")
    adapt(tmp_path / "encoder", **changes)
    assert made == [["adapting.json", "texts.txt"]] * 2


def test_a_base_is_known_by_its_files(tmp_path, made):
    base = tmp_path / "base"
    base.mkdir()
    for weights in ("one", "two"):
        (base / "model.safetensors").write_text(weights)
        adapt(tmp_path / "encoder", base=str(base))
    assert len(made) == 2
