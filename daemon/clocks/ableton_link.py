"""Ableton Link as a clock source, where the extra `jamd[link]` is installed.

A start, a stop or a tempo is proposed to the session; the session decides, for jamd as for every peer.

Link calls Python from its own thread when tempo or transport change, holding a lock that it also takes when the session
is changed or left. The binding does not release the interpreter's lock meanwhile, so the two threads would wait for
each other for ever. So no callbacks are registered: the session is read every READ_INTERVAL, which takes a few
microseconds.
"""

from __future__ import annotations

import math
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Self

from daemon.clocks.link_session import BAR_LINE_TOLERANCE, LinkSession, network_error
from daemon.clocks.slew import SlewedTempo
from daemon.clocks.source import Change, ClockSource, SourceSetup, TransportChange
from daemon.clocks.tap_tempo import TapTempo
from daemon.commands import Command, ContinueTransport, SetTempo, StartTransport, StopTransport, TapBeat
from daemon.music.tempo import MAX_BPM, MIN_BPM, Tempo
from daemon.spec import ClockSpec

MODULE = "link"  # of the package LinkPython-extern
READ_INTERVAL = 0.02  # seconds between readings of the session
DISCOVERY_TIME = 1.0  # seconds until the peers of a network have found each other; half a second on one machine
SOON = 0.2  # seconds from a proposed start to its first beat, at least
LATE_START = 0.1  # seconds: a start longer ago than this is joined at the next bar line
LINK_SLEW = 0.25  # seconds that a slew takes at least


class AbletonLink(ClockSource):
    """The song's beat 0 is at a bar line of the session, whose beats have another origin.

    `link` is the binding's Link. `tempo` is the one that was reported last, in the song's beats.
    """

    def __init__(self, link: Any, setup: SourceSetup) -> None:
        self.running = False
        self._by_hand = setup.spec.by_hand
        self._position, self._clock = setup.position, setup.clock
        self._session = LinkSession(link, setup.quantum, setup.clock)
        self._origin = 0.0  # Link's beat at beat 0 of the song
        self._changes: list[Change] = []  # results of proposals, to be reported
        self._start_at = math.inf  # seconds; when the song starts by itself, unless peers are there earlier
        self._start_beat = 0.0
        self._taps = TapTempo()
        now = setup.clock()
        self._settled_at = now + DISCOVERY_TIME
        state = self._session.state()
        self._transport = self._session.transport(state)
        self._reported = SlewedTempo(self._measured(state, now))

    @classmethod
    def create(cls, setup: SourceSetup) -> Self:
        """Join the session of this network, or begin one at `setup.bpm`."""
        if error := network_error():
            setup.log("warning", "link", f"clock.source: {error}")
        link = import_module(MODULE).Link(setup.bpm)
        link.startStopSyncEnabled = True
        link.enabled = True
        return cls(link, setup)

    @classmethod
    def missing(cls) -> str:
        if find_spec(MODULE) is not None:
            return ""
        command = f"{sys.executable} -m pip install LinkPython-extern"
        return f"Ableton Link needs a package that is not installed by default because of its licence (GPL): {command}"

    @property
    def tempo(self) -> Tempo:
        return self._reported.tempo

    # The session of jamd

    def begin(self, now: float) -> list[Change]:
        """Start by itself once peers had time to be found, without telling them; or wait for a start."""
        if not self._by_hand:
            self._start_soon(0.0)
        self.next_look = 0.0
        return super().begin(now)

    def stand_by(self, now: float, beat: float) -> list[Change]:
        self.next_look = 0.0
        return super().stand_by(now, beat)

    def resume(self, now: float, tempo: Tempo) -> list[Change]:
        """Without peers, the session takes the previous stage process's tempo and beat; with peers, the bars and the
        tempo are theirs, and the song goes on at the nearest beat."""
        self.running = True
        self.next_look = 0.0
        self._reported.jump(tempo)
        state, beat = self._session.state(), tempo.beat_at(now)
        if not self._session.peers:
            micros = self._session.micros(now)
            state.setTempo(tempo.bpm, micros)
            state.requestBeatAtTime(beat, micros, self._session.quantum)
            self._commit(state)
        self._set_origin(beat, now)
        return super().resume(now, tempo)

    def take_over(self) -> None:
        if not self._by_hand:
            self._start_soon(self._position())
        self.next_look = 0.0

    def configure(self, spec: ClockSpec, quantum: float) -> None:
        self._by_hand = spec.by_hand
        if quantum != self._session.quantum:  # the song's bar lines move to the session's
            now, self._session.quantum = self._clock(), quantum
            self._set_origin(self.tempo.beat_at(now), now)
            self._transport = self._session.transport(self._session.state())
        self._look_soon()

    def close(self) -> None:
        self._session.close()

    def status(self) -> dict[str, Any]:
        session, state, now = self._session, self._session.state(), self._clock()
        peers = session.peers
        return {
            "state": "linked" if peers else "alone",
            "running": self.running,
            "peers": peers,
            "bpm": round(state.tempo(), 3),
            "phase": round(state.phaseAtTime(session.micros(now), session.quantum), 3),
            "offset_ms": round(session.offset * 1e3, 3),
        }

    # From the session

    def advance(self, now: float) -> list[Change]:
        self._session.measure(now)
        changes, self._changes = self._changes, []
        state = self._session.state()
        changes += self._follow_transport(state, now)
        if now >= self._start_at or (self._start_at < math.inf and self._session.peers):
            changes += self._start(state, now, now + SOON, self._start_beat)
        changes += self._report_tempo(state, now)
        self.next_look = now + READ_INTERVAL
        if now < self._reported.slew_end:
            self.next_look = min(self.next_look, self._reported.slew_end)
        return changes

    def _follow_transport(self, state: Any, now: float) -> list[Change]:
        (played, stopped_at, stopped), (plays, at, beat) = self._transport, self._session.transport(state)
        self._transport = plays, at, beat
        if plays and not played:
            return self._start(state, now, self._session.seconds(at), 0.0)
        # Where the session's start was never seen, its stop is no more than another time.
        if not plays and (played or (at != stopped_at and abs(beat - stopped) > BAR_LINE_TOLERANCE)):
            return self._stop(now)
        return []

    def _report_tempo(self, state: Any, now: float) -> list[Change]:
        tempo = self._reported.follow(now, self._measured(state, now), LINK_SLEW)
        return [] if tempo is None else [tempo]

    def _measured(self, state: Any, now: float) -> Tempo:
        tempo = self._session.tempo(state, now)
        return Tempo(tempo.beat - self._origin, tempo.seconds, tempo.bpm)

    # To the session

    def propose(self, now: float, command: Command, stamp: float) -> None:
        match command:
            case StartTransport():
                self._propose_start(now, 0.0)
            case ContinueTransport() if not self.running:
                self._propose_start(now, self._position())
            case StopTransport():
                state = self._session.state()
                state.setIsPlaying(False, self._session.micros(now))
                self._commit(state)
                self._changes += self._stop(now)
            case TapBeat():  # for the tempo only: the session's beats stay where they are
                self._taps.tap(stamp)
                if (period := self._taps.period) is not None:
                    self._propose_tempo(now, 60 / period)
            case SetTempo(bpm):
                self._propose_tempo(now, bpm)
        self._look_soon()

    def _propose_start(self, now: float, beat: float) -> None:
        """Let the session play. The song starts with `beat`, at the same place in a bar of the session."""
        state = self._session.state()
        self._changes += self._start(state, now, now + SOON, beat)
        state.setIsPlaying(True, self._session.micros(self.tempo.seconds))
        self._commit(state)

    def _propose_tempo(self, now: float, bpm: float) -> None:
        state = self._session.state()
        state.setTempo(min(max(bpm, MIN_BPM), MAX_BPM), self._session.micros(now))
        self._commit(state)
        self._changes += self._report_tempo(state, now)

    def _commit(self, state: Any) -> None:
        self._session.commit(state)
        self._transport = self._session.transport(state)

    def _look_soon(self) -> None:
        if self.next_look < math.inf:  # otherwise jamd's session has not begun
            self.next_look = 0.0

    # The song

    def _start_soon(self, beat: float) -> None:
        self._start_at, self._start_beat = self._settled_at, beat

    def _start(self, state: Any, now: float, earliest: float, beat: float) -> list[Change]:
        """Start with `beat` at its first place in a bar of the session that is not before `earliest`."""
        session = self._session
        at = session.next_place(state, beat, earliest)
        if at < session.beat_at(state, now - LATE_START):
            late, at = at, session.next_place(state, beat, now + SOON)
            beat += at - late
        self._origin = at - beat
        self._start_at = math.inf
        self.running = True
        self._reported.jump(Tempo(beat, session.seconds_at(state, at), session.bpm(state, now)))
        return [TransportChange("start", self.tempo)]

    def _stop(self, now: float) -> list[Change]:
        self._start_at = math.inf
        if not self.running:
            return []
        self.running = False
        return [TransportChange("stop", Tempo(self.tempo.beat_at(now), now, self.tempo.bpm))]

    def _set_origin(self, beat: float, now: float) -> None:
        """The song is at `beat`, or at the nearest one that is here in the session's bar."""
        here = self._session.beat_at(self._session.state(), now)
        quantum = self._session.quantum
        self._origin = round((here - beat) / quantum) * quantum
