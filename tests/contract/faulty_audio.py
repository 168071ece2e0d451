"""Audio engines that break one rule each."""

from __future__ import annotations

import ctypes
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from daemon.engines.audio import AudioEngine
from daemon.engines.base import Setting, Setup
from daemon.engines.options import option
from daemon.errors import ModelError
from daemon.music.events import ends_notes, is_note_off, is_note_on
from tests.tools.sine import Sine

Out = NDArray[np.float32]


class GoodSound(Sine):
    """With an option and a setting, and a pedal."""

    @dataclass(frozen=True)
    class Options:
        wave: str = option("cosine", "the shape", choices=("cosine", "square"))

    settings: ClassVar[tuple[Setting, ...]] = (*AudioEngine.settings, Setting("bite", 0, 1, 0, "changes nothing"))


# Rule 1


class SlowSound(Sine):
    def render(self, out: Out) -> None:
        super().render(out)
        if len(out) == 256 and len(self.notes) == 9:  # a chord and a drum
            time.sleep(0.004)


class HangingSound(Sine):
    def render(self, out: Out) -> None:
        super().render(out)
        if len(out) == 3:
            time.sleep(0.3)  # the test's limit is shorter


class Recorder(Sine):
    """Keeps what it renders."""

    def __init__(self, setup: Setup[Any]) -> None:
        super().__init__(setup)
        self.kept: list[Out] = []

    def render(self, out: Out) -> None:
        super().render(out)
        self.kept.append(out[:64].copy())


class SleepsOnDrums(Sine):
    def play(self, message: bytes) -> None:
        if is_note_on(message) and message[0] == 0x99:
            time.sleep(60)
        super().play(message)


# Rule 2


class LeavesOut(Sine):
    """Renders whole multiples of 64 frames."""

    def render(self, out: Out) -> None:
        super().render(out[: len(out) // 64 * 64])


class DividesByZero(Sine):
    def render(self, out: Out) -> None:
        super().render(out)
        if len(self.notes) == 3:
            out[0, 1] = np.inf


class Shouts(Sine):
    def render(self, out: Out) -> None:
        super().render(out)
        out *= 4


class Hums(Sine):
    """Always a little, until a note has ended."""

    is_new = True

    def play(self, message: bytes) -> None:
        super().play(message)
        self.is_new = False

    def render(self, out: Out) -> None:
        super().render(out)
        out += 0.01 * self.is_new


# Rule 3


class Draws(Sine):
    def render(self, out: Out) -> None:
        super().render(out)
        out *= random.random()


class HashSound(Sine):
    """The same in one process, another in the next."""

    def render(self, out: Out) -> None:
        super().render(out)
        out *= hash("sound") % 100 / 100


# Rule 4


class IgnoresVelocityZero(Sine):
    def play(self, message: bytes) -> None:
        if not (message[0] & 0xF0 == 0x90 and message[2] == 0):
            super().play(message)


class IgnoresNoteOffs(Sine):
    def play(self, message: bytes) -> None:
        if not is_note_off(message):
            super().play(message)


class IgnoresSoundOff(Sine):
    def play(self, message: bytes) -> None:
        if not (ends_notes(message) and message[1] == 120):
            super().play(message)


class IgnoresNotesOff(Sine):
    def play(self, message: bytes) -> None:
        if not (ends_notes(message) and message[1] == 123):
            super().play(message)


# Rule 5


class FailsOnBend(Sine):
    def play(self, message: bytes) -> None:
        if message[0] & 0xF0 == 0xE0:
            raise ValueError("what is a bend?")
        super().play(message)


class FailsOnSystemMessages(Sine):
    def play(self, message: bytes) -> None:
        if message[1] > 127:  # IndexError for F6, F8, FE and FF
            return
        super().play(message)


class FailsOnOneFrame(Sine):
    def render(self, out: Out) -> None:
        super().render(out)
        out[1]


class FailsOnSetting(GoodSound):
    def control(self, name: str, value: float, beat: float) -> Iterable[Any]:
        if name == "bite" and value == 1:
            raise ValueError("ouch")
        return super().control(name, value, beat)


class FailsAtTheOtherRate(Sine):
    def render(self, out: Out) -> None:
        super().render(out)
        if self.setup.rate == 44_100:
            raise ValueError("a rate of 44100")


# Rule 6


class NeedsNoModelButAsks(Sine):
    def play(self, message: bytes) -> None:
        super().play(message)
        if is_note_on(message) and message[1] == 127:
            raise ModelError("a sample is missing")


class Exits(Sine):
    def play(self, message: bytes) -> None:
        super().play(message)
        if message[0] == 0xFF:
            raise SystemExit(3)


class CrashesOnDrums(Sine):
    def play(self, message: bytes) -> None:
        if is_note_on(message) and message[0] == 0x99:
            ctypes.string_at(0)
        super().play(message)
