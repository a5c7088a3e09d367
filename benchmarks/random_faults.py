"""Random faults: a real service under load while its machine fails it. Is an answer wrong, or lost?

    python -m benchmarks.random_faults MINUTES [--seed 1] [--clients 8]

The seed draws which fault comes when and for how long: the process is killed with kill -9 and
started again, stopped and continued, its database locked by another process, its disk full (no
file may grow: Linux only). Meanwhile clients send complaints of the corpus, some slowly, some
broken off, some leaving before the answer. Every 200 must be what the same bundle answers
directly, number by number; every status 200, 429 or 503; every acknowledged case in the register,
once, with the same primary cause; and after each fault the service must be ready again. A run
draws the same faults from the same seed, but what happens between them is the machine's affair.
"""

import argparse
import asyncio
import contextlib
import os
import random
import resource
import signal
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select

from benchmarks.assess_throughput import SAMPLES, draw_texts
from benchmarks.crash_safety import Outcome, check_register
from benchmarks.faulty_clients import Client, Seen
from benchmarks.server_process import ServerProcess
from models.analyzer import load_analyzer
from models.assessment import as_json
from models.record import Record
from serving.register.database import read
from serving.register.opening import open_register
from serving.register.tables import assessments, cases
from serving.settings import ServingSettings

LASTING = {"kill": (0.0, 0.0), "pause": (0.3, 3.0), "lock": (0.5, 6.0), "full disk": (0.5, 4.0)}
"""Seconds that each kind of fault may last."""

TEXTS = 300
_BETWEEN = (0.5, 4.0)  # seconds without a fault
_RECOVERS_WITHIN_S = 60.0
_LOCKED_WITHIN_S = 60.0


@dataclass(frozen=True)
class Fault:
    """One fault; times in seconds."""

    pause_before: float
    kind: str
    lasts: float


def draw_faults(*, seconds: float, seed: int) -> list[Fault]:
    """Faults for so many seconds; the same for the same seed."""
    chance, faults, at = random.Random(seed), [], 0.0
    while True:
        kind = chance.choice(sorted(LASTING))
        fault = Fault(chance.uniform(*_BETWEEN), kind, chance.uniform(*LASTING[kind]))
        at += fault.pause_before + fault.lasts
        if at > seconds:
            return faults
        faults.append(fault)


class House:
    """The service that is hurt, with its database in ``folder``."""

    def __init__(self, folder: Path, *, with_bundle: bool) -> None:
        self._folder = folder
        self._with_bundle = with_bundle
        self.file = folder / "register.db"
        self.database = f"sqlite:///{self.file}"
        self.server = self._start()

    def place(self) -> tuple[str, int]:
        """Where it listens now."""
        address = urlsplit(self.server.address)
        return str(address.hostname), int(address.port or 0)

    async def suffer(self, fault: Fault) -> None:
        """One fault from beginning to end."""
        match fault.kind:
            case "kill":
                self.server.kill()
                self.server = await asyncio.to_thread(self._start)
            case "pause":
                os.kill(self.server.pid, signal.SIGSTOP)
                await asyncio.sleep(fault.lasts)
                os.kill(self.server.pid, signal.SIGCONT)
            case "lock":
                async with self._locked():
                    await asyncio.sleep(fault.lasts)
            case "full disk":
                with self._full_disk():
                    await asyncio.sleep(fault.lasts)

    def stop(self) -> None:
        """As an operator stops it."""
        self.server.stop()

    def _start(self) -> ServerProcess:
        return ServerProcess(self.database, data_dir=self._folder, with_bundle=self._with_bundle)

    @contextlib.asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        connection = sqlite3.connect(self.file, timeout=0, isolation_level=None)
        try:
            await _begin(connection)
            yield
        finally:
            connection.close()

    @contextlib.contextmanager
    def _full_disk(self) -> Iterator[None]:
        pid = self.server.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
        try:
            yield
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


async def _begin(connection: sqlite3.Connection) -> None:
    """Take the database's lock in a gap between two writes.

    A server under load leaves short ones; SQLite by itself would look ten times a second.
    """
    until = time.monotonic() + _LOCKED_WITHIN_S
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(0.001)


async def hurt(
    house: House,
    faults: list[Fault],
    *,
    wanted: Mapping[str, dict[str, Any]],
    clients: int,
    seed: int,
) -> Seen:
    """All faults, one after another, under the load of so many clients."""
    seen, stopped = Seen(), asyncio.Event()
    sending = [
        asyncio.create_task(
            Client(str(n), place=house.place, wanted=wanted, seen=seen, seed=seed).run(stopped)
        )
        for n in range(clients)
    ]
    for number, fault in enumerate(faults):
        await asyncio.sleep(fault.pause_before)
        await house.suffer(fault)
        try:
            await asyncio.to_thread(house.server.wait_ready, seconds=_RECOVERS_WITHIN_S)
        except RuntimeError as error:
            seen.wrong.append(f"fault {number} ({fault.kind}): {error}")
            break
    stopped.set()
    await asyncio.gather(*sending)
    return seen


def check_stored(
    house: House, seen: Seen, *, wanted: Mapping[str, dict[str, Any]], folder: Path
) -> Outcome:
    """What the register holds of the acknowledged cases."""
    outcome = Outcome(acknowledged=seen.acknowledged)
    with open_register(ServingSettings(database=house.database, data_dir=folder)) as register:
        check_register(register, outcome)
        query = select(cases.c.case_id, assessments.c.primary_cause).join(
            assessments, assessments.c.case_row == cases.c.id
        )
        with read(register.engine) as connection:
            primary = {row.case_id: row.primary_cause for row in connection.execute(query)}
    for case_id, text in seen.acknowledged.items():
        if primary.get(case_id) != wanted[text]["root_cause"]["primary"]["id"]:
            outcome.faults.append(f"{case_id}: stored with primary cause {primary.get(case_id)}")
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("minutes", type=float)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    faults = draw_faults(seconds=options.minutes * 60, seed=options.seed)
    print(f"seed          {options.seed}")
    print(f"faults        {[(fault.kind, round(fault.lasts, 1)) for fault in faults]}")
    texts = draw_texts(SAMPLES, count=TEXTS, seed=options.seed)
    answers = load_analyzer().assess([Record(text) for text in texts])
    wanted = {text: as_json(answer) for text, answer in zip(texts, answers, strict=True)}
    with tempfile.TemporaryDirectory(prefix="xiaobao-faults-") as name:
        folder = Path(name)
        house = House(folder, with_bundle=True)
        try:
            seen = asyncio.run(
                hurt(house, faults, wanted=wanted, clients=options.clients, seed=options.seed)
            )
        finally:
            house.stop()
        outcome = check_stored(house, seen, wanted=wanted, folder=folder)
    print(f"suffered      {dict(Counter(fault.kind for fault in faults))}")
    for answer, count in sorted(seen.answers.items()):
        print(f"  {answer:40} {count}")
    print(f"acknowledged  {len(seen.acknowledged)}")
    print(f"missing       {len(outcome.missing)}")
    print(f"after a deadline of 2 s by at most {max(seen.late, default=0.0):.1f} s")
    print(f"wrong         {[*seen.wrong, *outcome.faults] or 0}")
    raise SystemExit(bool(seen.wrong or outcome.missing or outcome.faults))


if __name__ == "__main__":
    main()
