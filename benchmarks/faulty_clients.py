"""Clients of a service that is being hurt: some behave, some send slowly, break off or leave.

Every complaint has an id of its own, so that what was acknowledged can be looked for afterwards.
"""

import asyncio
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MANNERS = {"plain": 10, "deadline": 3, "again": 2, "batch": 2, "slow": 1, "truncated": 1, "gone": 1}
"""How a request is sent, and how often in comparison."""

_DEADLINE_MS = 2000
_PATIENCE_S = 90.0  # more than the service's own deadline: who waits longer was forgotten
_ALLOWED = {"200", "429", "503"}


@dataclass
class Seen:
    """What the clients saw. ``wrong`` must stay empty, and every acknowledged case be stored.

    ``acknowledged`` is the text of each case that was answered 200, by case id.
    """

    answers: Counter[str] = field(default_factory=Counter)
    acknowledged: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    late: list[float] = field(default_factory=list)


class Client:
    """Sends one complaint after another until told to stop; ``place`` may change meanwhile."""

    def __init__(
        self,
        name: str,
        *,
        place: Callable[[], tuple[str, int]],
        wanted: Mapping[str, dict[str, Any]],
        seen: Seen,
        seed: int,
    ) -> None:
        """``wanted`` are the direct answers by text."""
        self._name, self._place, self._wanted, self._seen = name, place, wanted, seen
        self._chance = random.Random(f"{seed}-{name}")
        self._texts = sorted(wanted)

    async def run(self, stopped: asyncio.Event) -> None:
        """Until stopped; a service that is not there is asked again soon."""
        number = 0
        while not stopped.is_set():
            (manner,) = self._chance.choices(list(MANNERS), weights=list(MANNERS.values()))
            count = 3 if manner == "batch" else 1
            cases = {
                f"F-{self._name}-{number + n}": self._chance.choice(self._texts)
                for n in range(count)
            }
            number += count
            for _ in range(2 if manner == "again" else 1):
                await self._send(manner, cases)

    async def _send(self, manner: str, cases: Mapping[str, str]) -> None:
        request = _request(manner, cases)
        began = time.monotonic()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                status, body = await self._exchange(manner, request)
        except (OSError, asyncio.IncompleteReadError) as error:
            self._seen.answers[f"{manner}: {type(error).__name__}"] += 1
            await asyncio.sleep(0.5)
            return
        except TimeoutError:
            self._seen.wrong.append(f"{manner}: no answer within {_PATIENCE_S:g} s")
            return
        self._seen.answers[f"{manner}: {status}"] += 1
        if manner == "deadline" and status == "200":
            self._seen.late.append(max(time.monotonic() - began - _DEADLINE_MS / 1000, 0.0))
        self._judge(manner, status, body, cases)

    async def _exchange(self, manner: str, request: bytes) -> tuple[str, bytes]:
        reader, writer = await asyncio.open_connection(*self._place())
        try:
            cut = self._chance.randrange(len(request) // 2, len(request))
            if manner in ("slow", "truncated"):
                writer.write(request[:cut])
                await writer.drain()
                if manner == "slow":
                    await asyncio.sleep(self._chance.uniform(0.2, 2.0))
                    writer.write(request[cut:])
                else:
                    writer.write_eof()
            else:
                writer.write(request)
            await writer.drain()
            if manner == "gone":
                await asyncio.sleep(self._chance.uniform(0.0, 0.1))
                return "left", b""
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            return head[9:12].decode(), await reader.readexactly(int(length[1]) if length else 0)
        finally:
            writer.close()

    def _judge(self, manner: str, status: str, body: bytes, cases: Mapping[str, str]) -> None:
        if manner == "gone":
            return
        if manner == "truncated":
            if status == "200":
                self._seen.wrong.append("truncated: a body that never ended was answered 200")
            return
        if status not in _ALLOWED:
            self._seen.wrong.append(f"{manner}: {status}")
        if status != "200":
            return
        answer = json.loads(body)
        answers: Sequence[dict[str, Any]] = answer["assessments"] if manner == "batch" else [answer]
        for (case_id, text), given in zip(cases.items(), answers, strict=True):
            self._seen.acknowledged[case_id] = text
            if fault := difference(given, self._wanted[text], case_id=case_id):
                self._seen.wrong.append(f"{manner}: {case_id} has another {fault}")


def difference(given: Mapping[str, Any], wanted: Mapping[str, Any], *, case_id: str) -> str | None:
    """The part in which an answer is not the direct one; None where there is no such part.

    A group of cases may add signs and change the level: then what the text alone gave is compared.
    """
    given = {**given, "agent": dict(given["agent"])}
    expected = {**wanted, "case_id": case_id, "agent": dict(wanted["agent"])}
    if given["related"]["group_id"] is not None:
        known = {sign["id"] for sign in expected["agent"]["signs"]}
        signs = [sign for sign in given["agent"]["signs"] if sign["id"] in known]
        given["agent"] |= {"signs": signs}
        for part in ("level", "reasons"):
            del given["agent"][part], expected["agent"][part]
    parts = (part for part in expected if part != "related")
    return next((part for part in parts if given[part] != expected[part]), None)


def _request(manner: str, cases: Mapping[str, str]) -> bytes:
    records = [{"case_id": case_id, "text": text} for case_id, text in cases.items()]
    path, value = ("/v1/assess/batch", {"records": records}) if manner == "batch" else (
        "/v1/assess", records[0],
    )  # fmt: skip
    body = json.dumps(value, ensure_ascii=False).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Connection: close\r\n"
    )
    if manner == "deadline":
        head += f"X-Request-Deadline-Ms: {_DEADLINE_MS}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
