"""Plays a plan to an engine that follows it, as the stage does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from daemon.engines.base import Engine, Setup, engine_class
from daemon.engines.options import make_options
from daemon.music.chords import transposed_symbol
from daemon.music.events import Action, Play, Window
from daemon.music.feel import Feel
from daemon.music.leadsheet import Key
from daemon.music.plan import Plan, PlannedChord, Section

LEADER = "leader"


def chart(text: str, bar: float = 4.0, start: float = 0.0) -> tuple[PlannedChord, ...]:
    """The chords of bars such as `| Dm7 G7 | C | % |`, evenly divided."""
    chords: list[PlannedChord] = []
    for number, cell in enumerate(cell for cell in text.split("|") if cell.strip()):
        symbols = cell.split()
        for place, symbol in enumerate(symbols):
            length = bar / len(symbols)
            same = chords[-1].symbol if symbol == "%" else symbol
            chords.append(PlannedChord(start + number * bar + place * length, length, same))
    return tuple(chords)


def plan(text: str, feel: Feel | str = "swing", bar: float = 4.0, sections: Sequence[Section] = ()) -> Plan:
    return Plan(0.0, chart(text, bar), tuple(sections), (), Feel(feel) if isinstance(feel, str) else feel)


def make(name: str, **values: Any) -> Engine:
    kind = engine_class(name)
    settings = {setting.name: values.pop(setting.name) for setting in kind.settings if setting.name in values}
    engine = kind(Setup(make_options(kind.Options, values), settings, None, (LEADER,)))
    engine.prepare()
    return engine


def play(
    engine: Engine, plans: Iterable[Plan], beats: float, seed: int = 1, bar: float = 4.0, tempo: float = 120.0,
) -> list[Action]:  # fmt: skip
    """From beat 0 on; each plan is announced a 16th before it holds."""
    engine.reset({}, 0.0, seed)
    actions: list[Action] = []
    waiting = sorted(plans, key=lambda each: each.beat)
    for number in range(round(beats * 4)):
        start = number / 4
        while waiting and waiting[0].beat <= start + 1e-9:
            actions += (each for each in engine.learn(LEADER, waiting.pop(0)) if not isinstance(each, Plan))
        window = Window(start, start + 0.25, start // bar * bar, bar, tempo)
        actions += (each for each in engine.generate(window) if not isinstance(each, Plan))
    return actions


def notes(actions: Iterable[Action]) -> list[Play]:
    return [action for action in actions if isinstance(action, Play)]


def in_key(given: Plan, semitones: int) -> Plan:
    return replace(
        given,
        chords=tuple(
            replace(chord, symbol=transposed_symbol(chord.symbol, semitones, Key(semitones % 12)))
            for chord in given.chords
        ),
    )
