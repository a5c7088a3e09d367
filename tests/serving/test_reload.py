"""Reload: a bundle is changed while the service answers; a candidate reads along in the shadow."""

import concurrent.futures
import json
import shutil
from pathlib import Path

import httpx
import pytest

from models.bundle import EMBEDDED_BUNDLE, MANIFEST, load_bundle
from models.codebook import Codebook
from models.errors import XiaobaoError
from serving.api.service import service_of
from serving.register.register import Register
from serving.register.registered import NoLinks
from serving.shelf import Shelf, ShelfError
from tests.support.api_keys import add_key, bearer
from tests.support.readers import GatedAnalyzer, KeywordAnalyzer
from tests.support.served import run_server, wait_for

TEXT = {"text": "理赔资料交了四十天,客服每次都说在审核。"}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory) -> Path:
    """A directory with a good bundle, one whose golden outputs are others, and one altered."""
    directory = tmp_path_factory.mktemp("bundles")
    for name in ("good", "wrong", "altered"):
        shutil.copytree(EMBEDDED_BUNDLE, directory / name)
    manifest = directory / "wrong" / MANIFEST
    found = json.loads(manifest.read_text("utf-8"))
    found["golden"][0]["agent"] += 0.5
    manifest.write_text(json.dumps(found), "utf-8")
    with (directory / "altered" / "calibration.json").open("a") as stream:
        stream.write(" ")
    return directory


@pytest.fixture
def service(bundles, tmp_path):
    """A client that administers and assesses."""
    keys = tmp_path / "keys.json"
    token = add_key(keys, "assess", "admin")
    settings = {"bundles": bundles, "keys": keys, "threads": 1}
    with run_server(KeywordAnalyzer(), wait_ready=False, **settings) as (client, _):
        client.headers.update(bearer(token))
        wait_for(lambda: client.get("/readyz").status_code == 200)
        yield client


def use(client: httpx.Client, name: str) -> httpx.Response:
    return client.post("/v1/admin/bundle", json={"bundle": name})


def in_use(client: httpx.Client) -> str:
    answer = client.post("/v1/assess", json=TEXT).json()
    return str(answer["model"]["bundle"])


def test_a_bundle_is_taken_into_use_and_back_again(service):
    before = in_use(service)
    changed = use(service, "good").json()
    after = in_use(service)
    back = service.post("/v1/admin/bundle/rollback").json()
    assert before == "keywords@0000"
    assert changed == {"active": after, "previous": before, "shadow": None}
    assert after != before
    assert back == {"active": before, "previous": after, "shadow": None}
    assert in_use(service) == before


def test_the_model_and_the_metrics_tell_of_the_new_bundle(service):
    name = use(service, "good").json()["active"]
    assert service.get("/v1/model").json()["bundle"] == name
    assert f'bundle="{name}"' in service.get("/metrics").text


def test_links_are_judged_by_the_codebook_of_the_bundle_in_use(bundles, tmp_path):
    class Judged(NoLinks):
        by: Codebook | None = None

        def judge_by(self, codebook: Codebook) -> None:
            self.by = codebook

    index, url = Judged(), f"sqlite:///{tmp_path / 'register.db'}"
    opened = Register.open(url, key_file=tmp_path / "k", index=lambda _: index)
    keys = tmp_path / "keys.json"
    token = add_key(keys, "admin")
    settings = {"register": opened, "bundles": bundles, "keys": keys, "threads": 1}
    with opened, run_server(KeywordAnalyzer(), **settings) as (client, _):
        assert index.by is None
        client.headers.update(bearer(token))
        assert use(client, "good").status_code == 200
    assert index.by == load_bundle(bundles / "good").codebook


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("wrong", "self-check failed"),
        ("altered", "calibration.json was altered"),
        ("none", "no such directory"),
        ("../bundles", "no such directory"),
        (".", "no such directory"),
        ("/etc", "no such directory"),
        ("", "no such directory"),
    ],
)
def test_a_bundle_that_must_not_be_used_is_refused_and_nothing_changes(service, bundles, name, why):
    answer = use(service, name)
    assert answer.status_code == 409
    assert why in answer.json()["detail"]
    assert str(bundles) not in answer.text
    assert in_use(service) == "keywords@0000"


def test_there_is_nothing_to_go_back_to_at_first(service):
    assert service.post("/v1/admin/bundle/rollback").status_code == 409


def test_without_a_directory_of_bundles_none_can_be_loaded(tmp_path):
    keys = tmp_path / "keys.json"
    token = add_key(keys, "admin")
    with run_server(KeywordAnalyzer(), keys=keys) as (client, _):
        client.headers.update(bearer(token))
        assert "XIAOBAO_BUNDLES" in use(client, "good").json()["detail"]


def test_a_request_keeps_the_bundle_that_it_began_with():
    analyzer = GatedAnalyzer()
    with (
        run_server(analyzer) as (client, server),
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        analyzer.shut()
        call = pool.submit(client.post, "/v1/assess", json=TEXT)
        analyzer.entered.wait(timeout=10)
        other = Renamed()
        service_of(server.config.app).shelf.use(other)
        analyzer.gate.set()
        names = [call.result().json()["model"]["bundle"], in_use(client)]
    assert names == ["keywords@0000", "renamed@0001"]


class Renamed(KeywordAnalyzer):
    """The same words, another bundle; a level less sure."""

    @property
    def description(self):
        return {**super().description, "bundle": "renamed@0001"}

    def _read(self, record):
        from dataclasses import replace

        answer = super()._read(record)
        agent = replace(answer.agent, level="REVIEW") if answer.agent.signs else answer.agent
        return replace(answer, model=replace(answer.model, bundle="renamed@0001"), agent=agent)


def test_a_shelf_keeps_the_one_before_only():
    shelf = Shelf(KeywordAnalyzer(), directory=None, load=lambda _: Renamed())
    first, second, third = shelf.active, Renamed(), Renamed()
    shelf.use(second)
    shelf.use(third)
    assert (shelf.active, shelf.previous) == (third, second)
    assert first not in (shelf.active, shelf.previous)


def test_a_load_that_fails_is_told_without_the_path(tmp_path):
    def refuse(directory):
        raise XiaobaoError(f"{directory}: card.md is missing")

    (tmp_path / "b").mkdir()
    with pytest.raises(ShelfError) as caught:
        Shelf(KeywordAnalyzer(), directory=tmp_path, load=refuse).open("b")
    assert str(caught.value) == "bundle: refused: b: card.md is missing"


# --- the shadow ---------------------------------------------------------------------------------


@pytest.fixture
def shadowed(tmp_path):
    """A client of a service with a shadow that differs on one kind of complaint."""
    keys, bundles = tmp_path / "keys.json", tmp_path / "bundles"
    (bundles / "candidate").mkdir(parents=True)
    token = add_key(keys, "assess", "admin")
    with run_server(KeywordAnalyzer(), wait_ready=False, keys=keys, bundles=bundles) as (client, s):
        service_of(s.config.app).shelf._load = lambda _: Renamed()
        client.headers.update(bearer(token))
        wait_for(lambda: client.get("/readyz").status_code == 200)
        yield client


def report(client: httpx.Client) -> dict:
    return client.get("/v1/admin/shadow").json()


def test_a_shadow_counts_and_lists_where_it_differs(shadowed):
    shadowed.post("/v1/admin/shadow", json={"bundle": "candidate"})
    records = [TEXT, {"text": "我要全额退保 13812345678"}]
    headers = {"X-Request-Id": "r-9"}
    answers = shadowed.post("/v1/assess/batch", json={"records": records}, headers=headers).json()
    wait_for(lambda: report(shadowed)["compared"] == 2)
    found = report(shadowed)
    assert [one["agent"]["level"] for one in answers["assessments"]] == ["NONE", "WATCH"]
    assert (found["bundle"], found["different"]) == ("renamed@0001", {"level": 1})
    assert found["last"] == [
        {"request_id": "r-9", "record": 1, "aspects": {"level": ["WATCH", "REVIEW"]}}
    ]
    assert "13812345678" not in json.dumps(found)


def test_a_shadow_is_ended_by_null(shadowed):
    shadowed.post("/v1/admin/shadow", json={"bundle": "candidate"})
    ended = shadowed.post("/v1/admin/shadow", json={"bundle": None}).json()
    assert ended["shadow"] is None
    assert report(shadowed)["bundle"] is None
