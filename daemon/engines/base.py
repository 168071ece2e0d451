"""The base class of engines. Engines compute in beats and notes; ports, seconds, threads and YAML are not theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from daemon.engines import declaration
from daemon.engines.traces import described
from daemon.errors import ConfigError, EngineError, ModelError
from daemon.music.events import Action, MidiEvent, Window
from daemon.music.melody import Melodies
from daemon.music.plan import Plan
from daemon.song.timing import Timing
from daemon.suggestions import suggestion

ON = 0.5  # a setting used as a switch is on from this value up
SEEDS = 2**63 - 1  # the bits of a seed, which may be any integer, that are used

OptionsT = TypeVar("OptionsT")


@dataclass(frozen=True, slots=True)
class Setting:
    """A number from `low` to `high`, inclusive, that a CC or a control surface turns while the engine plays."""

    name: str
    low: float
    high: float
    default: float
    help: str


@dataclass(frozen=True, slots=True)
class Setup(Generic[OptionsT]):
    """Constructor argument of an engine.

    `options`: an instance of the engine's `Options`. `settings`: initial values; a setting left out has its default.
    `listen`: the inputs, melodies and players that the engine hears, in order of precedence. `rate`: frames per second
    of an audio engine. `contents`: by option, what `Engine.content` made of the file that the option names; a journal
    from an older version of jamd has none.
    """

    options: OptionsT
    settings: Mapping[str, float] = field(default_factory=dict)
    model: Path | None = None
    listen: tuple[str, ...] = ()
    rate: int = 0
    contents: Mapping[str, Any] = field(default_factory=dict)

    def require_model(self, engine: str) -> Path:
        """The path of the model. Raises ModelError, naming the `engine`, if there is none."""
        if self.model is None:
            raise ModelError(f"the engine {engine} has no model: name one under `model:`; `jamd models` lists them")
        return self.model


@dataclass(frozen=True)
class NoOptions:
    """Options of an engine that has none."""


class Engine:
    """Decides what one band member plays. Every call comes from one thread, in order.

    A subclass overrides what it needs; everything has a default. Configuration, controllers and documentation read the
    class attributes. A subclass with options declares the dataclass `Options` and annotates `options: Options`.
    `values` holds the current value of each setting.
    """

    needs_model: ClassVar[bool] = False
    voices: ClassVar[tuple[str, ...]] = ("voice",)
    monophonic: ClassVar[bool] = True  # a new Play ends the note that sounds in its voice
    channel: ClassVar[int | None] = None  # default MIDI channel of all voices; None: channels 1, 2, … in order
    lead: ClassVar[float] = 0.03  # seconds before its start at which a window is requested
    tolerance: ClassVar[float] = 0.1  # seconds; a note-on that is later is dropped
    Options: ClassVar[type[Any]] = NoOptions
    settings: ClassVar[tuple[Setting, ...]] = ()
    plans: ClassVar[bool] = False  # whether it announces plans: those who listen to it begin when they know the first

    options: Any

    def __init__(self, setup: Setup[Any]) -> None:
        self.setup, self.options = setup, setup.options
        self.values = {s.name: float(setup.settings.get(s.name, s.default)) for s in self.settings}

    @classmethod
    def gives_way(cls, options: Any) -> bool:
        """Whether its own music ends when keys play that it listens to, so that they may begin a beat of their own.
        While any other engine plays in time, no key sets the beat."""
        return False

    @classmethod
    def content(cls, option: str, file: str) -> Any:
        """What the file that `option` names says, as JSON, or None: the engine reads the file itself. It is part of the
        configuration and of the recording, so that a process that is replaced and a replay need no file. Raises
        JamdError."""
        return None

    @classmethod
    def timing(cls, setup: Setup[Any]) -> Timing | None:
        """The tempo, meter and count-in of its music, if it brings its own: `clock.source` may name the member then."""
        return None

    @classmethod
    def mistakes(cls, setup: Setup[Any]) -> Iterable[tuple[str, str]]:
        """Mistakes in options and settings that their types and ranges do not exclude: (name, problem and remedy).

        The configuration is checked with it, so no model is loaded here, and nothing slow is done.
        """
        return ()

    @classmethod
    def declaration_mistakes(cls) -> Iterator[str]:
        """Every mistake in the class attributes, with its remedy. Checked when the engine is loaded."""
        yield from declaration.declaration_mistakes(cls)

    def prepare(self) -> None:
        """Load and warm up; may block. Raises ModelError, or another JamdError about `setup.contents`."""

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        """Forget everything heard and played, and seed all randomness; called at every start and jump.

        `known`: those melodies listened to whose future is known.
        """

    def control(self, name: str, value: float, beat: float) -> Iterable[Action | Plan]:
        """Turn a declared setting at `beat`; `value` is within its range."""
        if name in self.values:
            self.values[name] = value
        return ()

    def listen(self, event: MidiEvent) -> Iterable[Action | Plan]:
        """Hear a note or the sustain pedal (CC 64) of a source listened to. Each action is sent as it is yielded."""
        return ()

    def learn(self, source: str, plan: Plan) -> Iterable[Action | Plan]:
        """Learn what `source`, a player listened to, plans to play."""
        return ()

    def generate(self, window: Window) -> Iterable[Action | Plan]:
        """Play one 16th, requested `lead` seconds before it starts. Each action is sent as it is yielded."""
        return ()

    def anticipate(self, known: Melodies, beat: float, seed: int, window: Window) -> None:
        """Compute ahead what `reset(known, beat, seed)` and then `generate(window)` will need, so that they take less
        time. Called while the transport stands; optional, and without an effect on what is played."""

    def owes(self, beat: float) -> bool:
        """Whether an answer to what was heard is pending or still sounds at `beat`: `jamd render` waits for its end."""
        return False


def brings_timing(engine: type[Engine]) -> bool:
    """Whether `clock.source` may name a member with that engine."""
    return engine.timing.__func__ is not Engine.timing.__func__  # type: ignore[attr-defined]


def brings_contents(engine: type[Engine]) -> bool:
    """Whether the contents of files that its options name are part of the configuration."""
    return engine.content.__func__ is not Engine.content.__func__  # type: ignore[attr-defined]


def turned_on(before: float, value: float) -> bool:
    """Whether a switch turns on: `value` crosses ON, or repeats one above ON from a controller that never sends 0."""
    return value >= ON and (before < ON or before == value)


def engine_names() -> list[str]:
    return sorted(point.name for point in entry_points(group="jamd.engines"))


@cache
def engine_class(name: str) -> type[Engine]:
    """The engine registered under `name` in the entry-point group `jamd.engines`. Raises ConfigError if there is none,
    EngineError if it cannot be loaded or its class attributes are wrong."""
    points = tuple(entry_points(group="jamd.engines", name=name))
    if not points:
        raise ConfigError([f"there is no engine {name!r}{suggestion(name, engine_names())}"])
    packages = [f"{point.dist.name} {point.dist.version}" if point.dist else "a package" for point in points]
    if len(points) > 1:
        raise EngineError(f"the engine {name!r} comes with {' and with '.join(packages)}: uninstall all but one")
    try:
        return _load(points[0])
    except EngineError as error:
        raise EngineError(f"the engine {name!r} of {packages[0]} cannot be loaded: {error}") from error.__cause__


def _load(point: EntryPoint) -> type[Engine]:
    """Raises EngineError."""
    entry = 'the entry point under [project.entry-points."jamd.engines"], and install the package again'
    try:
        import_module(point.module)
    except (Exception, SystemExit) as error:  # a third party's module may raise anything
        if isinstance(error, ModuleNotFoundError) and error.name == point.module:
            raise EngineError(f"there is no module {point.module!r}: correct {entry}") from error
        raise EngineError(f"{described(error, point.module)}: correct or reinstall the package") from error
    try:
        loaded = point.load()
    except AttributeError as error:
        raise EngineError(f"there is no {point.attr!r} in the module {point.module!r}: correct {entry}") from error
    if not isinstance(loaded, type) or not issubclass(loaded, Engine):
        raise EngineError(f"{point.value} is not a subclass of daemon.engines.base.Engine: correct {entry}")
    if mistakes := list(loaded.declaration_mistakes()):
        raise EngineError("; ".join(f"{loaded.__qualname__}: {mistake}" for mistake in mistakes))
    return loaded


def default_channels(engine: type[Engine]) -> dict[str, int]:
    """MIDI channels of an engine's voices where the configuration names none."""
    return {voice: engine.channel or number for number, voice in enumerate(engine.voices, 1)}
