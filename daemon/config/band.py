"""The section `band`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from daemon import models
from daemon.config.names import Names, Section
from daemon.config.options import read_options
from daemon.config.values import Member
from daemon.config.yaml_file import Value, nearest
from daemon.engines.base import Engine, NoOptions, default_channels, engine_class, engine_names
from daemon.errors import JamdError


class BandReader:
    """Reads the players, and keeps the engine of each whose engine could be loaded."""

    def __init__(self, names: Names, whole_models: bool) -> None:
        self._names, self._whole_models = names, whole_models
        self.engines: dict[str, type[Engine]] = {}

    def members(self, band: Section) -> tuple[Member, ...]:
        members = tuple(self._member(name, value) for name, value in band.items())
        _check_circles(members, band)
        return members

    def _member(self, name: str, value: Value) -> Member:
        member, names = value.section("engine", "model", "listen", "play", "options"), self._names
        sources = [*names.inputs, *names.melodies, *names.players]
        listen = tuple(v.one_of(sources, what="an input, a melody or another player") for v in member["listen"].items())
        play = member["play"].section("port", "channels")
        port = play["port"].one_of(names.outputs, what="an output among the ports")
        installed = engine_names()
        engine_name = member["engine"].one_of(installed, what="an installed engine")
        checked_as = engine_name if engine_name in installed else nearest(engine_name, installed)
        engine = checked_as and self._engine(name, checked_as, member["engine"])
        if not checked_as or not engine:
            return Member(name, "", None, listen, port, {}, NoOptions(), {})
        channels = default_channels(engine)
        if play["channels"].given:
            given = play["channels"].section(*engine.voices)
            channels = {voice: v.integer(1, 16, 1) for voice, v in given.items() if v.given}
        model = self._model(member["model"], engine, checked_as)
        options, settings = read_options(member["options"], engine, model, listen)
        return Member(name, engine_name, model, listen, port, channels, options, settings)

    def _engine(self, member: str, name: str, value: Value) -> type[Engine] | None:
        try:
            self.engines[member] = engine_class(name)
        except Exception as error:  # a third party's module may raise anything
            value.report(f"the engine {name!r} cannot be loaded ({error!r}): reinstall the package that provides it")
        return self.engines.get(member)

    def _model(self, value: Value, engine: type[Engine], engine_name: str) -> Path | None:
        if not engine.needs_model:
            if value.given:
                value.report("this engine has no model: delete the line")
            return None
        name = value.text(what="the name of a model; `jamd models` lists them")
        if not name or not value.is_text:
            return None
        try:
            path = models.find(name, value.file.path.parent).absolute()
            if self._whole_models:
                models.check(path, engine_name)
            elif (wrong := models.engine_mismatch(path, engine_name)) is not None:
                value.report(f"{wrong}: correct `model:`")
            return path
        except (JamdError, OSError, ValueError, RuntimeError) as error:
            value.report(str(error))
            return None


def _check_circles(members: Iterable[Member], band: Section) -> None:
    listens = {member.name: member.listen for member in members}
    cleared: set[str] = set()

    def follow(name: str, before: tuple[str, ...]) -> None:
        if name in before:
            circle = (*before[before.index(name) :], name)
            band[name].report(
                f"players listen to each other in a circle ({' → '.join(circle)}): "
                "break the circle by removing one name under `listen`"
            )
        elif name in listens and name not in cleared:
            for other in listens[name]:
                follow(other, (*before, name))
            cleared.add(name)

    for name in listens:
        follow(name, ())
