"""The shadow: a candidate bundle reads what the one in use has answered, in idle time.

Its answers go nowhere: where the two differ is counted, and the last differences are listed by
request id and ids of labels. No text is kept.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import structlog

from models.assessment import Assessment
from models.record import Record
from serving.contracts import Analyzer
from serving.scheduling.scheduler import Scheduler

_MOST_LISTED = 100
_MOST_RUNNING = 64  # calls whose texts are held for the shadow; more are skipped and counted


@dataclass(frozen=True, slots=True)
class AnswerDifference:
    """One complaint that the two bundles answer differently: of the aspects, both answers."""

    request_id: str
    record: int  # its place in the request
    aspects: dict[str, tuple[Any, Any]] = field(default_factory=dict)


class Shadow:
    """Compares a candidate with what was answered."""

    def __init__(self, candidate: Analyzer, scheduler: Scheduler) -> None:
        self.candidate = candidate
        self._scheduler = scheduler
        self._compared = self._skipped = self._failed = 0
        self._aspects: Counter[str] = Counter()
        self._listed: deque[AnswerDifference] = deque(maxlen=_MOST_LISTED)
        self._running: set[asyncio.Task[None]] = set()

    def follow(
        self, records: Sequence[Record], answers: Sequence[Assessment], *, request_id: str
    ) -> None:
        """Compare these later, if there is room; returns at once."""
        if len(self._running) >= _MOST_RUNNING:
            self._skipped += len(records)
            return
        task = asyncio.create_task(self._compare(records, answers, request_id))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def report(self) -> dict[str, Any]:
        """What was found so far, as the API answers it."""
        return {
            "bundle": self.candidate.description["bundle"],
            "compared": self._compared,
            "skipped": self._skipped,
            "failed": self._failed,
            "different": dict(self._aspects),
            "last": [asdict(difference) for difference in self._listed],
        }

    async def stop(self) -> None:
        """Drop what still waits."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _compare(
        self, records: Sequence[Record], answers: Sequence[Assessment], request_id: str
    ) -> None:
        try:
            others = await self._scheduler.submit_idle(records, analyzer=self.candidate)
        except Exception as error:
            self._failed += len(records)
            log = structlog.get_logger("xiaobao")
            log.warning("the shadow failed", error=type(error).__name__)
            return
        if others is None:
            self._skipped += len(records)
            return
        for place, (mine, theirs) in enumerate(zip(answers, others, strict=True)):
            self._compared += 1
            if aspects := differing(mine, theirs):
                self._aspects.update(aspects.keys())
                self._listed.append(AnswerDifference(request_id, place, aspects))


def differing(mine: Assessment, theirs: Assessment) -> dict[str, tuple[Any, Any]]:
    """The aspects in which two answers to one complaint differ, with both answers."""
    pairs = zip(_aspects(mine).items(), _aspects(theirs).values(), strict=True)
    return {name: (one, other) for (name, one), other in pairs if one != other}


def _aspects(answer: Assessment) -> dict[str, Any]:
    return {
        "primary": answer.root_cause.primary.id,
        "causes": sorted(label.id for label in answer.root_cause.labels),
        "signs": sorted(sign.id for sign in answer.agent.signs),
        "marks": sorted(mark.id for mark in answer.agent.marks),
        "level": answer.agent.level,
        "review": answer.review.needed,
    }
