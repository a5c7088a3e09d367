"""Two servers on one PostgreSQL: concurrent submissions, a fifth of them sent twice.

    python -m benchmarks.replicas --database postgresql://… [--cases 10000] [--clients 16]

The database must be empty. Each case must be stored once, the audit be one whole chain, and the
groups be those that one process makes of the same cases in the order in which they were stored.
"""

import argparse
import random
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import select

from benchmarks.server_process import ServerProcess
from serving.register.database import read
from serving.register.link_tables import linked_cases
from serving.register.opening import open_register
from serving.register.register import Register
from serving.register.tables import cases
from serving.settings import ServingSettings

_BATCH = 200
_COPIES = 5  # one in so many is sent twice
_HAN = 0x4E00  # the first Chinese character


@dataclass(frozen=True)
class Outcome:
    """What became of the submissions."""

    sent: int
    answered: int
    stored: int
    distinct: int
    audit_entries: int
    audit_broken: int | None
    groups: int
    groups_differ: int
    seconds: float

    @property
    def faults(self) -> list[str]:
        """What is not as it must be."""
        wanted = {
            "every submission is answered": self.answered == self.sent,
            "each case is stored once": self.stored == self.distinct,
            "the audit is whole": self.audit_broken is None,
            "the audit knows each case": self.audit_entries == self.distinct,
            "groups are those of one process": self.groups_differ == 0,
        }
        return [what for what, holds in wanted.items() if not holds]


def submissions(count: int, *, seed: int) -> list[dict[str, str]]:
    """So many requests of which a fifth are copies of others, in random order."""
    chance = random.Random(seed)
    distinct = [_case(number, chance) for number in range(count - count // _COPIES)]
    sent = distinct + chance.sample(distinct, count // _COPIES)
    chance.shuffle(sent)
    return sent


def run_replicas(
    database: str, *, folder: Path, count: int, clients: int, seed: int = 1
) -> Outcome:
    """Send through two servers at once; what stands in the database afterwards."""
    sent = submissions(count, seed=seed)
    began = time.monotonic()
    with ExitStack() as stack:
        servers = [stack.enter_context(ServerProcess(database, data_dir=folder)) for _ in range(2)]
        http = [
            stack.enter_context(httpx.Client(base_url=server.address, trust_env=False, timeout=120))
            for server in servers
        ]
        for client in http:
            _wait_ready(client)
        with ThreadPoolExecutor(clients) as pool:
            answers = list(pool.map(lambda one: _send(http[one[0] % 2], one[1]), enumerate(sent)))
    seconds = time.monotonic() - began
    with open_register(ServingSettings(database=database, data_dir=folder)) as register:
        order, found = _stored(register)
        verdict = register.verify_audit()
    wanted = _groups_of_one(order, {one["case_id"]: one for one in sent}, folder=folder / "one")
    return Outcome(
        sent=len(sent),
        answered=sum(answers),
        stored=len(order),
        distinct=len({one["case_id"] for one in sent}),
        audit_entries=verdict.entries,
        audit_broken=verdict.broken,
        groups=len(found),
        groups_differ=len(found ^ wanted),
        seconds=seconds,
    )


def _stored(register: Register) -> tuple[list[str], set[frozenset[str]]]:
    """Ids of all cases in the order in which they were stored, and the groups of them."""
    query = (
        select(cases.c.case_id, linked_cases.c.group_row)
        .join(linked_cases, linked_cases.c.case_row == cases.c.id)
        .order_by(cases.c.id)
    )
    with read(register.engine) as connection:
        rows = connection.execute(query).all()
    members: dict[int, set[str]] = defaultdict(set)
    for case_id, group in rows:
        if group is not None:
            members[group].add(case_id)
    return [row.case_id for row in rows], {frozenset(ids) for ids in members.values()}


def _groups_of_one(
    order: list[str], by_id: dict[str, dict[str, str]], *, folder: Path
) -> set[frozenset[str]]:
    """The groups that one process makes on SQLite of the same cases in this order."""
    database = f"sqlite:///{folder / 'register.db'}"
    with (
        ServerProcess(database, data_dir=folder) as server,
        httpx.Client(base_url=server.address, trust_env=False, timeout=300) as client,
    ):
        _wait_ready(client)
        for start in range(0, len(order), _BATCH):
            records = [by_id[case_id] for case_id in order[start : start + _BATCH]]
            client.post("/v1/assess/batch", json={"records": records}).raise_for_status()
    with open_register(ServingSettings(database=database, data_dir=folder)) as register:
        return _stored(register)[1]


def _case(number: int, chance: random.Random) -> dict[str, str]:
    """A case of its own, or one in ten of a ring that shares letter and phone."""
    ring = chance.randrange(number // 60 + 1) if chance.random() < 0.1 else None
    own = random.Random(f"letter {ring if ring is not None else -number}")
    letter = "".join(chr(_HAN + own.randrange(4000)) for _ in range(80))
    phone = f"199{number:08d}" if ring is None else f"198{ring:08d}"
    return {"case_id": f"R-{number}", "text": f"理赔:{letter}。", "phone": phone}


def _send(client: httpx.Client, case: dict[str, str]) -> bool:
    for _ in range(100):
        answer = client.post("/v1/assess", json=case)
        if answer.status_code == 200:
            return True
        if answer.status_code not in (429, 503):
            return False
        time.sleep(float(answer.headers.get("retry-after", "1")))
    return False


def _wait_ready(client: httpx.Client) -> None:
    until = time.monotonic() + 60
    while client.get("/readyz").status_code != 200:
        if time.monotonic() > until:
            raise RuntimeError("the server did not become ready within 60 seconds")
        time.sleep(0.05)


def main() -> None:
    """Run it once and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", required=True)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="xiaobao-replicas-") as folder:
        outcome = run_replicas(
            options.database, folder=Path(folder), count=options.cases, clients=options.clients
        )
    print(outcome)
    print(outcome.faults or "as it must be")
    raise SystemExit(bool(outcome.faults))


if __name__ == "__main__":
    main()
