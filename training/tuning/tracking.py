"""Tracking: a run's settings and figures in an MLflow store, where one is named.

Parameters, each epoch's figures, the bundle's figures, name and fingerprint; never a text, nor a
path of this machine. MLflow is imported only here, and only for this.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.bundle import Bundle
from models.errors import XiaobaoError
from models.extras import missing_line
from training.tuning.run_state import Epoch
from training.tuning.settings import TrainSettings

EXPERIMENT = "xiaobao"
SQLITE = "sqlite:///"


class TrackingError(XiaobaoError):
    """A store of runs that cannot be written to."""


class Notes:
    """Where the notes of one run go: to an MLflow store, or without a client nowhere.

    A store that fails once the run has begun stops the notes and not the training; ``complain`` is
    told so.
    """

    def __init__(self, client: Any, run: str, complain: Callable[[str], None]) -> None:
        self._client, self._run, self._complain = client, run, complain

    def parameters(self, parameters: Mapping[str, object]) -> None:
        """What the run was told."""
        for name, value in parameters.items():
            self._note("log_param", name, value)

    def figures(self, figures: Mapping[str, float], *, step: int = 0) -> None:
        """Numbers by name, as they are at a step."""
        for name, value in figures.items():
            self._note("log_metric", name, float(value), step=step)

    def tags(self, tags: Mapping[str, str]) -> None:
        """Words by name, of the whole run."""
        for name, value in tags.items():
            self._note("set_tag", name, value)

    def end(self, status: str) -> None:
        """FINISHED, FAILED or KILLED, as MLflow calls it."""
        self._note("set_terminated", status)

    def _note(self, method: str, *values: object, **options: int) -> None:
        if self._client is None:
            return
        try:
            getattr(self._client, method)(self._run, *values, **options)
        except Exception as error:  # whatever its database or server raises
            self._client = None
            self._complain(f"--track: {type(error).__name__}, notes end here; training goes on")


class Tracked:
    """One run as it is noted: its epochs as they end, and what came of it."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._epochs: set[int] = set()

    def epoch(self, epoch: Epoch) -> None:
        """An epoch's loss and development score, once."""
        if epoch.number not in self._epochs:
            self._epochs.add(epoch.number)
            figures = {"loss": epoch.loss, "development_score": epoch.score}
            self._notes.figures(figures, step=epoch.number)

    def bundle(self, bundle: Bundle, history: Sequence[Epoch]) -> None:
        """The bundle, and the epochs of earlier sittings."""
        for epoch in history:
            self.epoch(epoch)
        for part, figures in bundle.manifest["metrics"].items():
            known = {f"{part}_{name}": v for name, v in figures.items() if v is not None}
            self._notes.figures(known)
        trained = bundle.manifest["training"]
        self._notes.tags(
            {
                "bundle": str(bundle.manifest["name"]),
                "fingerprint": bundle.fingerprint,
                "data": str(trained["data"]),
                "best_epoch": str(trained["best_epoch"]),
            }
        )


@contextmanager
def tracked(
    address: str | None,
    *,
    name: str,
    settings: TrainSettings,
    processes: int,
    complain: Callable[[str], None],
) -> Iterator[Tracked]:
    """A run called ``name`` in the store at an address; without one its notes go nowhere.

    address: as MLflow takes it, such as ``sqlite:///runs/tracking.db``. Raises TrackingError where
    MLflow is not installed or cannot write there.
    """
    notes = Notes(None, "", complain) if address is None else _begun(address, name, complain)
    notes.parameters({**_parameters(settings), "processes": processes})
    status = "FAILED"
    try:
        yield Tracked(notes)
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        notes.end(status)


def _begun(address: str, name: str, complain: Callable[[str], None]) -> Notes:
    kind = address.partition(":")[0]  # the rest may hold a password
    try:
        client = _client(address)
        found = client.get_experiment_by_name(EXPERIMENT)
        experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT)
        run = client.create_run(experiment, run_name=name).info.run_id
    except ModuleNotFoundError as error:
        raise TrackingError(f"--track: {missing_line(error, extra='tracking')}") from error
    except Exception as error:  # whatever its database or server raises
        raise TrackingError(
            f"--track: {type(error).__name__} from the {kind} store, one that can be written to "
            "wanted, such as sqlite:///runs/tracking.db"
        ) from error
    return Notes(client, run, complain)


def _client(address: str) -> Any:
    """A client of the store; nothing is reported to MLflow's maker."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow import MlflowClient

    for chatter in ("mlflow", "alembic"):
        logging.getLogger(chatter).setLevel(logging.WARNING)
    if address.startswith(SQLITE):
        Path(address.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri=address)


def _parameters(settings: TrainSettings) -> dict[str, object]:
    """Every setting by its name, files and directories by their last part."""
    fit = asdict(settings.fit)
    loss = {f"loss_{name}": weight for name, weight in fit.pop("loss").items()}
    return {
        **fit,
        **loss,
        "base": Path(settings.base).name,
        "fractions": settings.fractions,
        "split_seed": settings.split_seed,
        "hold_out": settings.hold_out,
        "adapt_minutes": settings.adapt,
        "teacher": settings.teacher.name if settings.teacher else None,
        "beside": settings.beside.name if settings.beside else None,
        "taxonomy": settings.taxonomy.name,
        "codebook": settings.codebook.name,
    }
