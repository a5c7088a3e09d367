"""What tests of Spark and Ray share."""

import gc
import shutil
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent

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
