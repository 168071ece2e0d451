"""An engine behind the calls of the wire, for player processes, `jamd render` and `jamd replay`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from daemon.engines.base import Engine, Setup, engine_class
from daemon.engines.options import make_options
from daemon.errors import JamdError, ModelError
from daemon.models.artifact import first_line
from daemon.models.limits import REMEDY, exit_with, limited, memory_error
from daemon.music.melody import Melodies, melody_from_json
from daemon.player.failure import failure, guarded, items_of
from daemon.wire import Answer, Anticipate, Call, Control, Generate, Learn, Listen, Ping, PlayMessage, Reset


class Host:
    """Executes calls of a stage or a journal on an engine. `known`: the melodies given to the engine at every reset."""

    def __init__(self, engine: Engine, known: Melodies) -> None:
        self._engine, self._known = engine, known

    def owes(self, beat: float) -> bool:
        """Raises EngineFailure."""
        try:
            return self._engine.owes(beat)
        except Exception as error:
            raise failure(type(self._engine), f"in owes at beat {beat:.10g}", error) from error

    def handle(self, call: Call) -> Iterator[Answer]:
        """Executes the call while the engine's answer is iterated over. Raises EngineFailure."""
        try:
            yield from self._answer(call)
        except Exception as error:
            raise failure(type(self._engine), call, error) from error

    def _answer(self, call: Call) -> Iterator[Answer]:
        match call:
            case Listen(event):
                yield from items_of(self._engine.listen(event))
            case Generate(window):
                yield from items_of(self._engine.generate(window))
            case Control(name, value, beat):
                for setting in self._engine.settings:
                    if setting.name == name:  # one that is not declared is ignored
                        value = min(max(value, setting.low), setting.high)
                        yield from items_of(self._engine.control(name, value, beat))
            case Reset(beat, seed):
                self._engine.reset(self._known, beat, seed)
            case Learn(source, plan):
                yield from items_of(self._engine.learn(source, plan))
            case Anticipate(Reset(beat, seed), window):
                self._engine.anticipate(self._known, beat, seed, window)
            case Ping() | PlayMessage():
                pass


def prepare(engine: Engine, give_up: Callable[[str], object] = exit_with) -> None:
    """Get an engine ready. With a model, within `limited`, and every failure is one of the model. Raises JamdError."""
    if (path := engine.setup.model) is None:
        with guarded(type(engine), "in prepare"):
            engine.prepare()
        return
    with limited(path, give_up):
        try:
            engine.prepare()
        except JamdError:
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {first_line(error)}"
            raise ModelError(
                memory_error(path, error) or f"{path}: the engine cannot play this model ({text}): {REMEDY}"
            ) from error


def create(engine_type: type[Engine], setup: Setup[Any]) -> Engine:
    """Raises JamdError."""
    with guarded(engine_type, "in __init__"):
        return engine_type(setup)


def make_engine(member: Mapping[str, Any], give_up: Callable[[str], object] = exit_with, rate: int = 0) -> Engine:
    """The prepared engine of `member`, a value of `Config.members`, perhaps from an older journal: an option or setting
    that `member` lacks has its default. `rate`: of an audio engine. Raises JamdError."""
    engine_type, model = engine_class(member["engine"]), member["model"]
    setup = Setup(
        options=make_options(engine_type.Options, member["options"]),
        settings=member["settings"],
        model=Path(model) if model else None,
        listen=tuple(member["listen"]),
        rate=rate,
        contents=member.get("contents", {}),
    )
    engine = create(engine_type, setup)
    prepare(engine, give_up)
    return engine


def make_host(member: Mapping[str, Any], give_up: Callable[[str], object] = exit_with) -> Host:
    """The engine of `member` (`make_engine`) behind calls. Raises JamdError."""
    engine = make_engine(member, give_up)
    known = {melody.name: melody for melody in map(melody_from_json, member["melodies"])}
    host = Host(engine, known)
    list(host.handle(Reset(0.0, 0)))  # an engine may need seconds for its first look at long melodies
    return host
