"""A master's transport: Start, Stop, Continue, Song Position Pointer, and invalid input."""

from __future__ import annotations

import math
import random

import pytest

from daemon.clocks.midi_clock_in import ADVANCE_INTERVAL, MidiClockIn
from daemon.clocks.source import Change, ClockWarning, Resume, Standby, TransportChange
from daemon.commands import ContinueTransport, SetTempo, StartTransport, StopTransport, TapBeat
from daemon.music.tempo import Tempo
from daemon.spec import ClockSpec
from tests.clocks.masters import CONTINUE, START, STOP, TICK, causes, jitter, p99, song_position, steady


class Master:
    """A clock of 120 bpm whose transport the test turns; `beat` is what the source has, at the last tick."""

    def __init__(self, source: MidiClockIn) -> None:
        self.source, self.now = source, 5.0

    def ticks(self, count: int) -> list[Change]:
        changes = []
        for _ in range(count):
            self.now += 2.5 / 120
            changes += self.source.hear(TICK, self.now)
        return [change for change in changes if not isinstance(change, Tempo)]

    def send(self, *messages: bytes) -> list[Change]:
        changes = []
        for message in messages:
            self.now += 0.0005
            changes += self.source.hear(message, self.now)
        self.now -= 0.0005 * len(messages)
        return changes

    @property
    def beat(self) -> float:
        return self.source.tempo.beat_at(self.now)


@pytest.fixture
def master() -> Master:
    return Master(MidiClockIn(120))


def place(changes: list[Change]) -> tuple[str, float]:
    (change,) = changes
    assert isinstance(change, TransportChange)
    return change.kind, change.tempo.beat


def test_ticks_alone_give_the_tempo_and_the_transport_stands() -> None:
    master = Master(MidiClockIn(90))
    assert master.ticks(96) == []
    assert not master.source.running
    assert master.source.tempo.bpm == pytest.approx(120)


def test_start_is_beat_0_at_the_next_tick(master: Master) -> None:
    master.ticks(50)
    assert master.send(START) == []
    assert not master.source.running
    (change,) = master.ticks(1)
    assert isinstance(change, TransportChange)
    assert (change.kind, change.tempo.beat) == ("start", 0)
    assert change.tempo.seconds == pytest.approx(master.now, abs=1e-4)
    assert master.source.running
    assert master.ticks(48) == []
    assert master.beat == pytest.approx(2, abs=1e-3)


def test_start_before_the_first_tick(master: Master) -> None:
    master.source.hear(START, 1.0)
    assert place(master.ticks(1)) == ("start", 0)
    assert master.ticks(95) == []
    assert master.beat == pytest.approx(95 / 24, abs=1e-3)


def test_a_master_whose_ticks_restart_with_the_start(master: Master) -> None:
    master.ticks(50)
    master.now -= 0.012
    master.send(START)
    assert place(master.ticks(1)) == ("start", 0)
    assert master.source.tempo.seconds == pytest.approx(master.now)
    assert master.ticks(48) == []
    assert master.beat == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize("ticks_go_on", [True, False])
def test_continue_resumes_with_the_tick_after_the_last_one(master: Master, ticks_go_on: bool) -> None:
    master.send(START)
    master.ticks(1 + 30)
    kind, _ = place(master.send(STOP))
    assert kind == "stop"
    assert not master.source.running
    if ticks_go_on:
        assert master.ticks(77) == []
    else:
        master.now += 20.01
    assert master.send(CONTINUE) == []
    assert place(master.ticks(1)) == ("start", 31 / 24)
    assert master.ticks(41) == []
    assert master.beat == pytest.approx(3, abs=1e-3)


@pytest.mark.parametrize("share", [0.5, 1.05])
def test_continue_plays_a_tick_in_whose_place_the_stop_came(master: Master, share: float) -> None:
    master.send(START)
    master.ticks(31)
    master.source.hear(STOP, master.now + share * 2.5 / 120)
    master.now += 10
    master.send(CONTINUE)
    assert place(master.ticks(1)) == ("start", 31 / 24)


def test_stop_while_stopped_reports_nothing(master: Master) -> None:
    master.ticks(10)
    assert master.send(STOP, STOP) == []
    master.send(START)
    assert master.send(STOP) == []  # it had not started yet
    assert master.ticks(10) == []


def test_song_position_and_continue_as_logic_starts(master: Master) -> None:
    master.ticks(30)
    master.send(song_position(16 * 9 + 3), CONTINUE)
    assert place(master.ticks(1)) == ("start", 36.75)
    master.ticks(24)
    master.send(STOP, song_position(200))
    master.ticks(10)
    master.send(CONTINUE)
    assert place(master.ticks(1)) == ("start", 50)


@pytest.mark.parametrize("messages", [(song_position(8),), (song_position(8), CONTINUE)])
def test_song_position_while_it_runs_is_a_jump_at_the_next_tick(master: Master, messages: tuple[bytes, ...]) -> None:
    master.send(START)
    master.ticks(200)
    assert master.send(*messages) == []
    assert place(master.ticks(1)) == ("locate", 2)
    assert master.ticks(24) == []
    assert master.beat == pytest.approx(3, abs=1e-3)


def test_a_song_position_at_the_present_beat_is_no_jump(master: Master) -> None:
    master.send(START)
    master.ticks(96)
    master.send(song_position(16))
    assert master.ticks(1) == []


def test_a_stop_before_the_jump_keeps_the_song_position(master: Master) -> None:
    master.send(START)
    master.ticks(96)
    master.send(song_position(8), STOP, CONTINUE)
    assert place(master.ticks(1)) == ("start", 2)


def test_start_while_it_runs_is_a_jump_to_0(master: Master) -> None:
    master.send(START)
    master.ticks(100)
    master.send(START)
    assert place(master.ticks(1)) == ("locate", 0)


def test_a_jump_does_not_disturb_the_tempo() -> None:
    """Every two beats back to beat 0, with jitter: a cycle in a DAW."""
    stamps = jitter(steady((120, 960)), 7)
    source = MidiClockIn(120)
    source.hear(START, 9)
    errors = []
    for stamp, number in stamps:
        if number and number % 48 == 0:
            source.hear(song_position(0), stamp)
        source.hear(TICK, stamp)
        errors.append(abs(source.tempo.beat_at(10 + number * 2.5 / 120) - number % 48 / 24) / 2)
    assert p99(sorted(errors[96:])) <= 0.001


def test_continue_without_a_stop_is_ignored_and_reported_once(master: Master) -> None:
    master.send(START)
    master.ticks(40)
    assert causes(master.send(CONTINUE)) == ["continue"]
    assert master.ticks(10) == []
    assert master.send(CONTINUE) == []
    master.now += 61
    assert causes(master.send(CONTINUE)) == ["continue"]


@pytest.mark.parametrize("message", [b"\xf2", b"\xf2\x01", b"\xf2\x01\x80", b"\xf2\xff\x00", b"\xf2\x01\x02\x03"])
def test_a_malformed_song_position_is_ignored_and_reported_once(master: Master, message: bytes) -> None:
    master.send(START)
    master.ticks(40)
    assert causes(master.send(message, message)) == ["position"]
    assert master.ticks(10) == []


@pytest.mark.parametrize("bpm", [5, 10, 17, 500, 2000])
def test_a_clock_out_of_range_is_not_followed(master: Master, bpm: float) -> None:
    master.send(START)
    master.ticks(240)
    before, changes = master.now, []
    for _ in range(120):
        master.now += 2.5 / bpm
        changes += master.source.hear(TICK, master.now)
    assert causes(changes) == ["range"]
    assert master.source.tempo.bpm == pytest.approx(120, rel=0.02)
    assert master.beat == pytest.approx(239 / 24 + (master.now - before) * 2, abs=0.05)
    assert master.ticks(96) == []
    assert master.source.status()["state"] == "locked"
    assert master.source.tempo.bpm == pytest.approx(120, rel=0.001)


def test_after_a_pause_the_master_continues_at_another_tempo(master: Master) -> None:
    master.send(START)
    master.ticks(49)
    master.send(STOP)
    master.now += 10
    master.send(CONTINUE)
    changes: list[Change] = []
    for _ in range(48):
        master.now += 2.5 / 75
        changes += master.source.hear(TICK, master.now)
    assert place([change for change in changes if isinstance(change, TransportChange)]) == ("start", 49 / 24)
    assert master.beat == pytest.approx((49 + 47) / 24, abs=1e-3)
    assert master.source.tempo.bpm == pytest.approx(75)


def test_resume_and_stand_by(master: Master) -> None:
    assert master.source.resume(5.0, Tempo(100.0, 5.0, 120.0)) == [Resume(Tempo(100.0, 5.0, 120.0), 100.5)]
    assert master.source.running
    assert master.ticks(72) == []
    assert master.beat == pytest.approx(103, abs=0.001)
    standing = Master(MidiClockIn(120))
    assert standing.source.stand_by(5.0, 12.5) == [Standby(12.5)]
    standing.send(CONTINUE)
    assert place(standing.ticks(1)) == ("start", 12.5)


@pytest.mark.parametrize("seed", range(6))
def test_random_messages(seed: int) -> None:
    rng = random.Random(seed)
    source, now = MidiClockIn(rng.uniform(20, 400)), 0.0
    for _ in range(1000):
        now += rng.choice([0, 0.0001, 0.02, 0.02, 0.02, rng.random() * 0.05, rng.random() ** 9 * 10])
        kind = rng.random()
        if kind < 0.7:
            changes = source.hear(TICK, now)
        elif kind < 0.9:
            changes = source.hear(bytes([rng.randrange(0xF0, 0x100), *rng.randbytes(rng.randrange(4))]), now)
        elif kind < 0.95:
            changes = source.hear(rng.randbytes(rng.randrange(4)), now - rng.random())
        else:
            changes = rng.choice([source.advance, source.port_lost])(now)
        for change in changes:
            if not isinstance(change, ClockWarning):
                tempo = change if isinstance(change, Tempo) else change.tempo
                assert 10 <= tempo.bpm <= 600
                assert math.isfinite(tempo.beat_at(now))
        assert 20 <= source.status()["bpm"] <= 400


def test_ticks_in_bursts_are_reported_as_uneven() -> None:
    """A JACK period of 2048 frames is longer than two ticks at 120 bpm."""
    period = 2048 / 48_000
    source = MidiClockIn(96.0)
    warnings = []
    for moment in steady((120.0, 480)):
        warnings += [c for c in source.hear(TICK, math.ceil(moment / period) * period) if isinstance(c, ClockWarning)]
    assert [c.cause for c in warnings] == ["uneven"] and "JACK" in warnings[0].text


def test_a_reload_is_looked_at_at_once(master: Master) -> None:
    master.source.advance(master.now)
    master.source.configure(ClockSpec("midi", "keys"), 3.0)
    assert master.source.next_look == 0.0


def test_a_proposed_transport_counts_as_the_master_s_at_the_next_look(master: Master) -> None:
    master.ticks(30)
    master.source.advance(master.now)
    assert master.source.next_look == master.now + ADVANCE_INTERVAL
    for command in (TapBeat(), SetTempo(90.0)):
        master.source.propose(master.now, command, master.now)
    assert master.source.next_look == master.now + ADVANCE_INTERVAL
    master.source.propose(master.now, StartTransport(), master.now)
    assert master.source.next_look == 0.0
    assert master.source.advance(master.now) == []
    assert place(master.ticks(1)) == ("start", 0)
    master.ticks(29)
    master.source.propose(master.now, StopTransport(), master.now)
    kind, _ = place(master.source.advance(master.now))
    assert kind == "stop"
    master.source.propose(master.now, ContinueTransport(), master.now)
    assert master.source.advance(master.now) == []
    assert place(master.ticks(1)) == ("start", 30 / 24)


def test_a_proposal_survives_the_loss_of_the_port(master: Master) -> None:
    master.ticks(30)
    master.source.propose(master.now, StartTransport(), master.now)
    assert master.source.port_lost(master.now) == []
    assert not master.source.running and master.source.status()["state"] == "free-wheeling"
    master.source.advance(master.now)
    assert place(master.ticks(1)) == ("start", 0)


@pytest.mark.parametrize("message", [b"\x90\x3c\x40", b"\xf0\x01\xf7", b"\xf1\x00", b"\xf3\x00", b"\xff", b""])
def test_other_messages_are_left_to_the_performance(master: Master, message: bytes) -> None:
    assert not master.source.accepts(message)
    assert all(map(master.source.accepts, (TICK, START, CONTINUE, STOP, song_position(3), b"\xfe")))


def test_the_tempo_without_slew(master: Master) -> None:
    """In the performance's beats, which may have another origin than the source's."""
    master.send(START)
    master.ticks(96)
    master.now += 0.015  # of a tick of 21 ms, from now on
    while abs(master.source.tempo.bpm - 120) < 2:
        master.ticks(1)
    slewed = master.source.tempo
    counted = Tempo(slewed.beat + 8, slewed.seconds, slewed.bpm)
    tempo = master.source.without_slew(counted)
    assert tempo.bpm == pytest.approx(120, rel=0.01)
    assert slewed.beat_at(master.now + 2) + 8 != pytest.approx(tempo.beat_at(master.now + 2), abs=0.03)
    master.ticks(96)
    assert tempo.beat_at(master.now) == pytest.approx(master.beat + 8, abs=0.01)


def test_an_error_that_is_left_when_the_ticks_stop_is_slewed_slowly_for_looks_are_rare(master: Master) -> None:
    master.ticks(96)
    source, measured = master.source, master.source._tracker.tempo
    now = master.now + 1.0
    source.advance(now)
    source._reported.jump(Tempo(measured.beat_at(now) + 0.02, now, measured.bpm))  # 10 ms ahead
    errors = []
    while len(errors) < 10:
        now = source.next_look
        for change in source.advance(now):
            assert isinstance(change, Tempo) and change.bpm == pytest.approx(measured.bpm, rel=0.02)
        errors.append(source.tempo.beat_at(now) - measured.beat_at(now))
    assert errors == sorted(errors, reverse=True) and errors[-1] == pytest.approx(0.0, abs=0.001)


def counting(unit: str) -> Master:
    """A master at beat 4, after a start from the beginning."""
    master = Master(MidiClockIn(120, unit=unit))
    master.send(START)
    master.ticks(96)
    master.send(STOP)
    return master


@pytest.mark.parametrize("unit, pointer, beat", [("sixteenths", 64, 16), ("clocks", 1536, 64), ("clocks", 6, 0.25)])
def test_song_positions_count_sixteenths_or_clocks(unit: str, pointer: int, beat: float) -> None:
    master = Master(MidiClockIn(120, unit=unit))
    assert place(master.send(song_position(pointer), CONTINUE)) == ("stand", beat)
    assert place(master.ticks(1)) == ("start", beat)
    assert place(master.send(STOP)) == ("stop", pytest.approx(beat, abs=0.1))


@pytest.mark.parametrize("unit, pointer", [("sixteenths", 96), ("sixteenths", 102), ("clocks", 16), ("clocks", 17)])
def test_a_position_in_the_other_unit_is_reported(unit: str, pointer: int) -> None:
    master = counting(unit)
    assert causes(master.send(song_position(pointer))) == ["unit"]
    (warning,) = [c for c in counting(unit).send(song_position(pointer)) if isinstance(c, ClockWarning)]
    other = {"sixteenths": "clocks", "clocks": "sixteenths"}[unit]
    assert warning.text.endswith(f"try `song_position: {other}`")


@pytest.mark.parametrize(
    "unit, pointer", [("sixteenths", 16), ("sixteenths", 100), ("sixteenths", 300), ("clocks", 96)]
)
def test_a_position_that_fits_or_that_may_be_anywhere_is_not_reported(unit: str, pointer: int) -> None:
    master = counting(unit)
    assert causes(master.send(song_position(pointer))) == []
    master.send(CONTINUE)
    master.ticks(10)  # fewer than tell the units apart
    assert causes(master.send(STOP, song_position(pointer + 12))) == []


def test_the_unit_is_checked_after_a_position_too_and_again_after_a_reload() -> None:
    """Ardour from bar 17, then on from where it stopped."""
    master = Master(MidiClockIn(120))
    master.send(song_position(1536), CONTINUE)
    master.ticks(63)
    assert causes(master.send(STOP, song_position(1536 + 72))) == ["unit"]
    master.source.configure(ClockSpec("midi", "keys", song_position="clocks"), 4.0)
    assert place(master.send(song_position(1536), CONTINUE)) == ("stand", 64)
    assert place(master.ticks(1)) == ("start", 64)
    master.ticks(62)
    assert causes(master.send(STOP, song_position(1536 + 72))) == []
