import json
import re
import subprocess
import sys
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pyarrow
import pytest
from typer.testing import CliRunner

import serving.engines.reading
from models.bundle import BundleError
from models.record import Record
from models.rows import RowsError
from serving.engines.batches import score_batches, score_table
from serving.engines.engine import Answered, EngineError, Numbered, in_order
from serving.engines.local import Alone, Processes
from serving.engines.reading import worker_analyzer
from serving.engines.waves import cause_of, in_place, placed, waves_of
from serving.engines.wire import ANSWERS, RECORDS, answers_schema, batch_of
from serving.files.scoring import batches_of, score_file
from tests.clusters import end_quietly, need_extra, spark_test
from tests.readers import KeywordAnalyzer
from tests.sampled import SAMPLES
from xiaobao import app

ROOT = Path(__file__).parent.parent
NUMBERED = [(n, Record(f"第{n}件,{'理赔' * (n % 5)}", case_id=f"T-{n}")) for n in range(1, 24)]
FAULT = {"row": 0, "fault": "?"}


def scored(table: dict[str, list[object]], **options: object) -> list[dict]:
    batch = pyarrow.RecordBatch.from_pydict(table)
    answers = score_batches([batch], analyzer=KeywordAnalyzer(), **options)
    return [row for own in answers for row in own.to_pylist()]


# --- one function -------------------------------------------------------------------------------


def test_a_row_comes_out_for_each_that_went_in_and_in_its_place():
    rows = scored({"text": ["理赔太慢", None, "", "你好"], "case_id": ["A", "B", "C", "D"]})
    assert [row["case_id"] for row in rows] == ["A", "B", "C", "D"]
    assert [row["fault_field"] for row in rows] == [None, "text", "text", None]
    assert rows[1]["fault"] == "missing, wanted the complaint text"
    assert [row["level"] for row in rows] == ["NONE", None, None, "NONE"]


def test_answers_have_the_schema_and_repeat_the_numbers_of_rows():
    (answers,) = score_batches([batch_of(NUMBERED)], analyzer=KeywordAnalyzer())
    assert answers.schema == ANSWERS
    assert answers.column("row").to_pylist() == list(range(1, 24))
    whole = [json.loads(line) for line in answers.column("assessment").to_pylist()]
    assert [line["case_id"] for line in whole] == [f"T-{n}" for n in range(1, 24)]


def test_without_the_whole_answer_a_batch_holds_no_word_of_a_complaint():
    table = pyarrow.table({"text": ["张秀兰说理赔太慢"]})
    answers = score_table(table, whole=False, analyzer=KeywordAnalyzer())
    assert answers.schema == answers_schema(whole=False)
    assert "assessment" not in answers.column_names
    assert "张秀兰" not in str(answers.to_pylist())


def test_columns_may_be_named_as_exports_name_them_or_as_one_says():
    (row,) = scored({"工单号": [20260001], "投诉内容": ["理赔太慢"]})
    assert (row["case_id"], row["primary_id"]) == ("20260001", "CLAIM.CLAIM_DELAY")
    (row,) = scored({"nr": [20260001]} | {"说明": ["理赔太慢"]}, fields={"说明": "text"})
    assert (row["case_id"], row["primary_id"]) == (None, "CLAIM.CLAIM_DELAY")


def test_a_batch_without_texts_is_refused_by_its_names():
    with pytest.raises(RowsError, match="wanted a text column"):
        scored({"case_id": ["A"]})


def test_a_large_batch_is_answered_in_small_ones():
    batch = pyarrow.RecordBatch.from_pydict({"text": ["理赔"] * 1200})
    sizes = [b.num_rows for b in score_batches([batch], analyzer=KeywordAnalyzer())]
    assert sizes == [512, 512, 176]


def test_a_batch_without_rows_has_no_answers():
    assert scored({"text": pyarrow.array([], pyarrow.string())}) == []


def test_a_worker_with_another_bundle_is_refused_before_it_reads():
    answers = score_batches([], analyzer=KeywordAnalyzer(), expect="keywords@1111")
    with pytest.raises(BundleError, match=r"keywords@0000 found, keywords@1111 wanted"):
        next(answers)


def test_a_worker_loads_its_bundle_once(monkeypatch):
    loads = []

    def load(directory, *, threads):
        loads.append((directory, threads))
        return KeywordAnalyzer()

    monkeypatch.setattr(serving.engines.reading, "load_analyzer", load)
    once = "bundles/of-this-test"
    for _ in range(3):
        assert len(list(score_batches([batch_of(NUMBERED)], bundle=once))) == 1
    assert worker_analyzer(once) is worker_analyzer(once)
    assert loads == [(Path(once), 1)]
    serving.engines.reading._load.cache_clear()


# --- what engines share -------------------------------------------------------------------------


def test_results_come_in_order_with_few_under_way():
    under_way: list[Future[int]] = []
    most = 0

    def submit(item: int) -> Future[int]:
        nonlocal most
        future: Future[int] = Future()
        under_way.append(future)
        most = max(most, sum(not one.done() for one in under_way))
        if len(under_way) % 3 == 0:  # the last of each three is ready first
            for number in (-1, -2, -3):
                under_way[number].set_result(len(under_way) + number)
        return future

    assert list(in_order(submit, range(9), ahead=3)) == list(range(9))
    assert most == 3


def test_batches_are_sent_in_waves():
    assert list(waves_of("abcde", size=2)) == [["a", "b"], ["c", "d"], ["e"]]


def numbers_twice() -> list[list[Numbered]]:
    """Two sheets of one workbook: their row numbers begin anew."""
    return [NUMBERED[:3], NUMBERED[:2]]


def test_answers_in_any_order_find_their_rows_again():
    wave = numbers_twice()
    answers = score_table(
        pyarrow.Table.from_batches(placed(wave)[::-1]), analyzer=KeywordAnalyzer()
    )
    found = in_place(wave, answers)
    assert [row for row, _ in found] == [1, 2, 3, 1, 2]
    cases = [json.loads(line)["case_id"] for _, line in found]
    assert cases == ["T-1", "T-2", "T-3", "T-1", "T-2"]


@pytest.mark.parametrize("kept", [[0, 1, 2, 3], [0, 1, 2, 3, 3], [0, 1, 2, 3, 4, 4]])
def test_a_row_that_is_lost_or_comes_twice_stops_the_run(kept):
    wave = numbers_twice()
    answers = score_table(pyarrow.Table.from_batches(placed(wave)), analyzer=KeywordAnalyzer())
    with pytest.raises(EngineError, match="wanted one for each of 5 rows"):
        in_place(wave, answers.take(kept))


def test_a_row_that_a_cluster_does_not_answer_stops_the_run():
    answers = pyarrow.Table.from_pylist([FAULT], schema=ANSWERS)
    with pytest.raises(EngineError, match="row 1: found a fault, wanted an answer"):
        in_place([NUMBERED[:1]], answers)


def test_of_an_error_of_a_cluster_only_our_own_words_are_told():
    report = "Traceback …\nmodels.bundle.BundleError: b/card.md is missing\nfoo.Error: 张秀兰"
    assert str(cause_of("spark", Exception(report))) == "--engine spark: b/card.md is missing"
    report = "Traceback …\npyarrow.lib.ArrowInvalid: 张秀兰\nValueError: 张秀兰说理赔太慢"
    assert str(cause_of("ray", Exception(report))) == "--engine ray: ValueError"


def test_a_batch_is_bounded_in_rows_and_in_characters():
    texts = ["短", "短", "长" * 600_000, "长" * 600_000, "短"]
    numbered = [(n, Record(text)) for n, text in enumerate(texts)]
    assert [len(batch) for batch in batches_of(numbered, chunk=2)] == [2, 1, 2]


# --- the engines --------------------------------------------------------------------------------


def short_texts(count: int) -> list[tuple[int, Record]]:
    rows = map(json.loads, (SAMPLES / "complaints.jsonl").read_text("utf-8").splitlines())
    short = [row for row in rows if len(row["text"]) < 60][:count]
    return [(n, Record(row["text"], case_id=row["id"])) for n, row in enumerate(short, 2)]


@pytest.fixture(scope="module")
def numbered() -> list[tuple[int, Record]]:
    return short_texts(40)


@pytest.fixture(scope="module")
def wanted(numbered) -> list[Answered]:
    return answers_of(Alone(worker_analyzer(threads=2)), numbered)


@pytest.fixture(scope="module")
def wanted_rows(numbered) -> list[dict]:
    """The flat columns of the answers, and why there is none."""
    batches = score_batches([batch_of(numbered)], analyzer=worker_analyzer(threads=2), whole=False)
    return [row for batch in batches for row in batch.to_pylist()]


@pytest.fixture(scope="module")
def bundle_name() -> str:
    return worker_analyzer(threads=2).description["bundle"]


def answers_of(engine, numbered) -> list[Answered]:
    told: list[int] = []
    batches = engine.score(batches_of(numbered, chunk=7), advance=told.append)
    answers = [answer for batch in batches for answer in batch]
    assert sum(told) == len(numbered)
    return answers


def test_one_alone_answers_as_the_function_does(numbered, wanted):
    (batch,) = score_batches([batch_of(numbered)], analyzer=worker_analyzer(threads=2))
    columns = (batch.column(name).to_pylist() for name in ("row", "assessment"))
    assert list(zip(*columns, strict=True)) == wanted


def test_a_process_a_core_answers_as_one_alone(numbered, wanted):
    analyzer = worker_analyzer(threads=2)
    assert answers_of(Processes(analyzer, workers=2, few=2), numbered) == wanted


def test_few_batches_start_no_process(numbered):
    analyzer = KeywordAnalyzer()  # no bundle that a process could load
    assert len(answers_of(Processes(analyzer, workers=2, few=7), numbered)) == 40
    assert sum(analyzer.batches) == 40


def test_a_process_that_cannot_read_says_why(numbered, tmp_path):
    engine = Processes(KeywordAnalyzer(), bundle=str(tmp_path / "none"), workers=2, few=1)
    with pytest.raises(BundleError, match="no such directory"):
        answers_of(engine, numbered)


@spark_test
def test_spark_answers_as_this_machine(spark, numbered, wanted, bundle_name):
    from serving.engines.on_spark import OnSpark

    engine = OnSpark(expect=bundle_name, session=spark)
    assert answers_of(engine, numbered) == wanted


@spark_test
def test_a_table_in_spark_is_scored_by_the_function_itself(spark, numbered, wanted_rows):
    from serving.engines.on_spark import spark_schema

    rows = [(record.case_id, record.text) for _, record in numbered]
    table = spark.createDataFrame(rows, "`工单号` string, `投诉内容` string").repartition(3)
    scored = table.mapInArrow(partial(score_batches, whole=False), spark_schema(whole=False))
    found = {row["case_id"]: row for row in scored.toArrow().to_pylist()}
    assert len(found) == 40
    for row in wanted_rows:
        assert found[row["case_id"]] == {**row, "row": None}


@spark_test
def test_a_worker_of_spark_loads_its_bundle_once_for_all_its_jobs(spark, numbered):
    def tell_loads(batches):
        import os

        for _ in score_batches(batches, whole=False):
            pass
        told = {"worker": [os.getpid()], "loads": [serving.engines.reading._load.cache_info()[1]]}
        yield pyarrow.RecordBatch.from_pydict(told)

    table = spark.createDataFrame([(record.text,) for _, record in numbered[:8]], "text string")
    jobs = [table.repartition(4).mapInArrow(tell_loads, "worker long, loads long")] * 2
    rows = [row for job in jobs for row in job.collect()]
    assert {row["loads"] for row in rows} == {1}
    assert len({row["worker"] for row in rows}) <= 2


@spark_test
def test_a_fault_in_spark_is_told_in_our_own_words(spark, numbered):
    from serving.engines.on_spark import OnSpark

    engine = OnSpark(expect="another@1111", session=spark)
    with pytest.raises(EngineError, match=r"--engine spark: worker: bundle .* another@1111 wanted"):
        answers_of(engine, numbered)


@pytest.fixture(scope="module")
def ray():
    """A Ray of two workers on this machine."""
    need_extra("ray", "ray")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(ROOT))
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        try:
            ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
            yield ray
        finally:
            ray.shutdown()
            end_quietly()


# Ray leaves files and sockets of its own processes to the end of the process.
ray_test = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"
)


@ray_test
def test_ray_answers_as_this_machine(ray, numbered, wanted, bundle_name):
    from serving.engines.on_ray import OnRay

    assert answers_of(OnRay(expect=bundle_name), numbered) == wanted


@ray_test
def test_a_data_set_in_ray_is_scored_by_the_function_itself(ray, numbered, wanted_rows):
    rows = [{"case_id": record.case_id, "text": record.text} for _, record in numbered]
    scored = ray.data.from_items(rows).map_batches(
        score_table, batch_format="pyarrow", batch_size=16, fn_kwargs={"whole": False}
    )
    found = {row["case_id"]: row for row in scored.take_all()}
    assert len(found) == 40
    for row in wanted_rows:
        assert found[row["case_id"]]["causes"] == row["causes"]
        assert found[row["case_id"]]["agent_probability"] == row["agent_probability"]


@ray_test
def test_a_fault_in_ray_is_told_in_our_own_words(ray, numbered):
    from serving.engines.on_ray import OnRay

    with pytest.raises(EngineError, match=r"--engine ray: worker: bundle .* another@1111 wanted"):
        answers_of(OnRay(expect="another@1111"), numbered)


# --- the command --------------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "理赔太慢"}\n', "utf-8")
    return path


@pytest.fixture
def run(monkeypatch, source):
    monkeypatch.setattr(serving.commands, "open_analyzer", lambda *_, **__: KeywordAnalyzer())
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
        "import sys, xiaobao, serving.commands, serving.api.app, serving.engines.opening\n"
        "import serving.files.scoring, serving.engines.on_spark, serving.engines.on_ray\n"
        "print({'pyspark', 'py4j', 'ray', 'pandas'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout == "set()\n"


@pytest.mark.parametrize(("name", "schema"), [("records", RECORDS), ("answers", ANSWERS)])
def test_the_schemas_in_the_documents_are_the_schemas(name, schema):
    page = (ROOT / "docs/engines.md").read_text("utf-8")
    block = page.partition(f"<!-- {name}: begin -->")[2].partition(f"<!-- {name}: end -->")[0]
    found = re.findall(r"^\| `(\w+)` \| `([\w<>: ]+)` \|", block, re.MULTILINE)
    assert found == [(field.name, str(field.type)) for field in schema]
