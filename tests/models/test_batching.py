"""Batching: a text is answered in company as it is alone."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.analyzer import load_analyzer
from models.assessment import Assessment, as_json
from models.record import Record
from tests.support.jobs import schedule


@pytest.fixture(scope="module")
def embedded() -> Any:
    return load_analyzer(threads=1)


PIECES = st.sampled_from(
    [
        "理赔资料交了四十天",
        "客服每次都说在审核",
        "我要全额退保",
        "代理人让我转给他手续费",
        "😡",
        "\n",
        "ABC-12 ",
        "葆费",
    ]
)
TEXTS = st.lists(st.lists(PIECES, max_size=90).map("。".join), min_size=1, max_size=6)


@settings(max_examples=6)
@given(texts=TEXTS, batch_tokens=st.sampled_from([64, 700, 8192]))
def test_company_changes_no_answer(embedded, texts, batch_tokens):
    alone: list[Assessment] = [embedded.assess([Record(text)])[0] for text in texts]
    answers = schedule([*([text] for text in texts), texts], embedded, batch_tokens=batch_tokens)
    wanted = [as_json(answer) for answer in alone]
    assert [as_json(answer) for each in answers[:-1] for answer in each] == wanted
    assert [as_json(answer) for answer in answers[-1]] == wanted
