"""Tracking: what an MLflow store holds of a run, and what it never holds."""

import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from training.tuning.run_state import Epoch
from training.tuning.settings import FitSettings, TrainSettings
from training.tuning.tracking import Notes, Tracked, TrackingError, tracked

SETTINGS = TrainSettings(base="/somewhere/of/mine/encoder", fit=FitSettings(epochs=3, seed=7))
HISTORY = (Epoch(1, 9.5, 0.25), Epoch(2, 7.25, 0.5))
BUNDLE = SimpleNamespace(
    fingerprint="f00d" * 16,
    manifest={
        "name": "my-bundle",
        "metrics": {"test": {"level2_accuracy": 0.75, "signs_micro_f1": None}},
        "training": {"data": "da7a" * 16, "best_epoch": 2},
    },
)


class Store:
    """Keeps what a client of MLflow is told; fails from the ``lasting``-th note on."""

    def __init__(self, lasting: int = 99) -> None:
        self.told: list[tuple] = []
        self._lasting = lasting

    def __getattr__(self, method: str):
        def note(*values, **options):
            if len(self.told) == self._lasting:
                raise ConnectionError
            self.told.append((method, *values, *options.values()))

        return note


def run_noted(address: str | None, **changes) -> None:
    with tracked(
        address,
        name="my-bundle",
        settings=replace(SETTINGS, **changes),
        processes=2,
        complain=pytest.fail,
    ) as noted:
        noted.epoch(HISTORY[0])
        noted.bundle(BUNDLE, HISTORY)


def test_each_epoch_is_noted_once_though_a_resumed_run_tells_all():
    store = Store()
    noted = Tracked(Notes(store, "run", pytest.fail))
    noted.epoch(HISTORY[1])
    noted.bundle(BUNDLE, HISTORY)
    losses = [each for each in store.told if each[2] == "loss"]
    assert losses == [("log_metric", "run", "loss", 7.25, 2), ("log_metric", "run", "loss", 9.5, 1)]


def test_a_store_that_fails_on_the_way_stops_the_notes_and_not_the_training():
    complaints: list[str] = []
    store = Store(lasting=3)
    noted = Tracked(Notes(store, "run", complaints.append))
    for epoch in (*HISTORY, Epoch(3, 6.0, 0.75)):
        noted.epoch(epoch)
    assert len(store.told) == 3
    assert complaints == ["--track: ConnectionError, notes end here; training goes on"]


def test_without_an_address_nothing_is_noted_nor_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    run_noted(None)


def test_without_the_extra_its_name_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(TrackingError, match=r"mlflow is not installed.*'\.\[tracking\]'"):
        run_noted(f"sqlite:///{tmp_path / 'runs.db'}")


# --- a true store -------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path, monkeypatch) -> Path:
    pytest.importorskip("mlflow", reason="the extra tracking is not installed")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs" / "tracking.db"


def rows(database: Path, query: str) -> dict:
    with sqlite3.connect(database) as store:
        return dict(store.execute(query).fetchall())


@pytest.mark.filterwarnings("ignore")  # those of MLflow's own dependencies
def test_a_run_stands_in_a_new_sqlite_store(database):
    run_noted(f"sqlite:///{database}")
    parameters = rows(database, "SELECT key, value FROM params")
    assert (parameters["epochs"], parameters["seed"], parameters["processes"]) == ("3", "7", "2")
    assert parameters["base"] == "encoder"
    figures = rows(database, "SELECT key || step, value FROM metrics")
    assert (figures["loss1"], figures["loss2"]) == (9.5, 7.25)
    assert figures["test_level2_accuracy0"] == 0.75
    tags = rows(database, "SELECT key, value FROM tags")
    assert (tags["bundle"], tags["fingerprint"]) == ("my-bundle", "f00d" * 16)
    assert rows(database, "SELECT name, status FROM runs") == {"my-bundle": "FINISHED"}
    assert sorted(path.name for path in database.parent.parent.iterdir()) == ["runs"]


@pytest.mark.filterwarnings("ignore")
def test_a_run_that_failed_is_noted_as_failed(database):
    with (
        pytest.raises(ZeroDivisionError),
        tracked(
            f"sqlite:///{database}", name="b", settings=SETTINGS, processes=1, complain=pytest.fail
        ),
    ):
        raise ZeroDivisionError
    assert rows(database, "SELECT name, status FROM runs") == {"b": "FAILED"}


@pytest.mark.filterwarnings("ignore")
def test_a_store_that_cannot_be_written_to_is_told_without_its_password(database):
    address = "mysql+nothing://me:secret@nowhere/db"
    with pytest.raises(TrackingError, match=r"from the .* store") as refused:
        run_noted(address)
    assert "secret" not in str(refused.value)
