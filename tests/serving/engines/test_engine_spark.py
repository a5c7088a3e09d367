from functools import partial

import pyarrow
import pytest

import serving.engines.reading
from serving.engines.batches import score_batches
from serving.engines.engine import EngineError
from tests.support.clusters import (
    answers_of,
    bundle_name,
    short_texts,
    spark_test,
    wanted,
    wanted_rows,
)


@spark_test
def test_spark_answers_as_this_machine(spark):
    from serving.engines.on_spark import OnSpark

    engine = OnSpark(expect=bundle_name(), session=spark)
    assert answers_of(engine, short_texts()) == wanted()


@spark_test
def test_a_table_in_spark_is_scored_by_the_function_itself(spark):
    from serving.engines.on_spark import spark_schema

    rows = [(record.case_id, record.text) for _, record in short_texts()]
    table = spark.createDataFrame(rows, "`工单号` string, `投诉内容` string").repartition(3)
    scored = table.mapInArrow(partial(score_batches, whole=False), spark_schema(whole=False))
    found = {row["case_id"]: row for row in scored.toArrow().to_pylist()}
    assert len(found) == 40
    for row in wanted_rows():
        assert found[row["case_id"]] == {**row, "row": None}


@spark_test
def test_a_worker_of_spark_loads_its_bundle_once_for_all_its_jobs(spark):
    def tell_loads(batches):
        import os

        for _ in score_batches(batches, whole=False):
            pass
        told = {"worker": [os.getpid()], "loads": [serving.engines.reading._load.cache_info()[1]]}
        yield pyarrow.RecordBatch.from_pydict(told)

    table = spark.createDataFrame(
        [(record.text,) for _, record in short_texts()[:8]], "text string"
    )
    jobs = [table.repartition(4).mapInArrow(tell_loads, "worker long, loads long")] * 2
    rows = [row for job in jobs for row in job.collect()]
    assert {row["loads"] for row in rows} == {1}
    assert len({row["worker"] for row in rows}) <= 2


@spark_test
def test_a_fault_in_spark_is_told_in_our_own_words(spark):
    from serving.engines.on_spark import OnSpark

    engine = OnSpark(expect="another@1111", session=spark)
    with pytest.raises(EngineError, match=r"--engine spark: worker: bundle .* another@1111 wanted"):
        answers_of(engine, short_texts())
