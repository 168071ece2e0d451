"""A configuration as frozen, checked values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from daemon.audio.clock import RATE
from daemon.clocks.table import CLOCK_SOURCES
from daemon.config.document import control_as_yaml, listen_as_yaml, port_as_yaml
from daemon.config.instruments import Routes, with_instruments
from daemon.config.sounds import sounds_as_yaml
from daemon.engines.base import Setup, engine_class
from daemon.engines.options import options_to_json
from daemon.music.melody import melody_to_json
from daemon.music.sound import Sound
from daemon.music.tempo import TempoMap
from daemon.paths import resources
from daemon.spec import INTERNAL, ClockSpec, ControlSpec, MelodySpec, PlayerSpec, PortSpec, StageSpec, ZoneSpec
from daemon.yaml_file import OptionValue

RANDOM = "random"  # as the seed
DEFAULT = "default"  # as the audio device


@dataclass(frozen=True, slots=True)
class Clock:
    """`source`: a name in `CLOCK_SOURCES`; or that of a melody (the internal clock with its tempo map), or of a player
    that brings timing (the internal clock with its tempo, bars and count-in)."""

    source: str = INTERNAL
    port: str | None = None
    bpm: float = 96.0
    beats_per_bar: float = 4.0  # in quarter notes
    start: str = "at once"  # or: by hand
    count_in: int = 0  # bars
    metronome: tuple[str, int, str] | None = None  # output, channel, always or count-in
    send: tuple[str, ...] = ()  # outputs that send MIDI clock
    ticks: str = "with count-in"  # or: while running
    song_position: str = "sixteenths"  # or: clocks
    first_key: str = "sets the beat"  # or: plays along


@dataclass(frozen=True, slots=True)
class Audio:
    """The audio device. `device`: part of its name, DEFAULT for the system's, or None: no sound."""

    device: str | None = DEFAULT
    rate: int = RATE  # frames per second
    block: int = 256  # frames that are rendered at once
    delay: float = 0.0  # seconds, as of an output


@dataclass(frozen=True, slots=True)
class MelodyFile:
    """`warning`: the parts of the file that were passed over, in one line, or ""; `sound`: of its channel, where the
    melody is played."""

    file: Path
    spec: MelodySpec
    warning: str = ""
    sound: Sound | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A player of the band. `channels` maps voices to MIDI channels 1–16; `options` is an instance of its engine's
    `Options`; `settings` are initial values; `sounds`: by voice, of those that are given one;
    `zones`: of the sources that the player does not hear as a whole. An instrument has no port and no voices;
    `heard_sounds`: of the channels that it plays. `contents`: as in `Setup`."""

    name: str
    engine: str
    model: Path | None
    listen: tuple[str, ...]
    port: str
    channels: Mapping[str, int]
    options: Any
    settings: Mapping[str, float]
    sounds: Mapping[str, Sound] = field(default_factory=dict)
    zones: tuple[ZoneSpec, ...] = ()
    is_instrument: bool = False
    heard_sounds: tuple[Sound, ...] = ()
    contents: Mapping[str, Any] = field(default_factory=dict)

    @property
    def setup(self) -> Setup[Any]:
        return Setup(self.options, self.settings, self.model, self.listen, contents=self.contents)


@dataclass(frozen=True)
class Config:
    """The configuration in `path`, with every default filled in. `recording` is a folder, or None: no recording;
    `records_audio`: whether what is heard is recorded, too. `options`: those of the command line that gave values in
    place of the file's."""

    path: Path
    clock: Clock
    ports: tuple[PortSpec, ...]
    melodies: tuple[MelodyFile, ...]
    band: tuple[Member, ...]
    controls: tuple[ControlSpec, ...]
    recording: Path | None
    seed: int
    seed_is_drawn: bool = False  # at the start of this process, for `seed: random`
    options: tuple[OptionValue, ...] = ()
    audio: Audio = Audio()
    records_audio: bool = False

    @property
    def players(self) -> tuple[Member, ...]:
        """The members of the band that are no instruments."""
        return tuple(member for member in self.band if not member.is_instrument)

    @property
    def instruments(self) -> tuple[Member, ...]:
        """Without an audio device there is none."""
        return () if self.audio.device is None else tuple(member for member in self.band if member.is_instrument)

    @property
    def warnings(self) -> list[str]:
        """The parts of melodies' files that were passed over: a line per file."""
        return list(dict.fromkeys(melody.warning for melody in self.melodies if melody.warning))

    @property
    def silence(self) -> str:
        """Why nothing would be played, with the remedy, or ""."""
        if not (self.band or self.ports or self.melodies):
            return f"{self.path}: nothing is configured: add ports: and band:, as in {resources() / 'config.yaml'}"
        is_played = any(port.thru for port in self.stage.ports) or any(melody.thru for melody in self.stage.melodies)
        if self.players or (self.instruments and is_played):
            return ""
        return f"no player is configured: add one under band: in {self.path}"

    @cached_property
    def stage(self) -> StageSpec:
        """The configuration of the stage."""
        melodies = {m.spec.melody.name: m.spec for m in self.melodies}
        if self.clock.source in melodies:
            tempo_map = melodies[self.clock.source].melody.tempo_map
        else:
            tempo_map = TempoMap(((0.0, self.clock.bpm),), ((0.0, self.clock.beats_per_bar),))
        missing = {member.name for member in self.band} - self.members.keys()
        spec = StageSpec(
            tempo_map,
            self.ports,
            tuple(melodies.values()),
            tuple(self._player(member) for member in self.players),
            tuple(control for control in self.controls if control.player not in missing),
            self.seed,
            self._clock_spec(),
            zones=tuple(zone for member in self.band for zone in member.zones),
            tells_held_keys=True,
            merges_plans=True,
        )
        outputs = [port.name for port in self.ports if port.direction == "out"]
        routes = Routes({each.name: each.listen for each in self.instruments}, outputs)
        sounds = {each.name: each.heard_sounds for each in self.instruments}
        instruments = [
            PlayerSpec(each.name, (), "", {}, False, 0.0, 0.0, dict(each.settings), is_instrument=True)
            for each in self.instruments
        ]
        return with_instruments(spec, routes, instruments, sounds, self.audio.delay)

    def _clock_spec(self) -> ClockSpec:
        clock, metronome = self.clock, self.clock.metronome
        return ClockSpec(
            clock.source if clock.source in CLOCK_SOURCES else INTERNAL,
            clock.port,
            clock.send,
            clock.start == "by hand",
            clock.count_in,
            metronome[:2] if metronome else None,
            metronome[2] if metronome else "always",
            song_position=clock.song_position,
            count_in_ticks=clock.ticks == "with count-in",
            first_key_sets_beat=clock.first_key == "sets the beat",
        )

    @cached_property
    def members(self) -> dict[str, dict[str, Any]]:
        """The description of each player for its process and the journal, as JSON."""
        melodies = {m.spec.melody.name: melody_to_json(m.spec.melody) for m in self.melodies}

        def description(member: Member) -> dict[str, Any]:
            """The routes to an instrument are the stage's."""
            listen = () if member.is_instrument else member.listen
            return {
                "engine": member.engine,
                "model": None if member.model is None else str(member.model),
                "options": options_to_json(member.options),
                "settings": dict(member.settings),
                "listen": list(listen),
                "melodies": [melodies[name] for name in listen if name in melodies],
                **({"rate": self.audio.rate} if member.is_instrument else {}),
                **({"contents": member.contents} if member.contents else {}),
            }

        return {member.name: description(member) for member in (*self.players, *self.instruments)}

    @property
    def speaker(self) -> dict[str, Any] | None:
        """The settings of the speaker; None: there is nothing to be heard."""
        audio, names = self.audio, [each.name for each in self.instruments]
        return (
            {"device": audio.device, "rate": audio.rate, "block": audio.block, "instruments": names} if names else None
        )

    def as_yaml(self) -> str:
        """The configuration as YAML, written out in full."""
        return yaml.safe_dump(
            self.to_document(), sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
        )

    def to_document(self) -> dict[str, Any]:
        """The sections of the configuration file, written out in full."""
        controls: dict[str, dict[str, Any]] = {}
        for control in self.controls:
            key = f"{control.event} {control.number}"
            controls.setdefault(control.source, {})[key] = control_as_yaml(control)
        metronome = self.clock.metronome
        return {
            "clock": {
                **{s: getattr(self.clock, s) for s in Clock.__slots__},
                "metronome": dict(zip(("port", "channel", "when"), metronome, strict=True)) if metronome else None,
                "send": list(self.clock.send),
            },
            "ports": {p.name: port_as_yaml(p) for p in self.ports},
            "audio": {
                **{key: getattr(self.audio, key) for key in ("device", "rate", "block")},
                "delay_ms": round(self.audio.delay * 1000, 6),
            },
            "melodies": {
                m.spec.melody.name: {
                    "file": str(m.file),
                    "loop": m.spec.melody.loop,
                    "thru": list(m.spec.thru),
                    "channel": m.spec.channel,
                    **(sounds_as_yaml({"": m.sound}, [""]) if m.sound else {}),
                }
                for m in self.melodies
            },
            "band": {member.name: _member_as_yaml(member) for member in self.band},
            "controls": controls,
            "recording": {
                "directory": None if self.recording is None else str(self.recording),
                "audio": self.records_audio,
            },
            "seed": RANDOM if self.seed_is_drawn else self.seed,
        }

    @staticmethod
    def _player(member: Member) -> PlayerSpec:
        engine = engine_class(member.engine)
        return PlayerSpec(
            member.name,
            member.listen,
            member.port,
            dict(member.channels),
            engine.monophonic,
            engine.lead,
            engine.tolerance,
            dict(member.settings),
            bool(engine.gives_way(member.options)),
            plans=engine.plans,
        )


def _member_as_yaml(member: Member) -> dict[str, Any]:
    play = {
        "port": member.port,
        "channels": dict(member.channels),
        **sounds_as_yaml(member.sounds, member.channels),
    }
    return {
        "engine": member.engine,
        **({"model": str(member.model)} if member.model else {}),
        "listen": listen_as_yaml(member.listen, member.zones),
        **({} if member.is_instrument else {"play": play}),
        "options": options_to_json(member.options) | dict(member.settings),
    }
