"""jamd's own clock. The performance keeps its tempo (tempo map, tapping); here is only how a session begins."""

from __future__ import annotations

from typing import Self

from daemon.clocks.source import Change, ClockSource, CountIn, SourceSetup
from daemon.spec import ClockSpec


class InternalClock(ClockSource):
    """Starts at once, or waits for a start by hand."""

    def __init__(self, by_hand: bool) -> None:
        self._by_hand = by_hand

    @classmethod
    def create(cls, setup: SourceSetup) -> Self:
        return cls(setup.spec.by_hand)

    def begin(self, now: float) -> list[Change]:
        return super().begin(now) if self._by_hand else [CountIn()]

    def configure(self, spec: ClockSpec, quantum: float) -> None:
        self._by_hand = spec.by_hand
