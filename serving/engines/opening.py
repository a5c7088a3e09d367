"""Which engine a name means. Imports Spark or Ray only when one is asked for."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.analyzer import Analyzer as Loaded
    from models.links import HubList, Linked
    from models.record import Record
    from serving.contracts import Analyzer
    from serving.engines.engine import Engine


class EngineName(StrEnum):
    """Where ``assess`` has its batches read."""

    LOCAL = "local"
    SPARK = "spark"
    RAY = "ray"


class LinkEngine(StrEnum):
    """Where ``link`` has its texts read and compared."""

    LOCAL = "local"
    SPARK = "spark"


def open_linking(
    name: LinkEngine,
    analyzer: "Loaded",
    bundle: Path | None,
    *,
    hubs: "HubList | None" = None,
) -> "Callable[[Sequence[Record]], Linked] | None":
    """What links records elsewhere, with the bundle of ``analyzer``; None for this process.

    Raises EngineError that says which extra is missing.
    """
    if name is LinkEngine.LOCAL:
        return None
    from serving.engines.engine import missing_extra

    try:
        from serving.engines.link_on_spark import LinksOnSpark
    except ModuleNotFoundError as error:  # Arrow
        raise missing_extra(name, error) from error
    return LinksOnSpark(
        analyzer.bundle.codebook,
        expect=str(analyzer.description["bundle"]),
        bundle=_directory(bundle),
        hubs=hubs,
    ).link


def open_engine(name: EngineName, analyzer: "Analyzer", bundle: Path | None) -> "Engine":
    """The engine of that name, reading with the bundle of ``analyzer``, which is at ``bundle``.

    Raises EngineError that says which extra is missing.
    """
    directory = _directory(bundle)
    if name is EngineName.LOCAL:
        from serving.engines.local import ProcessPool

        return ProcessPool(analyzer, bundle=directory)
    from serving.engines.engine import missing_extra

    try:
        return _open_cluster(name, expect=str(analyzer.description["bundle"]), bundle=directory)
    except ModuleNotFoundError as error:  # Arrow, which both need to be imported
        raise missing_extra(name, error) from error


def _open_cluster(name: EngineName, *, expect: str, bundle: str | None) -> "Engine":
    if name is EngineName.SPARK:
        from serving.engines.on_spark import OnSpark

        return OnSpark(expect=expect, bundle=bundle)
    from serving.engines.on_ray import OnRay

    return OnRay(expect=expect, bundle=bundle)


def _directory(bundle: Path | None) -> str | None:
    return None if bundle is None else str(bundle.absolute())
