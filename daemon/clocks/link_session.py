"""An Ableton Link session in the stage's seconds.

Link has a clock of its own that may run faster or slower than the stage's: on Linux it is the one that NTP does not
correct. So the offset between the two is measured again and again.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Callable
from typing import Any

from daemon.music.tempo import Tempo

MEASURE = 1.0  # seconds between measurements of the offset
READINGS = 16  # per measurement
BAR_LINE_TOLERANCE = 0.01  # beats: a moment as near as this to a bar line is at the bar line
HORIZON = 10_000_000  # microseconds over which the tempo is derived from beats


def network_error() -> str:
    """A sentence about what keeps Link from the network; empty: nothing. Link itself reports no error."""
    for family in ("AF_INET", "AF_NETLINK"):  # to send; on Linux, to find the interfaces
        if hasattr(socket, family):
            try:
                socket.socket(getattr(socket, family), socket.SOCK_DGRAM).close()
            except OSError as error:
                text = f"Ableton Link may not use the network ({error}), so jamd finds no peers"
                return f"{text}. Under systemd, allow it: docs/operations.md, section Ableton Link"
    return ""


class LinkSession:
    """`link` is the binding's Link, `clock` gives the stage's seconds; one thread calls both. `quantum`: beats per bar.

    A `state` is a copy of the session's state, as the binding gives it; `commit` makes it the session's.
    """

    def __init__(self, link: Any, quantum: float, clock: Callable[[], float]) -> None:
        self.quantum = quantum
        self.offset = 0.0  # seconds from the stage's clock to Link's
        self._link, self._clock = link, clock
        self._measured_at = -math.inf
        self.measure(clock())

    @property
    def peers(self) -> int:
        count: int = self._link.numPeers()
        return count

    def measure(self, now: float) -> None:
        """Measure the offset, if the last measurement is old enough.

        Link's clock is read between two readings of the stage's; the pair with the shortest interval counts.
        """
        if now < self._measured_at + MEASURE:
            return
        read, clock, shortest = self._link.clock().micros, self._clock, math.inf
        for _ in range(READINGS):
            before, micros, after = clock(), read(), clock()
            if after - before < shortest:
                shortest = after - before
                self.offset = micros / 1e6 - (before + after) / 2
        self._measured_at = now

    def state(self) -> Any:
        return self._link.captureAppSessionState()

    def commit(self, state: Any) -> None:
        self._link.commitAppSessionState(state)

    def close(self) -> None:
        """Leave the session."""
        self._link.enabled = False
        self._link = None

    # Link's microseconds and beats

    def micros(self, seconds: float) -> int:
        return round((seconds + self.offset) * 1e6)

    def seconds(self, micros: int) -> float:
        return micros / 1e6 - self.offset

    def beat_at(self, state: Any, seconds: float) -> float:
        beat: float = state.beatAtTime(self.micros(seconds), self.quantum)
        return beat

    def seconds_at(self, state: Any, beat: float) -> float:
        return self.seconds(state.timeAtBeat(beat, self.quantum))

    def bpm(self, state: Any, now: float) -> float:
        """The rate of its beats. The tempo that Link reports is rounded differently, by up to 0.001 bpm."""
        at = self.micros(now)
        beats: float = state.beatAtTime(at + HORIZON, self.quantum) - state.beatAtTime(at, self.quantum)
        return beats * 60e6 / HORIZON

    def tempo(self, state: Any, now: float) -> Tempo:
        """The session's tempo, in Link's beats."""
        at = self.micros(now)
        return Tempo(state.beatAtTime(at, self.quantum), self.seconds(at), self.bpm(state, now))

    def next_place(self, state: Any, beat: float, earliest: float) -> float:
        """The first of Link's beats, not before `earliest` seconds, that is where `beat` is in its bar."""
        bars = math.ceil((self.beat_at(state, earliest) - beat - BAR_LINE_TOLERANCE) / self.quantum)
        return beat + bars * self.quantum

    def transport(self, state: Any) -> tuple[bool, int, float]:
        """Whether the session plays, since which microsecond and which beat: a new tempo moves the microsecond."""
        at = state.timeForIsPlaying()
        return state.isPlaying(), at, state.beatAtTime(at, self.quantum)
