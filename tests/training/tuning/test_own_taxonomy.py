"""An insurer's own code table, from 200 labelled rows to answers of the service."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

import xiaobao
from models.analyzer import load_analyzer
from models.bundle import load_bundle
from models.codebook import default_codebook
from models.decoding import Decoder
from models.labels import LabelSpaceError, label_space
from models.taxonomy import default_taxonomy, parse_taxonomy
from serving.vocabulary import Vocabulary, read_words
from tests.support.calibrations import calibration_of
from tests.support.own_codes import DEEP, ONE_LEVEL, THREE_LEVELS, TWELVE, write_table
from tests.support.places import ROOT
from tests.support.served import run_server
from tests.support.tiny import save_modernbert
from training.examples.taxonomies.mapping import parse_mapping


def run(*words: object) -> Result:
    torch.set_num_threads(1)
    return CliRunner().invoke(xiaobao.app, [str(word) for word in words])


@pytest.fixture(scope="module", params=[False, True], ids=["one level", "three levels"])
def trained(request, tmp_path_factory, tiny_tokenizer) -> tuple[Path, Path, Path, Result]:
    """Taxonomy, rows, bundle and what ``train`` said."""
    folder = tmp_path_factory.mktemp("own")
    taxonomy, data = write_table(folder, deep=request.param)
    base = save_modernbert(folder / "base", tiny_tokenizer, positions=128, layers=1)
    result = run(
        "train", "--taxonomy", taxonomy, "--data", data, "--base", base, "--out", folder / "bundle",
        "--epochs", "2", "--batch-tokens", "2048", "--learning-rate", "0.005",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return taxonomy, data, folder / "bundle", result


@pytest.fixture(scope="module")
def client(trained) -> Iterator[httpx.Client]:
    with run_server(load_analyzer(trained[2], threads=1)) as (client, _):
        yield client


def codes_of(taxonomy: Path) -> tuple[str, ...]:
    return parse_taxonomy(taxonomy.read_text("utf-8"), name=taxonomy.name).leaves


def test_the_bundle_carries_the_insurers_table_byte_for_byte(trained):
    taxonomy, _, bundle, _ = trained
    assert (bundle / "taxonomy.yaml").read_bytes() == taxonomy.read_bytes()
    assert load_bundle(bundle).labels.causes == codes_of(taxonomy)


def test_signs_stay_those_of_the_codebook(trained):
    labels = load_bundle(trained[2]).labels
    assert labels.signs == tuple(sign.id for sign in default_codebook().signs)


def test_all_200_rows_were_used(trained):
    examples = load_bundle(trained[2]).manifest["training"]["examples"]
    assert sum(examples.values()) == 200


def test_the_service_answers_with_own_codes_and_names(trained, client):
    taxonomy = parse_taxonomy(trained[0].read_text("utf-8"), name="own")
    said = DEEP if taxonomy.depth == 3 else {code: words for code, _, words in TWELVE}
    right = 0
    for code, words in said.items():
        answer = client.post("/v1/assess", json={"text": f"我是城东的客户。{words},请回复。"})
        assert answer.status_code == 200, answer.text
        root = answer.json()["root_cause"]
        path = [node["id"] for node in root["path"]]
        assert tuple(path) == taxonomy.path_of(root["primary"]["id"])
        assert root["path"][-1]["name"] == taxonomy.name_of(path[-1])
        assert path[0] in [node["id"] for node in root["level1"]]
        right += root["primary"]["id"] == code
    assert right >= len(said) // 2  # a tiny network, yet a network of these codes


def test_the_service_lists_the_own_codes(trained, client):
    listed = [label["id"] for label in client.get("/v1/model").json()["labels"]]
    assert tuple(listed[: len(codes_of(trained[0]))]) == codes_of(trained[0])


def test_assess_writes_own_codes(trained, tmp_path):
    out = tmp_path / "answers.jsonl"
    result = run("assess", trained[1], "--bundle", trained[2], "--out", out)
    assert result.exit_code == 0, result.output
    answers = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert {a["root_cause"]["primary"]["id"] for a in answers} <= set(codes_of(trained[0]))
    assert len(answers) == 200


def test_evaluate_measures_on_own_codes(trained, tmp_path):
    result = run("evaluate", trained[2], "--data", trained[1], "--report", tmp_path)
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "report.json").read_text("utf-8"))["network"]
    assert found["level1_accuracy"]["value"] >= found["level2_accuracy"]["value"]
    deep = "各级主因正确数" in (tmp_path / "report.md").read_text("utf-8")
    assert deep == (len(codes_of(trained[0])) == len(DEEP))


def test_check_data_reads_rows_by_the_own_table(trained):
    found = run("check-data", trained[1], "--taxonomy", trained[0], "--json")
    assert (found.exit_code, json.loads(found.stdout)["records"]) == (0, 200)
    assert run("check-data", trained[1], "--json").exit_code == 1  # by ours no code is known


def test_a_row_with_a_code_that_the_table_lacks_is_named(trained, tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "理赔太慢", "primary": "A77"}\n', "utf-8")
    result = run("train", "--taxonomy", trained[0], "--data", file, "--out", tmp_path / "b")
    assert (result.exit_code, "rows.jsonl:1 causes: unknown id 'A77'" in result.stderr) == (2, True)


def test_a_table_with_a_fault_stops_before_anything_is_read(tmp_path):
    (tmp_path / "own.yaml").write_text(THREE_LEVELS.replace("fallback: QT", "fallback: Q"), "utf-8")
    words = ("--taxonomy", tmp_path / "own.yaml", "--data", tmp_path / "no.jsonl")
    result = run("train", *words, "--out", tmp_path / "b")
    assert (result.exit_code, "own.yaml: fallback: found Q, wanted" in result.stderr) == (2, True)


# --- the steps behind it ------------------------------------------------------------------------


def test_an_own_table_without_facets_has_ours():
    space = label_space(parse_taxonomy(ONE_LEVEL, name="own"), default_codebook())
    assert space.demand == default_taxonomy().facets["demand"]


@pytest.mark.parametrize(
    ("facets", "message"),
    [
        (
            "{complainant_role: [insured]}",
            "complainant_role: found insured, wanted values with unk",
        ),
        ("{record_type: [report]}", "record_type: found report, wanted values with complaint"),
        ("{demand: []}", "facets: demand: found nothing, wanted at least one value"),
        ("{text_genre: [ocr, 微信]}", "facets: text_genre: found 微信, wanted none, or some of"),
    ],
)
def test_facets_need_the_words_for_what_is_unsaid(facets: str, message: str):
    own = parse_taxonomy(f"{ONE_LEVEL}\nfacets: {facets}", name="own")
    with pytest.raises(LabelSpaceError, match=message):
        label_space(own, default_codebook())


def test_branches_are_chosen_level_by_level():
    taxonomy = parse_taxonomy(THREE_LEVELS, name="own")
    labels = label_space(taxonomy, default_codebook())
    shares = dict(zip(labels.causes, (0.11, 0.10, 0.16, 0.15, 0.18, 0.12, 0.18), strict=True))
    decoder = Decoder(labels, calibration_of(labels), taxonomy)
    sizes = {"labels": len(labels.evidence), "demand": 13, "record_type": 5, "role": 10, "genre": 8}
    logits: dict[str, Any] = {name: np.zeros(size) for name, size in sizes.items()}
    logits |= {"agent": np.float64(0), "primary": np.log(list(shares.values()))}
    # 销售 has 0.52 of 1; in it 个险 0.31 of 0.52; in that 误导 0.16 of 0.31.
    assert decoder.choose(decoder.read(logits)).primary == "XS.GX.WD"


def test_pages_and_reports_name_every_level():
    taxonomy = parse_taxonomy(THREE_LEVELS, name="own")
    words = Vocabulary(taxonomy, default_codebook(), read_words())
    assert words.path("LP.JE.SHAO") == ("理赔", "金额", "少赔")
    assert words.path("QT") == ("其他",)
    assert words.path("GONE.LEAF") == ("GONE", "GONE.LEAF")  # answered by an earlier bundle


# --- the guide ----------------------------------------------------------------------------------

GUIDE = (ROOT / "docs" / "own-taxonomy.md").read_text("utf-8")


def test_the_examples_in_the_guide_are_a_taxonomy_and_a_mapping_to_it():
    table, mapping = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    taxonomy = parse_taxonomy(table, name="own.yaml")
    assert (taxonomy.depth, taxonomy.leaves) == (3, ("01", "020101", "99"))
    targets = parse_mapping(mapping, name="map.yaml")
    targets.check_known(taxonomy.leaves, name="map.yaml")
    assert [target.rule for target in targets.targets.values()] == [
        "one", "one", "all", "person", "by", "drop", "none",
    ]  # fmt: skip
