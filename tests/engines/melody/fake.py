"""A fake melody model, whose probabilities a test sets and whose inputs a test reads; a stage that calls the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.encodings.melody.events import EVENTS, FIRST_PITCH, LOWEST
from daemon.engines.base import Setup
from daemon.engines.melody import engine as engine_module
from daemon.engines.melody.engine import MelodyPlayer
from daemon.engines.options import make_options
from daemon.music.events import SUSTAIN, Action, MidiEvent, Play, Stop, control_change
from tests.engines.harmoniser.fake import off, on, window

# (the events so far, position in the bar) → log probabilities (38,), up to a constant
Scores = Callable[[tuple[int, ...], float], np.ndarray]


def event(pitch: int) -> int:
    return pitch - LOWEST + FIRST_PITCH


def uniform(heard: tuple[int, ...], position: float) -> np.ndarray:
    """All events are equally likely."""
    return np.zeros(EVENTS)


def cycle_of(*pitches: int) -> Scores:
    """These pitches in turn are likely, another one on every 16th."""

    def scores_at(heard: tuple[int, ...], position: float) -> np.ndarray:
        scores = np.full(EVENTS, -9.0)
        scores[event(pitches[len(heard) % len(pitches)])] = 0.0
        return scores

    return scores_at


@dataclass(frozen=True)
class FakeState:
    heard: tuple[int, ...]
    positions: tuple[float, ...]  # of each 16th heard, and of the next one
    log_probs: np.ndarray
    meter: float
    transpose: int


@dataclass
class FakeModel:
    score: Scores = uniform
    transpose: Callable[[Sequence[int]], int] = lambda events: 0
    states: list[FakeState] = field(default_factory=list)

    def transposition(self, events: Sequence[int]) -> int:
        return self.transpose(events)

    def start(self, meter: float, position: float = 0.0, transpose: int = 0) -> FakeState:
        assert 0 <= position < meter
        return self._state((), (position,), meter, transpose)

    def step(self, state: FakeState, event: int, position: float) -> FakeState:
        assert 0 <= event < EVENTS and position >= 0
        return self._state((*state.heard, event), (*state.positions, position), state.meter, state.transpose)

    def _state(self, heard: tuple[int, ...], positions: tuple[float, ...], meter: float, transpose: int) -> FakeState:
        scores = self.score(heard, positions[-1])
        log_probs = scores - np.log(np.exp(scores).sum())
        self.states.append(FakeState(heard, positions, log_probs, meter, transpose))
        return self.states[-1]

    @property
    def heard(self) -> tuple[int, ...]:
        """The events that the model heard by its last step."""
        return self.states[-1].heard


@dataclass
class Artifact:
    session: Any = None
    sidecar: Any = None


def make(
    monkeypatch: pytest.MonkeyPatch,
    model: FakeModel,
    listen: tuple[str, ...] = ("keys",),
    options: dict[str, str] | None = None,
    **settings: float,
) -> MelodyPlayer:
    """A prepared engine; temperature 1 and top-p 1 unless `settings` says otherwise."""
    monkeypatch.setattr(engine_module.models, "load", lambda path, engine: Artifact())
    monkeypatch.setattr(engine_module, "MelodyModel", lambda artifact: model)
    chosen = make_options(MelodyPlayer.Options, options or {})
    engine = MelodyPlayer(Setup(chosen, {"top_p": 1.0, **settings}, Path("fake.onnx"), listen))
    engine.prepare()
    engine.reset({}, 0.0, 1)
    model.states.clear()
    return engine


LEAD = 0.05  # beats before its start at which a window is requested


def pedal(beat: float, value: int = 127, source: str = "keys") -> MidiEvent:
    return MidiEvent(beat, source, control_change(1, SUSTAIN, value))


def keys(*notes: tuple[float, float, int], velocity: int = 80) -> list[MidiEvent]:
    """Notes are (onset, duration, pitch)."""
    return [e for onset, length, pitch in notes for e in (on(onset, pitch, velocity), off(onset + length, pitch))]


@dataclass
class Stage:
    """Calls an engine as the stage does: each window `LEAD` beats before it starts, each event when it happens."""

    engine: MelodyPlayer
    meter: float = 4.0
    tempo: float = 96.0
    actions: list[Action] = field(default_factory=list)
    frame: int = 0

    def play(self, events: Iterable[MidiEvent | tuple[float, str, float]], end: float) -> Stage:
        """Up to the window that starts at `end`; a tuple turns a setting: (beat, name, value)."""
        waiting = sorted(events, key=lambda e: e.beat if isinstance(e, MidiEvent) else e[0])
        while self.frame / 4 < end:
            requested = self.frame / 4 - LEAD
            while waiting and (waiting[0].beat if isinstance(waiting[0], MidiEvent) else waiting[0][0]) < requested:
                self._call(waiting.pop(0))
            for action in self.engine.generate(window(self.frame / 4, meter=self.meter, tempo=self.tempo)):
                assert action.onset >= self.frame / 4
                self.actions.append(action)
            self.frame += 1
        for late in waiting:
            self._call(late)
        return self

    def _call(self, item: MidiEvent | tuple[float, str, float]) -> None:
        if not isinstance(item, MidiEvent):
            beat, name, value = item
            for action in self.engine.control(name, value, beat):
                assert action.onset >= beat
                self.actions.append(action)
            return
        for action in self.engine.listen(item):
            assert action.onset >= item.beat
            self.actions.append(action)

    @property
    def plays(self) -> list[tuple[float, int]]:
        """(onset, pitch) of all notes that sounded, without notes that a later action cancelled."""
        return [(onset, pitch) for onset, _, pitch, _ in sounded(self.actions)]


def sounded(actions: Iterable[Action]) -> list[tuple[float, float, int, int]]:
    """(onset, end, pitch, velocity) as the stage plays a monophonic voice; a note without an end has the end ∞."""
    notes: list[tuple[float, float, int, int]] = []
    for action in actions:
        while notes and notes[-1][0] >= action.onset:
            notes.pop()
        if notes and notes[-1][1] > action.onset:
            notes[-1] = (notes[-1][0], action.onset, *notes[-1][2:])
        if isinstance(action, Play):
            end = float("inf") if action.duration is None else action.onset + action.duration
            notes.append((action.onset, end, action.pitch, action.velocity))
        else:
            assert isinstance(action, Stop)
    return notes
