import pytest

from models.assessment import as_json
from models.record import GENRES, Record
from serving.api.schemas import RECORD_FIELDS
from tests.support.readers import KeywordAnalyzer
from tests.support.served import TEXT, post


def test_one_complaint_gets_the_answer_of_the_analyzer(client):
    answer = post(client, {"text": TEXT, "case_id": "T-1"})
    (wanted,) = KeywordAnalyzer().assess([Record(TEXT, case_id="T-1")])
    assert answer.status_code == 200
    assert answer.json() == as_json(wanted)


def test_a_batch_is_answered_in_the_order_of_the_request(client):
    texts = [f"第{number}件" + "理赔" * (number % 7) for number in range(256)]
    records = [{"text": text, "case_id": str(n)} for n, text in enumerate(texts)]
    answer = client.post("/v1/assess/batch", json={"records": records})
    assert [item["case_id"] for item in answer.json()["assessments"]] == [
        str(n) for n in range(256)
    ]


def test_a_batch_gives_the_answers_of_single_requests(client):
    records = [{"text": TEXT}, {"text": "我要全额退保"}, {"text": ""}]
    batch = client.post("/v1/assess/batch", json={"records": records}).json()["assessments"]
    assert batch == [post(client, record).json() for record in records]


def test_an_empty_batch_is_answered_with_nothing(client):
    answer = client.post("/v1/assess/batch", json={"records": []})
    assert answer.json() == {"assessments": []}


@pytest.mark.parametrize("text", ["", "  \n", "😀😀😡", "我要退钱" * 5000, "𠮷" * 10, "\u200b"])
def test_every_text_is_answered_whole(client, text):
    answer = post(client, {"text": text})
    assert answer.status_code == 200
    assert answer.json()["text"]["chars"] == len(text)


def test_an_empty_text_is_unclear_and_for_a_person_to_read(client):
    answer = post(client, {"text": ""}).json()
    assert answer["root_cause"]["primary"]["id"] == "OTHER.UNCLEAR"
    assert answer["review"]["needed"]


def test_every_field_of_a_record_may_be_sent(client):
    record = {**dict.fromkeys(RECORD_FIELDS, "甲"), "genre": "chat_log"}
    assert post(client, record).status_code == 200


@pytest.mark.parametrize("genre", [*GENRES, "", None])
def test_every_genre_of_the_policy_may_be_sent_or_left_empty(client, genre):
    assert post(client, {"text": TEXT, "genre": genre}).status_code == 200


def test_a_genre_that_the_policy_does_not_know_is_answered_with_those_it_knows(client):
    answer = post(client, {"text": TEXT, "genre": "电邮"})
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["field"] == "genre"
    assert all(genre in fault["reason"] for genre in GENRES)


def test_the_model_is_described(client):
    assert client.get("/v1/model").json() == KeywordAnalyzer().description
