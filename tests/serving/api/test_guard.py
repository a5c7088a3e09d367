"""The guard: how many wrong keys are checked for one address."""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path

from starlette.requests import Request

from serving.api import guard
from serving.api.guard import Guard
from serving.api.problems import ProblemError
from serving.keys.key import make_key, today
from serving.keys.keys_file import changing
from serving.keys.ring import KeyRing


class SlowRing(KeyRing):
    """Counts its slow checks."""

    checks = 0

    def verify(self, token):
        self.checks += 1
        return super().verify(token)


def ring_of_one_key(folder: Path) -> tuple[SlowRing, str]:
    path = folder / "keys.json"
    expires = today() + timedelta(days=1)
    key, token = make_key("受理系统", frozenset({"assess"}), now=today(), expires=expires)
    with changing(path) as keys:
        keys.append(key)
    return SlowRing(path), token


def asking(token: str) -> Request:
    scope = {
        "type": "http",
        "client": ("10.0.0.7", 4711),
        "headers": [(b"authorization", f"Bearer {token}".encode())],
        "state": {"facts": {}},
    }
    return Request(scope)


async def status_of(guarding: Guard, token: str) -> int:
    try:
        await guarding.identify(asking(token))
    except ProblemError as error:
        return error.status
    return 200


def test_wrong_keys_sent_all_at_once_are_counted_like_those_one_by_one(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(guard, "_FAILURES", guard.limits.parse("4/hour"))
    ring, token = ring_of_one_key(tmp_path)

    async def try_all() -> Counter[int]:
        guarding, wrong = Guard(ring, rate=None), token[:16] + "A" * 43
        return Counter(await asyncio.gather(*[status_of(guarding, wrong) for _ in range(30)]))

    answers = asyncio.run(try_all())
    assert ring.checks <= 4 + guard._SLOW_CHECKS - 1
    assert answers == {401: ring.checks, 429: 30 - ring.checks}


def test_keys_of_unknown_id_keep_nobody_out_who_shares_the_address(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(guard, "_FAILURES", guard.limits.parse("4/hour"))
    (ring, token), strange = ring_of_one_key(tmp_path), "xb_000000000000_" + "A" * 43

    async def try_all() -> list[int]:
        guarding = Guard(ring, rate=None)
        return [await status_of(guarding, one) for one in (*[strange] * 9, token)]

    assert asyncio.run(try_all()) == [401] * 9 + [200]
    assert ring.checks == 1
