"""Link's clock with a session of the test's own, which answers as the binding does. With real ones: tests/realtime."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle, repeat
from typing import Any

import pytest

from daemon.clocks import ableton_link
from daemon.clocks.ableton_link import LOOK, SETTLE, AbletonLink
from daemon.clocks.midi_clock_in import Change, TransportChange
from daemon.clocks.slew import JUMP
from daemon.commands import StopTransport
from daemon.entries import Commanded, PlayerUp, Reconfigured, Started
from daemon.music.events import control_change
from daemon.music.tempo import Tempo, TempoMap
from daemon.performance.performance import Performance
from daemon.spec import ClockSpec, ControlSpec, StageSpec
from daemon.stage.clock_driver import ClockDriver
from daemon.wire import Generate
from tests.performance.test_performance import CHOIR, KEYS, OUT, STEADY, Recorder

QUANTUM = 4.0
OTHER_BARS = 0.7  # beats by which beats are numbered otherwise with a quantum that is smaller by 1


@dataclass
class Clocks:
    """Ours, and Link's, which is `ahead` of it and gains `drift` seconds every second. To read ours `takes` so long."""

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
    """Of a session: `beat` at `at` microseconds. `since`: when it began to play, or ceased to."""

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
    """Link as the binding shows it. The tests' peers turn `state` themselves."""

    clocks: Clocks
    state: State = field(default_factory=State)
    peers: int = 0
    enabled: bool = True

    def clock(self) -> Clocks:
        return self.clocks

    def numPeers(self) -> int:
        return self.peers

    def captureAppSessionState(self) -> State:
        return replace(self.state, alone=not self.peers)

    def commitAppSessionState(self, state: State) -> None:
        self.state = state


class Song:
    """What the stage would make of the changes: its line, and what it was told of the transport."""

    def __init__(self, session: Session) -> None:
        self.session, self.clocks = session, session.clocks
        self.link = AbletonLink(session, QUANTUM, self.clocks.read)
        self.line = self.link.tempo
        self.told: list[TransportChange] = []
        self.tempi = 0
        self.backwards = 0.0  # beats that it went back without having been told to

    def run(self, seconds: float) -> None:
        end = self.clocks.seconds + seconds
        while self.clocks.seconds < end:
            self.clocks.seconds = min(self.link.next_look(self.clocks.seconds), end)
            for change in self.link.advance(self.clocks.seconds):
                self.take(change)
        assert self.line == self.link.tempo

    def take(self, change: Change) -> None:
        if isinstance(change, Tempo):
            self.tempi += 1
            now = self.clocks.seconds
            if self.told and self.told[-1].kind == "start":
                self.backwards = max(
                    self.backwards, self.line.beat_at(now) - change.beat_at(now) - JUMP * change.bpm / 60
                )
            self.line = change
        else:
            assert isinstance(change, TransportChange)
            self.told.append(change)
            if change.kind == "start":
                self.line = change.tempo

    @property
    def beat(self) -> float:
        return self.line.beat_at(self.clocks.seconds)

    @property
    def link_beat(self) -> float:
        return self.session.state.beatAtTime(self.clocks.micros(), QUANTUM)

    def error(self) -> float:
        """Seconds from our beat to the session's, as places in the bar."""
        ahead = (self.beat - self.link_beat + QUANTUM / 2) % QUANTUM - QUANTUM / 2
        return ahead * 60 / self.session.state.bpm


@pytest.fixture
def song() -> Song:
    return Song(Session(Clocks()))


def peer_starts(song: Song) -> None:
    song.session.state.setIsPlaying(True, song.clocks.micros())


def test_before_a_start_it_stands_and_knows_the_beat(song: Song) -> None:
    song.run(3.3)
    assert not song.link.running and not song.told and song.tempi == 0
    assert song.error() == pytest.approx(0, abs=2e-6)
    assert song.line.bpm == pytest.approx(120, abs=1e-4)


def test_a_peers_start_is_beat_0_at_the_next_bar_line(song: Song) -> None:
    song.session.peers = 1
    song.run(2.7)  # beat 5.4 of the session
    peer_starts(song)
    song.run(LOOK)
    (start,) = song.told
    assert (start.kind, start.tempo.beat) == ("start", 0.0) and song.link.running
    assert start.tempo.seconds == pytest.approx(1000 + 4.0, abs=2e-6)  # beat 8
    song.run(1.3 + 0.5)
    assert song.beat == pytest.approx(1.0, abs=0.05)
    assert song.error() == pytest.approx(0, abs=2e-6)


def test_a_start_at_a_bar_line_is_at_that_one(song: Song) -> None:
    """Although it is over by the time it is noticed, and the peer's numbers were rounded."""
    song.run(2.0)
    song.session.state.setIsPlaying(True, song.clocks.micros_at(1002.0) + 3)
    song.run(LOOK)
    assert song.told[0].tempo.beat == 0.0
    assert song.told[0].tempo.seconds == pytest.approx(1002.0, abs=5e-6)


def test_a_start_that_is_long_ago_is_joined_at_a_bar_line_where_the_others_are(song: Song) -> None:
    song.run(2.7)
    song.session.state.setIsPlaying(True, song.clocks.micros_at(1001.0))  # beat 2: they began at beat 4
    song.run(LOOK)
    assert song.told[0].tempo.beat == 4.0
    assert song.told[0].tempo.seconds == pytest.approx(1004.0, abs=2e-6)


def test_a_peers_stop(song: Song) -> None:
    peer_starts(song)
    song.run(3.0)
    song.session.state.setIsPlaying(False, song.clocks.micros())
    song.run(LOOK)
    stop = song.told[-1]
    assert stop.kind == "stop" and not song.link.running
    assert stop.tempo.beat == pytest.approx(6.0, abs=0.1)
    song.run(3.0)
    assert len(song.told) == 2
    peer_starts(song)
    song.run(LOOK)
    assert song.told[-1].kind == "start" and song.told[-1].tempo.beat == 0.0


def test_a_peers_stop_is_heard_by_those_to_whom_nobody_told_the_start(song: Song) -> None:
    """They came in later, or began by themselves."""
    song.link.start_soon()
    song.run(SETTLE + 1.2)
    song.session.state.setTempo(100.0, song.clocks.micros())
    song.run(1.0)
    assert [t.kind for t in song.told] == ["start"]
    song.session.state.setIsPlaying(False, song.clocks.micros())
    song.run(LOOK)
    assert [t.kind for t in song.told] == ["start", "stop"]


def test_a_change_of_tempo_is_no_command_to_those_who_play_by_themselves(song: Song) -> None:
    song.run(1.0)
    song.session.state.setIsPlaying(False, song.clocks.micros())
    song.run(1.0)
    song.link.start_soon(5.5)
    song.run(2.0)
    assert song.told[-1].kind == "start" and song.told[-1].tempo.beat == 5.5
    song.session.state.setTempo(90.0, song.clocks.micros())
    song.run(1.0)
    song.link.set_quantum(3.0)
    song.session.state.setTempo(120.0, song.clocks.micros())
    song.run(1.0)
    assert song.link.running and len(song.told) == 1


def test_a_change_of_tempo_is_no_command(song: Song) -> None:
    peer_starts(song)
    song.run(3.0)
    song.session.state.setTempo(90.0, song.clocks.micros())
    song.run(3.0)
    song.session.state.setIsPlaying(False, song.clocks.micros())
    song.run(1.0)
    song.session.state.setTempo(200.0, song.clocks.micros())
    song.run(1.0)
    assert [t.kind for t in song.told] == ["start", "stop"]


def test_tempo_changes_are_followed_within_a_look(song: Song) -> None:
    peer_starts(song)
    song.run(3.0)
    for bpm in (121.0, 60.0, 187.3, 20.0, 400.0):
        song.session.state.setTempo(bpm, song.clocks.micros())
        song.run(LOOK)
        assert abs(song.line.bpm - bpm) < 0.51 * bpm
        song.run(2.0)
        assert song.line.bpm == pytest.approx(bpm, abs=0.001)
        assert song.error() == pytest.approx(0, abs=1e-4)
    assert song.backwards <= 0


def test_what_does_not_change_is_not_told_again(song: Song) -> None:
    peer_starts(song)
    song.run(3.0)
    song.session.state.setTempo(137.0, song.clocks.micros())
    song.run(0.5)
    tempi = song.tempi
    song.run(60.0)
    assert song.tempi == tempi


@pytest.mark.parametrize("beats", [0.5, -0.5, 1.9, -1.9])
def test_a_jump_of_the_session_is_slewed(song: Song, beats: float) -> None:
    """As when it joins another one: its place in the bar is another. The song's bars are counted on."""
    peer_starts(song)
    song.run(3.0)
    song.session.state.beat += beats
    song.run(0.1)
    assert song.line.bpm == pytest.approx(180 if beats > 0 else 60, rel=0.2)
    song.run(3.5)
    assert song.line.bpm == pytest.approx(120, abs=0.001)
    assert song.error() == pytest.approx(0, abs=1e-4)
    assert song.beat == pytest.approx(2 * 6.6 + beats, abs=0.1)
    assert song.backwards <= 0 and len(song.told) == 1
    assert song.tempi <= 4  # the journal has a line for each


@pytest.mark.parametrize("drift", [50e-6, -500e-6])
def test_clocks_that_drift_apart(drift: float) -> None:
    """Measured every second, so that our beat is never further off than a line may be before it is given anew."""
    song = Song(Session(Clocks(drift=drift)))
    peer_starts(song)
    song.run(3.0)
    for _ in range(40):
        song.run(3.3)
        assert abs(song.error()) < 0.0002 + 1.1 * abs(drift)  # 1.1: a measurement and a look ago
    assert 20 <= song.tempi <= 135


def test_a_measurement_that_is_interrupted() -> None:
    clocks = Clocks(takes=cycle((1e-7, 1e-7, 0.002, 1e-7, 0.001, 1e-7, 0.003)))
    link = AbletonLink(Session(clocks), QUANTUM, clocks.read)
    for _ in range(5):
        clocks.seconds += 1.1
        link.advance(clocks.seconds)
        assert link.status()["offset_ms"] == pytest.approx(86400, abs=0.002)


def test_at_once_it_starts_by_itself_and_tells_nobody(song: Song) -> None:
    song.link.start_soon()
    song.run(SETTLE - 0.1)
    assert not song.told
    song.run(0.2)
    assert song.told[0].tempo.beat == 0.0
    assert song.told[0].tempo.seconds == pytest.approx(1002.0, abs=2e-6)
    assert not song.session.state.plays
    song.run(5.0)
    assert len(song.told) == 1


def test_at_once_it_starts_as_soon_as_others_are_there_but_not_in_the_midst_of_a_step(song: Song) -> None:
    song.link.start_soon()
    song.run(0.3)
    song.session.peers = 1
    song.session.state.beat += 3.1  # theirs: 3.7; the bar line in 0.15 s is too near
    song.run(LOOK)
    assert song.session.state.beatAtTime(song.clocks.micros_at(song.told[0].tempo.seconds), 4.0) == pytest.approx(8.0)


def test_at_once_a_stop_before_the_start(song: Song) -> None:
    song.link.start_soon()
    song.run(0.1)
    song.link.stop(song.clocks.seconds)
    song.run(4.0)
    assert not song.told


def test_a_start_of_ours_is_proposed_to_the_session(song: Song) -> None:
    song.run(2.7)
    song.link.start(song.clocks.seconds)
    song.run(LOOK)
    (start,) = song.told
    assert start.tempo.seconds == pytest.approx(1004.0, abs=2e-6)
    state = song.session.state
    assert state.plays and state.beatAtTime(state.since, QUANTUM) == pytest.approx(8.0)
    song.run(3.0)
    song.link.stop(song.clocks.seconds)
    assert not song.session.state.plays
    song.run(3.0)
    assert [t.kind for t in song.told] == ["start", "stop"]


def test_going_on_in_the_midst_of_a_bar(song: Song) -> None:
    """Where the session's bar has got as far."""
    song.run(0.3)
    song.link.start(song.clocks.seconds, 5.75)  # 1.75 beats into a bar
    song.run(LOOK)
    assert song.told[0].tempo.beat == 5.75
    assert song.told[0].tempo.seconds == pytest.approx(1000 + 1.75 / 2, abs=2e-6)
    song.run(2.0)
    assert song.error() == pytest.approx(0, abs=2e-6)


def test_a_start_at_another_tempo_than_the_one_before(song: Song) -> None:
    song.session.state.setTempo(93.0, song.clocks.micros())
    song.link.start(song.clocks.seconds)
    song.run(LOOK)
    assert song.told[0].tempo.bpm == pytest.approx(93, abs=0.001)


def test_tempo_by_hand_and_tapped(song: Song) -> None:
    song.link.set_bpm(song.clocks.seconds, 99.0)
    assert song.session.state.bpm == 99.0
    song.run(LOOK)
    assert song.line.bpm == pytest.approx(99, abs=0.001)
    song.link.set_bpm(song.clocks.seconds, 2000.0)
    assert song.session.state.bpm == 400.0
    for n in range(4):
        song.run(0.5)
        song.link.tap(song.clocks.seconds, 1010 + 0.5 * n)
    assert song.session.state.bpm == pytest.approx(120)


def test_it_goes_on_where_one_before_it_was(song: Song) -> None:
    """Alone, it founds the session with that tempo and at that place."""
    song.run(0.33)
    song.link.resume(song.clocks.seconds, Tempo(41.0, song.clocks.seconds, 93.0))
    song.line = song.link.tempo
    song.run(1.0)
    assert song.link.running and not song.told
    assert song.beat == pytest.approx(41 + 93 / 60, abs=1e-3)
    assert song.link_beat == pytest.approx(song.beat, abs=1e-3)


def test_it_goes_on_in_a_session_of_others(song: Song) -> None:
    """Theirs are bars and tempo; our count of bars is kept."""
    song.session.peers = 1
    song.run(0.5)  # beat 1 of theirs
    song.link.resume(song.clocks.seconds, Tempo(41.4, song.clocks.seconds, 120.0))
    song.line = song.link.tempo
    song.run(3.0)
    assert song.session.state.bpm == 120.0
    assert song.error() == pytest.approx(0, abs=1e-4)
    assert song.beat == pytest.approx(47.0, abs=1e-3)


def test_other_bars(song: Song) -> None:
    peer_starts(song)
    song.run(3.0)
    song.link.set_quantum(3.0)
    song.run(4.0)
    apart = (song.beat - song.session.state.beatAtTime(song.clocks.micros(), 3.0)) / 3.0
    assert apart == pytest.approx(round(apart), abs=1e-3)
    assert song.beat == pytest.approx(14.0, abs=1.6) and len(song.told) == 1


def test_when_others_leave_it_goes_on(song: Song) -> None:
    song.session.peers = 2
    peer_starts(song)
    song.run(3.0)
    assert song.link.status()["peers"] == 2 and song.link.status()["state"] == "linked"
    song.session.peers = 0
    song.run(3.0)
    status = song.link.status()
    assert status["state"] == "alone" and status["running"] and status["bpm"] == 120.0
    assert status["phase"] == pytest.approx(song.link_beat % QUANTUM, abs=0.01)
    assert status["offset_ms"] == pytest.approx(86400, abs=0.01)
    assert song.beat == pytest.approx(12.0, abs=0.1)


def test_it_leaves_the_session(song: Song) -> None:
    song.link.close()
    assert not song.session.enabled


def test_nothing_is_imported_before_it_is_the_source() -> None:
    program = "import sys, daemon.clocks.ableton_link, daemon.stage.process; print('link' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"


def test_what_is_lacking_is_said_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ableton_link, "MODULE", "a module that nobody has")
    assert "-m pip install LinkPython-extern" in ableton_link.lacking()
    with pytest.raises(ImportError):
        ableton_link.join(120.0, 4.0)


class Stage(Recorder):
    """What the stage does about it, with the time of the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **clock: Any) -> None:
        super().__init__()
        self.clocks = Clocks()
        self.session = Session(self.clocks)
        monkeypatch.setattr(
            ableton_link, "join", lambda _, quantum: AbletonLink(self.session, quantum, self.clocks.read)
        )
        controls = tuple(ControlSpec("keys", n, a) for n, a in enumerate(("start", "stop", "continue", "tap")))
        controls += (ControlSpec("keys", 20, "tempo", low=40.0, high=220.0),)
        spec = StageSpec(STEADY, (KEYS, OUT), players=(CHOIR,), controls=controls, clock=ClockSpec("link", **clock))
        self.performance = Performance(spec, self)
        self.said: list[str] = []
        self.time = ClockDriver(self.performance, lambda level, cause, text: self.said.append(text))
        self.performance.take(PlayerUp(self.clocks.seconds, "choir"))

    def propose(self, action: str, value: float) -> None:
        self.time.propose(self.clocks.seconds, action, value)

    def run(self, seconds: float) -> None:
        end = self.clocks.seconds + seconds
        while self.clocks.seconds < end:
            due = min(self.performance.next_deadline(), self.time.look_at, end)
            self.clocks.seconds = max(due, self.clocks.seconds)
            self.performance.advance(self.clocks.seconds)
            self.time.look(self.clocks.seconds)

    def turn(self, number: int, value: int = 127) -> None:
        assert self.performance.hear(self.clocks.seconds, "keys", self.clocks.seconds, control_change(1, number, value))

    @property
    def beat(self) -> float:
        return self.performance.beat_at(self.clocks.seconds)


def test_a_band_starts_by_itself_and_is_stopped_and_started_by_a_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)
    stage.run(2.9)
    assert not stage.performance.running  # the desk has not said so
    stage.time.begin(stage.clocks.seconds)
    stage.run(1.6)  # bar line at 4.0
    assert stage.performance.running and stage.beat == pytest.approx(1.0, abs=0.001)
    assert stage.last(Generate)[2].window.bar_start == 0.0
    stage.session.state.setIsPlaying(False, stage.clocks.micros())
    stage.run(0.1)
    assert not stage.performance.running
    stage.session.state.setIsPlaying(True, stage.clocks.micros())  # at 4.6: bar line at 6.0
    stage.run(2.4)
    assert stage.performance.running and stage.beat == pytest.approx(2.0, abs=0.001)


def test_by_hand_is_said_to_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, by_hand=True)
    stage.time.begin(stage.clocks.seconds)
    stage.run(2.1)
    assert not stage.performance.running
    stage.turn(0)
    stage.run(4.4)  # from 4.0 on
    assert stage.performance.running and stage.session.state.plays
    assert stage.beat == pytest.approx(5.0, abs=0.001)
    stage.turn(1)
    stage.run(0.6)
    assert not stage.performance.running and not stage.session.state.plays
    stage.turn(2)  # at 7.1, from beat 5 on, in a session that is at beat 14.2: at 17
    stage.run(1.9)
    assert stage.performance.running and stage.beat == pytest.approx(6.0, abs=0.001)
    stage.turn(20, 127)
    stage.run(0.1)
    assert stage.session.state.bpm == 220.0 and stage.performance.bpm == pytest.approx(220, abs=0.001)
    for _ in range(3):
        stage.turn(3)
        stage.run(0.5)
    assert stage.performance.bpm == pytest.approx(120, abs=0.05)
    stage.performance.take(Commanded(stage.clocks.seconds, StopTransport(), stage.clocks.seconds))
    stage.run(0.1)
    assert not stage.performance.running


def test_the_stage_after_a_crash_goes_on_where_the_song_is(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, later = Stage(monkeypatch), Stage(monkeypatch)
    stage.time.begin(stage.clocks.seconds)
    stage.run(5.0)
    later.clocks.seconds = stage.clocks.seconds
    later.time.begin(later.clocks.seconds, stage.time.place())
    for one in (stage, later):
        one.run(3.0)
        one.session.state.setTempo(90.0, one.clocks.micros())
        one.run(3.0)
    assert later.performance.running and later.beat == pytest.approx(stage.beat, abs=0.001)


def test_what_the_session_did_before_the_desk_lets_us_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    """While players still load. The song is joined where the others are."""
    stage = Stage(monkeypatch)
    stage.run(0.5)
    stage.session.state.setIsPlaying(True, stage.clocks.micros())  # at 0.5: bar line at 2.0
    stage.run(4.0)
    assert not stage.performance.running
    stage.time.begin(stage.clocks.seconds)
    stage.run(2.0)
    assert stage.performance.running and stage.beat == pytest.approx(9.0, abs=0.001)


def test_a_reload_takes_link_another_meter_and_leaves_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)
    stage.time.begin(stage.clocks.seconds)
    stage.run(5.0)
    link = stage.performance.spec

    def reload(spec: StageSpec) -> None:
        stage.performance.take(Reconfigured(stage.clocks.seconds, spec))
        stage.time.configure()

    reload(replace(link, tempo_map=TempoMap(((0.0, 120.0),), ((0.0, 3.0),))))
    stage.run(4.0)
    assert stage.performance.running and len([e for e in stage.entries if isinstance(e, Started)]) == 1
    apart = (stage.beat - stage.session.state.beatAtTime(stage.clocks.micros(), 3.0)) / 3.0
    assert apart == pytest.approx(round(apart), abs=0.001)
    reload(replace(link, clock=ClockSpec()))
    assert not stage.session.enabled and stage.time.figures() == {}
    stage.run(0.5)
    stage.session = Session(stage.clocks)
    reload(link)
    stage.run(4.0)
    assert stage.performance.running and stage.time.figures()["clock"]["state"] == "alone"


@pytest.mark.parametrize("family", ["AF_INET", "AF_NETLINK"])
def test_a_network_that_is_forbidden_is_said(monkeypatch: pytest.MonkeyPatch, family: str) -> None:
    """As by the unit that ships. It plays on, alone."""
    assert ableton_link.barred() == ""
    number = getattr(socket, family, None)
    if number is None:
        return  # it is not needed here
    made = socket.socket

    def refuse(wanted: int, *rest: int) -> socket.socket:
        if wanted == number:
            raise OSError(97, "Address family not supported by protocol")
        return made(wanted, *rest)

    monkeypatch.setattr(ableton_link.socket, "socket", refuse)
    stage = Stage(monkeypatch)
    assert "docs/operations.md" in stage.said[0]
    assert stage.time.figures()["clock"]["state"] == "alone"


def test_without_the_package_it_says_so_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)
    monkeypatch.undo()
    monkeypatch.setattr(ableton_link, "MODULE", "a module that nobody has")
    time = ClockDriver(stage.performance, lambda level, cause, text: stage.said.append(text))
    time.begin(stage.clocks.seconds)
    time.look(stage.clocks.seconds)
    time.propose(stage.clocks.seconds, "start", 0.0)
    assert "-m pip install LinkPython-extern" in stage.said[0] and time.figures() == {}
