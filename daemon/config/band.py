"""The section `band`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from daemon import models
from daemon.config.engines import MEMBER_KEYS, Installed
from daemon.config.listen import read_listen, read_played
from daemon.config.names import Names, Section
from daemon.config.options import read_options
from daemon.config.sounds import SOUND_KEYS, SoundReader
from daemon.config.values import Member
from daemon.engines.base import Engine, NoOptions, default_channels
from daemon.errors import JamdError
from daemon.player.trial import trials
from daemon.yaml_file import Value

MAX_NAMES = 10  # players of a circle in a message


class BandReader:
    """Reads the members. `engines`: by member; `played`: what each instrument plays."""

    def __init__(
        self,
        names: Names,
        sounds: SoundReader,
        engines: Mapping[str, Installed],
        played: Mapping[str, tuple[str, ...]],
        whole_models: bool,
    ) -> None:
        self._names, self._sounds, self._whole_models = names, sounds, whole_models
        self._engines, self._played = engines, played
        self._checked: dict[tuple[Path, str], str | None] = {}  # model, engine → the problem; players may share a model
        self._trials: dict[tuple[Path, str], list[Value]] = {}  # models to try, and where they are named

    def members(self, band: Section) -> tuple[Member, ...]:
        members = [
            self._instrument(name, value) if name in self._played else self._player(name, value)
            for name, value in band.items()
        ]
        _check_circles((member for member in members if not member.is_instrument), band)
        self._try_models()
        return tuple(members)

    def _try_models(self) -> None:
        for values, problem in zip(self._trials.values(), trials(self._trials), strict=True):
            for value in values if problem is not None else ():
                value.report(str(problem))

    def _player(self, name: str, value: Value) -> Member:
        member, names = value.section(*MEMBER_KEYS), self._names
        installed = self._engines.get(name)
        if installed is None and not member["play"].given:  # it may be meant as an instrument
            return Member(name, "", None, read_played(member["listen"], names), "", {}, NoOptions(), {})
        listen, zones = read_listen(member["listen"], name, names)
        play = member["play"].section("port", "channels", *SOUND_KEYS)
        port = play["port"].one_of(names.outputs, what="an output among the ports")
        if installed is None:
            return Member(name, "", None, listen, port, {}, NoOptions(), {})
        engine = installed.engine
        channels, unknown = default_channels(engine), []
        if play["channels"].given:
            given = play["channels"].section(*engine.voices)
            channels = {voice: v.integer(1, 16, 1) for voice, v in given.items() if v.given}
            unknown = [voice for voice, v in given.items() if v.is_wrong]
        sounds = self._sounds.read(play, name, [] if play["port"].is_wrong else [port], channels, unknown)
        model = self._model(member["model"], engine, installed.name)
        setup = read_options(member["options"], engine, model, listen, self._whole_models)
        return Member(
            name, installed.name, model, listen, port, channels, setup.options, setup.settings, sounds, zones,
            contents=setup.contents,
        )  # fmt: skip

    def _instrument(self, name: str, value: Value) -> Member:
        member, (engine_name, engine) = value.section(*MEMBER_KEYS), self._engines[name]
        if member["play"].given:
            member["play"].report(
                "an instrument has no port but the audio device: delete this key; `listen` names what it plays"
            )
        model, listen = self._model(member["model"], engine, engine_name), self._played[name]
        setup = read_options(member["options"], engine, model, listen)
        return Member(name, engine_name, model, listen, "", {}, setup.options, setup.settings, is_instrument=True)

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
