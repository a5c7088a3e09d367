import re

import jsonschema
import pytest

from serving.api.schemas import RECORD_FIELDS
from tests.support.served import TEXT, post


@pytest.mark.parametrize(
    ("method", "path"),
    [("post", "/v1/assess"), ("post", "/v1/assess/batch"), ("get", "/v1/groups")],
)
def test_a_parameter_that_may_be_left_out_is_not_documented_as_null(client, method, path):
    operation = client.get("/openapi.json").json()["paths"][path][method]
    schemas = {one["name"]: one["schema"] for one in operation["parameters"]}
    assert schemas
    assert all("type" in schema for schema in schemas.values())
    if header := schemas.get("x-request-deadline-ms"):
        assert (header["type"], header["minimum"]) == ("integer", 1)


@pytest.mark.parametrize(
    ("path", "model"),
    [("/v1/model", "DescriptionOut"), ("/livez", "StateOut"), ("/readyz", "StateOut")],
)
def test_an_answer_about_the_service_follows_its_schema(client, path, model):
    schema = client.get("/openapi.json").json()
    jsonschema.validate(
        client.get(path).json(), {"$ref": f"#/components/schemas/{model}", **schema}
    )


@pytest.mark.parametrize("text", [TEXT, "我要全额退保,不退就投诉理赔", ""])
def test_an_assessment_follows_its_schema(client, text):
    schema = client.get("/openapi.json").json()
    answer = post(client, {"text": text}).json()
    jsonschema.validate(answer, {"$ref": "#/components/schemas/AssessmentOut", **schema})


def test_a_batch_follows_its_schema(client):
    schema = client.get("/openapi.json").json()
    answer = client.post("/v1/assess/batch", json={"records": [{"text": TEXT}] * 2}).json()
    jsonschema.validate(answer, {"$ref": "#/components/schemas/BatchOut", **schema})


@pytest.mark.parametrize("path", ["/v1/assess", "/v1/assess/batch"])
@pytest.mark.parametrize(
    "status", ["400", "401", "403", "408", "413", "415", "422", "429", "500", "503"]
)
def test_the_schema_tells_of_every_problem(client, path, status):
    operation = client.get("/openapi.json").json()["paths"][path]["post"]
    content = operation["responses"][status]["content"]
    assert content == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }


def test_the_schema_knows_the_fields_of_a_record(client):
    schema = client.get("/openapi.json").json()["components"]["schemas"]["RecordIn"]
    assert tuple(schema["properties"]) == RECORD_FIELDS


def test_the_evidence_shown_as_an_example_has_the_length_it_says(client):
    schema = client.get("/openapi.json").json()["components"]["schemas"]["EvidenceOut"]
    example = {
        name: field.get("examples", [None])[0] for name, field in schema["properties"].items()
    }
    assert example["end"] - example["start"] == len(example["text"])


def test_the_docs_need_nothing_from_outside(client):
    page = client.get("/docs").text
    assets = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(assets) == 4
    assert all(client.get(asset).status_code == 200 for asset in assets)
    assert "://" not in page


def test_the_docs_ask_no_outside_service_about_the_schema(client):
    assert '"validatorUrl": null' in client.get("/docs-start.js").text


@pytest.mark.parametrize("path", ["/livez", "/nowhere", "/openapi.json", "/docs"])
def test_every_answer_forbids_what_it_does_not_need(client, path):
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_nothing_that_stands_in_the_page_of_the_docs_may_run(client):
    page = client.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert re.findall(r"<script[^>]*>[^<]|<style| style=| on[a-z]+=", page.text) == []


def test_every_route_is_named_in_chinese(client):
    paths = client.get("/openapi.json").json()["paths"].values()
    summaries = [route["summary"] for path in paths for route in path.values()]
    assert [words for words in summaries if not re.match("[\u4e00-\u9fff]", words)] == []
