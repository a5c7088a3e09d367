"""Linking in Spark: workers read cases, Spark joins them by their keys, workers measure the pairs.

What comes back to the machine that asks is facts and pairs, no text; there the groups are decided,
by the code that links a file: they are the same. Needs the extra spark.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from models.codebook import Codebook
from models.links import HubList, Linked, Linker
from models.links.candidates import FULL, STOCK
from models.links.cases import Case
from models.links.likeness import Likeness, Pair
from models.links.limits import Limits
from models.links.linker import limits_for, pairs_sharing
from models.record import Record
from models.rows import RowFault
from serving.engines import link_batches as batches
from serving.engines.engine import EngineError
from serving.engines.on_spark import as_spark, open_session
from serving.engines.waves import cause_of
from serving.engines.wire import batch_of

_ROWS = 512  # a partition of a file


class LinksOnSpark:
    """Links records or a table in a Spark session; for the other options see ``OnSpark``.

    ``secret``: key of the tokens that identifiers become, random by default.
    """

    def __init__(
        self,
        codebook: Codebook,
        *,
        expect: str,
        bundle: str | None = None,
        secret: bytes | None = None,
        hubs: HubList | None = None,
        session: Any | None = None,
    ) -> None:
        self._session = session or open_session()
        self._linker = Linker(codebook)
        self._read = partial(
            batches.read_cases,
            secret=secret or secrets.token_bytes(32),
            bundle=bundle,
            expect=expect,
            hubs=hubs,
        )

    def link(self, records: Sequence[Record]) -> Linked:
        """Groups and levels of the records of a file. Raises EngineError with Spark's cause."""
        import pyarrow

        if not records:
            return self._linker.group((), {})
        numbered = list(enumerate(records, start=1))
        parts = [numbered[at : at + _ROWS] for at in range(0, len(numbered), _ROWS)]
        table = pyarrow.Table.from_batches(map(batch_of, parts))
        with _told():
            frame = self._session.createDataFrame(table).repartition(len(parts), "row")
        linked, faults = self.link_table(frame)
        if faults:  # what was a record here is one everywhere
            raise EngineError(f"found {len(faults)} faults, wanted none among {len(records)} rows")
        return linked

    def link_table(self, frame: Any) -> tuple[Linked, list[RowFault]]:
        """The same for a table of the cluster, whose texts stay there; also the rows that failed.

        ``frame``: columns as ``link_batches.read_cases`` wants them.
        """
        with _told():
            read = frame.mapInArrow(self._read, as_spark(batches.CASES)).cache()
            try:
                cases, faults = _collect(read)
                likeness = measure_pairs(read, cases, limits_for(cases))
            finally:
                read.unpersist()
        return self._linker.group(cases, likeness), faults


def measure_pairs(read: Any, cases: Sequence[Case], limits: Limits) -> dict[Pair, Likeness]:
    """The pairs that ``models.links.linker.measure_pairs`` would find, from rows of CASES."""
    prints = read.where("grams IS NOT NULL").select("row", "grams")
    ends = candidates(prints, least_words=limits.words).unionByName(_sharing(read, cases))
    wanted = ends.groupBy("low", "high").agg({"share": "max"})
    wanted = wanted.withColumnRenamed("max(share)", "share")
    for end in ("low", "high"):
        one = prints.withColumnsRenamed({"row": end, "grams": f"{end}_grams"})
        wanted = wanted.join(one, end)
    measured = wanted.select(*batches.ENDS).mapInArrow(
        partial(batches.measure_ends, limits=limits), as_spark(batches.PAIRS)
    )
    return batches.likeness_of(measured.toArrow())


def candidates(prints: Any, *, least_words: int) -> Any:
    """Pairs that have enough keys in common: what ``models.links.candidates.gather`` finds."""
    from pyspark.sql import Window
    from pyspark.sql import functions as sql

    in_order = Window.partitionBy("key").orderBy("row")
    keys = prints.mapInArrow(batches.keys_of_cases, as_spark(batches.KEYS))
    # From 0: how many cases stood at the key before this one.
    keys = keys.withColumn("place", sql.row_number().over(in_order) - 1)
    is_band = sql.col("kind") == "band"
    before = keys.where(sql.col("place") < sql.when(is_band, FULL).otherwise(STOCK))
    after = keys.where((sql.col("place") > 0) & (is_band | (sql.col("place") <= STOCK)))
    beside = before.alias("one").join(
        after.alias("two"),
        (sql.col("one.key") == sql.col("two.key")) & (sql.col("one.place") < sql.col("two.place")),
    )
    is_word = sql.when(sql.col("one.kind") == "word", 1).otherwise(0)
    counted = beside.groupBy(sql.col("one.row").alias("low"), sql.col("two.row").alias("high")).agg(
        sql.sum(is_word).alias("words"), sql.sum(1 - is_word).alias("sure")
    )
    enough = (sql.col("sure") > 0) | (sql.col("words") >= least_words)
    return counted.where(enough).select("low", "high", sql.lit(False).alias("share"))


def _sharing(read: Any, cases: Sequence[Case]) -> Any:
    """Pairs that have a value in common, as a table."""
    pairs = [(low, high, True) for low, high in sorted(pairs_sharing(cases))]
    return read.sparkSession.createDataFrame(pairs, "low long, high long, share boolean")


def _collect(read: Any) -> tuple[list[Case], list[RowFault]]:
    """The cases in order of their rows, and the rows that gave none."""
    rows = read.select("row", "case", "fault_field", "fault").toArrow().to_pylist()
    faults = [
        RowFault("table", row["row"] or 0, row["fault_field"], row["fault"])
        for row in rows
        if row["case"] is None
    ]
    cases = sorted(
        (batches.case_from(row["case"]) for row in rows if row["case"] is not None),
        key=lambda case: case.number,
    )
    if len({case.number for case in cases}) < len(cases):
        raise EngineError("--engine spark: found a row number twice, wanted each once")
    return cases, faults


@contextmanager
def _told() -> Iterator[None]:
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        raise cause_of("spark", error) from error
