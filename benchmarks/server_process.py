"""A server in a process of its own, to be killed or stopped: ``xiaobao serve`` on one database.

Unless a bundle is wanted its analyzer is the one of the tests that reads by two words: what is
tried then is the service around it.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

ROOT = Path(__file__).resolve().parents[1]

_SERVE = ("-m", "xiaobao", "serve", "--port", "0", "--database")
_CODE = """
import sys
import serving.opening, xiaobao
sys.path.insert(0, "tests/support")
from readers import KeywordAnalyzer
serving.opening.open_analyzer = lambda *_, **__: KeywordAnalyzer()
xiaobao.app(["serve", "--port", "0", "--database", sys.argv[1]])
"""


class ServerProcess:
    """Started at once; ``address`` is where it listens. Leaving ``with`` stops it.

    ``settings`` are variables of the environment; ``with_bundle`` reads with the embedded bundle.
    """

    def __init__(
        self,
        database: str,
        *,
        data_dir: Path,
        settings: Mapping[str, str] | None = None,
        with_bundle: bool = False,
    ) -> None:
        environment = {**os.environ, "XIAOBAO_DATA_DIR": str(data_dir), **(settings or {})}
        what = [*_SERVE, database] if with_bundle else ["-c", _CODE, database]
        self._process = subprocess.Popen(
            [sys.executable, "-u", *what],
            cwd=ROOT, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        line = self._process.stdout.readline() if self._process.stdout else ""
        found = re.search(r"http://[\d.:]+", line)
        if found is None:
            self._process.kill()
            raise RuntimeError("the server did not start")
        self.address = found[0]

    def wait_ready(self, *, seconds: float = 60) -> None:
        """Until it answers; RuntimeError if it never does."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.address}/readyz", trust_env=False).is_success:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"the server was not ready after {seconds:g} seconds")

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    def kill(self) -> None:
        """kill -9: no handler runs, nothing is flushed."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As an operator stops it."""
        self._end(signal.SIGINT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._end(signal.SIGKILL if kind else signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(how)
        self._process.wait(timeout=60)
        if self._process.stdout:
            self._process.stdout.close()
