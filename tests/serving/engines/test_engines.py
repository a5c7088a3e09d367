import json
from concurrent.futures import Future

import pyarrow
import pytest

from models.bundle import BundleError
from models.record import Record
from serving.engines.batches import score_batches, score_table
from serving.engines.engine import EngineError, Numbered, in_order
from serving.engines.local import ProcessPool
from serving.engines.reading import worker_analyzer
from serving.engines.waves import cause_of, in_place, placed, waves_of
from serving.engines.wire import ANSWERS, batch_of
from serving.files.scoring import batches_of
from tests.support.clusters import FAULT, NUMBERED, answers_of, short_texts, wanted
from tests.support.readers import KeywordAnalyzer

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


def test_one_alone_answers_as_the_function_does():
    (batch,) = score_batches([batch_of(short_texts())], analyzer=worker_analyzer(threads=2))
    columns = (batch.column(name).to_pylist() for name in ("row", "assessment"))
    assert list(zip(*columns, strict=True)) == wanted()


def test_a_process_a_core_answers_as_one_alone():
    analyzer = worker_analyzer(threads=2)
    assert answers_of(ProcessPool(analyzer, workers=2, few=2), short_texts()) == wanted()


def test_few_batches_start_no_process():
    analyzer = KeywordAnalyzer()  # no bundle that a process could load
    assert len(answers_of(ProcessPool(analyzer, workers=2, few=7), short_texts())) == 40
    assert sum(analyzer.batches) == 40


def test_a_process_that_cannot_read_says_why(tmp_path):
    engine = ProcessPool(KeywordAnalyzer(), bundle=str(tmp_path / "none"), workers=2, few=1)
    with pytest.raises(BundleError, match="no such directory"):
        answers_of(engine, short_texts())
