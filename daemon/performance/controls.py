"""What a controller or key that the configuration binds to a command means."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.commands import ChangeSetting, Command, Panic, SetTempo, decode_command
from daemon.music.events import CONTROL_CHANGE, ENDING_NOTES, LIFTING_PEDALS, is_note_off, is_note_on
from daemon.spec import ControlSpec

PRESSED = 64  # values from here on are a pressed pedal or button


class Controls:
    """The bindings of all input ports."""

    def __init__(self, specs: Iterable[ControlSpec]) -> None:
        self._specs = {(spec.source, spec.event, spec.number): spec for spec in specs}

    def find(self, source: str, message: bytes) -> ControlSpec | None:
        """The binding of a control change or key from input `source`."""
        if message[0] & 0xF0 == CONTROL_CHANGE:
            return self._specs.get((source, "cc", message[1]))
        if is_note_on(message) or is_note_off(message):
            return self._specs.get((source, "note", message[1]))
        return None


def value_of(control: ControlSpec, message: bytes) -> int:
    """0–127. A key counts as pressed or not, however hard it is struck."""
    if control.event == "note":
        return 127 if is_note_on(message) else 0
    return message[2]


def command_of(control: ControlSpec, message: bytes) -> Command | None:
    """The command that `message` gives; None for a released button, and for the sustain pedal, which is no command."""
    value = value_of(control, message)
    amount = control.low + (control.high - control.low) * value / 127
    match control.action:
        case "sustain":
            return None
        case "setting":
            return ChangeSetting(control.player, control.setting, amount)
        case "tempo":
            return SetTempo(amount)
        case "panic" if control.event == "cc" and control.number in ENDING_NOTES | LIFTING_PEDALS:
            return Panic()  # these controllers have no value that means "released"
        case action if value >= PRESSED:
            return decode_command([action])
    return None
