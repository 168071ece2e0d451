"""MIDI clock and the internal clock through the clock driver: a performance that follows the transport of a DAW."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from daemon.commands import Command, StartTransport, StopTransport
from daemon.entries import PlayerUp, Reconfigured
from daemon.music.events import song_position
from daemon.performance.performance import Performance
from daemon.spec import ClockSpec, PortSpec, StageSpec
from daemon.stage.clock_driver import ClockDriver
from daemon.wire import Generate, Reset
from tests.performance.offline import CHOIR, KEYS, OUT, STEADY, Recorder

MIDI = ClockSpec("midi", "keys")
TICK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"


class Master:
    """A DAW that sends MIDI clock at `bpm` to the input `keys`, and a performance that follows it."""

    def __init__(self, clock: ClockSpec = MIDI) -> None:
        self.sink = Recorder()
        self.performance = Performance(StageSpec(STEADY, (KEYS, OUT), players=(CHOIR,), clock=clock), self.sink)
        self.log: list[str] = []
        self.clock_driver = ClockDriver(self.performance, lambda level, cause, text: self.log.append(text))
        self.performance.take(PlayerUp(0.0, "choir"))
        self.now, self.bpm = 10.0, 100.0
        self.clock_driver.begin(self.now)

    def send(self, message: bytes) -> None:
        assert self.clock_driver.hear(self.now, "keys", message, self.now)

    def tick(self, count: int) -> None:
        """Send `count` ticks; `now` is then the time of the next one."""
        for _ in range(count):
            self.send(TICK)
            self.now += 60 / self.bpm / 24
            self.performance.advance(self.now - 1e-4)
            self.clock_driver.look(self.now - 1e-4)

    @property
    def beat(self) -> float:
        return self.performance.beat_at(self.now)


def test_ticks_alone_give_the_tempo() -> None:
    master = Master()
    master.tick(60)
    assert not master.performance.running
    assert master.performance.bpm == pytest.approx(100.0, abs=0.01)


def test_start_song_position_and_continue_as_logic_sends_them() -> None:
    master = Master()
    master.tick(48)
    master.send(START)
    master.tick(96)
    assert master.performance.running and master.beat == pytest.approx(4.0, abs=0.001)
    master.send(STOP)
    assert not master.performance.running
    master.tick(30)
    master.send(song_position(17.25))
    master.send(CONTINUE)
    master.tick(12)
    assert master.beat == pytest.approx(17.75, abs=0.001)
    resets = [call for _, _, call in master.sink.calls if isinstance(call, Reset)]
    assert resets[-1].beat == 17.25
    window = master.sink.last(Generate)[2].window
    assert window.bar_start == 16.0 and window.start >= 17.75


def test_continue_resumes_where_stop_was() -> None:
    master = Master()
    master.send(START)
    master.tick(100)
    master.send(STOP)
    master.tick(7)
    master.send(CONTINUE)
    master.tick(20)
    assert master.beat == pytest.approx(5.0, abs=0.001)


def test_a_song_position_while_running_is_a_jump() -> None:
    master = Master()
    master.send(START)
    master.tick(16 * 24)
    master.send(song_position(8))
    master.tick(24)
    assert master.beat == pytest.approx(9.0, abs=0.001)


def test_the_bar_count_survives_an_unplugged_master() -> None:
    master = Master()
    master.send(START)
    master.tick(96)
    master.clock_driver.port_lost(master.now, "keys")
    master.now += 60 / 100 * 6  # six beats without a cable
    master.performance.advance(master.now)
    assert master.beat == pytest.approx(10.0, abs=0.01)
    master.bpm = 100.3
    master.tick(48)
    assert master.beat == pytest.approx(12.0, abs=0.02)


def test_the_next_stage_process_resumes_at_the_beat_of_the_song() -> None:
    master, later = Master(), Master()
    master.send(START)
    master.tick(100)
    later.now = master.now
    later.clock_driver.begin(master.now, master.clock_driver.place())
    later.tick(44)
    assert later.performance.running and later.beat == pytest.approx(6.0, abs=0.001)
    first = next(call for _, _, call in later.sink.calls if isinstance(call, Generate)).window.start
    assert 4.5 <= first <= 4.75  # earlier beats are not played again


def test_the_next_stage_process_does_not_keep_the_tempo_of_a_slew() -> None:
    master, later = Master(), Master()
    master.send(START)
    master.tick(96)
    master.now += 0.015  # of 25 ms, the interval of ticks
    master.tick(3)
    while not abs(master.performance.bpm - 100) > 2:
        master.tick(1)
    later.now = master.now + 3
    later.clock_driver.begin(later.now, master.clock_driver.place())
    master.tick(round(3 / 0.025))
    assert later.performance.beat_at(master.now) == pytest.approx(master.beat, abs=1 / 48)


def test_the_next_stage_process_waits_where_the_song_stopped() -> None:
    master, later = Master(), Master()
    master.send(START)
    master.tick(100)
    master.send(STOP)
    later.sink.entries.clear()
    later.clock_driver.begin(master.now, master.clock_driver.place())
    assert not later.performance.running and later.performance.position == 4.0
    assert [entry.kind for entry in later.sink.entries] == ["stop", "locate"]


def test_before_the_first_start_there_is_no_place() -> None:
    sink = Recorder()
    performance = Performance(StageSpec(STEADY, (KEYS, OUT)), sink)
    assert ClockDriver(performance, lambda *_: None).place() == []


def test_messages_of_other_ports_and_kinds_are_not_taken() -> None:
    master = Master()
    assert not master.clock_driver.hear(1.0, "pads", TICK, 1.0)
    assert not master.clock_driver.hear(1.0, "keys", b"\x90\x3c\x40", 1.0)
    assert not Master(ClockSpec()).clock_driver.hear(1.0, "keys", TICK, 1.0)


def test_invalid_input_is_logged() -> None:
    master = Master()
    master.send(START)
    master.tick(30)
    master.send(CONTINUE)
    assert master.log and "Continue" in master.log[0]
    assert master.performance.running


@pytest.mark.parametrize("by_hand", [False, True])
def test_the_internal_clock_starts_by_itself_or_by_hand(by_hand: bool) -> None:
    assert Master(ClockSpec(by_hand=by_hand)).performance.running is not by_hand


def test_a_reload_changes_the_clock_port() -> None:
    master = Master()
    master.send(START)
    master.tick(30)
    pads = PortSpec("pads", "in")
    spec: Any = replace(master.performance.spec, ports=(KEYS, pads, OUT), clock=ClockSpec("midi", "pads"))
    master.performance.take(Reconfigured(master.now, spec))
    master.clock_driver.configure()
    assert not master.clock_driver.hear(master.now, "keys", TICK, master.now)
    assert master.clock_driver.hear(master.now, "pads", TICK, master.now)


def test_continue_in_the_next_stage_process_resumes_where_the_song_stopped() -> None:
    master, later = Master(), Master()
    master.send(START)
    master.tick(100)
    master.send(STOP)
    later.now = master.now
    later.clock_driver.begin(master.now, master.clock_driver.place())
    later.send(CONTINUE)
    later.tick(30)
    assert later.beat == pytest.approx(5.25, abs=0.01)


def propose(master: Master, command: Command) -> None:
    """Propose a command as stage/process.py does, which lets the clock source act on it in the same turn."""
    master.clock_driver.propose(master.now, command, master.now)
    master.clock_driver.look(master.now)


def test_a_start_command_replaces_a_missed_start_of_the_master() -> None:
    """jamd was started after the master had sent Start."""
    master = Master()
    master.tick(60)
    propose(master, StartTransport())
    master.tick(24)
    assert master.performance.running and master.beat == pytest.approx(1.0, abs=0.001)
    master.send(STOP)
    assert not master.performance.running


def test_after_a_stop_command_the_master_has_to_start_again() -> None:
    master = Master()
    master.send(START)
    master.tick(100)
    propose(master, StopTransport())
    assert not master.performance.running
    master.send(song_position(8))
    master.tick(10)
    assert not master.performance.running
    master.send(CONTINUE)
    master.tick(24)
    assert master.performance.running and master.beat == pytest.approx(9.0, abs=0.001)
    assert not master.log


def test_continue_after_a_reload_to_midi_resumes_where_the_song_stopped() -> None:
    master = Master(ClockSpec())
    master.performance.advance(master.now + 5.0)
    master.performance.take(Reconfigured(master.now + 5.0, replace(master.performance.spec, clock=MIDI)))
    master.clock_driver.configure()
    place = master.performance.position
    assert place > 8
    master.now += 6.0
    master.send(CONTINUE)
    master.tick(24)
    assert master.beat == pytest.approx(place + 1, abs=0.05)
