"""Crash safety: a server is killed with kill -9 at random moments while clients send complaints.

    python -m benchmarks.crash_safety [--kills 200] [--clients 8] [--seed 1]

After every kill the register is opened as a restart would, without repair: every case that was
answered with 200 must be there with its content, none stored twice, the audit whole, the index
consistent with the cases. A killed process loses what its memory held; a power cut is not tried:
for that the register waits for the disk (synchronous = FULL).
"""

import argparse
import random
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import func, select

from benchmarks.server_process import ServerProcess
from serving.register.database import read
from serving.register.link_tables import fingerprints, linked_cases
from serving.register.opening import open_register
from serving.register.register import Register
from serving.register.tables import assessments, audit, cases
from serving.settings import ServingSettings

_LETTER = "本人购买保险时业务员未说明风险,理赔资料交了{n}天没有结果,现要求全额退保,请回电{phone}。"


@dataclass
class Outcome:
    """What became of the rounds; ``missing`` and ``faults`` must be empty."""

    kills: int = 0
    acknowledged: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


def run_rounds(folder: Path, *, kills: int, clients: int, seed: int) -> Outcome:
    """Start, load, kill, check: so many times on one database in ``folder``."""
    chance = random.Random(seed)
    outcome = Outcome()
    database = f"sqlite:///{folder / 'register.db'}"
    for number in range(kills):
        with ServerProcess(database, data_dir=folder) as server:
            _load_until_killed(server, outcome, round_=number, clients=clients, chance=chance)
        outcome.kills += 1
        settings = ServingSettings(database=database, data_dir=folder)
        with open_register(settings) as register:
            check_register(register, outcome)
    return outcome


def _load_until_killed(
    server: ServerProcess, outcome: Outcome, *, round_: int, clients: int, chance: random.Random
) -> None:
    begun = threading.Event()
    seeds = [chance.random() for _ in range(clients)]
    senders = [
        threading.Thread(
            target=_send, args=(server.address, outcome, f"{round_}-{n}", seeds[n], begun)
        )
        for n in range(clients)
    ]
    for sender in senders:
        sender.start()
    if not begun.wait(30):
        raise RuntimeError("the server answered nobody within 30 seconds")
    time.sleep(chance.uniform(0.0, 0.8))
    server.kill()
    for sender in senders:
        sender.join()


def _send(address: str, outcome: Outcome, name: str, seed: float, begun: threading.Event) -> None:
    """Send case after case until nobody answers; one in five is sent again."""
    chance = random.Random(seed)
    with httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
        for number in range(100_000):
            case_id = f"K-{name}-{number}"
            text = _LETTER.format(n=number % 50, phone=f"1990000{chance.randrange(40):04d}")
            try:
                for _ in range(2 if chance.random() < 0.2 else 1):
                    answer = client.post("/v1/assess", json={"case_id": case_id, "text": text})
                    if answer.status_code == 200:
                        outcome.acknowledged[case_id] = text
                        begun.set()
            except httpx.TransportError:
                return


def check_register(register: Register, outcome: Outcome) -> None:
    """Every acknowledged case stored once, with one row of each kind, the audit whole."""
    with read(register.engine) as connection:
        rows = connection.execute(select(cases.c.case_id, cases.c.text)).all()
        stored = {row.case_id: row.text for row in rows}
        counts = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (cases, assessments, audit, linked_cases, fingerprints)
        }
    outcome.missing |= {
        case_id
        for case_id, text in outcome.acknowledged.items()
        if len(stored.get(case_id) or "") != len(text)
    }
    if len(set(counts.values())) > 1:
        outcome.faults.append(f"one row of each kind a case wanted, found {counts}")
    if len(stored) != counts["cases"]:
        outcome.faults.append("a case is stored twice")
    verdict = register.verify_audit()
    if verdict.broken is not None:
        outcome.faults.append(f"audit entry {verdict.broken}: {verdict.why}")


def main() -> None:
    """Run the rounds and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="xiaobao-crash-") as folder:
        outcome = run_rounds(
            Path(folder), kills=options.kills, clients=options.clients, seed=options.seed
        )
    print(f"kills         {outcome.kills}")
    print(f"acknowledged  {len(outcome.acknowledged)}")
    print(f"missing       {len(outcome.missing)}")
    print(f"faults        {outcome.faults or 0}")
    print(f"seconds       {time.monotonic() - began:.0f}")
    raise SystemExit(bool(outcome.missing or outcome.faults))


if __name__ == "__main__":
    main()
