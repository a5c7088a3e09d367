import asyncio

import pytest
from pydantic import ValidationError

from serving.listening import server_of
from serving.settings import ServingSettings, SettingsError, read_settings
from tests.support.readers import KeywordAnalyzer
from tests.support.served import run_server

COMPLAINT = {"text": "理赔资料交了四十天。"}


def called(client, name: str, path: str = "/livez"):
    return client.get(path, headers={"Host": name})


@pytest.fixture(scope="module")
def named():
    """A client of a service that two names are allowed for."""
    with run_server(KeywordAnalyzer(), allowed_hosts="Xiaobao.intra.cn, *.desk.cn") as (client, _):
        yield client


@pytest.mark.parametrize(
    "name",
    ["localhost", "localhost:8000", "LOCALHOST", "localhost.", "127.0.0.1:8000", "127.9.9.9",
     "[::1]", "[::1]:8000"],
)  # fmt: skip
def test_this_machine_is_known_by_its_loopback_names(client, name):
    assert called(client, name).status_code == 200


def test_an_address_cannot_be_rebound_so_probes_may_use_it(client):
    assert called(client, "10.1.2.3:8000", "/readyz").status_code == 200


@pytest.mark.parametrize(
    "name",
    ["rebound.example", "localhost.rebound.example", "127.0.0.1.rebound.example",
     "rebound-localhost", "localhost:8000:1", "a b", "", "[::1", "xiaobao.intra.cn"],
)  # fmt: skip
def test_a_web_page_that_points_its_own_name_at_this_machine_reads_nothing(client, name):
    for path in ("/livez", "/v1/model", "/docs", "/console", "/nowhere"):
        assert called(client, name, path).status_code == 400


def test_nothing_is_assessed_under_a_foreign_name():
    analyzer = KeywordAnalyzer()
    with run_server(analyzer) as (client, _):
        read = len(analyzer.batches)
        answer = client.post("/v1/assess", json=COMPLAINT, headers={"Host": "rebound.example"})
        assert (answer.status_code, len(analyzer.batches)) == (400, read)


def test_the_refusal_is_a_problem_that_names_the_setting_and_not_the_name(client):
    answer = called(client, "rebound.example")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:xiaobao:problem:unknown-host"
    assert "XIAOBAO_ALLOWED_HOSTS" in answer.json()["detail"]
    assert "rebound" not in answer.text
    assert answer.json()["instance"].endswith(answer.headers["x-request-id"])


@pytest.mark.parametrize(
    "name", ["xiaobao.intra.cn", "XIAOBAO.intra.cn:443", "a.desk.cn", "a.b.desk.cn"]
)
def test_an_allowed_name_is_answered(named, name):
    assert called(named, name).status_code == 200


@pytest.mark.parametrize("name", ["desk.cn", "xdesk.cn", "a.xiaobao.intra.cn", ".desk.cn"])
def test_a_name_near_an_allowed_one_is_not_allowed(named, name):
    assert called(named, name).status_code == 400


def test_the_star_allows_every_name():
    with run_server(KeywordAnalyzer(), allowed_hosts="*") as (client, _):
        assert called(client, "anything.example").status_code == 200


def test_the_name_it_listens_on_is_its_own():
    with run_server(KeywordAnalyzer(), host="localhost") as (client, _):
        assert called(client, "localhost").status_code == 200


@pytest.mark.parametrize("hosts", ["https://a.cn", "a.cn:80", "a.*", "*a.cn", "a..cn", "甲.cn"])
def test_a_name_with_scheme_or_port_is_told_before_it_is_never_met(hosts, monkeypatch):
    with pytest.raises(ValidationError):
        ServingSettings(allowed_hosts=hosts)
    monkeypatch.setenv("XIAOBAO_ALLOWED_HOSTS", hosts)
    with pytest.raises(SettingsError, match="XIAOBAO_ALLOWED_HOSTS"):
        read_settings()


# --- a proxy in front ---------------------------------------------------------------------------


def seen_behind(proxy: str) -> tuple[str, str]:
    """Scheme and address of the caller as the service sees them, told by a proxy at an address."""
    seen = {}

    async def app(scope, *_):
        seen.update(scope)

    config = server_of(app, ServingSettings()).config
    config.load()
    headers = [(b"x-forwarded-proto", b"https"), (b"x-forwarded-for", b"203.0.113.9")]
    scope = {"type": "http", "scheme": "http", "client": (proxy, 4711), "headers": headers}
    asyncio.run(config.loaded_app(scope, None, None))
    return seen["scheme"], seen["client"][0]


def test_a_proxy_on_this_machine_is_believed_and_no_other(monkeypatch):
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    assert seen_behind("127.0.0.1") == ("https", "203.0.113.9")
    assert seen_behind("172.18.0.1") == ("http", "172.18.0.1")


def test_a_proxy_elsewhere_is_believed_once_it_is_named(monkeypatch):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1,172.18.0.0/16")
    assert seen_behind("172.18.0.1") == ("https", "203.0.113.9")
    assert seen_behind("172.19.0.1") == ("http", "172.19.0.1")
