"""An engine for the tests of the desk: quick to start; misbehaves on demand. The fixture echo_engine registers it."""

import time
from collections.abc import Iterable
from typing import ClassVar

from daemon.engines.base import Option, Setting, Setup
from daemon.errors import ModelError
from daemon.music.events import Action, MidiEvent, Play, Stop, Window, is_note_on
from daemon.music.melody import Melodies

CRASH, HANG = 1, 2  # pitches that it cannot stand


class Echo:
    """Answers every note an octave higher, and plays a note of its own on every beat."""

    needs_model: ClassVar[bool] = False
    voices: ClassVar[tuple[str, ...]] = ("echo", "beat")
    monophonic: ClassVar[bool] = True
    lead: ClassVar[float] = 0.03
    tolerance: ClassVar[float] = 0.1
    options: ClassVar[tuple[Option, ...]] = (
        Option("trouble", "none", "what goes wrong in prepare", choices=("none", "refuse", "crash", "slow")),
    )
    settings: ClassVar[tuple[Setting, ...]] = (Setting("shift", 0, 24, 12, "semitones"),)

    def __init__(self, setup: Setup) -> None:
        self._trouble = setup.options.get("trouble", "none")
        self._shift = int(setup.settings.get("shift", 12))

    def prepare(self) -> None:
        if self._trouble == "refuse":
            raise ModelError("echo: it was told to refuse")
        if self._trouble == "crash":
            raise RuntimeError("told to crash")
        if self._trouble == "slow":
            time.sleep(60)

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        pass

    def control(self, name: str, value: float, beat: float) -> Iterable[Action]:
        self._shift = int(value)
        return ()

    def listen(self, event: MidiEvent) -> Iterable[Action]:
        pitch = event.message[1]
        if is_note_on(event.message):
            if pitch == CRASH:
                raise ValueError("a note that it cannot stand")
            if pitch == HANG:
                time.sleep(60)
            yield Play(event.beat, min(pitch + self._shift, 127), event.message[2], "echo")
        else:
            yield Stop(event.beat, "echo")

    def generate(self, window: Window) -> Iterable[Action]:
        if window.start % 1 == 0:
            yield Play(window.start, 48, 80, "beat", 0.5)
