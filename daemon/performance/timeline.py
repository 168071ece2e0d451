"""Scheduled calls in the order of their deadlines. Each keeps its beat, so a new tempo moves all of them."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

from daemon.music.tempo import Tempo


@dataclass(eq=False, slots=True)
class ScheduledCall:
    """`run(due)` at `beat` plus `offset` seconds, but not before `floor` seconds; `due` is that moment."""

    beat: float
    offset: float
    floor: float
    run: Callable[[float], None]
    cancelled: bool = False


class Timeline:
    """A heap of entries. Equal deadlines keep their rank, then their order of arrival."""

    def __init__(self, tempo: Tempo) -> None:
        self.tempo = tempo
        self._heap: list[tuple[float, int, int, ScheduledCall]] = []
        self._count = 0

    def add(
        self, beat: float, rank: int, run: Callable[[float], None], offset: float = 0.0, floor: float = float("-inf")
    ) -> ScheduledCall:
        entry = ScheduledCall(beat, offset, floor, run)
        self._count += 1
        heapq.heappush(self._heap, (self._deadline(entry), rank, self._count, entry))
        return entry

    def change_tempo(self, tempo: Tempo) -> None:
        """Continue at `tempo`: every deadline, note-offs included, is computed anew."""
        self.tempo = tempo
        self._heap = [
            (self._deadline(entry), rank, count, entry) for _, rank, count, entry in self._heap if not entry.cancelled
        ]
        heapq.heapify(self._heap)

    def next_deadline(self) -> float:
        """Seconds; infinity when nothing is due."""
        while self._heap and self._heap[0][3].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else float("inf")

    def advance(self, now: float) -> int:
        """Run everything due at `now`, including what that adds; returns the number of calls."""
        ran = 0
        while self.next_deadline() <= now:
            deadline, _, _, entry = heapq.heappop(self._heap)
            entry.cancelled = True
            entry.run(deadline)
            ran += 1
        return ran

    def _deadline(self, entry: ScheduledCall) -> float:
        return max(self.tempo.seconds_at(entry.beat) + entry.offset, entry.floor)
