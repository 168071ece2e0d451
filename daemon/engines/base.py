"""What an engine is. Engines know beats and notes; they know no ports, seconds, threads or YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import ClassVar, Protocol

from daemon.errors import ConfigError
from daemon.music.events import Action, MidiEvent, Window
from daemon.music.melody import Melodies

ON = 0.5  # from there on a setting that is a switch is on
SEEDS = 2**63 - 1  # a seed may be any integer: these bits of it count


@dataclass(frozen=True, slots=True)
class Setting:
    """A number that can be turned while it plays, by CC or from a control surface: `low` … `high`, inclusive."""

    name: str
    low: float
    high: float
    default: float
    help: str


@dataclass(frozen=True, slots=True)
class Option:
    """A choice made once, in the configuration.

    One of `choices` (a list of them, if `many`), or any value of `default`'s type; if `file`, a name, or the path of a
    file, which counts from the configuration's folder.
    """

    name: str
    default: str | float | bool | tuple[str, ...]
    help: str
    choices: tuple[str, ...] = ()
    many: bool = False
    file: bool = False


@dataclass(frozen=True, slots=True)
class Setup:
    """What an engine is made from: checked options, initial settings, its model, and whom it listens to, in order."""

    options: Mapping[str, str | float | bool | tuple[str, ...]] = field(default_factory=dict)
    settings: Mapping[str, float] = field(default_factory=dict)
    model: Path | None = None
    listen: tuple[str, ...] = ()


class Engine(Protocol):
    """A band member's mind. Every call comes from one thread, in order.

    The class itself is the table that config, CC and docs read.
    """

    needs_model: ClassVar[bool]
    voices: ClassVar[tuple[str, ...]]
    monophonic: ClassVar[bool]  # a new Play ends what the voice sounds
    lead: ClassVar[float]  # seconds before a window at which it is asked for
    tolerance: ClassVar[float]  # seconds by which a note-on may be late; a later one is dropped
    options: ClassVar[tuple[Option, ...]]
    settings: ClassVar[tuple[Setting, ...]]

    def __init__(self, setup: Setup) -> None: ...

    def prepare(self) -> None:
        """Load and warm up; may block. Raises ModelError."""

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        """Forget everything and draw from `seed` anew. At every jump.

        `known` are the melodies listened to, whose future is known.
        """

    def control(self, name: str, value: float, beat: float) -> Iterable[Action]:
        """Turn a declared setting at `beat`; `value` lies within its range. Most answer with nothing."""

    def listen(self, event: MidiEvent) -> Iterable[Action]:
        """Notes and sustain (CC 64) of those listened to, as they come. Answer at once, or with nothing.

        Each action is sent as it is yielded.
        """


class NoteEngine(Engine, Protocol):
    def generate(self, window: Window) -> Iterable[Action]:
        """Fill one 16th, `lead` seconds before it starts."""


def turned_on(before: float, value: float) -> bool:
    """Whether a switch is turned on, or told again to be on by a controller that never goes down."""
    return value >= ON and (before < ON or before == value)


def owes(engine: NoteEngine, beat: float) -> bool:
    """Whether something that it has heard is still to be answered at `beat`, or its answer goes on: a rendering waits
    for it. An engine that answers later than it hears has a method `owes(beat)`; others owe nothing."""
    method: Callable[[float], bool] | None = getattr(engine, "owes", None)
    return method is not None and method(beat)


def mistakes(engine: type[NoteEngine], setup: Setup) -> list[tuple[str, str]]:
    """What is wrong with the options of a setup, and how to mend it, each after the option's name. An engine whose
    options are more than their type says has a class method `mistakes(setup)`, which loads no model."""
    method: Callable[[Setup], Iterable[tuple[str, str]]] | None = getattr(engine, "mistakes", None)
    return list(method(setup)) if method is not None else []


def engine_names() -> list[str]:
    return sorted(point.name for point in entry_points(group="jamd.engines"))


@cache
def engine_class(name: str) -> type[NoteEngine]:
    """The engine registered under `name` in the entry-point group `jamd.engines`. Raises ConfigError."""
    for point in entry_points(group="jamd.engines", name=name):
        loaded: type[NoteEngine] = point.load()
        return loaded
    raise ConfigError([f"there is no engine {name!r}: installed are {', '.join(engine_names())}"])


def default_channels(engine: type[NoteEngine]) -> dict[str, int]:
    """MIDI channels of an engine's voices where the configuration names none: `channel` for all if the engine's class
    has such a number, else 1, 2, …"""
    channel: int | None = getattr(engine, "channel", None)
    return {voice: channel or number for number, voice in enumerate(engine.voices, 1)}
