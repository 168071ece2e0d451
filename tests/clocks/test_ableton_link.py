"""Ableton Link as a clock source, with a simulated session."""

from __future__ import annotations

import math
import subprocess
import sys
from types import SimpleNamespace

import pytest

from daemon.clocks import ableton_link
from daemon.clocks.ableton_link import DISCOVERY_TIME, READ_INTERVAL, AbletonLink
from daemon.clocks.slew import MAX_JUMP
from daemon.clocks.source import Change, Standby, TransportChange
from daemon.commands import Command, ContinueTransport, SetTempo, StartTransport, StopTransport, TapBeat
from daemon.music.tempo import Tempo
from tests.clocks.fake_link import AT_ONCE, BY_HAND, QUANTUM, Clocks, Session, link_source, setup_of


class Song:
    """Applies the source's changes as a stage would: `line` is its tempo, `transport` holds its starts and stops."""

    def __init__(self, session: Session) -> None:
        self.session, self.clocks = session, session.clocks
        self.position = 0.0  # where a Continue starts
        self.link = link_source(session, by_hand=True, position=lambda: self.position)
        assert self.link.begin(self.clocks.seconds) == [Standby(0.0)]
        self.line = self.link.tempo
        self.transport: list[TransportChange] = []
        self.tempi = 0
        self.backwards = 0.0  # beats by which the line went back although there was no start

    def run(self, seconds: float) -> None:
        end = self.clocks.seconds + seconds
        while self.clocks.seconds < end:
            self.clocks.seconds = min(max(self.link.next_look, self.clocks.seconds), end)
            for change in self.link.advance(self.clocks.seconds):
                self.take(change)
        assert self.line == self.link.tempo

    def start_by_itself(self) -> None:
        """As with `start: at once`."""
        self.link.configure(AT_ONCE, QUANTUM)
        assert self.link.begin(self.clocks.seconds) == [Standby(0.0)]

    def propose(self, command: Command, stamp: float = 0.0) -> None:
        self.link.propose(self.clocks.seconds, command, stamp)

    def take(self, change: Change) -> None:
        if isinstance(change, Tempo):
            self.tempi += 1
            now = self.clocks.seconds
            if self.transport and self.transport[-1].kind == "start":
                self.backwards = max(
                    self.backwards, self.line.beat_at(now) - change.beat_at(now) - MAX_JUMP * change.bpm / 60
                )
            self.line = change
        else:
            assert isinstance(change, TransportChange)
            self.transport.append(change)
            if change.kind == "start":
                self.line = change.tempo

    @property
    def beat(self) -> float:
        return self.line.beat_at(self.clocks.seconds)

    @property
    def link_beat(self) -> float:
        return self.session.state.beatAtTime(self.clocks.micros(), QUANTUM)

    def error(self) -> float:
        """Seconds from the session's place in its bar to the song's."""
        ahead = (self.beat - self.link_beat + QUANTUM / 2) % QUANTUM - QUANTUM / 2
        return ahead * 60 / self.session.state.bpm


@pytest.fixture
def song() -> Song:
    return Song(Session(Clocks()))


def peer_starts(song: Song) -> None:
    song.session.state.setIsPlaying(True, song.clocks.micros())


def test_before_a_start_the_beat_is_known(song: Song) -> None:
    song.run(3.3)
    assert not song.link.running and not song.transport and song.tempi == 0
    assert song.error() == pytest.approx(0, abs=2e-6)
    assert song.line.bpm == pytest.approx(120, abs=1e-4)


def test_a_peer_s_start_is_beat_0_at_the_next_bar_line(song: Song) -> None:
    song.session.peers = 1
    song.run(2.7)  # beat 5.4 of the session
    peer_starts(song)
    song.run(READ_INTERVAL)
    (start,) = song.transport
    assert (start.kind, start.tempo.beat) == ("start", 0.0) and song.link.running
    assert start.tempo.seconds == pytest.approx(1000 + 4.0, abs=2e-6)  # beat 8
    song.run(1.3 + 0.5)
    assert song.beat == pytest.approx(1.0, abs=0.05)
    assert song.error() == pytest.approx(0, abs=2e-6)


def test_a_start_at_a_bar_line_is_at_that_one(song: Song) -> None:
    """Although the bar line is over when the start is noticed, and the peer rounded its numbers."""
    song.run(2.0)
    song.session.state.setIsPlaying(True, song.clocks.micros_at(1002.0) + 3)
    song.run(READ_INTERVAL)
    assert song.transport[0].tempo.beat == 0.0
    assert song.transport[0].tempo.seconds == pytest.approx(1002.0, abs=5e-6)


def test_a_start_long_ago_is_joined_at_a_bar_line_at_the_peers_beat(song: Song) -> None:
    song.run(2.7)
    song.session.state.setIsPlaying(True, song.clocks.micros_at(1001.0))  # beat 2: the peers began at beat 4
    song.run(READ_INTERVAL)
    assert song.transport[0].tempo.beat == 4.0
    assert song.transport[0].tempo.seconds == pytest.approx(1004.0, abs=2e-6)


def test_a_peer_s_stop(song: Song) -> None:
    peer_starts(song)
    song.run(3.0)
    song.session.state.setIsPlaying(False, song.clocks.micros())
    song.run(READ_INTERVAL)
    stop = song.transport[-1]
    assert stop.kind == "stop" and not song.link.running
    assert stop.tempo.beat == pytest.approx(6.0, abs=0.1)
    song.run(3.0)
    assert len(song.transport) == 2
    peer_starts(song)
    song.run(READ_INTERVAL)
    assert song.transport[-1].kind == "start" and song.transport[-1].tempo.beat == 0.0


def test_a_peer_s_stop_counts_where_its_start_was_not_seen(song: Song) -> None:
    """jamd joined later, or started by itself."""
    song.start_by_itself()
    song.run(DISCOVERY_TIME + 1.2)
    song.session.state.setTempo(100.0, song.clocks.micros())
    song.run(1.0)
    assert [t.kind for t in song.transport] == ["start"]
    song.session.state.setIsPlaying(False, song.clocks.micros())
    song.run(READ_INTERVAL)
    assert [t.kind for t in song.transport] == ["start", "stop"]


def test_a_change_of_tempo_does_not_stop_a_song_that_started_by_itself(song: Song) -> None:
    song.run(1.0)
    song.session.state.setIsPlaying(False, song.clocks.micros())
    song.run(1.0)
    song.position = 5.5
    song.link.configure(AT_ONCE, QUANTUM)
    song.link.take_over()
    song.run(2.0)
    assert song.transport[-1].kind == "start" and song.transport[-1].tempo.beat == 5.5
    song.session.state.setTempo(90.0, song.clocks.micros())
    song.run(1.0)
    song.link.configure(BY_HAND, 3.0)
    song.session.state.setTempo(120.0, song.clocks.micros())
    song.run(1.0)
    assert song.link.running and len(song.transport) == 1


def test_a_change_of_tempo_is_neither_start_nor_stop(song: Song) -> None:
    peer_starts(song)
    song.run(3.0)
    song.session.state.setTempo(90.0, song.clocks.micros())
    song.run(3.0)
    song.session.state.setIsPlaying(False, song.clocks.micros())
    song.run(1.0)
    song.session.state.setTempo(200.0, song.clocks.micros())
    song.run(1.0)
    assert [t.kind for t in song.transport] == ["start", "stop"]


def test_tempo_changes_are_followed_within_a_look(song: Song) -> None:
    peer_starts(song)
    song.run(3.0)
    for bpm in (121.0, 60.0, 187.3, 20.0, 400.0):
        song.session.state.setTempo(bpm, song.clocks.micros())
        song.run(READ_INTERVAL)
        assert abs(song.line.bpm - bpm) < 0.51 * bpm
        song.run(2.0)
        assert song.line.bpm == pytest.approx(bpm, abs=0.001)
        assert song.error() == pytest.approx(0, abs=1e-4)
    assert song.backwards <= 0


def test_an_unchanged_tempo_is_not_reported_again(song: Song) -> None:
    peer_starts(song)
    song.run(3.0)
    song.session.state.setTempo(137.0, song.clocks.micros())
    song.run(0.5)
    tempi = song.tempi
    song.run(60.0)
    assert song.tempi == tempi


@pytest.mark.parametrize("beats", [0.5, -0.5, 1.9, -1.9])
def test_a_jump_of_the_session_is_slewed(song: Song, beats: float) -> None:
    """As when it joins another session, whose bars are elsewhere. The song's count of bars goes on."""
    peer_starts(song)
    song.run(3.0)
    song.session.state.beat += beats
    song.run(0.1)
    assert song.line.bpm == pytest.approx(180 if beats > 0 else 60, rel=0.2)
    song.run(3.5)
    assert song.line.bpm == pytest.approx(120, abs=0.001)
    assert song.error() == pytest.approx(0, abs=1e-4)
    assert song.beat == pytest.approx(2 * 6.6 + beats, abs=0.1)
    assert song.backwards <= 0 and len(song.transport) == 1
    assert song.tempi <= 4  # the journal has a line for each


@pytest.mark.parametrize("drift", [50e-6, -500e-6])
def test_drifting_clocks(drift: float) -> None:
    """The offset is measured every second, so that the error stays within the tolerance of a reported tempo."""
    song = Song(Session(Clocks(drift=drift)))
    peer_starts(song)
    song.run(3.0)
    for _ in range(40):
        song.run(3.3)
        assert abs(song.error()) < 0.0002 + 1.1 * abs(drift)  # 1.1 seconds since the last measurement
    assert 20 <= song.tempi <= 135


def test_at_once_the_song_starts_without_starting_the_session(song: Song) -> None:
    song.start_by_itself()
    song.run(DISCOVERY_TIME - 0.1)
    assert not song.transport
    song.run(0.2)
    assert song.transport[0].tempo.beat == 0.0
    assert song.transport[0].tempo.seconds == pytest.approx(1002.0, abs=2e-6)
    assert not song.session.state.plays
    song.run(5.0)
    assert len(song.transport) == 1


def test_at_once_the_song_starts_as_soon_as_there_are_peers_but_not_at_a_bar_line_too_near(song: Song) -> None:
    song.start_by_itself()
    song.run(0.3)
    song.session.peers = 1
    song.session.state.beat += 3.1  # the peers' beat: 3.7; the bar line in 0.15 s is too near
    song.run(READ_INTERVAL)
    start = song.clocks.micros_at(song.transport[0].tempo.seconds)
    assert song.session.state.beatAtTime(start, QUANTUM) == pytest.approx(8.0)


def test_at_once_a_stop_before_the_start(song: Song) -> None:
    song.start_by_itself()
    song.run(0.1)
    song.propose(StopTransport())
    song.run(4.0)
    assert not song.transport


def test_a_start_is_proposed_to_the_session(song: Song) -> None:
    song.run(2.7)
    song.propose(StartTransport())
    song.run(READ_INTERVAL)
    (start,) = song.transport
    assert start.tempo.seconds == pytest.approx(1004.0, abs=2e-6)
    state = song.session.state
    assert state.plays and state.beatAtTime(state.since, QUANTUM) == pytest.approx(8.0)
    song.run(3.0)
    song.propose(StopTransport())
    assert not song.session.state.plays
    song.run(3.0)
    assert [t.kind for t in song.transport] == ["start", "stop"]


def test_continue_in_the_middle_of_a_bar(song: Song) -> None:
    """At the same place of a bar of the session."""
    song.run(0.3)
    song.position = 5.75  # 1.75 beats into a bar
    song.propose(ContinueTransport())
    song.run(READ_INTERVAL)
    assert song.transport[0].tempo.beat == 5.75
    assert song.transport[0].tempo.seconds == pytest.approx(1000 + 1.75 / 2, abs=2e-6)
    song.run(2.0)
    assert song.error() == pytest.approx(0, abs=2e-6)


def test_a_start_at_another_tempo_than_the_one_before(song: Song) -> None:
    song.session.state.setTempo(93.0, song.clocks.micros())
    song.propose(StartTransport())
    song.run(READ_INTERVAL)
    assert song.transport[0].tempo.bpm == pytest.approx(93, abs=0.001)


def test_tempo_by_hand_and_tapped(song: Song) -> None:
    song.propose(SetTempo(99.0))
    assert song.session.state.bpm == 99.0
    song.run(READ_INTERVAL)
    assert song.line.bpm == pytest.approx(99, abs=0.001)
    song.propose(SetTempo(2000.0))
    assert song.session.state.bpm == 400.0
    for n in range(4):
        song.run(0.5)
        song.propose(TapBeat(), 1010 + 0.5 * n)
    assert song.session.state.bpm == pytest.approx(120)


def test_resume_without_peers(song: Song) -> None:
    """The session takes the tempo and the beat."""
    song.run(0.33)
    song.link.resume(song.clocks.seconds, Tempo(41.0, song.clocks.seconds, 93.0))
    song.line = song.link.tempo
    song.run(1.0)
    assert song.link.running and not song.transport
    assert song.beat == pytest.approx(41 + 93 / 60, abs=1e-3)
    assert song.link_beat == pytest.approx(song.beat, abs=1e-3)


def test_resume_with_peers(song: Song) -> None:
    """Bars and tempo are the peers'; the song's count of bars is kept."""
    song.session.peers = 1
    song.run(0.5)  # beat 1 of the peers
    song.link.resume(song.clocks.seconds, Tempo(41.4, song.clocks.seconds, 120.0))
    song.line = song.link.tempo
    song.run(3.0)
    assert song.session.state.bpm == 120.0
    assert song.error() == pytest.approx(0, abs=1e-4)
    assert song.beat == pytest.approx(47.0, abs=1e-3)


def test_another_meter(song: Song) -> None:
    peer_starts(song)
    song.run(3.0)
    song.link.configure(BY_HAND, 3.0)
    song.run(4.0)
    apart = (song.beat - song.session.state.beatAtTime(song.clocks.micros(), 3.0)) / 3.0
    assert apart == pytest.approx(round(apart), abs=1e-3)
    assert song.beat == pytest.approx(14.0, abs=1.6) and len(song.transport) == 1


def test_when_the_peers_leave_the_song_goes_on(song: Song) -> None:
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


def test_close_leaves_the_session(song: Song) -> None:
    song.link.close()
    assert not song.session.enabled


def test_the_binding_is_imported_only_if_link_is_the_source() -> None:
    program = "import sys, daemon.clocks.table, daemon.stage.process; print('link' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"


def test_a_missing_package_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ableton_link, "MODULE", "a module that nobody has")
    assert "-m pip install LinkPython-extern" in AbletonLink.missing()
    with pytest.raises(ImportError):
        AbletonLink.create(setup_of(Session(Clocks())))


def test_a_session_is_joined_with_start_and_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    session, bpms = Session(Clocks(), enabled=False), []
    made = SimpleNamespace(Link=lambda bpm: bpms.append(bpm) or session)
    monkeypatch.setattr(ableton_link, "import_module", {ableton_link.MODULE: made}.__getitem__)
    assert AbletonLink.create(setup_of(session)).status()["state"] == "alone"
    assert bpms == [120.0] and session.enabled and session.startStopSyncEnabled


def test_before_the_session_of_jamd_begins_the_session_is_not_looked_at() -> None:
    source = link_source(Session(Clocks()), by_hand=False)
    source.propose(1000.0, SetTempo(90.0), 1000.0)
    source.configure(AT_ONCE, 3.0)
    assert source.next_look == math.inf
    source.begin(1000.0)
    assert source.next_look == 0.0


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_source_that_takes_over_starts_by_itself_unless_it_waits(by_hand: bool) -> None:
    clocks = Clocks()
    source = link_source(Session(clocks), by_hand)
    source.take_over()
    clocks.seconds += DISCOVERY_TIME + 0.1
    starts = [change for change in source.advance(clocks.seconds) if isinstance(change, TransportChange)]
    assert len(starts) == (not by_hand)


def test_the_session_is_read_at_the_end_of_a_slew() -> None:
    """Later, the beat would run past the right one, at the slew's tempo."""
    session = Session(Clocks())
    source = link_source(session)
    source.begin(session.clocks.seconds)
    source.advance(session.clocks.seconds)
    session.state.beat += 0.05
    source.advance(session.clocks.seconds)
    end = source._reported.slew_end
    assert source.next_look == session.clocks.seconds + READ_INTERVAL < end
    session.clocks.seconds = end - READ_INTERVAL / 2
    source.advance(session.clocks.seconds)
    assert source.next_look == end
