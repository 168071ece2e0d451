"""A fake drum model: plays a pattern, and records the hits that it gets and the requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from daemon.encodings.drums.hits import INSTRUMENTS, Conditioning, Hit
from daemon.engines.base import Setup
from daemon.engines.drums import engine as engine_module
from daemon.engines.drums import flams as flams_module
from daemon.engines.drums.engine import Drums
from daemon.engines.drums.interface import DrawRequest, first_possible
from daemon.engines.drums.primer import Note, Primer
from daemon.engines.options import make_options
from daemon.music.events import Action, Play, Window

KICK, SNARE, CLOSED, OPEN, CRASH, TOM = 36, 38, 42, 46, 49, 43

# Two bars of eighths exactly on the grid: kick, hi-hat, snare, hi-hat, twice.
GRID = Primer(
    "rock", 1920, 3840, tuple(Note(240 * n, INSTRUMENTS.index((36, 42, 38, 42)[n % 4]), 60 + n) for n in range(16))
)

# tick of a 16th since the bar line → the MIDI note that is played there, if any
Pattern = Callable[[int], int | None]


def eighths(tick: int) -> int | None:
    """Kick on 1 and 3, snare on 2 and 4, hi-hat on the others."""
    return {0: 36, 480: 38, 960: 36, 1440: 38}.get(tick % 1920, 42) if tick % 240 == 0 else None


@dataclass(frozen=True)
class Request:
    tick: int  # of the previous hit
    conditioning: Conditioning
    temperature: float
    top_p: float


@dataclass
class FakeModel:
    """Its state: the tick of the last hit."""

    pattern: Pattern = eighths
    shift: int = 0  # ticks by which hits are late; less than 0: early
    styles: tuple[str, ...] = ("funk", "rock")
    follows: frozenset[str] = frozenset({"style", "fill", "loudness", "density"})
    requests: list[Request] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)  # that were played
    bar: int = 0
    velocity: int = 100

    def start(self, bar: int, position: int, tempo: float) -> int:
        self.bar = bar
        return position

    def advance(self, state: int, hit: Hit, tempo: float) -> int:
        assert hit.gap >= 0 and 0 <= hit.instrument < len(INSTRUMENTS) and 1 <= hit.velocity <= 127
        self.hits.append(hit)
        return state + hit.gap

    def draw(self, state: int, rng: np.random.Generator, request: DrawRequest) -> Hit:
        self.requests.append(Request(state, request.conditioning, request.temperature, request.top_p))
        assert request.earliest is not None
        tick = state
        while True:
            grid = -(-(tick - self.shift) // 120) * 120
            tick = grid + self.shift
            if (note := self.pattern(grid % self.bar)) is not None:
                number = INSTRUMENTS.index(note)
                if tick >= state + max(int(request.earliest[number]), 0):
                    return Hit(tick - state, number, self.velocity)
            tick += 1
            if tick > state + 2 * self.bar:  # the pattern lacks what is asked for
                return first_possible(request.earliest, self.velocity)


@dataclass
class FakeArtifact:
    path: Path
    session: Any = None
    sidecar: Any = None


def make(
    monkeypatch: pytest.MonkeyPatch,
    model: Any = None,
    settings: dict[str, float] | None = None,
    flams: float = 0.0,
    **options: Any,
) -> Drums:
    """A prepared engine without fills that listens to keys; its groove is GRID unless `groove` is given. `flams`: the
    share of the strokes of the snare."""
    monkeypatch.setattr(flams_module, "SHARES", (flams,) * 4)
    model = model or FakeModel()
    if "groove" not in options:
        monkeypatch.setattr(engine_module, "find_groove", lambda name_or_path: GRID)
    monkeypatch.setattr(engine_module.models, "load", lambda path, engine: FakeArtifact(path))
    sidecar = SimpleNamespace(names={"styles": model.styles}.__getitem__)
    monkeypatch.setattr(engine_module.models, "read_sidecar", lambda path: sidecar)
    monkeypatch.setattr(engine_module, "drums_model", lambda artifact: model)
    engine = Drums(
        Setup(make_options(Drums.Options, options), {"fill_every": 0.0, **(settings or {})}, Path("f"), ("keys",))
    )
    engine.prepare()
    engine.reset({}, 0.0, 1)
    return engine


def window(start: float, length: float = 0.25, meter: float = 4.0, tempo: float = 120.0, line: float = 0.0) -> Window:
    """`line`: the beat of a bar line."""
    return Window(start, start + length, (start - line) // meter * meter + line, meter, tempo)


def run(engine: Drums, start: float, end: float, meter: float = 4.0, tempo: float = 120.0) -> list[Action]:
    """Actions of all windows in [start, end)."""
    out: list[Action] = []
    for number in range(round(start * 4), round(end * 4)):
        out += engine.generate(window(number / 4, meter=meter, tempo=tempo))
    return out


def plays(actions: list[Action]) -> list[tuple[float, int]]:
    """(onset, pitch) of the notes, in order of onset."""
    return sorted((round(action.onset, 4), action.pitch) for action in actions if isinstance(action, Play))


def onsets_of(actions: list[Action], pitch: int) -> list[float]:
    """Onsets of the notes of one pitch."""
    return [beat for beat, note in plays(actions) if note == pitch]
