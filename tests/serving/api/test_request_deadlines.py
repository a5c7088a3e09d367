"""The header in which a caller says how long an answer is worth something."""

import httpx
import pytest
from starlette.datastructures import Headers

from serving.api.assessing import DEADLINE_HEADER, read_deadline
from serving.api.problems import ProblemError

NO_DEADLINES = (
    "+500", "500.0", "5_00", " 500", "0500 ", "", "0", "000", "1e3", "5²", "5000000000", "-1"
)  # fmt: skip


@pytest.mark.parametrize(("given", "wanted"), [("1", 0.001), ("2000", 2.0), ("0500", 0.5)])
def test_a_deadline_is_whole_milliseconds(given, wanted):
    assert read_deadline(Headers({DEADLINE_HEADER: given})) == wanted


def test_without_the_header_the_caller_names_no_deadline():
    assert read_deadline(Headers()) is None


@pytest.mark.parametrize("given", NO_DEADLINES)
def test_what_only_some_would_read_as_a_number_is_refused_and_not_repeated(given):
    with pytest.raises(ProblemError) as caught:
        read_deadline(Headers({DEADLINE_HEADER: given}))
    assert caught.value.status == 422
    ((field, reason),) = caught.value.errors
    assert field == DEADLINE_HEADER
    assert reason.endswith("1 to 999999999")


@pytest.mark.parametrize("path", ["/v1/assess", "/v1/assess/batch"])
@pytest.mark.parametrize("given", ["+500", "500.0", "5_00"])
def test_no_deadline_is_passed_over_in_silence(client: httpx.Client, path, given):
    record = {"text": "理赔太慢"}
    body = record if path == "/v1/assess" else {"records": [record]}
    answer = client.post(path, json=body, headers={DEADLINE_HEADER: given})
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [DEADLINE_HEADER]


def test_the_schema_tells_the_numbers_that_are_taken(client: httpx.Client):
    (told,) = client.get("/openapi.json").json()["paths"]["/v1/assess"]["post"]["parameters"]
    assert told["name"] == DEADLINE_HEADER
    assert not told["required"]
    assert told["schema"] | {"title": "", "description": ""} == {
        "type": "integer", "minimum": 1, "maximum": 999_999_999, "title": "", "description": "",
    }  # fmt: skip
