import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

import serving.opening
from models.errors import XiaobaoError
from serving.listening import ServeError, check_host, listen
from tests.support.places import ROOT
from tests.support.readers import KeywordAnalyzer
from xiaobao import COMMANDS, app


@pytest.fixture
def run(monkeypatch):
    """Runs a command line against the small analyzer."""
    monkeypatch.setattr(serving.opening, "open_analyzer", lambda *_, **__: KeywordAnalyzer())
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    rows = [{"text": "理赔太慢", "case_id": "A"}, {"text": "我要全额退保", "case_id": "B"}]
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return path


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_file_is_shown_as_a_table_with_the_notice(run, source):
    result = run("assess", source)
    assert result.exit_code == 0
    assert "理赔时效" in result.stdout
    assert "不影响受理、时限和处理结果" in result.stdout


def test_a_file_is_scored_into_another(run, source):
    out = source.with_name("out.jsonl")
    result = run("assess", source, "--out", out)
    assert result.exit_code == 0
    assert [json.loads(line)["case_id"] for line in out.read_text("utf-8").splitlines()] == [
        "A",
        "B",
    ]


@pytest.mark.parametrize("out", [(), ("--out", "out.csv")])
def test_a_bad_row_is_told_by_exit_code_one(run, source, monkeypatch, out):
    monkeypatch.chdir(source.parent)
    source.write_text('{"text": "理赔"}\n{"text": 5}\n', "utf-8")
    result = run("assess", source, *out)
    assert result.exit_code == 1
    assert "in.jsonl:2" in result.stderr or "out.errors.jsonl" in result.stderr


@pytest.mark.parametrize(
    "words", [("nowhere.jsonl",), ("nowhere.jsonl", "--out", "x.csv"), (ROOT / "xiaobao.py",)]
)
def test_an_unreadable_input_is_one_line_and_exit_code_two(run, words):
    result = run("assess", *words)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert str(words[0]) in result.stderr


@pytest.mark.parametrize("command", ["assess", "serve"])
def test_a_bundle_that_cannot_be_used_is_one_line_and_exit_code_two(
    run, source, monkeypatch, command
):
    def refuse(*_, **__):
        raise XiaobaoError("b/network.onnx: sha256 differs from the manifest")

    monkeypatch.setattr(serving.opening, "open_analyzer", refuse)
    words = ["assess", source] if command == "assess" else ["serve", "--port", "0"]
    result = run(*words, "--bundle", "b")
    assert result.exit_code == 2
    assert result.stderr == "xiaobao: b/network.onnx: sha256 differs from the manifest\n"


def test_a_missing_bundle_is_named(source, tmp_path):
    result = CliRunner().invoke(app, ["assess", str(source), "--bundle", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert str(tmp_path / "none") in result.stderr


def test_an_interrupted_command_says_how_to_go_on(run, source, monkeypatch):
    class Interrupted(KeywordAnalyzer):
        def assess(self, records, *, batch_tokens=4096):
            raise KeyboardInterrupt

    monkeypatch.setattr(serving.opening, "open_analyzer", lambda *_, **__: Interrupted())
    result = run("assess", source, "--out", source.with_name("out.jsonl"))
    assert result.exit_code == 130
    assert "goes on" in result.stderr


def test_columns_that_are_not_used_are_named(run, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("投诉内容,心情\n理赔太慢,差\n", "utf-8")
    assert "心情" in run("assess", source).stderr


def test_names_of_columns_stand_on_one_line_and_steer_nothing(run, tmp_path):
    source = tmp_path / "[b]in.csv"
    names = ",".join(f"第{number}个未知的列" for number in range(20))
    source.write_text(f"投诉内容,\x1b[31m红,{names}\n理赔太慢\n", "utf-8")
    note = run("assess", source).stderr
    assert len(note.splitlines()) == 1
    assert "[b]in.csv" in note
    assert "\x1b" not in note


def test_an_output_that_cannot_be_written_is_one_line_and_exit_code_two(run, source):
    out = source.with_name("out.jsonl")
    out.with_name("out.jsonl.part").mkdir()
    result = run("assess", source, "--out", out)
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_may_always_be_served(host):
    check_host(host, may_be_remote=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.test"])
def test_other_machines_are_served_only_when_asked_for(host):
    with pytest.raises(ServeError, match="--allow-remote-without-keys"):
        check_host(host, may_be_remote=False)
    check_host(host, may_be_remote=True)


def test_serving_other_machines_by_mistake_is_exit_code_two(run):
    result = run("serve", "--host", "0.0.0.0")
    assert result.exit_code == 2
    assert "--allow-remote-without-keys" in result.stderr


def test_a_port_that_is_taken_is_one_line_and_exit_code_two(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("serve", "--port", taken.getsockname()[1])
    assert result.exit_code == 2
    assert "cannot listen" in result.stderr


def test_an_answer_does_not_wait_to_be_sent_in_one_piece():
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_service_says_where_it_listens_answers_and_stops_on_interrupt():
    code = (
        "import sys, serving.opening, xiaobao\n"
        "sys.path.insert(0, 'tests/support')\n"
        "from readers import KeywordAnalyzer\n"
        "serving.opening.open_analyzer = lambda *_, **__: KeywordAnalyzer()\n"
        "xiaobao.app(['serve', '--port', '0'])\n"
    )
    command = [sys.executable, "-u", "-c", code]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as service:
        try:
            address = re.search(r"http://[\d.:]+", service.stdout.readline())[0]
            answer = httpx.post(f"{address}/v1/assess", json={"text": "理赔"}, trust_env=False)
        finally:
            service.send_signal(signal.SIGINT)
        rest, log = service.communicate(timeout=20)
    assert answer.status_code in {200, 503}  # 503 while it warms up
    assert service.returncode == 0
    assert "stopped" in rest
    assert all(json.loads(line)["event"] for line in log.splitlines())


def test_help_lists_every_command():
    result = CliRunner().invoke(app, ["--help"])
    assert all(re.search(rf"\b{name}\b", result.stdout) for name in COMMANDS)


def test_an_unknown_command_is_answered_with_the_nearest_one():
    result = CliRunner().invoke(app, ["asess"])
    assert result.exit_code == 2
    assert "assess" in result.stderr


def test_the_front_door_loads_no_network_and_no_web_framework():
    code = (
        "import sys, xiaobao; from typer.testing import CliRunner\n"
        "CliRunner().invoke(xiaobao.app, ['--help'])\n"
        "print({'torch', 'fastapi', 'pydantic', 'onnxruntime', 'uvicorn'} & set(sys.modules))"
    )
    assert python(code).stdout == "set()\n"


def test_assess_runs_without_the_serving_extra(source):
    code = (
        "import sys\n"
        "for name in ('fastapi', 'pydantic', 'pydantic_settings', 'structlog', 'uvicorn'):\n"
        "    sys.modules[name] = None\n"
        "import serving.commands, serving.files.scoring, serving.files.tables, xiaobao\n"
        "print(xiaobao._command('assess', xiaobao.COMMANDS['assess']).name)"
    )
    assert python(code).stdout == "assess\n"


@pytest.mark.parametrize(
    ("blocked", "words", "extra"),
    [("uvicorn", ["serve", "--port", "0"], "serving"), ("pydantic_settings", ["serve"], "serving")],
)
def test_a_command_without_its_extra_says_which_one_to_install(blocked, words, extra):
    code = (
        f"import sys; sys.modules[{blocked!r}] = None\n"
        "import serving.opening, xiaobao\n"
        "serving.opening.open_analyzer = lambda *_, **__: None\n"
        f"xiaobao.app({words!r})"
    )
    result = python(code)
    assert result.returncode == 2
    assert f"pip install '.[{extra}]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_training_command_without_torch_says_which_extra_to_install(tmp_path):
    package = tmp_path / "training"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "commands.py").write_text("import no_such_torch\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    code += "import xiaobao; xiaobao.app(['train', '--help'])"
    result = python(code)
    assert result.returncode == 2
    assert "pip install '.[training]'" in result.stderr


def test_the_version_is_told():
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("xiaobao ")
