"""Every section of config.yaml, read and checked against the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from daemon import models
from daemon.clocks import ableton_link as link
from daemon.config.values import Choice, Clock, Config, MelodyFile, Member
from daemon.config.yaml_file import Value, YamlFile, meant, nearest
from daemon.engines.base import NoteEngine, Option, Setup, default_channels, engine_class, engine_names, mistakes
from daemon.errors import JamdError, MelodyError
from daemon.music.melody import load_melody
from daemon.paths import resources
from daemon.performance.transport import FOLLOWS
from daemon.spec import ControlSpec, MelodySpec, PortSpec

_PORT_KEYS = ("direction", "connect", "channels", "thru", "delay_ms")
_BY_HAND = ("start", "stop", "continue", "tap")
OURS = "jamd "  # begins the names of our own ports

TURNED = (40.0, 220.0)  # beats per minute that a controller turns the tempo to, from 0 to 127


class Reader:
    """Reads the sections one after the other; names that one section gives to another are read first."""

    def __init__(self, file: YamlFile, whole_models: bool) -> None:
        self._file, self._whole_models = file, whole_models
        self._top = file.read().section("clock", "ports", "melodies", "band", "controls", "recording", "seed")
        sections = {name: self._top[name].entries() for name in ("ports", "melodies", "band")}
        self._ports, self._melodies, self._band = sections.values()
        self._directions = {
            name: value.section(*_PORT_KEYS)["direction"].text("") for name, value in _quietly(self._ports).items()
        }
        self._inputs = [name for name, direction in self._directions.items() if direction != "out"]
        self._outputs = [name for name, direction in self._directions.items() if direction != "in"]
        self._engines: dict[str, type[NoteEngine]] = {}
        self._check_names(sections)

    def config(self) -> Config:
        members = tuple(self._member(name, value) for name, value in self._band.items())
        self._check_circles(members)
        melodies = [self._melody(name, value) for name, value in self._melodies.items()]
        return Config(
            path=self._file.path,
            clock=self._clock(),
            ports=tuple(self._port(name, value) for name, value in self._ports.items()),
            melodies=tuple(m for m in melodies if m is not None),
            band=members,
            controls=tuple(self._controls()),
            recording=self._recording(),
            seed=self._top["seed"].integer(0, 2**31, 0),
        )

    def _check_names(self, sections: Mapping[str, Mapping[str, Value]]) -> None:
        owner: dict[str, str] = {}
        for section, values in sections.items():
            for name, value in values.items():
                if not re.fullmatch(r"\w[\w -]{0,39}", name):
                    value.wrong("a name is made of letters, digits, spaces, - and _, 40 at most: choose another")
                if name in owner and not (section == "band" and self._directions.get(name) == "out"):
                    value.wrong(f"there is {owner[name]} {name!r} already: choose another name")
                owner.setdefault(name, {"ports": "a port", "melodies": "a melody", "band": "a player"}[section])

    def _clock(self) -> Clock:
        clock, default = self._top["clock"].section(*Clock.__slots__), Clock()
        sources = [default.source, *self._melodies, *FOLLOWS]
        source = clock["source"].one_of(sources, default.source, "a clock")
        if source == "link" and (lacking := link.lacking()):
            clock["source"].wrong(lacking)
        port = None
        if source == "midi":
            port = clock["port"].one_of(self._inputs, what="the input among the ports that the MIDI clock comes in at")
        elif clock["port"].given:
            clock["port"].wrong("only the source `midi` has a port: delete this, or make the source `midi`")
        start = clock["start"].one_of(("at once", "by hand"), default.start, "a way to start")
        if source == "midi" and start == "by hand":
            clock["start"].wrong("with the source `midi` it waits for that clock anyway: delete this")
        count_in = clock["count_in"].integer(0, 8, default.count_in)
        if source in FOLLOWS and count_in:
            clock["count_in"].wrong(f"with the source `{source}` there is no count-in: delete this")
            count_in = 0
        return Clock(
            source,
            port,
            clock["bpm"].number(20, 400, default.bpm),
            clock["beats_per_bar"].number(0.5, 32, default.beats_per_bar),
            start,
            count_in,
            self._metronome(clock["metronome"], source, count_in),
            self._outputs_in(clock["send"]),
        )

    def _metronome(self, value: Value, source: str, count_in: int) -> tuple[str, int, str] | None:
        if not value.given:
            return None
        metronome = value.section("port", "channel", "when")
        when = metronome["when"].one_of(("always", "count-in"), "always", "a time to click")
        if when == "count-in" and not count_in:
            remedy = "write always" if source in FOLLOWS else "give clock.count_in some bars, or write always"
            metronome["when"].wrong(f"there is no count-in, so it would never click: {remedy}")
        return (
            metronome["port"].one_of(self._outputs, what="an output among the ports"),
            metronome["channel"].integer(1, 16, 10),
            when,
        )

    def _port(self, name: str, value: Value) -> PortSpec:
        port = value.section(*_PORT_KEYS)
        direction = port["direction"].one_of(("in", "out"), what="a direction")
        if direction == "out":
            for key in ("channels", "thru"):
                if port[key].given:
                    port[key].wrong("only an input filters and copies: delete this, or make the direction `in`")
        elif port["delay_ms"].given:
            port["delay_ms"].wrong("only what goes out can be delayed: delete this, or make the direction `out`")
        channels = tuple(item.integer(1, 16, 1) for item in port["channels"].items())
        delay = port["delay_ms"].number(-1000, 1000, 0.0) / 1000
        connect = port["connect"].text("") or None
        if connect is not None and connect.startswith(OURS):
            port["connect"].wrong(
                f"a name that begins with {OURS!r} is one of jamd's own, which it never joins: "
                "call the port something else where it is made, and here"
            )
        return PortSpec(name, direction, connect, channels, self._outputs_in(port["thru"]), delay)

    def _outputs_in(self, value: Value) -> tuple[str, ...]:
        names = tuple(item.one_of(self._outputs, what="an output among the ports") for item in value.items())
        if len(set(names)) < len(names):
            value.wrong("names an output twice, which would play everything twice: name each once")
        return names

    def _melody(self, name: str, value: Value) -> MelodyFile | None:
        melody = value.section("file", "loop", "thru", "channel")
        loop, thru = melody["loop"].flag(True), self._outputs_in(melody["thru"])
        channel = melody["channel"].integer(1, 16, 1)
        wanted = melody["file"].text(what="the path of a Standard MIDI File")
        if not wanted or not melody["file"].is_text:
            return None
        try:
            places = [folder / wanted for folder in (self._file.path.parent.absolute(), resources())]
            file = next((place for place in places if place.is_file()), places[0])
            loaded = load_melody(file, name, loop)
        except (MelodyError, OSError, ValueError) as error:
            melody["file"].wrong(str(error))
            return None
        return MelodyFile(file, MelodySpec(loaded, thru, channel))

    def _member(self, name: str, value: Value) -> Member:
        member = value.section("engine", "model", "listen", "play", "options")
        sources = [*self._inputs, *self._melodies, *self._band]
        listen = tuple(v.one_of(sources, what="an input, a melody or another player") for v in member["listen"].items())
        play = member["play"].section("port", "channels")
        port = play["port"].one_of(self._outputs, what="an output among the ports")
        installed = engine_names()
        kind = member["engine"].one_of(installed, what="an installed engine")
        meant_by = kind if kind in installed else nearest(kind, installed)  # as whose the rest is checked
        engine = meant_by and self._engine(name, meant_by, member["engine"])
        if not meant_by or not engine:
            return Member(name, "", None, listen, port, {}, {}, {})
        channels = default_channels(engine)
        if play["channels"].given:
            given = play["channels"].section(*engine.voices)
            channels = {voice: v.integer(1, 16, 1) for voice, v in given.items() if v.given}
        names = [*(o.name for o in engine.options), *(s.name for s in engine.settings)]
        options = member["options"].section(*names)
        model = self._model(member["model"], engine, meant_by)
        choices = {option.name: self._choice(option, options[option.name]) for option in engine.options}
        settings = {s.name: options[s.name].number(s.low, s.high, s.default) for s in engine.settings}
        try:
            for key, what in mistakes(engine, Setup(choices, settings, model, listen)):
                if not options[key].is_wrong:
                    options[key].wrong(what)
        except Exception as error:  # an engine is anybody's code
            member["options"].wrong(f"the engine cannot check them ({error!r}): tell whoever wrote it")
        return Member(name, kind, model, listen, port, channels, choices, settings)

    def _engine(self, member: str, name: str, value: Value) -> type[NoteEngine] | None:
        try:
            self._engines[member] = engine_class(name)
        except Exception as error:  # an engine is anybody's code
            value.wrong(f"the engine {name!r} cannot be loaded ({error!r}): install what provides it again")
        return self._engines.get(member)

    def _model(self, value: Value, engine: type[NoteEngine], engine_name: str) -> Path | None:
        if not engine.needs_model:
            if value.given:
                value.wrong("this engine has no model: delete the line")
            return None
        name = value.text(what="the name of a model; `jamd models` lists them")
        if not name or not value.is_text:
            return None
        try:
            path = models.find(name, self._file.path.parent).absolute()
            if self._whole_models:
                models.check(path, engine_name)
            elif (wrong := models.engine_mismatch(path, engine_name)) is not None:
                value.wrong(f"{wrong}: correct `model:`")
            return path
        except (JamdError, OSError, ValueError, RuntimeError) as error:
            value.wrong(str(error))
            return None

    def _choice(self, option: Option, value: Value) -> Choice:
        if not value.given:
            return option.default
        if option.many:
            return tuple(item.one_of(option.choices) if option.choices else item.text() for item in value.items())
        if isinstance(option.default, bool):
            return value.flag(option.default)
        if isinstance(option.default, float | int):
            return value.number(-1e9, 1e9, option.default)
        text = value.one_of(option.choices) if option.choices else value.text()
        return str(self._file.path.parent.absolute() / text) if option.file and _is_path(text) else text

    def _check_circles(self, members: Iterable[Member]) -> None:
        listens = {member.name: member.listen for member in members}
        cleared: set[str] = set()

        def follow(name: str, before: tuple[str, ...]) -> None:
            if name in before:
                circle = (*before[before.index(name) :], name)
                self._band[name].wrong(
                    f"a circle among players, each listening to the next ({' → '.join(circle)}): "
                    "take one of them out of the other's `listen`"
                )
            elif name in listens and name not in cleared:
                for other in listens[name]:
                    follow(other, (*before, name))
                cleared.add(name)

        for name in listens:
            follow(name, ())

    def _controls(self) -> Iterable[ControlSpec]:
        settings = {
            f"{member}.{s.name}": (member, s) for member, engine in self._engines.items() for s in engine.settings
        }
        actions = ["sustain", "panic", *_BY_HAND, "clock.bpm", *settings]
        for source, mapping in self._top["controls"].entries().items():
            if source not in self._inputs:
                mapping.wrong(f"{source!r} is not an input among the ports{meant(source, self._inputs)}")
            seen: set[tuple[str, int]] = set()
            for key, value in mapping.entries().items():
                found = re.fullmatch(r"(cc|note) ([0-9]{1,3})", key)
                event, number = (found[1], int(found[2])) if found else ("", 128)
                if number > 127 or (event, number) in seen:
                    value.wrong("write `cc N` or `note N` with N from 0 to 127, each once")
                seen.add((event, number))
                if (player := value.text("").partition(".")[0]) in self._band and player not in self._engines:
                    continue  # its engine is wrong already: who knows its settings
                action = value.one_of(actions, what=f"{', '.join(actions[:7])} or PLAYER.SETTING")
                if event == "note" and action in ("clock.bpm", *settings):
                    value.wrong(f"a key is up or down, which sets no value: use a control change (cc N) for {action}")
                if action in settings:
                    player, s = settings[action]
                    yield ControlSpec(source, number, "setting", player, s.name, s.low, s.high, event)
                elif action == "clock.bpm":
                    yield ControlSpec(source, number, "tempo", low=TURNED[0], high=TURNED[1], event=event)
                else:
                    yield ControlSpec(source, number, action, event=event)

    def _recording(self) -> Path | None:
        directory = self._top["recording"].section("directory")["directory"]
        if directory.node is not None and not directory.given:
            return None
        folder = Path(directory.text("sessions")).expanduser()
        if folder.is_file():
            directory.wrong(f"{folder} is a file: name a folder")
        return folder


def _is_path(text: str) -> bool:
    """Rather than a name; one that begins with ~ counts from elsewhere anyway."""
    return (len(Path(text).parts) > 1 or bool(Path(text).suffix)) and not text.startswith("~")


def _quietly(values: Mapping[str, Value]) -> dict[str, Value]:
    """The same values, whose mistakes are noted by somebody else."""
    return {k: Value(YamlFile(v.file.path), v.path, v.node, v.key) for k, v in values.items()}
