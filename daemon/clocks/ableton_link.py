"""Ableton Link as the clock, where the extra `jamd[link]` is installed.

What is told to a Link session is a proposal: its answer is what counts, and comes like everybody else's.

Link calls Python from its own thread when tempo or transport change, holding a lock that it also takes when the session
is told something or left. The binding keeps the interpreter meanwhile, so that the two threads wait for each other for
ever. So Link is not asked to call: it is looked at every LOOK, which takes some microseconds.
"""

from __future__ import annotations

import math
import socket
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from daemon.clocks.midi_clock_in import Change, TransportChange
from daemon.clocks.slew import SlewedTempo
from daemon.clocks.tap_tempo import FASTEST, SLOWEST, TapTempo
from daemon.music.tempo import Tempo

MODULE = "link"  # of the package LinkPython-extern
LOOK = 0.02  # seconds between looks at the session
SETTLE = 1.0  # seconds in which those who are there find each other; on one machine it takes half a second
SOON = 0.2  # seconds that a start of ours lies ahead at least
LATE = 0.1  # seconds: a start that is longer ago than that is joined at the next bar line
MEASURE = 1.0  # seconds between measurements of Link's clock against ours
READINGS = 16  # that a measurement takes
NEAR = 0.01  # beats: what is as near to a bar line is at it
SLEW = 0.25  # seconds that it takes at least to get to a beat that is somewhere else
HORIZON = 10_000_000  # microseconds over which the session's tempo is read off its beats


def lacking() -> str:
    """What to install first, or nothing."""
    if find_spec(MODULE) is not None:
        return ""
    command = f"{sys.executable} -m pip install LinkPython-extern"
    return f"Ableton Link needs a package that is GPL-licensed and so not installed by itself: {command}"


def barred() -> str:
    """What keeps Link from the network, if anything does: then it is alone and says nothing about it."""
    for family in ("AF_INET", "AF_NETLINK"):  # to speak; on Linux, to find the interfaces
        if hasattr(socket, family):
            try:
                socket.socket(getattr(socket, family), socket.SOCK_DGRAM).close()
            except OSError as error:
                why = f"Ableton Link may not use the network ({error}), so it is alone"
                return f"{why}. Under systemd, give it back: docs/operations.md, section Ableton Link"
    return ""


def join(bpm: float, quantum: float) -> AbletonLink:
    """Take part in the session of this network, or begin one at `bpm`. Without the package: ImportError."""
    link = import_module(MODULE).Link(bpm)
    link.startStopSyncEnabled = True
    link.enabled = True
    return AbletonLink(link, quantum)


class AbletonLink:
    """Beats count from the song's start. Its beat 0 is at a bar line of the session, with `quantum` beats to a bar.

    `link` is the binding's Link, or whatever answers like it; `clock` tells our seconds. Both are read by one thread.
    Link's clock is another than ours, and may go faster or slower: on Linux it is the one that NTP does not correct.

    `tempo` is the line that was given last, in a Tempo or a TransportChange. See SlewedTempo for when there is a new
    one.
    """

    def __init__(self, link: Any, quantum: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self._link, self._clock = link, clock
        self.quantum = quantum
        self.running = False
        self._offset = 0.0  # seconds from our clock to Link's
        self._measured_at = -math.inf
        self._origin = 0.0  # what Link calls beat 0 of the song
        self._changes: list[Change] = []  # ours, not told yet
        self._start_at = math.inf  # when the song starts by itself, unless others are there earlier
        self._start_beat = 0.0
        self._taps = TapTempo()
        now = clock()
        self._settled_at = now + SETTLE
        self._measure(now)
        state = link.captureAppSessionState()
        self._command = self._command_in(state)
        self._given = SlewedTempo(self._line(state, now))

    @property
    def tempo(self) -> Tempo:
        return self._given.tempo

    def next_look(self, now: float) -> float:
        """When to call `advance` next at the latest, in seconds."""
        end = self._given.slew_end
        return min(now + LOOK, end) if now < end else now + LOOK

    def advance(self, now: float) -> list[Change]:
        """What changed."""
        if now >= self._measured_at + MEASURE:
            self._measure(now)
        changes, self._changes = self._changes, []
        state = self._link.captureAppSessionState()
        changes += self._obey(state, now)
        if now >= self._start_at or (self._start_at < math.inf and self._link.numPeers()):
            changes += self._begin(state, now, now + SOON, self._start_beat)
        if (tempo := self._given.follow(now, self._line(state, now), SLEW)) is not None:
            changes.append(tempo)
        return changes

    # What we want of the session

    def start_soon(self, beat: float = 0.0) -> None:
        """Start by ourselves, once those who are there had time to be found; nobody is told."""
        self._start_at, self._start_beat = self._settled_at, beat

    def start(self, now: float, beat: float = 0.0) -> None:
        """Let the session play. We start `beat` of the song where the session's bar has got as far as the song's."""
        state = self._link.captureAppSessionState()
        self._changes += self._begin(state, now, now + SOON, beat)
        state.setIsPlaying(True, self._micros(self.tempo.seconds))
        self._commit(state)

    def stop(self, now: float) -> None:
        state = self._link.captureAppSessionState()
        state.setIsPlaying(False, self._micros(now))
        self._commit(state)
        self._changes += self._halt(now)

    def set_bpm(self, now: float, bpm: float) -> None:
        state = self._link.captureAppSessionState()
        state.setTempo(min(max(bpm, SLOWEST), FASTEST), self._micros(now))
        self._commit(state)
        if (tempo := self._given.follow(now, self._line(state, now), SLEW)) is not None:
            self._changes.append(tempo)

    def tap(self, now: float, stamp: float) -> None:
        """Somebody tapped a beat at `stamp` seconds: for the tempo only, the session's beats stay where they are."""
        self._taps.tap(stamp)
        if (period := self._taps.period) is not None:
            self.set_bpm(now, 60 / period)

    def resume(self, now: float, tempo: Tempo) -> None:
        """Somebody before us had got so far, and it runs. In a session of our own we go on there; others have their
        own bars and tempo."""
        self.running = True
        self._given.jump(tempo)
        state, beat = self._link.captureAppSessionState(), tempo.beat_at(now)
        if not self._link.numPeers():
            state.setTempo(tempo.bpm, self._micros(now))
            state.requestBeatAtTime(beat, self._micros(now), self.quantum)
            self._commit(state)
        self._count_from(beat, now)

    def set_quantum(self, quantum: float) -> None:
        """Other bars: the song's bar lines move to the session's."""
        now, self.quantum = self._clock(), quantum
        self._count_from(self.tempo.beat_at(now), now)
        self._command = self._command_in(self._link.captureAppSessionState())

    def close(self) -> None:
        """Leave the session."""
        self._link.enabled = False
        self._link = None

    def status(self) -> dict[str, Any]:
        now = self._clock()
        state, peers = self._link.captureAppSessionState(), self._link.numPeers()
        return {
            "state": "linked" if peers else "alone",
            "running": self.running,
            "peers": peers,
            "bpm": round(state.tempo(), 3),
            "phase": round(state.phaseAtTime(self._micros(now), self.quantum), 3),
            "offset_ms": round(self._offset * 1e3, 3),
        }

    # What the session wants of us

    def _command_in(self, state: Any) -> tuple[bool, int, float]:
        """Whether it plays, since when, and since which beat. After a change of tempo that beat is at another time."""
        at = state.timeForIsPlaying()
        return state.isPlaying(), at, state.beatAtTime(at, self.quantum)

    def _obey(self, state: Any, now: float) -> list[Change]:
        (played, stopped_at, stopped), (plays, at, beat) = self._command, self._command_in(state)
        self._command = plays, at, beat
        if plays and not played:
            return self._begin(state, now, self._seconds(at), 0.0)
        # To whom it was not told that the session plays, a stop is only a new time.
        if not plays and (played or (at != stopped_at and abs(beat - stopped) > NEAR)):
            return self._halt(now)
        return []

    def _begin(self, state: Any, now: float, earliest: float, beat: float) -> list[Change]:
        """`beat` of the song, at the first place for it in a bar of the session that is not before `earliest`."""
        at = self._place_for(state, beat, earliest)
        if at < self._beat(state, now - LATE):
            late, at = at, self._place_for(state, beat, now + SOON)
            beat += at - late
        self._origin = at - beat
        self._start_at = math.inf
        self.running = True
        seconds = self._seconds(state.timeAtBeat(at, self.quantum))
        self._given.jump(Tempo(beat, seconds, self._bpm(state, now)))
        return [TransportChange("start", self.tempo)]

    def _halt(self, now: float) -> list[Change]:
        self._start_at = math.inf
        if not self.running:
            return []
        self.running = False
        return [TransportChange("stop", Tempo(self.tempo.beat_at(now), now, self.tempo.bpm))]

    def _count_from(self, beat: float, now: float) -> None:
        """The song is at `beat`, or rather, at what is nearest to it at this place of the session's bar."""
        here = self._beat(self._link.captureAppSessionState(), now)
        self._origin = round((here - beat) / self.quantum) * self.quantum

    def _place_for(self, state: Any, beat: float, earliest: float) -> float:
        """In Link's beats."""
        bars = math.ceil((self._beat(state, earliest) - beat - NEAR) / self.quantum)
        return beat + bars * self.quantum

    def _commit(self, state: Any) -> None:
        self._link.commitAppSessionState(state)
        self._command = self._command_in(state)

    # Link's numbers and ours

    def _measure(self, now: float) -> None:
        """Link's clock is read between two readings of ours; the narrowest of those brackets counts."""
        read, ours, narrowest = self._link.clock().micros, self._clock, math.inf
        for _ in range(READINGS):
            before, micros, after = ours(), read(), ours()
            if after - before < narrowest:
                narrowest = after - before
                self._offset = micros / 1e6 - (before + after) / 2
        self._measured_at = now

    def _micros(self, seconds: float) -> int:
        return round((seconds + self._offset) * 1e6)

    def _seconds(self, micros: int) -> float:
        return micros / 1e6 - self._offset

    def _beat(self, state: Any, seconds: float) -> float:
        beat: float = state.beatAtTime(self._micros(seconds), self.quantum)
        return beat

    def _bpm(self, state: Any, now: float) -> float:
        """As fast as its beats go. The tempo that it tells is rounded otherwise: by up to 0.001 bpm."""
        at = self._micros(now)
        beats: float = state.beatAtTime(at + HORIZON, self.quantum) - state.beatAtTime(at, self.quantum)
        return beats * 60e6 / HORIZON

    def _line(self, state: Any, now: float) -> Tempo:
        at = self._micros(now)
        beat = state.beatAtTime(at, self.quantum) - self._origin
        return Tempo(beat, self._seconds(at), self._bpm(state, now))
