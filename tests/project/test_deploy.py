"""What deploy/ says of the service is so: paths, settings, probes, metrics, times."""

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving.api.service import service_of
from serving.app import create_app
from serving.console.seals import SESSION_S
from serving.settings import ServingSettings
from tests.support.places import ROOT
from tests.support.readers import KeywordAnalyzer

DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


def name_of(path: Path) -> str:
    return path.relative_to(DEPLOY).as_posix()


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def resource(kind: str) -> dict[str, Any]:
    (found,) = (one for one in map(load, KUBERNETES) if one["kind"] == kind)
    return found


def service(name: str) -> dict[str, Any]:
    services = [one for one in map(load, KUBERNETES) if one["kind"] == "Service"]
    (found,) = (one["spec"] for one in services if one["metadata"]["name"] == name)
    return found


def compose() -> dict[str, Any]:
    return load(DEPLOY / "compose.yaml")["services"]


def instructions() -> list[list[str]]:
    """The Dockerfile by instruction, each as its words; joined lines are one."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [line.split(maxsplit=1) for line in lines]


def given(name: str) -> list[str]:
    return [words for instruction, words in instructions() if instruction == name]


def seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def test_every_setting_named_exists():
    settings = {f"XIAOBAO_{name.upper()}" for name in ServingSettings.model_fields}
    named = {
        (name_of(path), word)
        for path in FILES
        for word in re.findall(r"XIAOBAO_[A-Z_]+", path.read_text("utf-8"))
    }
    assert {pair for pair in named if pair[1] not in settings} == set()
    assert len(named) > 10


# --- the image ----------------------------------------------------------------------------------


def test_what_is_copied_into_the_image_exists_and_is_let_through():
    copied = [w for words in given("COPY") if "--from" not in words for w in words.split()[:-1]]
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert sorted(copied) == sorted(line[1:] for line in ignored if line.startswith("!"))


def test_the_image_has_what_the_package_is_built_from():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    needed = [*wheel, project["project"]["readme"], *project["project"]["license-files"]]
    copied = " ".join(given("COPY")).split()
    assert [path for path in needed if path not in copied] == []


def test_the_extras_of_the_image_exist_and_bring_neither_torch_nor_arrow():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
        "optional-dependencies"
    ]
    (wanted,) = re.findall(r"'\.\[([\w,]+)\]'", (DEPLOY / "Dockerfile").read_text("utf-8"))
    lines = [line for extra in wanted.split(",") for line in extras[extra]]
    assert not re.search(r"torch|pyarrow|xiaobao\[", " ".join(lines))


def test_the_image_runs_as_nobody_in_particular_and_asks_whether_it_is_ready():
    final = (DEPLOY / "Dockerfile").read_text("utf-8").rpartition("\nFROM ")[2]
    assert "pip install" not in final
    assert given("USER") == ["10001:10001"]
    assert json.loads(given("CMD")[-1]) == ["xiaobao", "serve"]
    (health,) = given("HEALTHCHECK")
    program = json.loads(health.partition("CMD ")[2])[2]
    compile(program, "HEALTHCHECK", "exec")
    assert "/readyz" in program


# --- compose ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["database", "service"])
def test_a_container_may_do_as_little_as_it_can(name):
    one = compose()[name]
    assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"])
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert "password" not in json.dumps(one.get("environment")).lower().replace(
        "password_file", ""
    ).replace("database_password", "")


def test_only_this_machine_reaches_the_service_and_nobody_the_database():
    services = compose()
    assert services["service"]["ports"] == ["127.0.0.1:8000:8000"]
    assert "ports" not in services["database"]
    assert load(DEPLOY / "compose.yaml")["networks"]["database"] == {"internal": True}
    assert services["service"]["build"]["dockerfile"] == "deploy/Dockerfile"
    assert (DEPLOY / services["service"]["build"]["context"] / "deploy/Dockerfile").is_file()


# --- Kubernetes ---------------------------------------------------------------------------------


def container() -> dict[str, Any]:
    (one,) = resource("Deployment")["spec"]["template"]["spec"]["containers"]
    return one


def test_every_manifest_is_listed():
    listed = {"kustomization.yaml", *resource("Kustomization")["resources"]}
    assert listed == {path.name for path in KUBERNETES}


def test_probes_ask_routes_that_exist_at_the_port_of_the_service():
    one = container()
    paths = create_app(KeywordAnalyzer(), ServingSettings()).openapi()["paths"]
    probes = {name: one[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}
    assert {probe["path"] for probe in probes.values()} <= set(paths)
    assert probes["readiness"]["path"] == "/readyz"
    assert probes["liveness"]["path"] == "/livez"
    assert {"name": "http", "containerPort": ServingSettings().port} in one["ports"]


def test_a_pod_may_do_as_little_as_it_can():
    pod = resource("Deployment")["spec"]["template"]["spec"]
    one = container()["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert one["readOnlyRootFilesystem"] is True
    assert one["allowPrivilegeEscalation"] is False
    assert one["capabilities"] == {"drop": ["ALL"]}


def test_no_variable_of_a_service_is_taken_for_a_setting():
    assert service("xiaobao")["ports"]  # so: XIAOBAO_PORT=tcp://…
    assert resource("Deployment")["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_a_browser_comes_back_to_the_pod_that_sealed_its_session():
    console = service("xiaobao-console")
    assert console["sessionAffinity"] == "ClientIP"
    assert console["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"] == SESSION_S


def test_intake_is_spread_over_all_pods():
    assert "sessionAffinity" not in service("xiaobao")
    assert service("xiaobao")["selector"] == service("xiaobao-console")["selector"]


def test_the_proxy_logs_no_address():
    text = (DEPLOY / "systemd" / "nginx.conf").read_text("utf-8")
    logged = re.findall(r"log_format \w+ '([^']*)'", text)
    assert len(logged) == len(re.findall(r"^\s*access_log ", text, re.MULTILINE)) == 1
    assert set(re.findall(r"\$\w+", logged[0])) == {
        "$remote_addr", "$request_method", "$status", "$request_time",
    }  # fmt: skip
    assert re.search(r"error_log \S+ crit;", text)


def test_secrets_come_as_files_that_are_mounted():
    data = resource("ConfigMap")["data"]
    mounted = {volume["mountPath"] for volume in container()["volumeMounts"]}
    files = [data[f"XIAOBAO_{name}"] for name in ("DATABASE_PASSWORD_FILE", "KEYS", "KEY_FILE")]
    assert {str(Path(path).parent) for path in files} <= mounted
    assert ":" not in data["XIAOBAO_DATABASE"].partition("://")[2].partition("@")[0]


def test_everything_selects_the_same_pods():
    labels = resource("Deployment")["spec"]["template"]["metadata"]["labels"]
    specs = {kind: resource(kind)["spec"] for kind in ("Deployment", "PodDisruptionBudget")}
    assert [spec["selector"]["matchLabels"] for spec in specs.values()] == [labels, labels]
    assert service("xiaobao")["selector"] == labels
    assert resource("NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels
    target = resource("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert target["name"] == resource("Deployment")["metadata"]["name"]


def test_kustomize_puts_the_manifests_together():
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl on this machine")
    built = subprocess.run(
        [kubectl, "kustomize", DEPLOY / "kubernetes"], capture_output=True, text=True, timeout=60
    )
    assert built.returncode == 0, built.stderr
    kinds = [one["kind"] for one in yaml.safe_load_all(built.stdout)]
    assert sorted(kinds) == sorted(load(p)["kind"] for p in KUBERNETES if p.stem != "kustomization")


# --- times --------------------------------------------------------------------------------------


def graces() -> Iterator[tuple[str, int]]:
    """How long each way of running waits for the end, in seconds, time before SIGTERM aside."""
    pod = resource("Deployment")["spec"]["template"]["spec"]
    sleep = re.search(r"sleep\((\d+)\)", str(container()["lifecycle"]))
    assert sleep
    yield "Kubernetes", pod["terminationGracePeriodSeconds"] - int(sleep[1])
    yield "compose", seconds(compose()["service"]["stop_grace_period"])
    unit = (DEPLOY / "systemd/xiaobao@.service").read_text("utf-8")
    yield "systemd", int(re.findall(r"TimeoutStopSec=(\d+)", unit)[0])


@pytest.mark.parametrize(("where", "grace"), list(graces()))
def test_nobody_is_killed_before_what_was_accepted_is_answered(where, grace):
    # As long as the server itself waits: see serving.listening.server_of.
    assert grace > ServingSettings().deadline_s + 5


def test_the_readiness_probe_waits_longer_than_the_service_for_its_database():
    wait = ServingSettings().database_wait_s
    assert container()["readinessProbe"]["timeoutSeconds"] > wait
    (health,) = given("HEALTHCHECK")
    assert seconds(re.findall(r"--timeout=(\w+)", health)[0]) > wait


# --- metrics ------------------------------------------------------------------------------------


def series() -> set[str]:
    """Every name that Prometheus has of the service."""
    page = service_of(create_app(KeywordAnalyzer(), ServingSettings())).metrics.page().decode()
    ends = {"histogram": ("_bucket", "_sum", "_count")}
    kinds = re.findall(r"^# TYPE (\S+) (\w+)$", page, re.MULTILINE)
    return {name + end for name, kind in kinds for end in ends.get(kind, ("",))}


def rules() -> list[dict[str, Any]]:
    return [rule for group in load(DEPLOY / "alerts.yaml")["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_metrics_that_exist(rule):
    named = set(re.findall(r"\b(?:xiaobao|process)_\w+", rule["expr"]))
    assert named
    assert named - series() == set()
    assert rule["labels"]["severity"] in {"critical", "warning"}


def test_the_autoscaler_asks_for_a_gauge_that_exists():
    (metric,) = resource("HorizontalPodAutoscaler")["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] in series()


# --- systemd ------------------------------------------------------------------------------------


def test_systemd_reads_the_unit(tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze on this machine")
    unit = tmp_path / "xiaobao@.service"
    there = (DEPLOY / "systemd" / unit.name).read_text("utf-8")
    unit.write_text(there.replace("/opt/xiaobao/bin/xiaobao", shutil.which("true")), "utf-8")
    told = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, timeout=60)
    assert (told.returncode, told.stderr) == (0, "")
