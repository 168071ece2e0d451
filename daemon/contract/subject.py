"""What is checked: an engine with options, settings and a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from daemon.contract.calls import Settings
from daemon.engines.base import Engine, Setup
from daemon.engines.options import TEXTS, make_options, options_of, options_to_json
from daemon.engines.traces import described
from daemon.errors import EngineError
from daemon.player.host import Host, create, prepare
from daemon.wire import Reset


@dataclass(frozen=True, slots=True)
class Subject:
    """`setup` has a value of every setting. `name`: the difference from the subject that was asked for."""

    engine: type[Engine]
    setup: Setup[Any]
    name: str = ""

    @property
    def settings(self) -> Settings:
        return [(setting, self.setup.settings[setting.name]) for setting in self.engine.settings]

    def make(self) -> Engine:
        """A new engine, as a player process makes one. Raises JamdError."""
        engine = create(self.engine, self.setup)
        prepare(engine)
        list(Host(engine, {}).handle(Reset(0.0, 0)))
        return engine


def variants(subject: Subject) -> Iterator[Subject]:
    """The subject; with every other choice of every option; with all settings at their lowest and highest values. Left
    out is what the engine itself calls a mistake. Raises EngineError."""
    yield subject
    setup, engine = subject.setup, subject.engine
    chosen = options_to_json(setup.options)
    for option in options_of(engine.Options):
        for choice in option.choices:
            value = [choice] if option.type == TEXTS else choice
            if value != chosen[option.name]:
                options = make_options(engine.Options, {**chosen, option.name: value})
                yield from _faultless(engine, replace(setup, options=options), f"{option.name}: {choice}")
    for end in ("low", "high") if engine.settings else ():
        settings = {setting.name: getattr(setting, end) for setting in engine.settings}
        yield from _faultless(engine, replace(setup, settings=settings), f"every setting at its {end} end")


def _faultless(engine: type[Engine], setup: Setup[Any], name: str) -> Iterator[Subject]:
    try:
        mistakes = list(engine.mistakes(setup))
    except Exception as error:
        problem = described(error, engine.__module__)
        raise EngineError(
            f"the engine cannot check its options, with {name} ({problem}): correct `mistakes`"
        ) from error
    if not mistakes:
        yield Subject(engine, setup, name)
