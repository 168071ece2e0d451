"""An engine behind the calls of the wire, for player processes, `jamd render` and `jamd replay`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from daemon.engines.base import Engine, Setup, engine_class
from daemon.engines.options import make_options
from daemon.errors import JamdError, ModelError
from daemon.models.artifact import first_line
from daemon.models.limits import REMEDY, exit_with, limited
from daemon.music.melody import Melodies, melody_from_json
from daemon.wire import Answer, Anticipate, Call, Control, Generate, Learn, Listen, Ping, Reset


class Host:
    """Executes calls of a stage or a journal on an engine. `known`: the melodies given to the engine at every reset."""

    def __init__(self, engine: Engine, known: Melodies) -> None:
        self._engine, self._known = engine, known

    def owes(self, beat: float) -> bool:
        return self._engine.owes(beat)

    def handle(self, call: Call) -> Iterator[Answer]:
        """Executes the call while the engine's answer is iterated over."""
        match call:
            case Listen(event):
                yield from self._engine.listen(event)
            case Generate(window):
                yield from self._engine.generate(window)
            case Control(name, value, beat):
                for setting in self._engine.settings:
                    if setting.name == name:  # one that is not declared is ignored
                        yield from self._engine.control(name, min(max(value, setting.low), setting.high), beat)
            case Reset(beat, seed):
                self._engine.reset(self._known, beat, seed)
            case Learn(source, plan):
                yield from self._engine.learn(source, plan)
            case Anticipate(Reset(beat, seed), window):
                self._engine.anticipate(self._known, beat, seed, window)
            case Ping():
                pass


def prepare(engine: Engine, give_up: Callable[[str], object] = exit_with) -> None:
    """Get an engine ready. With a model, within `limited`, and every failure is one of the model. Raises JamdError."""
    if (path := engine.setup.model) is None:
        engine.prepare()
        return
    with limited(path, give_up):
        try:
            engine.prepare()
        except JamdError:
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {first_line(error)}"
            raise ModelError(f"{path}: the engine cannot play this model ({text}): {REMEDY}") from error


def make_host(member: Mapping[str, Any], give_up: Callable[[str], object] = exit_with) -> Host:
    """The prepared engine of `member`, a value of `Config.members`, perhaps from an older journal: an option or setting
    that `member` lacks has its default. Raises JamdError."""
    engine_type, model = engine_class(member["engine"]), member["model"]
    setup = Setup(
        options=make_options(engine_type.Options, member["options"]),
        settings=member["settings"],
        model=Path(model) if model else None,
        listen=tuple(member["listen"]),
    )
    engine = engine_type(setup)
    prepare(engine, give_up)
    known = {melody.name: melody for melody in map(melody_from_json, member["melodies"])}
    engine.reset(known, 0.0, 0)  # an engine may need seconds for its first look at long melodies
    return Host(engine, known)
