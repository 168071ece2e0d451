"""Engines for the tests of the desk that fail or block on demand. The fixture echo_engine registers them."""

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from daemon.engines.audio import AudioEngine
from daemon.engines.base import Engine, Setting
from daemon.engines.options import option
from daemon.errors import ModelError
from daemon.music.events import Action, MidiEvent, Play, Stop, Window, is_note_on

CRASH, HANG = 1, 2  # pitches upon which the engine fails or blocks


class Echo(Engine):
    """Answers every note an octave higher, and plays a note of its own on every beat."""

    @dataclass(frozen=True)
    class Options:
        trouble: str = option("none", "what goes wrong in prepare", choices=("none", "refuse", "crash", "slow"))

    voices: ClassVar[tuple[str, ...]] = ("echo", "beat")
    settings: ClassVar[tuple[Setting, ...]] = (Setting("shift", 0, 24, 12, "semitones"),)

    options: Options

    def prepare(self) -> None:
        if self.options.trouble == "refuse":
            raise ModelError("echo: refused on demand")
        if self.options.trouble == "crash":
            raise RuntimeError("failed on demand")
        if self.options.trouble == "slow":
            time.sleep(60)

    def listen(self, event: MidiEvent) -> Iterable[Action]:
        pitch = event.message[1]
        if is_note_on(event.message):
            if pitch == CRASH:
                raise ValueError("a note that the engine fails on")
            if pitch == HANG:
                time.sleep(60)
            yield Play(event.beat, min(pitch + int(self.values["shift"]), 127), event.message[2], "echo")
        else:
            yield Stop(event.beat, "echo")

    def generate(self, window: Window) -> Iterable[Action]:
        if window.start % 1 == 0:
            yield Play(window.start, 48, 80, "beat", 0.5)


class Fragile(Echo):
    """An Echo whose process crashes if its model's file says so."""

    needs_model: ClassVar[bool] = True

    def prepare(self) -> None:
        if self.setup.require_model("fragile").read_text() == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)


class Tone(AudioEngine):
    """A silent instrument."""

    @dataclass(frozen=True)
    class Options:
        trouble: str = option("none", "what goes wrong in prepare", choices=("none", "refuse"))

    options: Options

    def prepare(self) -> None:
        if self.options.trouble == "refuse":
            raise ModelError("tone: refused on demand")

    def render(self, out: NDArray[np.float32]) -> None:
        out.fill(0)
