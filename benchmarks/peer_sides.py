"""The sides of ``peers``: how each is installed, started, asked, stopped and measured."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.assess_throughput import ROOT
from benchmarks.overload import Connection, Request
from benchmarks.usage import processor_seconds_of_group

_STARTS_WITHIN_S = 300.0
_TORCH = ("torch", "torch-*", "torchgen", "functorch", "nvidia*", "triton*")
# What infinity says it needs, narrowed to what works: left alone, pip looks for hours.
_INFINITY_NEEDS = (
    "infinity-emb[server,torch]", "transformers>=4.48,<4.49", "huggingface-hub<1", "numpy<2",
    "optimum>=1.24,<2",
)  # fmt: skip
_COMMON = ("torch", "transformers>=5.0", "fastapi", "uvicorn")


class SideError(Exception):
    """A peer that cannot be installed or started."""


@dataclass(frozen=True)
class Kind:
    """A peer: what it needs, how it is started and asked. ``{model}``, ``{port}`` are put in."""

    name: str
    packages: tuple[str, ...]
    command: tuple[str, ...]
    path: str
    body: str  # JSON with "{text}" where the text goes


_OURS = ("-m", "xiaobao", "serve", "--database", "none", "--port", "{port}")
_INFINITY = (
    "-c", "from infinity_emb.cli import cli; cli()", "v2",
    "--model-id", "{model}", "--served-model-name", "peer",
    "--engine", "torch", "--device", "cpu", "--dtype", "float32", "--no-bettertransformer",
    "--no-compile", "--no-model-warmup", "--host", "127.0.0.1", "--port", "{port}",
    "--log-level", "warning",
)  # fmt: skip
_WHERE = ("--model", "{model}", "--port", "{port}")
_FASTAPI = (str(ROOT / "benchmarks" / "peer_fastapi.py"), *_WHERE)
_LITSERVE = (str(ROOT / "benchmarks" / "peer_litserve.py"), *_WHERE)

SIDES = {
    kind.name: kind
    for kind in (
        Kind("ours", (), _OURS, "/v1/assess", '{"text": "{text}"}'),
        Kind("fastapi", _COMMON, _FASTAPI, "/classify", '{"text": "{text}"}'),
        Kind(
            "litserve", (*_COMMON, "litserve"), _LITSERVE, "/classify",
            '{"text": "{text}"}',
        ),
        Kind(
            "infinity", _INFINITY_NEEDS, _INFINITY, "/classify",
            '{"model": "peer", "input": ["{text}"]}',
        ),
    )
}  # fmt: skip


def make_environment(kind: Kind, folder: Path, *, torch_from: Path | None) -> str:
    """The Python of an environment with the packages of a peer; ours is the one that runs this.

    Raises SideError with the last line of pip where they do not install.
    """
    if not kind.packages:
        return sys.executable
    place = folder / kind.name
    python = place / "bin" / "python"
    if python.exists():
        return str(python)
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    if torch_from is not None:
        (packages,) = (place / "lib").glob("python*/site-packages")
        # Torch alone: a peer may want other versions of everything else.
        for found in (one for name in _TORCH for one in torch_from.resolve().glob(name)):
            (packages / found.name).symlink_to(found)
    command = [str(python), "-m", "pip", "install", "--quiet", *kind.packages]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        python.unlink()
        raise SideError(f"not installed: {done.stderr.strip().splitlines()[-1][:200]}")
    return str(python)


def save_checkpoint(directory: Path) -> Path:
    """The encoder of the embedded bundle with a classification head, as transformers saves one.

    The head is drawn at random: it takes the same time.
    """
    # Here, so that nobody else of this module's callers loads torch.
    from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedTokenizerFast

    from models.bundle import load_bundle
    from models.weights import load_network

    bundle = load_bundle()
    settings = {**bundle.network["encoder"], "dtype": "float32"}
    causes = bundle.network["labels"]["causes"]
    names = {"id2label": dict(enumerate(causes)), "label2id": {c: n for n, c in enumerate(causes)}}
    config = AutoConfig.for_model(settings.pop("model_type"), **{**settings, **names})
    network = AutoModelForSequenceClassification.from_config(config)
    network.base_model.load_state_dict(load_network(bundle).encoder.state_dict())
    network.float().save_pretrained(directory)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(bundle.file("tokenizer.json")),
        model_max_length=bundle.network["window"],
        pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]",
    )  # fmt: skip
    tokenizer.save_pretrained(directory)
    # The name under which every version of transformers knows the class.
    about = directory / "tokenizer_config.json"
    told = {**json.loads(about.read_text("utf-8")), "tokenizer_class": "PreTrainedTokenizerFast"}
    about.write_text(json.dumps(told, ensure_ascii=False), "utf-8")
    return directory


def body_of(kind: Kind, text: str) -> bytes:
    """The body that asks a side for one text."""
    return kind.body.replace('"{text}"', json.dumps(text, ensure_ascii=False)).encode()


class Side:
    """A running server, stopped except while it is ``awake``."""

    def __init__(
        self, kind: Kind, python: str, checkpoint: Path, *, threads: int, runtime: str
    ) -> None:
        self.kind = kind
        self.place = ("127.0.0.1", _free_port())
        words = {"{model}": str(checkpoint), "{port}": str(self.place[1])}
        command = [python, *(words.get(word, word) for word in kind.command)]
        limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
        quiet = {"INFINITY_ANONYMOUS_USAGE_STATS": "0", "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}
        ours = {"XIAOBAO_THREADS": str(threads), "XIAOBAO_RUNTIME": runtime}
        environment = {**os.environ, **limits, **quiet, **ours}
        self.log = checkpoint.with_name(f"{kind.name}.log")
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def request(self, text: str) -> Request:
        """One text as this side wants it."""
        body = body_of(self.kind, text)
        head = (
            f"POST {self.kind.path} HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return Request(head.encode() + body, len(text))

    def wait(self) -> None:
        """Until it answers a text, then stop it. Raises SideError if it never does."""
        until, status = time.monotonic() + _STARTS_WITHIN_S, "nothing"
        while time.monotonic() < until and self._process.poll() is None:
            status = asyncio.run(Connection(self.place).ask(self.request("理赔太慢").content))
            if status == "200":
                self._signal(signal.SIGSTOP)
                return
            time.sleep(0.5)
        lines = self.log.read_text("utf-8", "replace").strip().splitlines() or ["no log"]
        raise SideError(f"not started, answered {status}: {lines[-1][:200]}")

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """Running, from beginning to end."""
        self._signal(signal.SIGCONT)
        try:
            yield
        finally:
            self._signal(signal.SIGSTOP)

    def processor_seconds(self) -> float:
        """Processor time that all its processes have spent so far; Linux only."""
        return processor_seconds_of_group(self._process.pid)

    def end(self) -> None:
        """All its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _signal(self, which: signal.Signals) -> None:
        os.killpg(self._process.pid, which)


@contextlib.contextmanager
def started(
    pythons: Mapping[str, str],
    checkpoint: Path,
    *,
    threads: int,
    runtime: str,
    left_out: dict[str, str],
) -> Iterator[dict[str, Side]]:
    """All sides that start, stopped; who does not is written into ``left_out`` with the reason."""
    running: dict[str, Side] = {}
    try:
        for name, python in pythons.items():
            side = Side(SIDES[name], python, checkpoint, threads=threads, runtime=runtime)
            running[name] = side
            try:
                side.wait()
            except SideError as error:
                left_out[name] = str(error)
                running.pop(name).end()
        yield running
    finally:
        for side in running.values():
            side.end()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
