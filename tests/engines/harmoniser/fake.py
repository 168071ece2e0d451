"""A fake model whose predictions tests choose, and which records its calls; and helpers to make and run an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.encodings.chorale import LOWEST, REST
from daemon.engines.base import Setup
from daemon.engines.harmoniser import engine as engine_module
from daemon.engines.harmoniser.engine import Harmoniser
from daemon.engines.harmoniser.model import State
from daemon.engines.options import make_options
from daemon.music.events import Action, MidiEvent, Window, note_off, note_on
from daemon.music.melody import Melodies, Melody, Note
from daemon.music.tempo import TempoMap

# (voice, previous MIDI pitches, known MIDI pitches, position in the bar) → the most likely MIDI pitch of the voice
Prediction = Callable[[int, list[int | None], list[int | None], int], int]


def below_soprano(voice: int, previous: list[int | None], known: list[int | None], position: int) -> int:
    """Fixed intervals below the soprano, so that the harmony follows each of the soprano's notes."""
    soprano = known[0] if known[0] is not None else 72
    return soprano - (0, 5, 12, 17)[voice]


def constant_chord(voice: int, previous: list[int | None], known: list[int | None], position: int) -> int:
    """C major, in every 16th."""
    return (72, 64, 55, 48)[voice]


@dataclass(frozen=True)
class FakeState(State):
    """`context`: position of the next frame; `past`: symbols and held flags of the first row, oldest first."""

    past: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = ()

    def select(self, rows: Any) -> FakeState:
        return replace(self, context=self.context[rows])


@dataclass
class FakeModel:
    """Records each state that `advance` returns, and voice and batch size of each call of `head`."""

    predict: Prediction = below_soprano
    tie: float = 9.0
    strength: float = 40.0  # nats by which a prediction is likelier than any other note; more than any place asks for
    advances: list[FakeState] = field(default_factory=list)
    heads: list[tuple[int, int]] = field(default_factory=list)  # (voice of the last row, number of rows)

    def start(self, batch: int) -> FakeState:
        return FakeState({}, np.zeros((batch, 1), dtype=np.float32))

    def advance(self, state: FakeState, frame: Any, held: Any, position: Any, hints: Any) -> FakeState:
        assert frame.shape == held.shape == (len(position), 4)
        past = (*state.past, (tuple(frame[0].tolist()), tuple(held[0].tolist())))
        self.advances.append(FakeState({}, position[:, None].astype(np.float32), past=past))
        return self.advances[-1]

    def head(self, state: State, previous: Any, known: Any, voice: Any) -> tuple[np.ndarray, np.ndarray]:
        assert previous.shape == known.shape == (len(voice), 4)
        self.heads.append((int(voice[-1]), len(voice)))
        logits = np.full((len(voice), REST + 1), -self.strength)
        for row in range(len(voice)):
            position = int(state.context[row, 0])
            pitch = self.predict(int(voice[row]), pitches(previous[row]), pitches(known[row]), position)
            logits[row, min(max(pitch - LOWEST, 0), REST - 1)] = 0.0
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), np.full(len(voice), self.tie)


def pitches(symbols: Any) -> list[int | None]:
    return [int(s) + LOWEST if s < REST else None for s in symbols]


def make(
    monkeypatch: pytest.MonkeyPatch,
    model: FakeModel,
    known: Melodies | None = None,
    temperature: float = 0.0,
    **options: Any,
) -> Harmoniser:
    """A prepared engine that listens to keys, then pads, then all known melodies."""
    monkeypatch.setattr(engine_module.models, "load", lambda path, engine: FakeArtifact(path))
    monkeypatch.setattr(engine_module, "ChoraleModel", lambda artifact: model)
    settings = {"temperature": temperature, "top_p": 1.0}
    chosen, listen = make_options(Harmoniser.Options, options), ("keys", "pads", *(known or {}))
    engine = Harmoniser(Setup(chosen, settings, Path("fake.onnx"), listen))
    engine.prepare()
    engine.reset(known or {}, 0.0, 1)
    model.advances.clear()
    model.heads.clear()
    return engine


@dataclass
class FakeArtifact:
    path: Path
    session: Any = None
    sidecar: Any = None


def window(start: float, length: float = 0.25, meter: float = 4.0, tempo: float = 96.0) -> Window:
    return Window(start, start + length, start // meter * meter, meter, tempo)


def on(beat: float, pitch: int, velocity: int = 80, source: str = "keys", channel: int = 1) -> MidiEvent:
    return MidiEvent(beat, source, note_on(channel, pitch, velocity))


def off(beat: float, pitch: int, source: str = "keys", channel: int = 1) -> MidiEvent:
    return MidiEvent(beat, source, note_off(channel, pitch))


def melody(*notes: tuple[float, float, int], length: float = 8.0, loop: bool = False, part: int = 0) -> Melody:
    """Notes are (onset, duration, pitch)."""
    return Melody(
        "tune", tuple(Note(o, d, p, 90, part) for o, d, p in notes), length, loop, TempoMap(((0, 96),), ((0, 4),))
    )


def run(engine: Harmoniser, start: float, end: float) -> list[Action]:
    """The actions of all windows of a 16th in [start, end)."""
    out: list[Action] = []
    for frame in range(round(start * 4), round(end * 4)):
        out += engine.generate(window(frame / 4))
    return out
