"""What test_alsa_clock.py runs beside ALSA's sequencer: midish is the master, then the slave, of a real stage.

midish is Debian's console sequencer. It records our melody, so in its file every note has the beat that midish itself
counted: by its own clock as master, by ours as slave. aseqdump shows what we send.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Self

import mido

from daemon.music.melody import Melody, Note
from daemon.music.tempo import TempoMap
from daemon.spec import ClockSpec, MelodySpec, PortSpec, StageSpec
from tests.stage import fakes
from tests.stage.fakes import Desk, until

BPM = 40.0  # ticks of 62 ms: the emulated processor is late by 20 and more
NOW = TempoMap(((0.0, BPM),), ((0.0, 4.0),))
LOWEST = 24  # the pitch of beat 0; every beat has its own
MELODY = Melody("scale", tuple(Note(n, 0.5, LOWEST + n, 80) for n in range(96)), 96.0, False, NOW)
SLAVE = StageSpec(
    TempoMap(((0.0, 100.0),), ((0.0, 4.0),)),  # until it hears the master's
    (PortSpec("sync", "in"), PortSpec("choir", "out")),
    (MelodySpec(MELODY, ("choir",)),),
    clock=ClockSpec("midi", "sync"),
)
MASTER = replace(
    SLAVE,
    tempo_map=NOW,
    ports=(PortSpec("sync", "out"), PortSpec("choir", "out")),
    clock=ClockSpec(send=("sync",), by_hand=True),
)


class Program:
    """One that is told on its standard input what to do; `lines` is what it prints."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def tell(self, *commands: str) -> None:
        assert self._process.stdin is not None
        for command in commands:
            self._process.stdin.write(command + "\n")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.strip())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


def midish(sync: str) -> Program:
    """Recording what comes from our choir, with our port `sync` as device 0."""
    program = Program("stdbuf", "-oL", "midish", "-v")
    program.tell("m off", f'dnew 0 "jamd sync" {sync}', 'dnew 1 "jamd choir" ro', "tnew melody", "ct melody")
    return program


def beat_of(program: Program) -> float:
    """Where midish is: it prints bar, beat and tick."""
    places = [line.split()[1:] for line in program.lines if line.startswith("+pos")]
    return float(int(places[-1][0]) * 4 + int(places[-1][1])) if places else 0.0


def recorded(program: Program, path: Path) -> list[tuple[float, int]]:
    """(its beat, the number of ours) of the notes that midish recorded."""
    path.unlink(missing_ok=True)
    program.tell("s", f'export "{path}"')
    until(lambda: path.exists() and path.stat().st_size > 0, "midish's file")
    time.sleep(1)
    smf = mido.MidiFile(path)
    found, ticks = [], 0
    for message in mido.merge_tracks(smf.tracks):
        ticks += message.time
        if message.type == "note_on" and message.velocity > 0:
            found.append((ticks / smf.ticks_per_beat, message.note - LOWEST))
    return found


def agree(notes: list[tuple[float, int]], least: int) -> None:
    """All the beats from the first on, each nearest to that beat of midish's."""
    assert [ours for _, ours in notes] == list(range(len(notes))) and len(notes) >= least, notes
    assert all(abs(theirs - ours) < 0.5 for theirs, ours in notes), notes


def follow(folder: Path) -> None:
    with Desk() as desk:
        desk.start_stage(SLAVE, clock=True)
        with midish("wo") as master:
            master.tell("dclktx {0}", f"t {BPM:.0f}")
            time.sleep(3)
            master.tell("r")
            until(lambda: beat_of(master) >= 5, "five beats")
            clock = desk.metrics()["clock"]
            notes = recorded(master, folder / "master.mid")
            until(lambda: not desk.metrics()["clock"]["running"], "Stop to be heard")
        print("recorded as master:", notes)
        agree(notes, 5)
        assert clock["running"], clock


def lead(folder: Path) -> None:
    with Desk() as desk:
        desk.start_stage(MASTER, clock=True)
        with midish("ro") as slave, Program("stdbuf", "-oL", "aseqdump", "-p", "jamd sync") as dump:
            slave.tell("dclkrx 0", "r")
            time.sleep(3)
            desk.send(["command", ["start"], time.perf_counter()])
            until(lambda: beat_of(slave) >= 5, "five beats")
            desk.send(["command", ["stop"], time.perf_counter()])
            until(lambda: any("Stop" in line for line in dump.lines), "Stop")
            notes = recorded(slave, folder / "slave.mid")
            desk.send(["command", ["continue"], time.perf_counter()])
            until(lambda: any("Continue" in line for line in dump.lines), "Continue")
            time.sleep(1)
        print("recorded as slave:", notes)
        agree(notes, 5)
        events = [line.split(maxsplit=1)[1] for line in dump.lines if line[:1].isdigit()]
        assert events[:2] == ["Start", "Clock"], events[:2]
        transport = [event.split("  ")[0] for event in events if event != "Clock"]
        assert transport == ["Start", "Stop", "Song position pointer", "Continue"], transport


def main(folder: Path) -> None:
    """A busy machine may stop the emulated one for longer than a beat: what fails is tried again."""
    for part in (lead, follow):
        for left in (2, 1, 0):
            try:
                part(folder)
                break
            except AssertionError:
                if not left:
                    raise


if __name__ == "__main__":
    fakes.PATIENCE = 60  # an emulated processor
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
    print("all well")
