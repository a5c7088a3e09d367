"""Lanes: what waits to be read, and which of it makes the next batch. Knows no threads.

The quick lane holds the first tokens of every caller, the slow lane what is longer. When both wait
they take turns by tokens read: a long letter never blocks short ones, and a flood of short ones
leaves a long letter half of the machine. The idle lane is read when both are empty. In a lane the
oldest piece leads; pieces of its analyzer and padded length go with it, so that no answer depends
on a neighbour, and so that much is read at once.
"""

import math
from collections import deque
from collections.abc import Iterator
from itertools import count

from serving.scheduling.job import Job, Lane, WaitingWindow

SLOW_SHARE = 4
"""A batch led by a slow or idle piece is a quarter as large: quick ones may come meanwhile."""

COMPANY_S = 0.1
"""Once somebody's time is half gone, only pieces that came within so many seconds go together:
company that came later would make the others wait longer than they were told."""

_Key = tuple[int, int]  # identity of the analyzer, padded length


class Lanes:
    """Pieces that wait, by lane and padded length. ``tokens`` counts the wanted ones by lane."""

    def __init__(self, *, batch_tokens: int) -> None:
        self.tokens = dict.fromkeys(Lane, 0)
        self._batch_tokens = batch_tokens
        self._waiting: dict[Lane, dict[_Key, deque[WaitingWindow]]] = {lane: {} for lane in Lane}
        self._numbers = count()
        self._quick_ahead = 0  # tokens that the quick lane has had more than the slow one

    def put(self, piece: WaitingWindow) -> None:
        """Join the end of the piece's lane."""
        piece.number = next(self._numbers)
        self._waiting[piece.lane].setdefault(_key(piece), deque()).append(piece)
        self._count(piece, piece.tokens)

    def forget(self, job: Job) -> None:
        """Nobody waits for this job any more: its pieces count no longer and are passed over."""
        for lane, tokens in job.waiting.items():
            self.tokens[lane] -= tokens
        job.waiting.clear()
        job.forgotten = True

    def take(self, most: int | None = None) -> list[WaitingWindow]:
        """The next batch, of one analyzer and one padded length; empty when nothing waits.

        It has at most so many tokens, ``batch_tokens`` by default, or else one window.
        """
        while (lane := self._next_lane()) is not None:
            heads = self._heads(lane)
            if not heads:
                continue  # all that waited there was late: look again
            oldest = min(heads, key=lambda piece: piece.number)
            pressed = any(piece.job.is_pressed for piece in heads)
            room = self._batch_tokens if most is None else min(most, self._batch_tokens)
            until = oldest.queued + COMPANY_S if pressed else math.inf
            batch = self._joined(lane, _key(oldest), room=room, until=until)
            if not batch:
                continue  # they became late between the two looks; others may still wait
            self._keep_turns(batch)
            return batch
        return []

    def _joined(self, lane: Lane, key: _Key, *, room: int, until: float) -> list[WaitingWindow]:
        if lane is not Lane.QUICK:
            room //= SLOW_SHARE
        batch: list[WaitingWindow] = []
        others = [each for each in (Lane.QUICK, Lane.SLOW) if each is not lane]
        for each in [lane, *(others if lane is not Lane.IDLE else [])]:
            for piece in self._popped(each, key, until):
                batch.append(piece)
                room -= piece.tokens
                if room < piece.tokens:  # the next one is as long
                    return batch
        return batch

    def _next_lane(self) -> Lane | None:
        quick, slow, idle = (bool(self.tokens[lane]) for lane in Lane)
        if quick and slow:
            return Lane.QUICK if self._quick_ahead <= 0 else Lane.SLOW
        self._quick_ahead = 0
        return Lane.QUICK if quick else Lane.SLOW if slow else Lane.IDLE if idle else None

    def _keep_turns(self, batch: list[WaitingWindow]) -> None:
        for piece in batch:
            if piece.lane is not Lane.IDLE:
                self._quick_ahead += piece.tokens if piece.lane is Lane.QUICK else -piece.tokens

    def _heads(self, lane: Lane) -> list[WaitingWindow]:
        """The oldest wanted piece of every length."""
        heads = []
        for key, line in list(self._waiting[lane].items()):
            while line and not _is_wanted(line[0]):
                self._drop(line.popleft())
            if line:
                heads.append(line[0])
            else:
                del self._waiting[lane][key]
        return heads

    def _popped(self, lane: Lane, key: _Key, until: float) -> Iterator[WaitingWindow]:
        line = self._waiting[lane].get(key, deque())
        while line and line[0].queued <= until:
            piece = line.popleft()
            if _is_wanted(piece):
                self._count(piece, -piece.tokens)
                yield piece
            else:
                self._drop(piece)

    def _drop(self, piece: WaitingWindow) -> None:
        if not piece.job.forgotten:  # late, yet its caller has not been told: not read all the same
            self._count(piece, -piece.tokens)

    def _count(self, piece: WaitingWindow, tokens: int) -> None:
        self.tokens[piece.lane] += tokens
        piece.job.waiting[piece.lane] += tokens


def _key(piece: WaitingWindow) -> _Key:
    return id(piece.job.analyzer), piece.tokens


def _is_wanted(piece: WaitingWindow) -> bool:
    return not (piece.job.forgotten or piece.job.done or piece.job.late)
