"""An instrument for tests: every note is a cosine that begins, at its peak, exactly at the frame of its note-on and
ends exactly at that of its note-off. So the first frame of a note is the first that is not 0."""

import math
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from daemon.engines.audio import AudioEngine
from daemon.engines.base import NoOptions, Setup
from daemon.music.events import ends_notes, is_note_off, is_note_on

LOUDNESS = 0.25  # of a note with velocity 127


class Sine(AudioEngine):
    def __init__(self, setup: Setup[Any]) -> None:
        super().__init__(setup)
        self.notes: dict[tuple[int, int], tuple[float, int]] = {}  # channel, pitch → loudness, frames since note-on

    def play(self, message: bytes) -> None:
        if is_note_on(message):
            self.notes[message[0] & 15, message[1]] = (LOUDNESS * message[2] / 127, 0)
        elif is_note_off(message):
            self.notes.pop((message[0] & 15, message[1]), None)
        elif ends_notes(message):
            self.notes = {key: note for key, note in self.notes.items() if key[0] != message[0] & 15}

    def render(self, out: NDArray[np.float32]) -> None:
        total = np.zeros(len(out))
        for (channel, pitch), (loudness, age) in self.notes.items():
            total += loudness * cosine(pitch, self.setup.rate, age, len(out))
            self.notes[channel, pitch] = (loudness, age + len(out))
        out[:] = total[:, None]


CRASH, BLOCK, DEAFEN = 1, 2, 3  # pitches of FaultySine


class FaultySine(Sine):
    """Fails, or hangs, in `render` while the note CRASH or BLOCK sounds, and renders no numbers while DEAFEN does."""

    def render(self, out: NDArray[np.float32]) -> None:
        pitches = {pitch for _, pitch in self.notes}
        if CRASH in pitches:
            raise ValueError("a note that the engine fails on")
        if BLOCK in pitches:
            time.sleep(60)
        super().render(out)
        if DEAFEN in pitches:
            out[:] = np.nan


class PlainSine(Sine):
    notice = "no overtones: a sine has none"


class SineAt44100(Sine):
    own_rate: ClassVar[int | None] = 44_100


def cosine(pitch: int, rate: int, age: int, count: int) -> NDArray[np.float64]:
    """The frames of a note from the one with number `age` on, at loudness 1."""
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    return np.cos(2 * math.pi * frequency / rate * np.arange(age, age + count))


def sine(rate: int = 48_000, engine: type[Sine] = Sine) -> Sine:
    return engine(Setup(NoOptions(), rate=engine.own_rate or rate))


def register(folder: Path) -> None:
    """Make a distribution in `folder` that provides these engines to whoever has `folder` on its path."""
    info = folder / "jamd_sine-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: jamd-sine\nVersion: 1.0\n")
    names = {"sine": "Sine", "faulty_sine": "FaultySine", "plain_sine": "PlainSine", "sine_at_44100": "SineAt44100"}
    lines = (f"{name} = tests.tools.sine:{engine}\n" for name, engine in names.items())
    (info / "entry_points.txt").write_text("[jamd.engines]\n" + "".join(lines))
