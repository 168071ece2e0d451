"""The process of an instrument, with the test in place of desk, stage and speaker."""

import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from daemon.audio.clock import ClockPage, FrameClock, clock_path
from daemon.audio.ring import Ring, ring_path
from daemon.instrument.process import Instrument
from daemon.instrument.renderer import Renderer
from daemon.music.events import note_off, note_on
from daemon.sockets import serve
from daemon.wire import Call, Control, Ping, PlayMessage, Reset
from tests.player.peer import Peer
from tests.tools.sine import CRASH, DEAFEN, sine

RATE, LATENCY = 48_000, 0.02
MEMBER = {
    "engine": "sine", "model": None, "options": {}, "settings": {}, "listen": [], "melodies": [], "rate": RATE
}  # fmt: skip


class InstrumentProcess:
    """An instrument's process that has got its description and the order to play, on a clock that runs for ever. What
    it rendered in the last third of a second is in `ring`."""

    def __init__(self, folder: Path, **member: Any) -> None:
        self.desk_socket, self.stage_socket = serve(folder / "desk.sock"), serve(folder / "stage.sock")
        self.ring = Ring(ring_path(folder, "syn/th"), create=True)
        self.clock = FrameClock(1, 480, 0, RATE, time.perf_counter(), 1 / RATE, 0.0, LATENCY)
        ClockPage(clock_path(folder), create=True).write(self.clock)
        command = [sys.executable, "-m", "daemon.instrument.process", str(folder), "syn/th"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)
        assert self.process.stdin is not None
        with self.process.stdin as stdin:
            stdin.write(b"secret\n")
        self.desk = Peer(self.desk_socket)
        assert self.desk.read() == ["hello", "secret", "instrument", "syn/th", self.process.pid]
        self.desk.write("member", MEMBER | member)

    def start_playing(self) -> None:
        assert self.desk.read() == ["ready"]
        self.desk.write("play")
        self.await_stage_connection()

    def await_stage_connection(self) -> None:
        self.stage = Peer(self.stage_socket)
        assert self.stage.read() == ["hello", "secret", "syn/th", self.process.pid]

    def play(self, message: bytes) -> float:
        """Send a message to be heard as soon as possible; returns when that was."""
        sent = time.perf_counter()
        self.stage.send_call(0, PlayMessage(0.0, sent, message))
        return sent

    def ask(self, call: Call) -> Any:
        self.stage.send_call(7, call)
        return self.stage.read()

    def loudness(self, count: int = 2_400) -> float:
        """Of the last frames; −1 if they are not all there."""
        out = np.zeros((count, 2), np.float32)
        return float(np.abs(out).max()) if self.ring.read(self.ring.end - count, out) else -1.0

    def figures(self) -> dict[str, Any]:
        """The next ones."""
        while (message := self.desk.read())[0] != "figures":
            pass
        figures: dict[str, Any] = message[1]
        return figures

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for socket in (self.desk_socket, self.stage_socket, self.desk.socket):
            socket.close()
        if hasattr(self, "stage"):
            self.stage.socket.close()


@pytest.fixture
def instrument(tmp_path: Path, sine_engine: None) -> Iterator[InstrumentProcess]:
    instrument = InstrumentProcess(tmp_path, engine="faulty_sine")
    instrument.start_playing()
    yield instrument
    instrument.close()


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_note_begins_in_the_ring_at_the_frame_that_is_heard_after_the_delay(instrument: InstrumentProcess) -> None:
    """Of a few notes, one at which the machine was not busy."""
    for _ in range(20):
        sent = instrument.play(note_on(1, 69, 127))
        expected = instrument.clock.frame_heard_at(sent + instrument.clock.delay)
        wait(lambda: instrument.ring.end > expected + 960)  # noqa: B023
        instrument.play(note_off(1, 69))
        out = np.zeros((960, 2), np.float32)
        if instrument.ring.read(expected - 480, out) and not out[:400].any() and out[484:].any():
            assert abs(int(np.nonzero(out[:, 0])[0][0]) - 480) <= 1
            return
        time.sleep(0.1)
    pytest.fail("no note began at its frame")


def test_the_stage_is_answered_and_settings_are_turned(instrument: InstrumentProcess) -> None:
    assert instrument.ask(Ping()) == [7, [], True]
    assert instrument.ask(Reset(0.0, 1)) == [7, [], True]
    instrument.play(note_on(1, 69, 127))
    wait(lambda: instrument.loudness() > 0.2)
    for name, value, loudness in (("gain", -6.0, 0.125), ("mute", 1.0, 0.0), ("mute", 0.0, 0.125)):
        assert instrument.ask(Control(name, value, 0.0)) == [7, [], True]
        wait(lambda: abs(instrument.loudness() - loudness) < 0.002)  # noqa: B023


def test_without_a_stage_all_notes_end_and_the_next_stage_is_joined(instrument: InstrumentProcess) -> None:
    instrument.play(note_on(1, 69, 127))
    wait(lambda: instrument.loudness() > 0.2)
    instrument.stage.socket.close()
    instrument.await_stage_connection()
    wait(lambda: instrument.loudness() == 0.0)
    instrument.play(note_on(1, 69, 127))
    wait(lambda: instrument.loudness() > 0.2)


def test_the_desk_gets_the_figures(instrument: InstrumentProcess) -> None:
    instrument.play(note_on(1, 69, 127))
    wait(lambda: instrument.loudness() > 0.2)
    figures = instrument.figures()
    while not figures["latency"][0]:
        figures = instrument.figures()
    assert set(figures) == {"late", "skipped", "load", "latency"}
    assert 0 < figures["load"] < 1
    assert figures["latency"][0] >= round(instrument.clock.delay, 4) - 1e-3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_process_that_stood_still_goes_on_in_time_without_old_notes(instrument: InstrumentProcess) -> None:
    wait(lambda: instrument.loudness() == 0.0)
    instrument.process.send_signal(signal.SIGSTOP)
    for pitch in range(40, 60):
        instrument.play(note_on(1, pitch, 127))
        instrument.play(note_off(1, pitch))
    time.sleep(0.3)
    instrument.play(note_on(1, 69, 127))
    instrument.process.send_signal(signal.SIGCONT)
    wait(lambda: instrument.loudness() > 0.2)
    assert instrument.loudness() < 0.26, "one note"
    now = time.perf_counter()
    assert instrument.clock.mixed_at(instrument.ring.end) > now - 0.5
    while not (figures := instrument.figures())["skipped"]:
        pass
    assert figures["skipped"] >= 20


@pytest.mark.parametrize(
    ("pitch", "text"),
    [
        (CRASH, "the engine FaultySine failed in render: ValueError: a note that the engine fails on"),
        (DEAFEN, "480 of 480 frames are no finite numbers"),
    ],
)
def test_an_engine_that_fails_is_reported_and_ends_the_process(
    tmp_path: Path, sine_engine: None, pitch: int, text: str
) -> None:
    instrument = InstrumentProcess(tmp_path, engine="faulty_sine")
    instrument.start_playing()
    instrument.play(note_on(1, pitch, 127))
    while (message := instrument.desk.read())[0] == "figures":
        pass
    assert message[0] == "crashed" and text.removeprefix("480 of 480") in message[1]
    assert instrument.process.wait(5) == 1
    instrument.close()


def test_what_an_engine_does_without_is_logged(tmp_path: Path, sine_engine: None) -> None:
    instrument = InstrumentProcess(tmp_path, engine="plain_sine")
    instrument.start_playing()
    assert instrument.desk.read() == ["log", "info", "notice", "no overtones: a sine has none"]
    instrument.close()


def test_nothing_is_rendered_before_the_order_to_play(tmp_path: Path, sine_engine: None) -> None:
    """Until then the ring is that of the process that is to be replaced."""
    instrument = InstrumentProcess(tmp_path)
    assert instrument.desk.read() == ["ready"]
    time.sleep(0.2)
    assert instrument.ring.end == 0 and instrument.stage_socket.accept() is None
    instrument.close()


@pytest.mark.parametrize(
    ("member", "text"),
    [
        ({"engine": "drums"}, "the engine 'drums' renders no sound: choose another one for this instrument"),
        ({"engine": "unknown"}, "there is no engine 'unknown'"),
        ({"options": {"mood": 1}}, "unknown option 'mood'"),
    ],
)
def test_an_instrument_that_cannot_start_reports_the_reason(
    tmp_path: Path, sine_engine: None, member: dict[str, Any], text: str
) -> None:
    instrument = InstrumentProcess(tmp_path, **member)
    kind, reason = instrument.desk.read()
    assert kind == "failed" and text in reason
    assert instrument.process.wait(5) == 2
    instrument.close()


def test_reference_cycles_of_the_engine_are_collected(tmp_path: Path) -> None:
    class Cycle:
        def __init__(self) -> None:
            self.own = self

    Ring(ring_path(tmp_path, "synth"), create=True)
    ClockPage(clock_path(tmp_path), create=True)
    member: Any = SimpleNamespace(folder=tmp_path, name="synth", tell=lambda *_: None)
    instrument = Instrument(member, Renderer(sine(RATE), RATE))
    cycle = weakref.ref(Cycle())
    instrument._tell()
    assert cycle() is None


def test_the_instrument_ends_with_the_desk(instrument: InstrumentProcess) -> None:
    instrument.desk.socket.close()
    assert instrument.process.wait(5) == 0


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs the right to real-time priority")
def test_the_priority_is_below_that_of_the_stage(instrument: InstrumentProcess) -> None:
    from daemon import realtime

    assert instrument.ask(Ping()) == [7, [], True]
    if os.sched_getscheduler(instrument.process.pid) & ~os.SCHED_RESET_ON_FORK != os.SCHED_FIFO:
        pytest.skip("this machine allows no real-time priority")
    assert os.sched_getparam(instrument.process.pid).sched_priority < realtime.PRIORITY
