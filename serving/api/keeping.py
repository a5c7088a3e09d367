"""Keeping: what was assessed goes into the register before it is answered.

An answer of 200 means that the case is on the disk. Where the database fails, or is busy with
others until the deadline, the answer is 503 with Retry-After, so that no case is acknowledged and
lost; sent again under its case_id it is stored once. Without a register nothing is kept.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, ParamSpec, TypeVar

from fastapi import Request

from models.assessment import Assessment, as_json
from models.record import Record
from serving.api.problems import ProblemError, field_problem
from serving.api.service import Service, service_of
from serving.api.traced import watch_of
from serving.register.register import Register
from serving.scheduling.refusals import DeadlineError

P = ParamSpec("P")
T = TypeVar("T")


async def keep(
    request: Request,
    records: Sequence[Record],
    assessments: Sequence[Assessment],
    *,
    deadline_s: float,
) -> list[dict[str, Any]]:
    """The answers to these records in order, stored and linked where there is a register.

    Raises DeadlineError where their transaction did not begin in time: then nothing is stored.
    """
    service = service_of(request.app)
    register = service.register
    if register is None:
        return [as_json(assessment) for assessment in assessments]
    pairs = list(zip(records, assessments, strict=True))
    began = time.monotonic()
    with service.metrics.timing("store"):
        writing = await asyncio.to_thread(register.submit, pairs, actor=actor_of(request))
        accepted = await written(writing, deadline_s=deadline_s)
    watch_of(request.state)("store", began, time.monotonic())
    request.state.facts.update(stored=sum(one.new for one in accepted))
    return [one.answer for one in accepted]


async def written(writing: Future[T], *, deadline_s: float) -> T:
    """What was submitted to the register, once it is on the disk.

    Raises DeadlineError where its transaction did not begin in time: then nothing is stored.
    """
    await asyncio.wait({stored := asyncio.wrap_future(writing)}, timeout=deadline_s)
    if not stored.done() and writing.cancel():
        raise DeadlineError(
            "no answer within the deadline: the database was busy, nothing was stored"
        )
    return await stored


async def ask(service: Service, question: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """What the register says to a question, asked in threads of its own.

    However long a locked database keeps those, a complaint that comes in has others.
    """
    asking = asyncio.get_running_loop().run_in_executor
    return await asking(service.askers, partial(question, *given, **named))


def actor_of(request: Request) -> str:
    """Who asks, for the audit: the id of an API key, or the service itself."""
    return str(request.state.facts.get("key", "service"))


async def reviewer_of(request: Request, given: str | None) -> str:
    """Who reviews: with keys the name of the key, and nobody else's; without, who was given.

    Raises ProblemError 422 where nobody is named.
    """
    guard = service_of(request.app).guard
    if guard.has_keys:
        return (await guard.identify(request)).name
    if given is None:
        raise field_problem("reviewer", "未启用密钥时必填 · required where no keys are in use")
    return given


def register_of(request: Request) -> Register:
    """The register. Raises ProblemError 404 where nothing is kept."""
    register = service_of(request.app).register
    if register is None:
        raise ProblemError(404, "database: none, nothing is kept · 未启用案件登记")
    return register
