import gc
import socket
import warnings
from collections.abc import Iterator
from importlib.util import find_spec

import httpx
import pytest

from models.analyzer import load_analyzer
from models.extras import MissingExtraError
from serving.api.service import service_of
from serving.listening import ServeError
from serving.ray_serve import application, open_app, settings_of
from serving.settings import SettingsError
from tests.support.places import ROOT
from tests.support.served import run_server

TEXTS = ("理赔资料交了四十天,到现在没有结果。", "业务员当时说是存款,五年后可以全额取。", "你好")

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None, reason="needs the extra ray: pip install '.[serving,ray]'"
)
# Ray leaves files and sockets of its own processes to the end of the process.
quiet = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning",
    "ignore::UserWarning",
)  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of the application on a Ray of this machine; cases are kept, no keys are in use."""
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(ROOT))
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        import ray
        from ray import serve

        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        try:
            ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
            serve.start(http_options={"host": "127.0.0.1", "port": port})
            serve.run(
                application({"data_dir": str(folder), "allow_remote_without_keys": "true"}),
                route_prefix="/",
            )
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60
            ) as client:
                yield client
        finally:
            serve.shutdown()
            ray.shutdown()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()


@needs_ray
@quiet
def test_the_application_answers_as_the_service_does(served):
    batch = {"records": [{"text": text} for text in TEXTS]}
    broken = {"text": "理赔太慢", "phone": 5.5}
    with run_server(load_analyzer(threads=1)) as (client, _):
        wanted = client.post("/v1/assess/batch", json=batch).json()
        refused = client.post("/v1/assess", json=broken)
    answer = served.post("/v1/assess/batch", json=batch)
    assert answer.status_code == 200
    for found, one in zip(answer.json()["assessments"], wanted["assessments"], strict=True):
        del found["case_id"], found["related"], one["case_id"], one["related"]  # of the register
        assert found == one
    told = served.post("/v1/assess", json=broken)
    assert (told.status_code, told.json()["errors"]) == (422, refused.json()["errors"])
    assert told.headers["content-type"] == "application/problem+json"


@needs_ray
@quiet
def test_the_application_is_ready_and_keeps_its_cases(served):
    assert served.get("/readyz").json() == {"status": "ok"}
    served.post("/v1/assess", json={"text": TEXTS[0], "case_id": "T-0001"})
    assert served.get("/v1/cases/T-0001").json()["case_id"] == "T-0001"
    assert served.get("/v1/cases/T-0002").status_code == 404


def test_an_app_of_a_replica_waits_until_it_can_answer_and_closes_what_it_opened(tmp_path):
    from starlette.testclient import TestClient

    settings = settings_of({"data_dir": tmp_path, "allow_remote_without_keys": True})
    app = open_app(settings)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert client.get("/readyz").status_code == 200
        engine = service_of(app).register.engine
    assert (service_of(app).readiness.ready, engine.pool.checkedin()) == (False, 0)


def test_an_argument_that_is_no_setting_is_refused_by_its_name():
    with pytest.raises(SettingsError, match="Ray Serve: prot: no such setting"):
        settings_of({"prot": 8000})


def test_arguments_are_settings_and_a_replica_reads_on_the_cores_it_asks_for(tmp_path):
    keys = tmp_path / "keys.json"
    assert settings_of({"keys": str(keys)}).threads == 1
    assert settings_of({"keys": str(keys), "threads": "3"}).threads == 3


def test_without_keys_nobody_is_let_in_unless_it_is_said():
    with pytest.raises(ServeError, match="no keys are in use; wanted keys=FILE"):
        settings_of({})


def test_without_the_extra_it_is_named(monkeypatch):
    import sys

    for module in ("ray", "ray.serve"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"Ray Serve: .*'\.\[ray\]'"):
        application({})
