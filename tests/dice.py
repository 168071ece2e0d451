"""An engine for tests: needs no model, uses everything an engine may do, and throws dice for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import ClassVar

from daemon.engines.base import Engine, Setting, Setup
from daemon.engines.options import option
from daemon.music.events import Action, MidiEvent, Play, Stop, Window, is_note_off, is_note_on
from daemon.music.melody import Melodies


class Dice(Engine):
    """Answers keys with two voices, fills windows as likely as `often` says, and doubles known melodies."""

    @dataclass(frozen=True)
    class Options:
        mode: str = option("dorian", "changes nothing", choices=("dorian", "lydian"))
        modes: tuple[str, ...] = option(("dorian",), "changes nothing", choices=("dorian", "lydian", "none"))
        mirror: bool = option(False, "downwards")
        label: str = option("", "anything")
        width: float = option(2.0, "in semitones")
        faces: str = option("six", "a name or a file", file=True)

    voices: ClassVar[tuple[str, ...]] = ("high", "low")
    settings: ClassVar[tuple[Setting, ...]] = (Setting("often", 0.0, 1.0, 0.3, "how often it plays"),)

    options: Options

    @classmethod
    def mistakes(cls, setup: Setup[Options]) -> Iterator[tuple[str, str]]:
        """The label `cross` makes the check itself fail."""
        if setup.options.label == "cross":
            raise ArithmeticError
        if setup.options.width < 0:
            yield "width", "is negative: give one from 0 on"
        try:
            if setup.options.faces != "six":
                Path(setup.options.faces).stat()
        except FileNotFoundError:
            yield "faces", f"{setup.options.faces}: there is no such file: write six, or the path of a file"

    @classmethod
    def gives_way(cls, options: Options) -> bool:
        """As a mirror it says so, although its own music goes on. The label `sulk` makes the question fail."""
        if options.label == "sulk":
            raise ArithmeticError
        return options.mirror

    def prepare(self) -> None:
        self.reset({}, 0.0, 0)

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        self._random, self._known = Random(seed), known

    def listen(self, event: MidiEvent) -> Iterator[Action]:
        if is_note_on(event.message):
            pitch, sign = event.message[1], -1 if self.options.mirror else 1
            yield Play(event.beat, pitch, event.message[2], "high")
            yield Play(event.beat, (pitch + sign * self._random.randrange(3, 12)) % 128, 70, "low")
        elif is_note_off(event.message):
            yield Stop(event.beat, "high")
            if self._random.random() < 0.5:
                yield Stop(event.beat + 0.25, "low")

    def generate(self, window: Window) -> Iterator[Action]:
        for melody in self._known.values():
            for note in melody.between(window.start, window.end):
                yield Play(note.onset, note.pitch, note.velocity, "high", note.duration)
        if self._random.random() < self.values["often"]:
            pitch = self._random.randrange(40, 60)
            yield Play(window.start, pitch, 60, "low", self._random.choice((None, 0.25, 1.0)))


def register(folder: Path) -> None:
    """Make a distribution in `folder` that provides the engine `dice` to whoever has `folder` on its path."""
    info = folder / "jamd_dice-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: jamd-dice\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[jamd.engines]\ndice = tests.dice:Dice\n")
