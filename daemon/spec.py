"""The stage's part of the configuration: plain, checked values that travel as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Annotated, Any, cast

from daemon.json_decoding import Limits, decoder
from daemon.music.events import Channel, Controller, Pitch
from daemon.music.melody import Melody, melody_to_json
from daemon.music.sound import Sound
from daemon.music.tempo import TempoMap

GESTURE_TIME = 0.25  # seconds: longer than a reset takes on a MIDI cable, or a button bounces
JUMP, PICK_UP = "jump", "pick-up"  # how a control takes over a value that something else has set
AUDIO = "audio"  # the direction of a port that leads to an instrument
INTERNAL = "internal"  # jamd's own clock; every other source of the clock is external


@dataclass(frozen=True, slots=True)
class PortSpec:
    """A port of jamd, virtual unless `connect` names (a part of the name of) a foreign port to join; or an audio
    output, which is no MIDI port: its messages go to the instrument of its name.

    An input lets `channels` pass (1–16; empty: all) and copies their messages to the outputs in `thru`; its keys are
    released after `longest_note` seconds, if that is given. `delay`: seconds added to the deadlines of an output;
    negative: earlier. `latency`: seconds from a message to its sound on an audio output, by which messages are sent
    earlier. `sounds`: of an output's channels, at most one each. `audio`: the audio outputs that play what is sent to
    this output.
    """

    name: str
    direction: str  # in | out | AUDIO
    connect: str | None = None
    channels: tuple[Channel, ...] = ()
    thru: tuple[str, ...] = ()
    delay: Annotated[float, Limits(-10, 10)] = 0.0
    longest_note: Annotated[float, Limits(0.1, 3600)] | None = None
    sounds: tuple[Sound, ...] = ()
    audio: tuple[str, ...] = ()
    latency: Annotated[float, Limits(0, 10)] = 0.0

    @property
    def offset(self) -> float:
        """Seconds from a beat to its messages; negative: the messages come before."""
        return self.delay - self.latency


@dataclass(frozen=True, slots=True)
class MelodySpec:
    """A fixed melody, sent on `channel` of the outputs in `thru`, if any."""

    melody: Melody
    thru: tuple[str, ...] = ()
    channel: Channel = 1


@dataclass(frozen=True, slots=True)
class PlayerSpec:
    """A band member without its engine. `channels`: voice → MIDI channel 1–16. `gives_way`: its own music ends when
    keys play that it listens to. `audio`: the audio outputs that get its notes too. An instrument renders the audio
    output of its name; it has neither voices nor windows, and hears nothing as a player does. `plans`: it announces
    plans, which the players that listen to it are told before they begin."""

    name: str
    listen: tuple[str, ...]
    port: str
    channels: dict[str, Channel]
    monophonic: bool
    lead: Annotated[float, Limits(0, 3600)]  # seconds
    tolerance: float  # seconds
    settings: dict[str, float] = field(default_factory=dict)
    gives_way: bool = False
    audio: tuple[str, ...] = ()
    is_instrument: bool = False
    plans: bool = False

    def goes_on_as(self, other: PlayerSpec | None) -> bool:
        """Whether a player like this can go on as `other`: at most the audio outputs differ."""
        return other is not None and replace(self, audio=()) == replace(other, audio=())


@dataclass(frozen=True, slots=True)
class ZoneSpec:
    """The part of `source` that `player` hears: the keys from `low` to `high`, on `channels` (1–16; empty: all)."""

    player: str
    source: str
    low: Pitch = 0
    high: Pitch = 127
    channels: tuple[Channel, ...] = ()


@dataclass(frozen=True, slots=True)
class ControlSpec:
    """The command that a control change or a key from input `source` gives.

    `event`: cc or note. `action`: sustain, panic, start, stop, continue, tap, metronome; or setting or tempo, which
    turns a player's setting or the bpm from `low` (value 0) to `high` (value 127), which may be less; or mute or solo
    of a player, which each press toggles. `takeover`: JUMP, or PICK_UP: no effect until the control has reached or
    passed the present value. `held`: mute or solo last while the control is held down.
    """

    source: str
    number: Controller
    action: str
    player: str = ""
    setting: str = ""
    low: float = 0.0
    high: float = 1.0
    event: str = "cc"
    takeover: str = JUMP
    held: bool = False


@dataclass(frozen=True, slots=True)
class ClockSpec:
    """The clock: `source` is a name of `daemon.clocks.table`, `port` the input that it reads, if it reads one.

    `send`: outputs that get MIDI clock. The internal clock starts at once, unless `by_hand`, after `count_in` bars.
    `metronome`: output and channel; `click`: always, or in the count-in only. `start_delay`: seconds from a command
    that starts the transport to the first beat, so that the players' first notes are ready in time. `song_position`:
    what a received Song Position counts, sixteenths or clocks. `count_in_ticks`: whether ticks are sent in a count-in.
    `first_key_sets_beat`: see performance/first_key.py; it is off in journals without it.
    """

    source: str = INTERNAL
    port: str | None = None
    send: tuple[str, ...] = ()
    by_hand: bool = False
    count_in: Annotated[int, Limits(0, 1000)] = 0
    metronome: tuple[str, Channel] | None = None
    click: str = "always"
    start_delay: Annotated[float, Limits(0, 60)] = 0.1
    song_position: str = "sixteenths"
    count_in_ticks: bool = True
    first_key_sets_beat: bool = False

    @property
    def is_external(self) -> bool:
        """Whether tempo, start and stop come from outside: there is no tempo map and no count-in."""
        return self.source != INTERNAL


@dataclass(frozen=True, slots=True)
class StageSpec:
    """Everything the stage needs. `tempo_map`: one tempo and meter, or those of a melody. `gesture`: seconds in which
    a repeated command is no new one. `zones`: of sources that a player does not hear as a whole. `tells_held_keys`:
    whether a player that starts anew is told the keys that are held; `merges_plans`: see performance/plans.py; older
    journals were recorded without."""

    tempo_map: TempoMap
    ports: tuple[PortSpec, ...] = ()
    melodies: tuple[MelodySpec, ...] = ()
    players: tuple[PlayerSpec, ...] = ()
    controls: tuple[ControlSpec, ...] = ()
    seed: int = 0
    clock: ClockSpec = ClockSpec()
    gesture: Annotated[float, Limits(0, 10)] = GESTURE_TIME
    zones: tuple[ZoneSpec, ...] = ()
    tells_held_keys: bool = False
    merges_plans: bool = False

    @property
    def midi_ports(self) -> list[PortSpec]:
        return [port for port in self.ports if port.direction != AUDIO]

    def with_latency(self, seconds: float) -> StageSpec:
        """The same with this latency on every audio output."""
        ports = (replace(port, latency=seconds) if port.direction == AUDIO else port for port in self.ports)
        return replace(self, ports=tuple(ports))

    def is_instrument(self, name: str) -> bool:
        return any(player.is_instrument for player in self.players if player.name == name)

    def to_json(self) -> dict[str, Any]:
        melodies = [
            {each.name: getattr(spec, each.name) for each in fields(spec)} | {"melody": melody_to_json(spec.melody)}
            for spec in self.melodies
        ]
        return asdict(replace(self, melodies=())) | {"melodies": melodies}

    @staticmethod
    def from_json(data: dict[str, Any]) -> StageSpec:
        """Raises ValueError. Journals without `start_delay` were recorded when it was 0.3 s; in those without
        `gesture`, every command was carried out."""
        match data:
            case {"clock": {**clock}}:
                data = {"gesture": 0.0, **data, "clock": {"start_delay": 0.3, **clock}}
        return cast(StageSpec, decoder(StageSpec)(data))
