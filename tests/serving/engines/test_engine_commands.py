import subprocess
import sys
from pathlib import Path

import pyarrow
import pytest
from typer.testing import CliRunner

import serving.opening
from serving.engines.engine import EngineError
from serving.engines.waves import in_place
from serving.engines.wire import ANSWERS
from serving.files.scoring import score_file
from tests.support.clusters import FAULT
from tests.support.places import ROOT
from tests.support.readers import KeywordAnalyzer
from xiaobao import app


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "理赔太慢"}\n', "utf-8")
    return path


@pytest.fixture
def run(monkeypatch, source):
    monkeypatch.setattr(serving.opening, "open_analyzer", lambda *_, **__: KeywordAnalyzer())
    out = source.with_name("out.jsonl")
    return lambda *words: CliRunner().invoke(
        app, ["assess", str(source), "--out", str(out), *words]
    )


@pytest.mark.parametrize(("engine", "module"), [("spark", "pyspark.sql"), ("ray", "ray")])
def test_a_missing_extra_is_named_with_how_to_install_it(run, monkeypatch, engine, module):
    monkeypatch.setitem(sys.modules, module, None)
    result = run("--engine", engine)
    assert result.exit_code == 2
    assert f"install the {engine} extra: pip install '.[{engine}]'" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_missing_java_is_named(run, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pyspark", type(sys)("pyspark"))
    module = type(sys)("pyspark.sql")
    module.SparkSession = None
    monkeypatch.setitem(sys.modules, "pyspark.sql", module)
    result = run("--engine", "spark")
    assert result.exit_code == 2
    assert "wanted a Java runtime, 17 or newer" in result.stderr


def test_the_local_engine_needs_no_extra(run, source):
    assert run("--engine", "local").exit_code == 0
    assert len(source.with_name("out.jsonl").read_bytes().splitlines()) == 1


def test_an_engine_without_an_output_is_wrong_usage(source):
    result = CliRunner().invoke(app, ["assess", str(source), "--engine", "ray"])
    assert result.exit_code == 2
    assert "--out FILE" in result.stderr


def test_where_an_engine_fails_on_the_way_no_output_stands(source):
    class Faulty:
        def score(self, batches, *, advance):
            for batch in batches:
                yield in_place([batch], pyarrow.Table.from_pylist([FAULT], schema=ANSWERS))

    out = source.with_name("out.jsonl")
    with pytest.raises(EngineError, match="row 1: found a fault, wanted an answer"):
        score_file(source, out, analyzer=KeywordAnalyzer(), engine=Faulty())
    assert not out.exists()


def without_arrow(*words: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.modules['pyarrow'] = None\nimport xiaobao; xiaobao.app({words!r})"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


def test_without_arrow_a_file_is_assessed_and_written_all_the_same(source, tmp_path):
    shown = without_arrow("assess", str(source))
    assert (shown.returncode, "理赔" in shown.stdout) == (0, True)
    for name in ("out.jsonl", "out.csv"):
        written = without_arrow("assess", str(source), "--out", str(tmp_path / name))
        assert (written.returncode, (tmp_path / name).exists()) == (0, True), written.stderr


@pytest.mark.parametrize(
    ("given", "out", "words", "extra"),
    [
        ("in.parquet", "out.jsonl", [], "batch"),
        ("in.jsonl", "out.parquet", [], "batch"),
        ("in.jsonl", "out.jsonl", ["--engine", "ray"], "ray"),
    ],
)
def test_without_arrow_what_needs_it_names_its_extra(source, tmp_path, given, out, words, extra):
    paths = [str(tmp_path / given), "--out", str(tmp_path / out)]
    Path(tmp_path / given).touch()
    result = without_arrow("assess", *paths, *words)
    assert result.returncode == 2
    assert f"install the {extra} extra: pip install '.[{extra}]'" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_serves_and_what_scores_load_neither_spark_nor_ray():
    code = (
        "import sys, xiaobao, serving.commands, serving.app, serving.engines.opening\n"
        "import serving.files.scoring, serving.engines.on_spark, serving.engines.on_ray\n"
        "print({'pyspark', 'py4j', 'ray', 'pandas'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout == "set()\n"
