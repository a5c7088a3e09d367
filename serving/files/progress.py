"""Progress of a long run: a bar with rate and time left, or a line a minute in a log."""

import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

_EVERY_S = 60.0


class RateBar:
    """A progress bar with a rate; silent without a console. Called with the records done.

    On a console that is no terminal (a log) a line is written every ``every`` seconds. What was
    ``done`` by an earlier run counts for no rate.
    """

    def __init__(
        self, console: Console | None, *, total: int, done: int = 0, every: float = _EVERY_S
    ) -> None:
        self._progress = Progress(
            TextColumn("分析 assessing"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            disable=console is None or not console.is_terminal,
        )
        self._task = self._progress.add_task("assess", total=total, completed=done, rate="")
        self._log = None if console is None or console.is_terminal else console
        self._total, self._done, self._new, self._every = total, done, 0, every
        self._began = self._told = time.monotonic()

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        return self._advance

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _advance(self, count: int) -> None:
        self._new += count
        speed = self._progress.tasks[0].speed
        self._progress.update(self._task, advance=count, rate=f"{speed:.0f}/s" if speed else "")
        now = time.monotonic()
        if self._log is not None and now - self._told >= self._every:
            self._told = now
            self._log.print(Text(self._line(now - self._began)), soft_wrap=True)

    def _line(self, seconds: float) -> str:
        done = self._done + self._new
        rate = self._new / seconds if seconds else 0.0
        left = (self._total - done) / rate / 60 if rate else 0.0
        return f"分析 assessing {done}/{self._total} {rate:.0f}/s 剩余 left {left:.0f} min"
