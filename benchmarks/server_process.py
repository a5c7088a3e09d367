"""A server in a process of its own, to be killed or stopped: ``xiaobao serve`` on one database.

Its analyzer is the one of the tests that reads by two words: what is tried is the register.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[1]

_CODE = """
import sys
import serving.commands, xiaobao
sys.path.insert(0, "tests")
from conftest import KeywordAnalyzer
serving.commands.open_analyzer = lambda *_, **__: KeywordAnalyzer()
xiaobao.app(["serve", "--port", "0", "--database", sys.argv[1]])
"""


class ServerProcess:
    """Started at once; ``address`` is where it listens. Leaving ``with`` stops it."""

    def __init__(self, database: str, *, data_dir: Path) -> None:
        environment = {**os.environ, "XIAOBAO_DATA_DIR": str(data_dir)}
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-c", _CODE, database],
            cwd=ROOT, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        line = self._process.stdout.readline() if self._process.stdout else ""
        found = re.search(r"http://[\d.:]+", line)
        if found is None:
            self._process.kill()
            raise RuntimeError("the server did not start")
        self.address = found[0]

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
