"""Jobs of short and long letters, and a scheduler to give them to."""

import asyncio
from collections.abc import Sequence
from typing import Any

from models.record import Record
from serving.scheduling.job import Job, WaitingWindow
from serving.scheduling.scheduler import Scheduler
from tests.support.readers import KeywordAnalyzer

READER = KeywordAnalyzer()
SHORT = "理赔太慢"
LETTER = "长" * 510 * 40  # forty windows


def job_of(*texts: str, analyzer: Any = READER, idle: bool = False) -> Job:
    async def make() -> Job:
        return Job([Record(text) for text in texts], analyzer, idle=idle)

    return asyncio.run(make())


def pieces_of(job: Job) -> list[WaitingWindow]:
    cut = job.analyzer.cut(job.records)
    return [piece for i, text in enumerate(cut) for piece in job.add_text(i, text)]


def schedule(
    letters: Sequence[Sequence[str]], analyzer: Any, *, batch_tokens: int = 4096
) -> list[Any]:
    """The answers to the calls, all made at once; an error stands in the place of its answer."""

    async def run() -> list[Any]:
        scheduler = Scheduler(batch_tokens=batch_tokens, queue_tokens=10**6, wait_s=0.002)
        scheduler.start()
        calls = [
            scheduler.submit([Record(text) for text in texts], analyzer=analyzer)
            for texts in letters
        ]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        await scheduler.close()
        return answers

    return asyncio.run(run())
