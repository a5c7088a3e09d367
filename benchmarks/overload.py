"""A real service under more than it can do: is everybody answered, in time, and does it recover?

    python -m benchmarks.overload [--bundle DIR] [--seconds 60] [--times 10]

First the capacity: 64 connections that ask again as soon as they are answered. Then requests come
at ``times`` that rate whatever happens to them, each with a deadline. Every one must be answered
200 or 429; a 200 after its deadline is late. Goodput is the characters answered in time over
those of the capacity: in requests it would flatter, as short ones get in where long ones do not.
Callers and service share the machine, so at ten times the load the callers take their part of it;
``goodput_of_processor`` leaves them out: characters for each second that the service had a core.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.assess_throughput import ROOT, SAMPLES, append, draw_texts
from benchmarks.usage import memory_mb, processor_seconds

RESULTS = ROOT / "docs" / "benchmarks" / "overload.jsonl"
CONNECTIONS = 64  # in the measure of capacity
MOST_CONNECTIONS = 400  # in the flood
TEXTS = 1000


@dataclass
class Outcome:
    """What became of the requests of one phase; times in seconds."""

    statuses: Counter[str] = field(default_factory=Counter)
    characters: int = 0  # of texts answered in time
    late: int = 0
    waits: list[float] = field(default_factory=list)

    def add(self, status: str, seconds: float, *, deadline: float, characters: int) -> None:
        self.statuses[status] += 1
        if status == "200":
            self.waits.append(seconds)
            self.characters += characters if seconds <= deadline else 0
            self.late += seconds > deadline


class Connection:
    """One connection that is kept alive; asks one request at a time."""

    def __init__(self, place: tuple[str, int]) -> None:
        self._place = place
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used = 0.0

    async def ask(self, request: bytes) -> str:
        """The status, or the name of what went wrong."""
        if time.perf_counter() - self._used > 3:
            self.close()  # the service closes what is idle for five seconds
        self._used = time.perf_counter()
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(*self._place)
            reader, writer = self._streams
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            await reader.readexactly(int(length[1]) if length else 0)
            return head[9:12].decode()
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            return type(error).__name__

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def main() -> None:
    options = _options()
    texts = draw_texts(SAMPLES, count=TEXTS, seed=options.seed)
    with service(options) as (place, process):
        result = asyncio.run(measure(texts, place, process.pid, options))
    append(result, options.out)
    print(json.dumps(result, ensure_ascii=False, indent=1))


async def measure(
    texts: list[str], place: tuple[str, int], pid: int, options: argparse.Namespace
) -> dict[str, Any]:
    requests = [Request.of(text, deadline_ms=options.deadline_ms) for text in texts]
    plain = [Request.of(text) for text in texts]
    idle = await alone(plain[:50], place)
    await full(plain, place, seconds=2)  # warm
    idle_spent = processor_seconds(pid)
    capacity, characters = await full(plain, place, seconds=options.capacity_seconds)
    full_spent = processor_seconds(pid) - idle_spent
    before = round(memory_mb(pid))
    watching = asyncio.create_task(watch_memory(pid))
    flood_began = processor_seconds(pid)
    flood = await overload(requests, place, rate=capacity * options.times, options=options)
    flood_spent = processor_seconds(pid) - flood_began
    recovery = await recover(plain, place, calm=3 * statistics.median(idle))
    watching.cancel()
    peak = await watching
    waits = sorted(flood.waits) or [float("nan")]
    possible = characters * options.capacity_seconds / full_spent  # characters a processor second
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "seconds": options.seconds,
        "times": options.times,
        "deadline_ms": options.deadline_ms,
        "capacity_per_second": round(capacity, 1),
        "sent": sum(flood.statuses.values()),
        "sent_per_second": round(sum(flood.statuses.values()) / options.seconds, 1),
        "answers": dict(flood.statuses.most_common()),
        "late": flood.late,
        "goodput": round(flood.characters / options.seconds / characters, 3),
        "goodput_of_processor": round(flood.characters / flood_spent / possible, 3),
        "accepted_ms": {
            "p50": round(waits[len(waits) // 2] * 1000),
            "p99": round(waits[len(waits) * 99 // 100] * 1000),
        },
        "idle_ms": round(statistics.median(idle) * 1000, 1),
        "recovery_ms": round(recovery * 1000),
        "memory_mb": {"before": before, "peak": peak, "after": round(memory_mb(pid))},
    }


async def alone(requests: list["Request"], place: tuple[str, int]) -> list[float]:
    """Seconds of single requests on an idle service."""
    connection, times = Connection(place), []
    for request in requests:
        began = time.perf_counter()
        await connection.ask(request.content)
        times.append(time.perf_counter() - began)
    connection.close()
    return times


async def full(
    requests: list["Request"], place: tuple[str, int], *, seconds: float
) -> tuple[float, float]:
    """Answers and their characters a second, with every connection always waiting for one."""
    until = time.perf_counter() + seconds
    answered = characters = 0
    source = itertools.cycle(requests)

    async def keep_asking() -> None:
        nonlocal answered, characters
        connection = Connection(place)
        while time.perf_counter() < until:
            request = next(source)
            if await connection.ask(request.content) == "200":
                answered += 1
                characters += request.characters
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(keep_asking() for _ in range(CONNECTIONS)))
    took = time.perf_counter() - began
    return answered / took, characters / took


async def overload(
    requests: list["Request"], place: tuple[str, int], *, rate: float, options: argparse.Namespace
) -> Outcome:
    """Requests at a rate that does not wait for answers; a deadline counts from the sending."""
    outcome, free, calls = Outcome(), [Connection(place) for _ in range(MOST_CONNECTIONS)], set()

    async def call(request: Request, connection: Connection) -> None:
        began = time.perf_counter()
        status = await connection.ask(request.content)
        seconds = time.perf_counter() - began
        deadline = options.deadline_ms / 1000
        outcome.add(status, seconds, deadline=deadline, characters=request.characters)
        free.append(connection)

    chance = random.Random(options.seed)
    began, due = time.perf_counter(), 0.0
    while due < options.seconds:
        await asyncio.sleep(max(began + due - time.perf_counter(), 0))
        if free:
            task = asyncio.create_task(call(chance.choice(requests), free.pop()))
            calls.add(task)
            task.add_done_callback(calls.discard)
        else:
            outcome.statuses["no connection free"] += 1
        due += chance.expovariate(rate)
    await asyncio.gather(*calls)
    for connection in free:
        connection.close()
    return outcome


async def recover(requests: list["Request"], place: tuple[str, int], *, calm: float) -> float:
    """Seconds after the flood until one request is answered as fast as on an idle service."""
    began, connection = time.perf_counter(), Connection(place)
    for request in itertools.cycle(requests[:50]):
        asked = time.perf_counter()
        status = await connection.ask(request.content)
        if status == "200" and time.perf_counter() - asked <= calm:
            break
    connection.close()
    return time.perf_counter() - began


async def watch_memory(pid: int) -> int:
    """The largest resident memory until cancelled, in MB."""
    peak = 0
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            peak = max(peak, round(memory_mb(pid)))
            await asyncio.sleep(0.25)
    return peak


@dataclass(frozen=True)
class Request:
    """One request as it goes over the wire."""

    content: bytes
    characters: int

    @classmethod
    def of(cls, text: str, *, deadline_ms: int | None = None) -> "Request":
        body = json.dumps({"text": text}, ensure_ascii=False).encode()
        deadline = f"X-Request-Deadline-Ms: {deadline_ms}\r\n" if deadline_ms else ""
        head = (
            "POST /v1/assess HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"{deadline}Content-Length: {len(body)}\r\n\r\n"
        )
        return cls(head.encode() + body, len(text))


@contextlib.contextmanager
def service(
    options: argparse.Namespace,
) -> Iterator[tuple[tuple[str, int], subprocess.Popen[str]]]:
    """A service of its own on a free port: its place and its process."""
    command = [sys.executable, "-u", "-m", "xiaobao", "serve", "--port", "0"]
    command += ["--bundle", str(options.bundle.resolve())] if options.bundle else []
    command += ["--database", "none"]
    log = subprocess.DEVNULL
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            match = re.search(r"http://([\d.]+):(\d+)", line)
            if match is None:
                sys.exit("the service did not start")
            place = (match[1], int(match[2]))
            asyncio.run(_until_ready(place))
            yield place, process
        finally:
            process.terminate()


async def _until_ready(place: tuple[str, int]) -> None:
    while await Connection(place).ask(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n") != "200":
        await asyncio.sleep(0.05)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="a service under more than it can do")
    parser.add_argument("--bundle", type=Path, help="bundle directory; default: the embedded one")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--times", type=float, default=10)
    parser.add_argument("--deadline-ms", type=int, default=1000)
    parser.add_argument("--capacity-seconds", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
