"""MIDI clock in and out, over JACK, with Debian's own programs at the other end.

`jack_midi_clock` sends clock and transport after JACK's transport, `jack_mclk_dump` shows what it hears; what is in
time is seen by an observer that hears both ends, with one clock.
"""

from __future__ import annotations

import math
import random
import re
import shutil
import statistics
import subprocess
import threading
import time
from dataclasses import replace
from itertools import pairwise

import pytest

from daemon.bench.child_end import END_WITH_PARENT
from daemon.music.events import is_note_on, note_on
from daemon.music.melody import Melody, Note
from daemon.music.tempo import TempoMap
from daemon.spec import ClockSpec, MelodySpec, PortSpec, StageSpec
from tests.realtime.band import sounding
from tests.realtime.jack_observer import Observer
from tests.stage.fakes import Desk, Peer, until

NOW = TempoMap(((0.0, 96.0),), ((0.0, 4.0),))
LOWEST = 24  # the pitch of beat 0; every beat has its own
MELODY = Melody("scale", tuple(Note(n, 0.5, LOWEST + n, 80) for n in range(96)), 96.0, False, NOW)
PORTS = (PortSpec("sync", "in"), PortSpec("choir", "out"))
SLAVE = StageSpec(NOW, PORTS, (MelodySpec(MELODY, ("choir",)),), clock=ClockSpec("midi", "sync"))
LEADS = 60 / (24 * 8 * 128 / 48_000)  # bpm: a tick lasts eight of the server's periods, which jack_mclk_dump counts
LEADER = StageSpec(
    TempoMap(((0.0, LEADS),), ((0.0, 4.0),)),
    (PortSpec("sync", "out"), PortSpec("choir", "out")),
    (MelodySpec(MELODY, ("choir",)),),
    clock=ClockSpec(send=("sync",), by_hand=True),
)
TICK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
MASTER = "jack_midi_clock:mclk_out"
NEAR = 0.007  # seconds: two periods, and what they take on a busy machine
FAR = 0.1  # seconds that one beat may be off on a busy machine; a wrong beat would be 0.4 or more


class JackMidiClock:
    """Debian's jack_midi_clock, playing into our port `sync`: sends clock while JACK's transport rolls."""

    def __init__(self, *options: str) -> None:
        if shutil.which("jack_midi_clock") is None:
            pytest.skip("no jack_midi_clock on this machine; to enable: apt-get install jack-midi-clock")
        command = ["jack_midi_clock", "-d", "0.5", *options, "jamd sync:midi"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=END_WITH_PARENT
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> JackMidiClock:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def beats(heard: list[tuple[float, bytes]]) -> list[tuple[float, int]]:
    """(seconds, beat) of the melody's notes."""
    return [(seconds, message[1] - LOWEST) for seconds, message in heard if is_note_on(message)]


def master_beats(heard: list[tuple[float, bytes]]) -> list[tuple[float, int]]:
    """(seconds, beat) of what the master sent, read as MIDI 1.0 says; no ticks while it stands."""
    found, position, running, next_is = [], 0, False, 0
    for seconds, message in heard:
        if message == START:
            next_is, running = 0, True
        elif message == CONTINUE:
            next_is, running = position, True
        elif message == STOP:
            position, running = next_is, False
        elif message[0] == 0xF2:
            position = (message[1] + 128 * message[2]) * 6
        elif message == TICK and running:
            if next_is % 24 == 0:
                found.append((seconds, next_is // 24))
            next_is += 1
    return found


class MasterAndSlave:
    """The messages of the clock master, and the melody's notes."""

    def __init__(self, observer: Observer, master: str = MASTER) -> None:
        self._observer = observer
        observer.listen("master", master)
        observer.listen("slave", "jamd choir:midi")
        self.restart()

    def restart(self) -> None:
        """Look only at messages from now on."""
        heard = self._observer.heard("slave")
        self._since = heard[-1][0] + 1e-6 if heard else 0.0

    @property
    def slave(self) -> list[tuple[float, bytes]]:
        return [(seconds, message) for seconds, message in self._observer.heard("slave") if seconds >= self._since]

    @property
    def master(self) -> list[tuple[float, bytes]]:
        return self._observer.heard("master")

    @property
    def bpm(self) -> float:
        """Of the master's last four beats."""
        ticks = [seconds for seconds, message in self.master if message == TICK][-97:]
        return 60 * 4 / (ticks[-1] - ticks[0])

    @property
    def sounding(self) -> set[tuple[int, int]]:
        return sounding(message for _, message in self.slave)

    def agree(self, begun: bool = True, ended: bool = True, far: float = NEAR, worst: float = FAR) -> None:
        """Every beat of the master has our note of that number, and no note is without one.

        In the midst of it: only from the first to the last of our notes, or so. By `far` seconds the median may be
        off, by `worst` more a single beat.
        """
        slave = beats(self.slave)
        start = self._since if begun else slave[0][0] - FAR
        end = math.inf if ended else slave[-1][0] - FAR
        slave = [beat for beat in slave if beat[0] < end]
        master = [beat for beat in master_beats(self.master) if start <= beat[0] < end]
        assert [beat for _, beat in slave] == [beat for _, beat in master]
        if self._observer.excused():
            return
        late = [ours - theirs for (ours, _), (theirs, _) in zip(slave, master, strict=True)]
        assert max(map(abs, late)) < worst + far, late
        assert abs(statistics.median(late)) < far, late


def test_start_stop_continue_and_locate(desk: Desk, observer: Observer) -> None:
    desk.start_stage(SLAVE, clock=True)
    with JackMidiClock():
        both = MasterAndSlave(observer)
        time.sleep(0.5)
        assert not both.slave, "nothing plays before the start"
        observer.roll()
        until(lambda: len(beats(both.slave)) >= 8, "eight beats")
        assert desk.metrics()["clock"]["state"] == "locked"
        assert observer.excused() or desk.metrics()["bpm"] == pytest.approx(120, abs=1)
        observer.halt()
        until(lambda: STOP in [message for _, message in both.master], "Stop")
        time.sleep(0.7)
        assert not both.sounding
        both.agree()
        assert both.slave[0][1] == note_on(1, LOWEST, 80)

        both.restart()
        observer.locate(30)  # it sends a song position and, half a second (a beat) later, Continue there
        observer.roll()
        until(lambda: len(beats(both.slave)) >= 5, "five beats")
        observer.locate(4)  # while it rolls: Stop, song position, Continue
        until(lambda: beats(both.slave)[-1][1] == 10, "beat 10")
        observer.halt()
        until(lambda: both.master[-1][1][0] == 0xF2, "its last word")
        time.sleep(0.3)
        assert not both.sounding
        both.agree()
        assert [beat for _, beat in beats(both.slave)][:2] == [31, 32]
        assert 5 in [beat for _, beat in beats(both.slave)]
    assert not [message for message in desk.messages("log") if message[1] != "info"]


def test_a_master_that_is_killed_and_returns(desk: Desk, observer: Observer) -> None:
    desk.start_stage(SLAVE, clock=True)
    with JackMidiClock() as clock:
        both = MasterAndSlave(observer)
        time.sleep(0.3)
        observer.roll()
        until(lambda: len(beats(both.slave)) >= 6, "six beats")
        clock.kill()
        killed = beats(both.slave)[-1][1]
        until(lambda: beats(both.slave)[-1][1] >= killed + 6, "it to go on by itself")
        assert desk.metrics()["clock"]["state"] == "free-wheeling"
    played = beats(both.slave)
    assert [beat for _, beat in played] == list(range(len(played)))
    every = statistics.median(b - a for (a, _), (b, _) in pairwise(played))
    assert observer.excused() or every == pytest.approx(0.5, abs=0.005)
    with JackMidiClock():  # JACK's transport rolls: it sends ticks, from any moment on, and nothing else
        observer.listen("master", MASTER)
        until(lambda: desk.metrics()["clock"]["state"] == "locked", "it to follow again")
        since = len(played) + 4
        until(lambda: beats(both.slave)[-1][1] >= since + 6, "more beats")
        observer.halt()
        until(lambda: observer.heard("master")[-1][1][0] == 0xF2, "its last word")
        time.sleep(0.3)
    played = beats(both.slave)
    assert [beat for _, beat in played] == list(range(len(played))), "the count goes on"
    ticks = [seconds for seconds, message in observer.heard("master") if message == TICK]
    beside = [min(seconds - tick for tick in ticks if tick <= seconds + 0.01) for seconds, beat in played[since:-1]]
    assert observer.excused() or statistics.median(beside) < NEAR, "a beat is a tick again"
    assert not both.sounding


def test_other_tempi(desk: Desk, observer: Observer) -> None:
    """From one beat to the next, and far."""
    desk.start_stage(SLAVE, clock=True)
    with JackMidiClock():
        both = MasterAndSlave(observer)
        time.sleep(0.3)
        observer.roll()
        for bpm in (120, 180, 70):
            observer.tempo(bpm)
            heard = len(beats(both.slave))
            until(lambda wanted=heard + 8: len(beats(both.slave)) >= wanted, "eight beats")
            found = desk.metrics()["clock"]["bpm"]
            assert observer.stalled() or found == pytest.approx(bpm, rel=0.01)
        observer.halt()
        until(lambda: STOP in [message for _, message in both.master], "Stop")
        time.sleep(0.5)
        # Until a new tempo is believed, it runs on at the old one.
        both.agree(worst=math.inf if observer.stalled() else 0.6)


def test_two_masters_and_nonsense(desk: Desk, observer: Observer) -> None:
    desk.start_stage(SLAVE, clock=True)
    rng = random.Random(5)
    with JackMidiClock(), Peer("intruder") as intruder:
        both = MasterAndSlave(observer)
        intruder.connect("sync")
        time.sleep(0.3)
        observer.roll()
        until(lambda: len(beats(both.slave)) >= 4, "four beats")
        intruder.send(*[TICK] * 150, gap=60 / 24 / 97)
        if not observer.stalled():  # else they cannot always be told apart
            both.agree(ended=False)
        warnings = [message[3] for message in desk.messages("log") if message[1] != "info"]
        assert sum("two masters" in warning for warning in warnings) == 1, warnings

        nonsense = []
        for _ in range(1500):
            status = rng.choice((0xF2, *range(0xF8, 0x100)))
            nonsense.append(bytes((status, *(rng.randrange(256) for _ in range(2 if status == 0xF2 else 0)))))
        intruder.send(*nonsense, gap=0.002)
        assert desk.stage is not None and desk.stage.poll() is None
        assert len(desk.messages("log")) <= 6

        observer.halt()
        observer.locate(0)
        time.sleep(0.5)
        both.restart()
        observer.roll()
        until(lambda: len(beats(both.slave)) >= 8, "eight beats")
        observer.halt()
        until(lambda: both.master[-1][1][0] == 0xF2, "its last word")
        time.sleep(0.3)
        if observer.stalled():  # the tempo that it has from so much nonsense is unlearned while it plays
            both.agree(far=math.inf, worst=math.inf)
        else:
            both.agree()
        assert beats(both.slave)[0][1] == 0
        assert not both.sounding


# The clock that we send


class MclkDump:
    """Debian's jack_mclk_dump, listening to our port `sync`: `lines` is what it made of every message."""

    def __init__(self) -> None:
        if shutil.which("jack_mclk_dump") is None:
            pytest.skip("no jack_mclk_dump on this machine; to enable: apt-get install jack-midi-clock")
        command = ["stdbuf", "-oL", "jack_mclk_dump", "-n", "jamd sync:midi"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=END_WITH_PARENT
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        time.sleep(0.5)

    @property
    def events(self) -> list[str]:
        """start, continue and stop, and song positions in 16ths."""
        found = []
        for line in self.lines:
            if line.startswith("EVENT"):
                found.append(line.split()[2])
            elif line.startswith("POS"):
                found.append(str(int(line.split("(")[1].split(")")[0], 16)))
        return found

    def tempi(self) -> list[float]:
        found = [re.search(r"cur: *([\d.]+)", line) for line in self.lines]
        return [float(match[1]) for match in found if match]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)

    def __enter__(self) -> MclkDump:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()


def post_command(desk: Desk, action: str) -> None:
    desk.send(["command", [action], time.perf_counter()])


def test_what_we_send_is_understood(desk: Desk, observer: Observer) -> None:
    desk.start_stage(LEADER, clock=True)
    with MclkDump() as dump:
        both = MasterAndSlave(observer, master="jamd sync:midi")
        post_command(desk, "start")
        until(lambda: len(beats(both.slave)) >= 5, "five beats")
        post_command(desk, "stop")
        until(lambda: dump.events == ["start", "stop"], "Stop")
        assert "EVENT" in dump.lines[0] and "1|1|0" in dump.lines[2], "Start, then beat 0, then the tick after it"
        assert statistics.median(dump.tempi()) == pytest.approx(LEADS, abs=1)
        time.sleep(0.3)
        assert both.master[-1][1] == STOP and not both.sounding
        both.agree()

        both.restart()
        (place,) = desk.metrics()["place"]
        post_command(desk, "continue")
        until(lambda: len(beats(both.slave)) >= 3, "three beats")
        post_command(desk, "stop")
        until(lambda: len(dump.events) == 5, "Stop")
        assert dump.events[2:] == [str(round(place * 4)), "continue", "stop"]
        time.sleep(0.3)
        both.agree()

        post_command(desk, "continue")
        until(lambda: dump.events[-1] == "continue", "Continue")
        time.sleep(0.2)
        desk.send(["stop"])
        until(lambda: dump.events[-1] == "stop", "Stop, when jamd ends")


def test_clock_goes_on_through_a_burst_of_notes(desk: Desk, observer: Observer) -> None:
    """2,000 notes at once are on their way for longer than a tick."""
    chord = Melody("chord", tuple(Note(2.0, 0.5, pitch, 80) for pitch in range(125)), 4.0, False, NOW)
    melodies = tuple(MelodySpec(replace(chord, name=f"chord {n}"), ("sync",), n) for n in range(1, 17))
    desk.start_stage(replace(LEADER, melodies=melodies, clock=ClockSpec(send=("sync",))), clock=True)
    observer.listen("master", "jamd sync:midi")
    until(lambda: sum(is_note_on(message) for _, message in observer.heard("master")) == 2000, "the chord")
    messages = [message for _, message in observer.heard("master")]
    notes = [number for number, message in enumerate(messages) if is_note_on(message)]
    assert messages[notes[0] - 1] == TICK
    assert TICK in messages[notes[0] : notes[-1]]


def test_a_stage_that_is_killed_goes_on_with_its_clock(desk: Desk, observer: Observer) -> None:
    """Stop, song position and Continue, from a 16th on that falls where the song would have been."""
    desk.start_stage(LEADER, clock=True)
    with MclkDump() as dump:
        observer.listen("master", "jamd sync:midi")
        post_command(desk, "start")
        until(lambda: master_beats(observer.heard("master"))[3:], "three beats")
        until(lambda: len(desk.connections()) == 2, "the connections to be known")
        place = desk.metrics()["place"]
        before = master_beats(observer.heard("master"))
        desk.kill_stage()
        desk.start_stage(LEADER)
        desk.send(["start", *place])
        until(lambda: len(dump.events) == 4, "Continue")
        assert dump.events[:2] + dump.events[3:] == ["start", "stop", "continue"]
        position = int(dump.events[2]) / 4
        until(lambda: master_beats(observer.heard("master"))[-1][1] > position + 3, "three more beats")
        after = [beat for beat in master_beats(observer.heard("master")) if beat[1] > position]
    seconds, beats_gone = after[-1][0] - before[-1][0], after[-1][1] - before[-1][1]
    assert seconds == pytest.approx(beats_gone * 60 / LEADS, abs=FAR)


def test_a_stage_that_is_killed_follows_on(desk: Desk, observer: Observer) -> None:
    desk.start_stage(SLAVE, clock=True)
    with JackMidiClock():
        both = MasterAndSlave(observer)
        until(lambda: len(desk.connections()) == 2, "the connections to be known")
        observer.tempo(60)
        observer.roll()
        until(lambda: len(beats(both.slave)) >= 4, "four beats")
        place = desk.metrics()["place"]
        desk.kill_stage()
        both.restart()
        desk.start_stage(SLAVE)
        desk.send(["start", *place])
        until(lambda: len(beats(both.slave)) >= 4, "four beats")
        observer.halt()
        until(lambda: observer.heard("master")[-1][1][0] == 0xF2, "its last word")
        time.sleep(0.3)
        assert not both.sounding
        # The server stands still when a client is killed, and the master with it: the new stage could not know.
        both.agree(begun=False, far=FAR + observer.stall())
