"""Commands are values that survive JSON; what is none is refused."""

import json
import math
from typing import Any

import pytest

from daemon.commands import (
    COMMANDS,
    ChangeSetting,
    Command,
    ContinueTransport,
    MutePlayer,
    Panic,
    ReloadConfiguration,
    RotateSession,
    SetTempo,
    SoloPlayer,
    StartTransport,
    StopTransport,
    TapBeat,
    ToggleMetronome,
    ToggleMute,
    ToggleSolo,
    decode_command,
    encode_command,
)

EVERY: list[Command] = [
    StartTransport(),
    StopTransport(),
    ContinueTransport(),
    TapBeat(),
    SetTempo(96.5),
    ToggleMetronome(),
    ChangeSetting("choir", "temperature", 0.7),
    MutePlayer("choir", True),
    SoloPlayer("choir", False),
    ToggleMute("choir"),
    ToggleSolo("choir"),
    Panic(),
    RotateSession(),
    ReloadConfiguration(),
]


@pytest.mark.parametrize("command", EVERY)
def test_a_command_survives_json(command: Command) -> None:
    assert decode_command(json.loads(json.dumps(encode_command(command)))) == command


def test_every_command_is_in_the_table() -> None:
    assert {type(command) for command in EVERY} == set(COMMANDS.values())


@pytest.mark.parametrize(
    "data",
    [[], ["dance"], ["tempo"], ["panic", 1], ["setting", "choir", "temperature"], 7, None, [["tempo"], 96.0]]
    + [["tempo", value] for value in ("96", None, True, math.nan, math.inf, 10**400)]
    + [["setting", "choir", "temperature", "0.7"], ["setting", 7, "temperature", 0.7], ["mute", "choir", 1]]
    + [["toggle mute"], ["solo", "choir"]],
)
def test_what_is_no_command_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match="not a command"):
        decode_command(data)
