"""Commands that one gesture gives several times: a reset that a DAW sends on 16 channels, a button that bounces."""

from __future__ import annotations

import math

from daemon.commands import (
    ChangeSetting,
    Command,
    ContinueTransport,
    Panic,
    StartTransport,
    ToggleMetronome,
    ToggleMute,
    ToggleSolo,
)


class Gestures:
    """Recognises commands that repeat the one before: the same, less than `span` seconds later."""

    def __init__(self) -> None:
        self._last: dict[object, tuple[float, Command]] = {}  # by what the command is about

    def repeats(self, command: Command, now: float, span: float) -> bool:
        match command:
            case Panic() | StartTransport() | ContinueTransport() | ToggleMetronome():
                about: object = type(command)
            case ToggleMute(player) | ToggleSolo(player):
                about = type(command), player
            case ChangeSetting(player, setting, _):  # some settings are switches, which the same value turns on again
                about = player, setting
            case _:
                return False
        at, last = self._last.get(about, (-math.inf, None))
        self._last[about] = now, command
        return command == last and now - at < span

    def stopped(self) -> None:
        """The transport was stopped: a start is a new one."""
        self._last.pop(StartTransport, None)
        self._last.pop(ContinueTransport, None)

    def forget(self) -> None:
        self._last.clear()
