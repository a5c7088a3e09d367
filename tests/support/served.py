"""A real server around an analyzer, a client for it, and a complaint to send."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import uvicorn

from serving.app import create_app
from serving.contracts import Analyzer
from serving.listening import server_of
from serving.register.register import Register
from serving.settings import ServingSettings
from serving.tracing import Traces

TEXT = "理赔资料交了四十天,客服每次都说在审核。"
JSON = {"content-type": "application/json"}


@contextlib.contextmanager
def run_server(
    analyzer: Analyzer,
    *,
    wait_ready: bool = True,
    register: Register | None = None,
    traces: Traces | None = None,
    **settings: Any,
) -> Iterator[tuple[httpx.Client, uvicorn.Server]]:
    """The service on a free port of this machine, and a client for it."""
    serving = ServingSettings(port=0, **settings)
    server = server_of(create_app(analyzer, serving, register, traces), serving)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10
        ) as client:
            if wait_ready:
                wait_for(lambda: client.get("/readyz").status_code == 200)
            yield client, server
    finally:
        server.should_exit = True
        thread.join(timeout=15)
        assert not thread.is_alive()


def wait_for(condition: Any, *, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("what the test waits for did not happen")
        time.sleep(0.01)


def post(client: httpx.Client, body: object) -> httpx.Response:
    return client.post("/v1/assess", json=body)


def fields_of(response: httpx.Response) -> list[str]:
    return [error["field"] for error in response.json()["errors"]]
