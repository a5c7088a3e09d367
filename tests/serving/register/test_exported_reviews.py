"""Reviews as training records: by the values of the bundle in use."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.bundle import EMBEDDED_BUNDLE, REQUIRED, write_bundle
from models.labels import FACET_FIELDS, field_values
from models.record import Record
from models.taxonomy import default_taxonomy
from serving.register.register import Register
from serving.register.reviews import Review
from tests.support.readers import KeywordAnalyzer
from xiaobao import app

OURS = "channel: [our_app, "


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XIAOBAO_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def own_bundle(tmp_path: Path) -> Path:
    """The embedded bundle with a channel more in its taxonomy."""
    files: dict[str, bytes | str | Path] = {name: EMBEDDED_BUNDLE / name for name in REQUIRED}
    taxonomy = (EMBEDDED_BUNDLE / "taxonomy.yaml").read_text("utf-8")
    files["taxonomy.yaml"] = taxonomy.replace("channel: [", OURS)
    write_bundle(tmp_path / "own", files, manifest={"name": "own"})
    return tmp_path / "own"


def keep_one(data: Path) -> None:
    url, key_file = f"sqlite:///{data / 'register.db'}", data / "identifier.keys"
    record = Record("理赔太慢", case_id="T-1", channel="our_app", product="medical")
    with Register.open(url, key_file=key_file) as register:
        register.accept(record, KeywordAnalyzer().assess([record])[0])
        register.submit_review("T-1", Review("accept", "甲组")).result()


def export(data: Path, *words: str) -> dict:
    out = data / "reviews.jsonl"
    assert CliRunner().invoke(app, ["reviews", "--out", str(out), *words]).exit_code == 0
    (row,) = map(json.loads, out.read_text("utf-8").splitlines())
    return row


def test_values_of_the_bundle_in_use_are_exported(data, own_bundle, monkeypatch):
    keep_one(data)
    assert export(data, "--bundle", str(own_bundle))["channel"] == "our_app"
    monkeypatch.setenv("XIAOBAO_BUNDLE", str(own_bundle))
    assert export(data)["channel"] == "our_app"


def test_a_value_that_the_bundle_does_not_have_is_left_out(data):
    keep_one(data)
    row = export(data)
    assert "channel" not in row
    assert row["product"] == "medical"


def test_every_field_with_a_facet_has_its_values():
    values, facets = field_values(default_taxonomy()), default_taxonomy().facets
    assert {name: facets[facet] for name, facet in FACET_FIELDS.items()} == values
