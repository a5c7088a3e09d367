"""The guard: who asks, whether they may, and whether they ask too often. Before a body is read.

Without keys everybody on this machine may assess and review, and nobody may administer.
"""

import asyncio
import math
import time

import limits
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import Request

from serving.api.problems import ProblemError
from serving.keys.key import ApiKey, Scope
from serving.keys.ring import KeyRing

_SLOW_CHECKS = 2  # at the same time: each costs 16 MiB and a twentieth of a second
# Of slow checks, from one address; one more where two are under way when the last one is left.
_FAILURES = limits.parse("20/minute")


class Guard:
    """Admits requests by key and rate. ``ring`` None: no keys are in use."""

    def __init__(self, ring: KeyRing | None, *, rate: str | None) -> None:
        self._ring = ring
        self._rate = limits.parse(rate) if rate else None
        self._counter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._slow = asyncio.Semaphore(_SLOW_CHECKS)

    @property
    def has_keys(self) -> bool:
        """Whether keys are in use."""
        return self._ring is not None

    async def admit(self, request: Request, scope: Scope) -> None:
        """Raises ProblemError 401, 403 or 429 for who may not ask this now."""
        if self._ring is None:
            if scope == "admin":
                raise ProblemError(403, "keys: none in use, wanted one with the scope admin")
            self._count(_address(request))
            return
        key = await self.identify(request)
        if scope not in key.scopes:
            raise ProblemError(403, f"key: lacks the scope {scope}")
        self._count(key.id)

    async def admit_any(self, request: Request) -> None:
        """Any valid key will do, where keys are in use."""
        if self._ring is not None:
            await self.identify(request)

    async def identify(self, request: Request) -> ApiKey:
        """The key that the request carries. Raises ProblemError 401, or 429 after many failures."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if self._ring is None or kind.lower() != "bearer" or not token:
            raise _unknown("Authorization: wanted Bearer and a key")
        key = self._ring.find_known(token) or await self._verify(self._ring, token, request)
        request.state.facts.update(key=key.id)
        return key

    async def _verify(self, ring: KeyRing, token: str, request: Request) -> ApiKey:
        # Refused at no cost and not counted: ids are 48 random bits and no secret is tried. If it
        # were, whoever shares an address with good keys could shut them out without knowing any.
        if not ring.has_id_of(token):
            raise _unknown("key: unknown, revoked or expired")
        address = _address(request)
        self._check_failures(address)
        async with self._slow:
            self._check_failures(address)  # again: those that waited before this one have failed
            key = await asyncio.to_thread(ring.verify, token)
            if key is None:
                self._counter.hit(_FAILURES, "failures", address)
                raise _unknown("key: unknown, revoked or expired")
        return key

    def _check_failures(self, address: str) -> None:
        if not self._counter.test(_FAILURES, "failures", address):
            raise ProblemError(429, "keys: too many wrong ones", headers={"Retry-After": "60"})

    def _count(self, who: str) -> None:
        if self._rate is None or self._counter.hit(self._rate, "requests", who):
            return
        resets = self._counter.get_window_stats(self._rate, "requests", who).reset_time
        after = min(max(math.ceil(resets - time.time()), 1), 3600)
        raise ProblemError(
            429,
            f"requests: more than {self._rate} wanted of one caller",
            headers={"Retry-After": str(after)},
        )


def _unknown(detail: str) -> ProblemError:
    return ProblemError(401, detail, headers={"WWW-Authenticate": "Bearer"})


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
