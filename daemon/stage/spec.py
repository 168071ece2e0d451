"""What the desk tells the stage: plain values, already checked, that travel as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from daemon.music.melody import Melody, melody_from_json
from daemon.music.tempo import TempoMap, tempo_map_from_json


@dataclass(frozen=True, slots=True)
class PortSpec:
    """A port of ours, virtual unless `connect` names a foreign one (a part of its name is enough) to join.

    An input lets `channels` through (1–16; empty: all) and copies what it lets through to the outputs in `thru`.
    """

    name: str
    direction: str  # in | out
    connect: str | None = None
    channels: tuple[int, ...] = ()
    thru: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MelodySpec:
    """A fixed melody: it sounds by itself only on the outputs in `thru`, on `channel`."""

    melody: Melody
    thru: tuple[str, ...] = ()
    channel: int = 1


@dataclass(frozen=True, slots=True)
class PlayerSpec:
    """A band member as the stage sees it. `channels` maps each voice to a MIDI channel 1–16."""

    name: str
    listen: tuple[str, ...]
    port: str
    channels: dict[str, int]
    monophonic: bool
    lead: float  # seconds
    tolerance: float  # seconds
    settings: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ControlSpec:
    """What control change `number` from input `source` does.

    `action` is sustain, panic or setting: that turns a player's setting from `low` (0) to `high` (127).
    """

    source: str
    number: int
    action: str  # sustain | panic | setting
    player: str = ""
    setting: str = ""
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True, slots=True)
class StageSpec:
    """Everything the stage needs. `tempo_map` is the clock's: one tempo, or a melody's own."""

    tempo_map: TempoMap
    ports: tuple[PortSpec, ...] = ()
    melodies: tuple[MelodySpec, ...] = ()
    players: tuple[PlayerSpec, ...] = ()
    controls: tuple[ControlSpec, ...] = ()
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> StageSpec:
        return StageSpec(
            tempo_map=tempo_map_from_json(data["tempo_map"]),
            ports=tuple(
                PortSpec(**{**p, "channels": tuple(p["channels"]), "thru": tuple(p["thru"])}) for p in data["ports"]
            ),
            melodies=tuple(
                MelodySpec(melody_from_json(m["melody"]), tuple(m["thru"]), m["channel"]) for m in data["melodies"]
            ),
            players=tuple(PlayerSpec(**{**p, "listen": tuple(p["listen"])}) for p in data["players"]),
            controls=tuple(ControlSpec(**c) for c in data["controls"]),
            seed=data["seed"],
        )
