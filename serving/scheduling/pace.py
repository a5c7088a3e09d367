"""Pace: how fast things go, of late: tokens that are read, and steps of the event loop.

It tells a wait before it begins.
"""

import time

HALF_LIFE = 1.0  # seconds of reading after which what was measured counts half
_GUESS = 5000.0  # tokens a second, until something was measured
_FIRST = 0.05  # seconds that the guess weighs


class Pace:
    """A running rate, weighed by time: a large batch counts for more than a small one."""

    def __init__(self, *, guess: float = _GUESS) -> None:
        self._tokens = guess * _FIRST
        self._seconds = _FIRST

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self._tokens / self._seconds

    def add(self, tokens: int, seconds: float) -> None:
        """So many tokens took so many seconds."""
        seconds = max(seconds, 1e-6)
        kept = 0.5 ** (seconds / HALF_LIFE)
        self._tokens = self._tokens * kept + tokens
        self._seconds = self._seconds * kept + seconds


class Lag:
    """How late the event loop is: seconds between an answer and the caller that goes on with it.

    What was measured fades by itself: who refuses everybody would learn nothing new.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._at = time.monotonic()

    @property
    def seconds(self) -> float:
        """The lag of late; halves with every ``HALF_LIFE`` without news."""
        return float(self._seconds * 0.5 ** ((time.monotonic() - self._at) / HALF_LIFE))

    def add(self, seconds: float) -> None:
        """So late it was this time."""
        self._seconds = 0.8 * self.seconds + 0.2 * max(seconds, 0.0)
        self._at = time.monotonic()
