"""Engines that break one rule each; the fixture faulty_engines registers those that need a process of their own."""

from __future__ import annotations

import ctypes
import os
import random
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from daemon.engines.base import Engine, Setting, Setup
from daemon.engines.options import option
from daemon.errors import ModelError
from daemon.music.events import Action, MidiEvent, Play, Stop, Window, is_note_off, is_note_on
from daemon.music.melody import Melodies
from daemon.music.plan import Plan
from daemon.performance.players import ANSWER_TIMEOUT


class Good(Engine):
    """Doubles every key and draws a note for every beat."""

    settings: ClassVar[tuple[Setting, ...]] = (Setting("shift", -12, 12, 0, "semitones"),)
    voices: ClassVar[tuple[str, ...]] = ("double", "beat")

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        self.random = random.Random(seed)
        self.held: set[tuple[str, int]] = set()

    def listen(self, event: MidiEvent) -> Iterator[Any]:
        key = (event.source, event.message[1])
        if is_note_on(event.message):
            self.held.add(key)
            yield self.double(event)
        elif is_note_off(event.message):
            self.held.discard(key)
            if not self.held:
                yield Stop(event.beat, "double")

    def double(self, event: MidiEvent) -> Any:
        return Play(event.beat, event.message[1], event.message[2], "double")

    def generate(self, window: Window) -> Iterator[Action]:
        if window.start % 1 == 0:
            yield Play(window.start, self.random.randrange(40, 60), 60, "beat", 0.5)


class Drone(Engine):
    """Plays one note for ever, keys or not."""

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        self.begun = False

    def generate(self, window: Window) -> Iterator[Action]:
        if not self.begun:
            self.begun = True
            yield Play(window.start, 40, 60, "voice")


class Silent(Engine):
    """Plays nothing."""


# Rule 1


class SlowKeys(Good):
    def listen(self, event: MidiEvent) -> Iterator[Any]:
        time.sleep(0.03)  # the test's limit is shorter
        yield from super().listen(event)


class SlowWindows(Good):
    lead: ClassVar[float] = 0.0001

    def generate(self, window: Window) -> Iterator[Action]:
        time.sleep(0.0003)
        yield from super().generate(window)


class SlowOnce(Good):
    is_first: ClassVar[bool] = True

    def listen(self, event: MidiEvent) -> Iterator[Any]:
        if SlowOnce.is_first:
            SlowOnce.is_first = False
            time.sleep(ANSWER_TIMEOUT + 0.05)
        yield from super().listen(event)


# Rule 2


class EarlyAnswer(Good):
    def double(self, event: MidiEvent) -> Any:
        return Play(event.beat - 0.01, event.message[1], 60, "double")


class EarlyWindow(Good):
    def generate(self, window: Window) -> Iterator[Action]:
        yield Stop(window.bar_start, "beat")


class EarlyControl(Good):
    def control(self, name: str, value: float, beat: float) -> Iterable[Action]:
        return [Stop(beat - 1, "beat")]


class HighPitch(Good):
    def double(self, event: MidiEvent) -> Any:
        return Play(event.beat, event.message[1] + 12, 60, "double")


class NoVelocity(Good):
    def double(self, event: MidiEvent) -> Any:
        return Play(event.beat, 60, event.message[2] // 2, "double")


class NumpyPitch(Good):
    def double(self, event: MidiEvent) -> Any:
        return Play(event.beat, np.int64(event.message[1]), 60, "double")  # type: ignore[arg-type]


class FloatPitch(Good):
    def double(self, event: MidiEvent) -> Any:
        return Play(event.beat, event.message[1] + self.values["shift"] * 0, 60, "double")  # type: ignore[arg-type]


class EndlessOnset(Good):
    def double(self, event: MidiEvent) -> Any:
        return Play(float("inf"), 60, 60, "double")


class OtherVoice(Good):
    def double(self, event: MidiEvent) -> Any:
        return Play(event.beat, 60, 60, "dubble")


class NoDuration(Good):
    def double(self, event: MidiEvent) -> Any:
        return Play(event.beat, 60, 60, "double", 0.0)


class Words(Good):
    def double(self, event: MidiEvent) -> Any:
        return "C4"


class NoAnswer(Good):
    def generate(self, window: Window) -> Any:
        return None


class BadPlan(Good):
    def double(self, event: MidiEvent) -> Any:
        return Plan(float("nan"))


# Rule 3


class Unseeded(Good):
    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        super().reset(known, beat, seed)
        self.random = random.Random()


class Remembers(Good):
    """What was heard before a reset."""

    count = 0

    def double(self, event: MidiEvent) -> Any:
        self.count += 1
        return Play(event.beat, self.count % 128, 60, "double")


class AnticipatesTooMuch(Good):
    ahead = 0

    def anticipate(self, known: Melodies, beat: float, seed: int, window: Window) -> None:
        self.ahead += 1

    def double(self, event: MidiEvent) -> Any:
        return Play(event.beat, 60 + self.ahead, 60, "double")


class HashOrder(Good):
    """In each process another."""

    def double(self, event: MidiEvent) -> Any:
        return Play(event.beat, hash("a name") % 128, 60, "double")


# Rule 4


class Hangs(Good):
    def listen(self, event: MidiEvent) -> Iterator[Any]:
        if is_note_on(event.message):
            yield self.double(event)


class IgnoresPedalUp(Good):
    """A pedal that was pressed holds the notes for ever."""

    pedal = False

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        super().reset(known, beat, seed)
        self.pedal = False

    def listen(self, event: MidiEvent) -> Iterator[Any]:
        self.pedal |= event.message[0] & 0xF0 == 0xB0 and event.message[2] >= 64
        for action in super().listen(event):
            if not (self.pedal and isinstance(action, Stop)):
                yield action


class Piles(Good):
    """In a voice of many notes, the next Play ends none."""

    monophonic: ClassVar[bool] = False

    def listen(self, event: MidiEvent) -> Iterator[Any]:
        if is_note_on(event.message):
            yield self.double(event)
        elif is_note_off(event.message):
            yield Play(event.beat, 30, 60, "double", 0.1)


# Rule 5


class FailsOnHighNotes(Good):
    def double(self, event: MidiEvent) -> Any:
        return Play(event.beat, [*range(120)][event.message[1]], 60, "double")


class FailsOnNoteOffs(Good):
    def listen(self, event: MidiEvent) -> Iterator[Any]:
        if is_note_off(event.message):
            self.held.remove((event.source, event.message[1]))
        yield from super().listen(event)


class FailsOnPedals(Good):
    def listen(self, event: MidiEvent) -> Iterator[Any]:
        if not is_note_on(event.message) and not is_note_off(event.message):
            raise NotImplementedError
        yield from super().listen(event)


class FailsOnSkippedWindows(Good):
    expected = 0.0

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        super().reset(known, beat, seed)
        self.expected = beat

    def generate(self, window: Window) -> Iterator[Action]:
        assert window.start == self.expected
        self.expected = window.end
        yield from super().generate(window)


class FailsOnPlans(Good):
    def learn(self, source: str, plan: Plan) -> Iterable[Action]:
        return [Play(plan.beat, 60, 60, "double", max(plan.chords[0].duration, 0.1))]


class FailsOnLargeSeeds(Good):
    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        super().reset(known, beat, seed)
        np.random.RandomState(seed)


class FailsOnSettings(Good):
    def generate(self, window: Window) -> Iterator[Action]:
        _ = 1 / (12 - self.values["shift"])
        yield from super().generate(window)


class FailsOnChoice(Good):
    @dataclass(frozen=True)
    class Options:
        mode: str = option("major", "the mode", choices=("major", "minor"))

    def generate(self, window: Window) -> Iterator[Action]:
        _ = {"major": 4}[self.options.mode]
        yield from super().generate(window)


class FailsWhenAsked(Good):
    def owes(self, beat: float) -> bool:
        raise LookupError


class FailsAhead(Good):
    def anticipate(self, known: Melodies, beat: float, seed: int, window: Window) -> None:
        raise LookupError


class FailsToCheckOptions(Good):
    @classmethod
    def mistakes(cls, setup: Setup[Any]) -> Iterable[tuple[str, str]]:
        return [] if setup.settings["shift"] < 12 else [("shift", "too high")][2]


# Rule 6


class RefusesInInit(Good):
    def __init__(self, setup: Setup[Any]) -> None:
        raise ModelError("no weights: download some")


class LateModelError(Good):
    def generate(self, window: Window) -> Iterator[Action]:
        raise ModelError("the model is not there any more")


class Exits(Good):
    def generate(self, window: Window) -> Iterator[Action]:
        sys.exit(0)


class FailsToPrepare(Good):
    def prepare(self) -> None:
        raise ValueError("no weights")


class FailsWithoutModel(Good):
    needs_model: ClassVar[bool] = True

    def prepare(self) -> None:
        self.size = self.setup.model.stat().st_size  # type: ignore[union-attr]


class Vanishes(Good):
    def double(self, event: MidiEvent) -> Any:
        os._exit(0)


class Crashes(Good):
    def double(self, event: MidiEvent) -> Any:
        ctypes.string_at(0)


class Sleeps(Good):
    def double(self, event: MidiEvent) -> Any:
        time.sleep(60)
