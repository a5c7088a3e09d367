"""Which engine a name means. Imports Spark or Ray only when one is asked for."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.contracts import Analyzer
    from serving.engines.engine import Engine


class EngineName(StrEnum):
    """Where ``assess`` has its batches read."""

    LOCAL = "local"
    SPARK = "spark"
    RAY = "ray"


def open_engine(name: EngineName, analyzer: "Analyzer", bundle: Path | None) -> "Engine":
    """The engine of that name, reading with the bundle of ``analyzer``, which is at ``bundle``.

    Raises EngineError that says which extra is missing.
    """
    directory = None if bundle is None else str(bundle.absolute())
    if name is EngineName.LOCAL:
        from serving.engines.local import Processes

        return Processes(analyzer, bundle=directory)
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
