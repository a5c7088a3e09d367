"""What tests of the engines share: rows, the answers to them, and a Spark of two cores."""

import gc
import json
import shutil
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from subprocess import Popen
from typing import Any

import pytest

from models.record import Record
from serving.engines.batches import score_batches
from serving.engines.engine import Answered
from serving.engines.local import Alone
from serving.engines.reading import worker_analyzer
from serving.engines.wire import batch_of
from serving.files.scoring import batches_of
from tests.support.places import ROOT
from tests.support.sampled import SAMPLES

NUMBERED = [(n, Record(f"第{n}件,{'理赔' * (n % 5)}", case_id=f"T-{n}")) for n in range(1, 24)]
FAULT = {"row": 0, "fault": "?"}

# PySpark warns of pandas 3, which it only imports here; its sockets are closed by its own threads.
spark_test = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::ResourceWarning")


def need_extra(module: str, extra: str) -> None:
    """Skip the test where an extra is not installed."""
    if find_spec(module) is None:
        pytest.skip(f"needs the extra {extra}: pip install '.[{extra}]'")


def end_quietly(process: Popen[bytes] | None = None) -> None:
    """End an engine's process; those it never waited for are dropped here, not in a later test."""
    if process is not None:
        assert process.stdin is not None
        process.stdin.close()  # for which its Java waits
        process.wait(timeout=60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def a_session() -> Iterator[Any]:
    """A Spark session of two cores on this machine, ended after use."""
    need_extra("pyspark", "spark")
    if shutil.which("java") is None:
        pytest.skip("needs a Java runtime, 17 or newer, on PATH")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYSPARK_PYTHON", sys.executable)
        environment.setenv("PYTHONPATH", str(ROOT))
        environment.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        session = builder.getOrCreate()
        gateway = session.sparkContext._gateway
        yield session
        session.stop()
        gateway.shutdown()
        end_quietly(gateway.proc)


@cache
def short_texts() -> list[tuple[int, Record]]:
    """Forty short ones of the sample complaints, each with the number of its row."""
    rows = map(json.loads, (SAMPLES / "complaints.jsonl").read_text("utf-8").splitlines())
    short = [row for row in rows if len(row["text"]) < 60][:40]
    return [(n, Record(row["text"], case_id=row["id"])) for n, row in enumerate(short, 2)]


@cache
def wanted() -> list[Answered]:
    """The answers of one process to the short texts."""
    return answers_of(Alone(worker_analyzer(threads=2)), short_texts())


@cache
def wanted_rows() -> list[dict]:
    """The flat columns of the answers, and why there is none."""
    batch = batch_of(short_texts())
    batches = score_batches([batch], analyzer=worker_analyzer(threads=2), whole=False)
    return [row for batch in batches for row in batch.to_pylist()]


@cache
def bundle_name() -> str:
    return worker_analyzer(threads=2).description["bundle"]


def answers_of(engine, numbered) -> list[Answered]:
    told: list[int] = []
    batches = engine.score(batches_of(numbered, chunk=7), advance=told.append)
    answers = [answer for batch in batches for answer in batch]
    assert sum(told) == len(numbered)
    return answers
