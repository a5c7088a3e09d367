"""Opening: the analyzer of a bundle on the runtime that was chosen, and how the choice is told.

The one place where options and settings become an analyzer. Knows names and seconds; no text of a
complaint comes here.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

import models.analyzer
from models.runtime_choice import RuntimeChoice, wanted_of
from serving.contracts import Analyzer

if TYPE_CHECKING:
    from models.analyzer import Analyzer as Loaded
    from serving.settings import ServingSettings


def open_analyzer(
    bundle: Path | None,
    *,
    threads: int | None = None,
    runtime: str | None = None,
    precision: str | None = None,
    report: Callable[[RuntimeChoice], object] = lambda _: None,
) -> "Loaded":
    """The analyzer of a bundle on a runtime, the default one for None; ``report`` is told which.

    Raises BundleError for a missing or altered bundle, RuntimeChoiceError for a runtime that
    cannot be had.
    """
    wanted = wanted_of(runtime, precision)
    return models.analyzer.load_analyzer(bundle, threads=threads, wanted=wanted, report=report)


def opener_of(settings: "ServingSettings") -> "partial[Loaded]":
    """What opens a bundle as these settings want it read."""
    return partial(
        open_analyzer,
        threads=settings.threads,
        runtime=settings.runtime,
        precision=settings.precision,
    )


def open_chosen(settings: "ServingSettings") -> "tuple[Analyzer, ServingSettings]":
    """The analyzer, and the settings with the runtime chosen: later bundles are read by it too.

    A trial beside requests would measure the requests.
    """
    choices: list[RuntimeChoice] = []
    analyzer = opener_of(settings)(settings.bundle, report=choices.append)
    for choice in choices:
        _log_choice(choice)
        settings = settings.model_copy(update={"runtime": choice.kind})
    return analyzer, settings


def tell_choice(choice: RuntimeChoice) -> None:
    """One line on standard error where there was something to choose."""
    if choice.reason != "asked for":
        typer.echo(f"推理引擎 runtime: {_in_words(choice)}", err=True)


def _log_choice(choice: RuntimeChoice) -> None:
    """One structured line: which runtime was taken and why, seconds and faults."""
    import structlog

    structlog.get_logger("xiaobao").info("runtime chosen", **choice.as_json())


def _in_words(choice: RuntimeChoice) -> str:
    """The runtime, and why it and no other: ``openvino-cpu-bf16, fastest in the trial (…)``."""
    seconds = [f"{name} {spent:.3f} s" for name, spent in choice.seconds.items()]
    refused = [f"{kind}: {why}" for kind, why in choice.refused.items()]
    more = "; ".join([*seconds, *refused])
    return f"{choice.runtime.name}, {choice.reason}" + (f" ({more})" if more else "")
