"""A sequence over JACK: a real daemon, real kills."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.music.events import control_change, note_off, note_on, song_position
from tests.desk.jamd import Jamd
from tests.dice import register
from tests.soak import bands
from tests.soak.bands import band
from tests.soak.rig import Rig
from tests.soak.sequence import PITCHES, PLUGGABLE, REPLUG_AFTER, Sequence, Step

LENGTH = 24  # steps
PATIENCE = 20.0  # seconds: for what ends in any case
SOON = 5.0  # seconds until nothing sounds any more; on a quiet machine a tenth of that
ROOT = Path(__file__).parents[2]


class Live:
    """One sequence, in an empty `folder`."""

    def __init__(self, seed: int, rig: Rig, folder: Path, length: int = LENGTH) -> None:
        self.sequence, self.rig = Sequence(seed, length), rig
        folder.mkdir()
        register(folder / "site")
        self._environment = {**rig.server.env, "PYTHONPATH": os.pathsep.join([str(folder / "site"), str(ROOT)])}
        self._folder = folder
        self._thaws: list[threading.Timer] = []
        self._seed, self._log = seed, ""
        self._steps = [f"band:\n{band(self.sequence.band)}"]

    def perform(self) -> Outcome:
        self.rig.begin()
        xruns = self.rig.xruns()
        with Jamd(self._folder, band(self.sequence.band), **self._environment) as jamd:
            try:
                self._begin(jamd)
                for step in self.sequence.steps:
                    time.sleep(step.after)
                    self._steps.append(f"{time.monotonic():.3f} {step}")
                    self._do(jamd, step)
                faults = self._settle(jamd)
            except AssertionError as error:
                faults = [str(error)]
            finally:
                self._log = jamd.log
                for thaw in self._thaws:
                    thaw.cancel()
        monitors = self.rig.monitors
        for monitor in monitors.values():
            faults += monitor.faults
        heard = {name: monitor.log for name, monitor in monitors.items()}
        return Outcome(self._seed, faults, self._steps, self._log, heard, self.rig.xruns() - xruns)

    def _begin(self, jamd: Jamd) -> None:
        jamd.wait_for_log("READY", PATIENCE)
        self.rig.connect(PATIENCE)
        self.rig.tell("master", "fc")
        self.rig.tell("master", "clock 120")
        time.sleep(0.6)  # the stage looks five times a second who is connected

    def _settle(self, jamd: Jamd) -> list[str]:
        """Everything is plugged in and released: it ends by itself. Then jamd ends, and owes nothing."""
        rig = self.rig
        time.sleep(REPLUG_AFTER)
        if not rig.server.running:
            rig.start_server()
        for name in PLUGGABLE:
            rig.plug(name)
        rig.tell("master", "fc")
        for channel in bands.CHANNELS:
            for pitch in PITCHES:
                rig.tell("keyboard", note_off(channel, pitch).hex())
        for thaw in self._thaws:
            thaw.join()
        before = len(jamd.log)
        jamd.configure(bands.SILENT)
        jamd.process.send_signal(signal.SIGHUP)
        jamd.wait(lambda: "reloaded" in jamd.log[before:], 2 * PATIENCE, "a reload")
        faults = [f"not connected again: {' to '.join(cable)}" for cable in rig.reconnected(PATIENCE)]
        end = time.monotonic() + SOON
        while time.monotonic() < end and any(monitor.left_sounding() for monitor in rig.monitors.values()):
            time.sleep(0.02)
        faults += [f"released: {left}" for monitor in rig.monitors.values() for left in monitor.left_sounding()]
        status = jamd.end()
        if status != 0:
            faults.append(f"exit status {status}")
        faults += [f"at the end: {left}" for monitor in rig.monitors.values() for left in monitor.left_sounding()]
        faults += [f"process {pid} is left behind" for pid in jamd.left_behind()]
        faults += re.findall(r"^.*daemon/(?:desk|stage)/.*$", jamd.log, re.MULTILINE)  # a traceback of ours
        return faults

    def _do(self, jamd: Jamd, step: Step) -> None:
        rig, values = self.rig, step.values
        match step.kind:
            case "press":
                rig.tell("keyboard", note_on(*values).hex())
            case "release":
                rig.tell("keyboard", note_off(*values).hex())
            case "pedal":
                rig.tell("keyboard", control_change(values[0], 64, values[1]).hex())
            case "control":
                rig.tell("keyboard", control_change(*values).hex())
            case "play":
                rig.tell("master", "fa")
            case "halt":
                rig.tell("master", "fc")
            case "continue":
                rig.tell("master", "fb")
            case "locate":
                rig.tell("master", song_position(values[0] / 4).hex())
            case "tempo":
                rig.tell("master", f"clock {values[0]}")
            case "lose":
                rig.tell("master", f"lose {values[0]}")
            case "unplug":
                rig.unplug(step.target)
            case "plug":
                rig.plug(step.target)
                if step.target == "master":
                    rig.tell("master", "clock 120")
            case "kill engine" | "stop engine":
                players = sorted(name for name in jamd.children() if name != "stage")
                if players:
                    number = signal.SIGKILL if step.kind == "kill engine" else signal.SIGSTOP
                    self._kill(jamd.children().get(players[values[0] % len(players)]), number)
            case "kill stage":
                self._kill(jamd.children().get("stage"), signal.SIGKILL)
            case "freeze stage":
                stage = jamd.children().get("stage")
                self._kill(stage, signal.SIGSTOP)
                self._thaws.append(threading.Timer(values[0] / 1000, self._kill, (stage, signal.SIGCONT)))
                self._thaws[-1].start()
            case "reload":
                jamd.configure(band(values[0]))
                jamd.process.send_signal(signal.SIGHUP)
            case "panic":
                jamd.process.send_signal(signal.SIGUSR1)
            case "kill jack":
                rig.kill_server()
            case "start jack":
                rig.start_server()
                rig.tell("master", "clock 120")

    @staticmethod
    def _kill(process: int | None, number: signal.Signals) -> None:
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)


@dataclass(frozen=True)
class Outcome:
    """`str` is for a list of failures, `story` for who wants to know more."""

    seed: int
    faults: list[str]
    steps: list[str]
    log: str
    heard: dict[str, list[str]]
    xruns: int

    def __str__(self) -> str:
        doubt = f", but the JACK server had {self.xruns} XRuns" if self.xruns else ""
        return "\n  ".join([f"seed {self.seed} failed{doubt}; again: make soak SEEDS={self.seed}", *self.faults])

    @property
    def story(self) -> str:
        heard = [f"--- {name} heard ---\n" + "\n".join(lines) for name, lines in self.heard.items()]
        return "\n".join(["--- steps ---", *self.steps, "--- log ---", self.log, *heard])


def perform(seed: int, rig: Rig, folder: Path, attempts: int = 3) -> Iterator[Outcome]:
    """The last one counts. A sequence that fails is played again, a few times, if the server itself came too late
    meanwhile (XRun): what was in its buffers then is lost."""
    for attempt in range(attempts):
        outcome = Live(seed, rig, folder / str(attempt)).perform()
        yield outcome
        if not outcome.faults or not outcome.xruns:
            break
