"""Linking in Spark gives the groups of a file: on real letters and where keys overflow."""

import pickle
import random
import re

import pyarrow
import pytest

from models.codebook import default_codebook
from models.links import HubList, Key, Linker
from models.links.candidates import FULL, OVER, STOCK, gather, keys_of
from models.links.fingerprints import Fingerprint, fingerprint
from models.links.masking import mask
from models.record import Record
from models.rows import RowsError
from serving.engines.engine import EngineError
from serving.engines.link_batches import case_from, keys_of_cases, read_cases
from serving.engines.reading import assess_sorted, worker_analyzer
from serving.engines.wire import batch_of
from serving.files.linking import read_linkable
from tests.support.clusters import spark_test
from tests.support.readers import KeywordAnalyzer
from tests.support.sampled import SAMPLES

SECRET = b"of this test"


def table_of(records: list[Record]) -> pyarrow.Table:
    return pyarrow.Table.from_batches([batch_of(list(enumerate(records, start=1)))])


def read(batch: pyarrow.RecordBatch, **options: object) -> list[dict]:
    options = {"secret": SECRET, "analyzer": KeywordAnalyzer(), **options}
    return [row for own in read_cases([batch], **options) for row in own.to_pylist()]


# --- what a worker does, without Spark ----------------------------------------------------------


def test_a_case_leaves_its_worker_without_words_and_values():
    record = Record("张秀兰说理赔太慢,请回电19900001111", case_id="A", policyholder="张秀兰")
    (row,) = read(batch_of([(7, record)]))
    assert not any(word in str(row) for word in ("张秀兰", "理赔太慢", "19900001111"))
    case = case_from(row["case"])
    assert (case.number, case.said.id) == (7, "A")
    assert {one.kind for one in case.identifiers} == {"phone"}
    assert Fingerprint(row["grams"]).words == fingerprint(mask(record)).words


def test_tokens_are_those_of_the_secret():
    batch = batch_of([(1, Record("请回电19900001111"))])
    (one,), (same,), (other,) = read(batch), read(batch), read(batch, secret=b"of another")
    assert one == same
    assert one["case"] != other["case"]


def test_a_worker_knows_the_hubs_that_it_is_given():
    batch = batch_of([(1, Record("请回电19900001111"))])
    own = pickle.loads(pickle.dumps(HubList({"phone": re.compile("^19900001111$")})))  # as Spark
    kept = [case_from(row["case"]) for given in ({}, {"hubs": own}) for row in read(batch, **given)]
    assert [one.hub for case in kept for one in case.identifiers] == [False, True]


def test_a_row_that_is_no_record_says_why_and_the_others_are_read():
    batch = pyarrow.RecordBatch.from_pydict({"row": [1, 2, 3], "text": ["理赔太慢", "", "你好"]})
    rows = read(batch)
    assert [row["row"] for row in rows] == [1, 2, 3]
    assert [row["fault_field"] for row in rows] == [None, "text", None]
    assert [row["case"] is None for row in rows] == [False, True, False]


@pytest.mark.parametrize("numbers", [{}, {"row": [None]}, {"row": [0]}])
def test_rows_without_numbers_are_refused(numbers):
    batch = pyarrow.RecordBatch.from_pydict({**numbers, "text": ["理赔太慢"]})
    with pytest.raises(RowsError, match="as row, wanted a number from 1 on"):
        read(batch)


def test_keys_come_with_their_kind():
    print_ = fingerprint(mask(Record("推介者将茶杯压在条款上,只露出落款处,称余下皆是套话")))
    batch = pyarrow.RecordBatch.from_pydict({"row": [4], "grams": [print_.grams]})
    (found,) = keys_of_cases([batch])
    rows, keys = found.to_pylist(), keys_of(print_)
    assert {row["row"] for row in rows} == {4}
    for kind, wanted in (("band", keys.bands), ("clause", keys.clauses), ("word", keys.words)):
        assert [row["key"] for row in rows if row["kind"] == kind] == list(wanted)
        assert wanted


# --- in Spark -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def letters() -> list[Record]:
    """The first letters of the sample of groups, and one that has no id."""
    found = [one for one in read_linkable(SAMPLES / "groups.jsonl") if isinstance(one, Record)]
    return [*found[:60], Record("理赔四十天没有下文")]


@spark_test
def test_the_groups_in_spark_are_those_of_a_file(spark, letters):
    from serving.engines.link_on_spark import LinksOnSpark

    analyzer, codebook = worker_analyzer(threads=1), default_codebook()
    # One key for both: of two links as good as each other that of the smaller token is shown.
    wanted = Linker(codebook, key=Key(SECRET)).link(letters, assess_sorted(letters, analyzer))
    bundle = analyzer.description["bundle"]
    links = LinksOnSpark(codebook, expect=bundle, secret=SECRET, session=spark)
    assert len(wanted.groups) > 3
    assert links.link(letters) == wanted


@spark_test
def test_a_table_in_spark_is_linked_where_it_is_and_its_faults_are_told(spark, letters):
    from serving.engines.link_on_spark import LinksOnSpark

    rows = [(10 * n, record.text, record.phone) for n, record in enumerate(letters[:20], 1)]
    frame = spark.createDataFrame(
        [*rows, (999, "", None)], "row long, `投诉内容` string, phone string"
    )
    analyzer, codebook = worker_analyzer(threads=1), default_codebook()
    links = LinksOnSpark(codebook, expect=analyzer.description["bundle"], session=spark)
    linked, (fault,) = links.link_table(frame.repartition(3))
    assert [case.case_id for case in linked.cases] == [f"#{10 * n}" for n in range(1, 21)]
    assert linked.groups
    assert (fault.row, fault.field) == (999, "text")
    with pytest.raises(EngineError, match="found a row number twice"):
        links.link_table(frame.unionAll(frame))


def scribble(rng: random.Random, length: int) -> str:
    """Characters at random: like nothing else."""
    return "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(length))


@spark_test
def test_a_key_that_many_have_gives_the_same_pairs_as_case_by_case(spark):
    from serving.engines.link_on_spark import candidates

    rng = random.Random(3)
    stock = ["".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(12)) for _ in range(9)]
    texts = [
        "。".join(
            [*rng.sample(stock, 3), "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in "九" * 9)]
        )
        for _ in range(3 * max(FULL, STOCK))
    ]
    texts += [texts[0]] * (FULL + 20)  # copies: bands overflow as well
    prints = {n: fingerprint(mask(Record(text))) for n, text in enumerate(texts, start=1)}
    wanted = gather({n: keys_of(one) for n, one in prints.items()}, {}, least_words=3)
    assert [OVER] in wanted.changed.values()
    frame = spark.createDataFrame(
        [(n, one.grams) for n, one in prints.items()], "row long, grams binary"
    )
    found = candidates(frame.repartition(4), least_words=3).select("low", "high").collect()
    assert len(found) == len(set(found))
    assert {tuple(row) for row in found} == set(wanted.pairs)
