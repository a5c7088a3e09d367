"""The watchdog: looks after the reading thread, and says when the service is ready again."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from serving.scheduling.scheduler import Scheduler

_LONGEST_SLEEP = 0.5  # seconds: a dead thread is noticed soon


async def watch(
    scheduler: Scheduler,
    *,
    stuck_s: float,
    set_ready: Callable[[bool], None],
    try_out: Callable[[], Coroutine[Any, Any, bool]],
) -> None:
    """Replace a stuck or dead reading thread, for ever; ready only after a text was read.

    ``try_out`` has one text read and says whether it was. It is asked until it was.
    """
    pause = min(stuck_s / 4, _LONGEST_SLEEP)
    trying: asyncio.Task[bool] | None = asyncio.create_task(try_out())
    try:
        while True:
            await _first(trying, pause)
            if trying is not None and trying.done():
                ready = trying.result()
                set_ready(ready)
                trying = None if ready else asyncio.create_task(_later(try_out, pause))
            if scheduler.has_lost_worker(stuck_s=stuck_s):
                set_ready(False)
                structlog.get_logger("xiaobao").error("the reading thread was lost, replaced")
                scheduler.replace_worker()
                trying = trying or asyncio.create_task(try_out())
    finally:
        if trying is not None:
            trying.cancel()


async def _first(task: asyncio.Task[bool] | None, seconds: float) -> None:
    """Wait for the task, but never longer than this."""
    if task is None:
        await asyncio.sleep(seconds)
    else:
        await asyncio.wait([task], timeout=seconds)


async def _later(try_out: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    await asyncio.sleep(seconds)
    return await try_out()
