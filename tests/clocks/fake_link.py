"""A simulated Link session with the binding's interface. Real sessions: tests/realtime."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import repeat

from daemon.clocks.ableton_link import AbletonLink
from daemon.clocks.source import SourceSetup
from daemon.spec import ClockSpec

QUANTUM = 4.0
AT_ONCE, BY_HAND = ClockSpec("link"), ClockSpec("link", by_hand=True)
OTHER_BARS = 0.7  # beats by which Link's count differs where the quantum is smaller by 1


@dataclass
class Clocks:
    """The stage's clock, and Link's, which is `ahead` seconds and gains `drift` seconds a second. `takes`: seconds that
    each reading of the stage's clock takes."""

    seconds: float = 1000.0
    ahead: float = 86.4
    drift: float = 0.0
    takes: Iterator[float] = field(default_factory=lambda: repeat(1e-7))

    def read(self) -> float:
        self.seconds += next(self.takes)
        return self.seconds

    def micros(self) -> int:
        return self.micros_at(self.seconds)

    def micros_at(self, seconds: float) -> int:
        return int((seconds + self.ahead + (seconds - 1000) * self.drift) * 1e6)


@dataclass
class State:
    """Of a session: `beat` is at `at` microseconds; `since`: the microsecond of the last start or stop."""

    bpm: float = 120.0
    beat: float = 0.0
    at: int = Clocks().micros()
    plays: bool = False
    since: int = 0
    alone: bool = True

    def tempo(self) -> float:
        return self.bpm

    def setTempo(self, bpm: float, at: int) -> None:
        since = self.beatAtTime(self.since, QUANTUM)
        self.beat, self.at, self.bpm = self.beatAtTime(at, QUANTUM), at, bpm
        if self.since:
            self.since = self.timeAtBeat(since, QUANTUM)

    def beatAtTime(self, at: int, quantum: float) -> float:
        assert isinstance(at, int)
        return round(self.beat + (at - self.at) * self.bpm / 60e6 + OTHER_BARS * (quantum - QUANTUM), 6)

    def phaseAtTime(self, at: int, quantum: float) -> float:
        return self.beatAtTime(at, quantum) % quantum

    def timeAtBeat(self, beat: float, quantum: float) -> int:
        return round(self.at + (beat - OTHER_BARS * (quantum - QUANTUM) - self.beat) * 60e6 / self.bpm)

    def requestBeatAtTime(self, beat: float, at: int, quantum: float) -> None:
        assert self.alone
        self.beat, self.at = beat, at

    def isPlaying(self) -> bool:
        return self.plays

    def timeForIsPlaying(self) -> int:
        return self.since

    def setIsPlaying(self, plays: bool, at: int) -> None:
        self.plays, self.since = plays, at


@dataclass
class Session:
    """The binding's Link. Tests change `state` as peers would."""

    clocks: Clocks
    state: State = field(default_factory=State)
    peers: int = 0
    enabled: bool = True
    startStopSyncEnabled: bool = False

    def clock(self) -> Clocks:
        return self.clocks

    def numPeers(self) -> int:
        return self.peers

    def captureAppSessionState(self) -> State:
        return replace(self.state, alone=not self.peers)

    def commitAppSessionState(self, state: State) -> None:
        self.state = state


def setup_of(session: Session, by_hand: bool = True, position: Callable[[], float] = lambda: 0.0) -> SourceSetup:
    spec = BY_HAND if by_hand else AT_ONCE
    return SourceSetup(spec, 120.0, QUANTUM, position, lambda *_: None, session.clocks.read)


def link_source(session: Session, by_hand: bool = True, position: Callable[[], float] = lambda: 0.0) -> AbletonLink:
    return AbletonLink(session, setup_of(session, by_hand, position))
