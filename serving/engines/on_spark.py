"""The Spark engine: waves of batches through ``DataFrame.mapInArrow``. Needs the extra spark.

For a file on the machine that runs the command. A table on the cluster needs no engine: give
``score_batches`` to ``mapInArrow`` and its rows never pass through one machine (docs/engines.md).
"""

import os
import shutil
import sys
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from serving.engines.batches import score_batches
from serving.engines.engine import (
    Advance,
    Answered,
    EngineError,
    Numbered,
    in_order,
    missing_extra,
)
from serving.engines.waves import cause_of, in_place, placed, waves_of
from serving.engines.wire import answers_schema

_WAVE = 4  # batches a core: a slow one at the end of a wave then costs little
_AHEAD = 2  # waves under way: one is computed while the end of another is awaited


class OnSpark:
    """Waves of batches to a Spark session: the one given, or the one that the environment wants.

    ``bundle`` is a directory that every worker can read; ``expect`` is the name of its bundle.
    """

    def __init__(
        self, *, expect: str, bundle: str | None = None, session: Any | None = None
    ) -> None:
        self._session = session or open_session()
        self._score = partial(score_batches, bundle=bundle, expect=expect)

    def score(
        self, batches: Iterable[Sequence[Numbered]], *, advance: Advance
    ) -> Generator[Sequence[Answered], None, None]:
        """See Engine. Raises EngineError with the cause that Spark names."""
        size = _WAVE * self._session.sparkContext.defaultParallelism
        with ThreadPoolExecutor(_AHEAD) as threads:
            answers = in_order(
                lambda wave: threads.submit(self._run, wave),
                waves_of(batches, size=size),
                ahead=_AHEAD,
            )
            for own in answers:
                advance(len(own))
                yield own

    def _run(self, wave: list[Sequence[Numbered]]) -> list[Answered]:
        import pyarrow
        from pyspark.errors import PySparkException

        try:
            # A batch is a partition here, since none is larger than Spark's own limit.
            frame = self._session.createDataFrame(pyarrow.Table.from_batches(placed(wave)))
            answers = frame.mapInArrow(self._score, spark_schema()).toArrow()
        except PySparkException as error:
            raise cause_of("spark", error) from error
        return in_place(wave, answers.cast(answers_schema()))


def spark_schema(*, whole: bool = True) -> Any:
    """The schema of the answers in Spark's types: the second argument of ``mapInArrow``."""
    return as_spark(answers_schema(whole=whole))


def as_spark(schema: Any) -> Any:
    """An Arrow schema in Spark's types."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)


def open_session() -> Any:
    """A session as spark-submit or spark-defaults want it; without them, all cores here.

    Raises EngineError where the extra spark or a Java runtime is missing.
    """
    try:
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        raise missing_extra("spark", error) from error
    _check_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("xiaobao")
    return builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if not (shutil.which("java") or (home and shutil.which("java", path=f"{home}/bin"))):
        raise EngineError(
            "--engine spark: 找不到 Java no java found on PATH or under JAVA_HOME; "
            "wanted a Java runtime, 17 or newer"
        )
