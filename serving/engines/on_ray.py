"""The Ray engine: waves of batches through ``Dataset.map_batches``. Needs the extra ray.

For a file on the machine that runs the command. A data set on the cluster needs no engine: give
``score_table`` to ``map_batches`` (docs/engines.md).
"""

import logging
from collections.abc import Generator, Iterable, Sequence
from typing import Any

import pyarrow

from serving.engines.batches import score_table
from serving.engines.engine import Advance, Answered, Numbered, missing_extra
from serving.engines.waves import cause_of, in_place, placed, waves_of
from serving.engines.wire import answers_schema

_WAVE = 8  # batches a core: a slow one at the end of a wave then costs little


class OnRay:
    """Waves of batches to the Ray that RAY_ADDRESS names, or to one started here.

    ``bundle`` is a directory that every worker can read; ``expect`` is the name of its bundle.
    """

    def __init__(self, *, expect: str, bundle: str | None = None) -> None:
        self._ray = open_ray()
        self._options = {"bundle": bundle, "expect": expect}

    def score(
        self, batches: Iterable[Sequence[Numbered]], *, advance: Advance
    ) -> Generator[Sequence[Answered], None, None]:
        """See Engine. Raises EngineError with the cause that Ray names."""
        cores = int(self._ray.cluster_resources().get("CPU", 1))
        for wave in waves_of(batches, size=_WAVE * cores):
            answers = self._run(wave)
            advance(len(answers))
            yield answers

    def _run(self, wave: list[Sequence[Numbered]]) -> list[Answered]:
        blocks = [pyarrow.Table.from_batches([batch]) for batch in placed(wave)]
        try:
            # A function, not an actor: its process keeps the bundle from one wave to the next.
            scored = self._ray.data.from_arrow(blocks).map_batches(
                score_table, batch_format="pyarrow", batch_size=None, fn_kwargs=self._options
            )
            tables = self._ray.get(scored.to_arrow_refs())
        except self._ray.exceptions.RayError as error:
            raise cause_of("ray", error) from error
        schema = answers_schema()
        tables = [table.cast(schema) for table in tables if table.num_rows]
        return in_place(wave, pyarrow.concat_tables(tables))


def open_ray() -> Any:
    """The module ``ray``, connected. Raises EngineError where the extra ray is missing."""
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise missing_extra("ray", error) from error
    ray.init(ignore_reinit_error=True, log_to_driver=False, logging_level=logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray
