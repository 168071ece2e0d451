"""What a person asks for while jamd runs, as values.

Every control surface posts the same commands: controllers, the terminal's keys, signals.
The desk carries out `ReloadConfiguration`; all other commands go to the stage. In JSON a command is `[name, field, …]`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from daemon.json_decoding import columns


@dataclass(frozen=True, slots=True)
class StartTransport:
    """Start from the beginning, after the count-in if there is one."""


@dataclass(frozen=True, slots=True)
class StopTransport:
    """Stop; keys are still answered."""


@dataclass(frozen=True, slots=True)
class ContinueTransport:
    """Go on from where the transport stopped."""


@dataclass(frozen=True, slots=True)
class TapBeat:
    """A beat was tapped, at the stamp with which the command is posted."""


@dataclass(frozen=True, slots=True)
class SetTempo:
    bpm: float


@dataclass(frozen=True, slots=True)
class ToggleMetronome:
    """Let the metronome be heard, or silence it, all but its count-in."""


@dataclass(frozen=True, slots=True)
class ChangeSetting:
    """Turn a declared setting of a player to `value`; outside the setting's range, to the nearest end of it."""

    player: str
    setting: str
    value: float


@dataclass(frozen=True, slots=True)
class MutePlayer:
    """Silence a player at once, or let it sound again. A muted player goes on playing, unheard by its listeners too."""

    player: str
    muted: bool


@dataclass(frozen=True, slots=True)
class SoloPlayer:
    """Begin or end a player's solo: while there is one, players without a solo are silent. A mute has precedence."""

    player: str
    soloed: bool


@dataclass(frozen=True, slots=True)
class ToggleMute:
    """Mute a player that is not muted, else let it sound again."""

    player: str


@dataclass(frozen=True, slots=True)
class ToggleSolo:
    """Solo a player that is not soloed, else end its solo."""

    player: str


@dataclass(frozen=True, slots=True)
class Panic:
    """End every note on every output, and let every player start anew."""


@dataclass(frozen=True, slots=True)
class RotateSession:
    """End the recorded session and begin the next one."""


@dataclass(frozen=True, slots=True)
class ReloadConfiguration:
    """Read the configuration again."""


Command = (
    StartTransport
    | StopTransport
    | ContinueTransport
    | TapBeat
    | SetTempo
    | ToggleMetronome
    | ChangeSetting
    | MutePlayer
    | SoloPlayer
    | ToggleMute
    | ToggleSolo
    | Panic
    | RotateSession
    | ReloadConfiguration
)

COMMANDS: Mapping[str, type[Command]] = {
    "start": StartTransport,
    "stop": StopTransport,
    "continue": ContinueTransport,
    "tap": TapBeat,
    "tempo": SetTempo,
    "metronome": ToggleMetronome,
    "setting": ChangeSetting,
    "mute": MutePlayer,
    "solo": SoloPlayer,
    "toggle mute": ToggleMute,
    "toggle solo": ToggleSolo,
    "panic": Panic,
    "rotate": RotateSession,
    "reload": ReloadConfiguration,
}
_NAMES: Mapping[type[Command], str] = {kind: name for name, kind in COMMANDS.items()}
_DECODERS = {name: tuple(columns(kind).values()) for name, kind in COMMANDS.items()}


def encode_command(command: Command) -> list[Any]:
    return [_NAMES[type(command)], *(getattr(command, field.name) for field in fields(command))]


def decode_command(data: Sequence[Any]) -> Command:
    """Raises ValueError for what is no command, or has a value of the wrong type or a number that is not finite."""
    match data:
        case [str(name), *values] if name in COMMANDS and len(values) == len(_DECODERS[name]):
            with contextlib.suppress(ValueError):
                return COMMANDS[name](*(decode(value) for decode, value in zip(_DECODERS[name], values, strict=True)))
    raise ValueError(f"not a command: {repr(data)[:200]}")
