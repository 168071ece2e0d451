"""The section `band`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from daemon import models
from daemon.config.listen import read_listen
from daemon.config.names import Names, Section
from daemon.config.options import read_options
from daemon.config.sounds import SOUND_KEYS, SoundReader
from daemon.config.values import Member
from daemon.config.yaml_file import Value
from daemon.engines.base import Engine, NoOptions, default_channels, engine_class, engine_names
from daemon.errors import EngineError, JamdError
from daemon.player.trial import trials
from daemon.suggestions import nearest

PLAYER_KEYS = ("engine", "model", "listen", "play", "options")
MAX_NAMES = 10  # players of a circle in a message


class BandReader:
    """Reads the players, and keeps the engine of each whose engine could be loaded."""

    def __init__(self, names: Names, sounds: SoundReader, whole_models: bool) -> None:
        self._names, self._sounds, self._whole_models = names, sounds, whole_models
        self._installed = engine_names()  # slow: reads the metadata of all installed packages
        self._checked: dict[tuple[Path, str], str | None] = {}  # model, engine → the problem; players may share a model
        self._trials: dict[tuple[Path, str], list[Value]] = {}  # models to try, and where they are named
        self.engines: dict[str, type[Engine]] = {}

    def members(self, band: Section) -> tuple[Member, ...]:
        members = tuple(self._member(name, value) for name, value in band.items())
        _check_circles(members, band)
        self._try_models()
        return members

    def _try_models(self) -> None:
        for values, problem in zip(self._trials.values(), trials(self._trials), strict=True):
            for value in values if problem is not None else ():
                value.report(str(problem))

    def _member(self, name: str, value: Value) -> Member:
        member, names = value.section(*PLAYER_KEYS), self._names
        listen, zones = read_listen(member["listen"], name, names)
        play = member["play"].section("port", "channels", *SOUND_KEYS)
        port = play["port"].one_of(names.outputs, what="an output among the ports")
        engine_name = member["engine"].one_of(self._installed, what="an installed engine")
        checked_as = engine_name if engine_name in self._installed else nearest(engine_name, self._installed)
        engine = checked_as and self._engine(name, checked_as, member["engine"])
        if not checked_as or not engine:
            return Member(name, "", None, listen, port, {}, NoOptions(), {})
        channels, unknown = default_channels(engine), []
        if play["channels"].given:
            given = play["channels"].section(*engine.voices)
            channels = {voice: v.integer(1, 16, 1) for voice, v in given.items() if v.given}
            unknown = [voice for voice, v in given.items() if v.is_wrong]
        sounds = self._sounds.read(play, name, [] if play["port"].is_wrong else [port], channels, unknown)
        model = self._model(member["model"], engine, checked_as)
        options, settings = read_options(member["options"], engine, model, listen)
        return Member(name, engine_name, model, listen, port, channels, options, settings, sounds, zones)

    def _engine(self, member: str, name: str, value: Value) -> type[Engine] | None:
        try:
            self.engines[member] = engine_class(name)
        except EngineError as error:
            value.report(str(error))
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
            problem = self._problem(path, engine_name)
        except (JamdError, OSError, ValueError, RuntimeError) as error:
            value.report(str(error))
            return None
        if problem is not None:
            value.report(problem)
        elif self._whole_models:
            self._trials.setdefault((path, engine_name), []).append(value)
        return None if problem is not None and self._whole_models else path

    def _problem(self, path: Path, engine: str) -> str | None:
        if (path, engine) not in self._checked:
            self._checked[path, engine] = _check_model(path, engine, self._whole_models)
        return self._checked[path, engine]


def _check_model(path: Path, engine: str, whole: bool) -> str | None:
    """The problem of a model, if any, before it is tried; without `whole`, whether it belongs to another engine."""
    try:
        if whole:
            models.check(path, engine)
        elif (wrong := models.engine_mismatch(path, engine)) is not None:
            return f"{wrong}: correct `model:`"
    except (JamdError, OSError, ValueError, RuntimeError) as error:
        return str(error)
    return None


def _check_circles(members: Iterable[Member], band: Section) -> None:
    listens = {member.name: member.listen for member in members}
    cleared: set[str] = set()

    for first in listens:
        path: dict[str, None] = {}  # players, each of which listens to the next
        to_visit = [iter((first,))]
        while to_visit:
            name = next(to_visit[-1], None)
            if name is None:
                to_visit.pop()
                cleared.update(path.popitem()[:1] if path else ())
            elif name in path:
                circle = [*list(path)[list(path).index(name) :], name]
                if len(circle) > MAX_NAMES:
                    circle = [*circle[: MAX_NAMES - 2], "…", name]
                band[name].report(
                    f"players listen to each other in a circle ({' → '.join(circle)}): "
                    "break the circle by removing one name under `listen`"
                )
            elif name in listens and name not in cleared:
                path[name] = None
                to_visit.append(iter(listens[name]))
