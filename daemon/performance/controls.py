"""What a controller or key that the configuration binds to a command means, and where each of them stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from daemon.commands import ChangeSetting, Command, Panic, SetTempo, decode_command
from daemon.music.events import CONTROL_CHANGE, ENDING_NOTES, LIFTING_PEDALS, is_note_off, is_note_on
from daemon.spec import PICK_UP, ControlSpec

PRESSED = 64  # values from here on are a pressed pedal or button
HIGHEST = 127

Present = Callable[[ControlSpec], float | None]


class Controls:
    """The bindings of all input ports, and the last value (0–127) of each bound control."""

    def __init__(self) -> None:
        self._specs: dict[tuple[str, str, int], ControlSpec] = {}
        self._values: dict[tuple[str, str, int], int] = {}

    def take(self, specs: Iterable[ControlSpec]) -> None:
        """Bind as in `specs`. The last value of a control that stays bound is kept, also if its meaning changes."""
        self._specs = {(spec.source, spec.event, spec.number): spec for spec in specs}
        self._values = {key: value for key, value in self._values.items() if key in self._specs}

    def forget(self, source: str) -> None:
        """Input `source` was lost: its controls may be moved unnoticed."""
        self._values = {key: value for key, value in self._values.items() if key[0] != source}

    def find(self, source: str, message: bytes) -> ControlSpec | None:
        """The binding of a control change or key from input `source`."""
        if message[0] & 0xF0 == CONTROL_CHANGE:
            return self._specs.get((source, "cc", message[1]))
        if is_note_on(message) or is_note_off(message):
            return self._specs.get((source, "note", message[1]))
        return None

    def command(self, control: ControlSpec, message: bytes, present: Present) -> Command | None:
        """The command that `message` of a control gives, if any. `present(control)` gives the value that the control
        would change; None, if the value is not known."""
        key, value = (control.source, control.event, control.number), value_of(control, message)
        before = self._values.get(key, value)
        self._values[key] = value
        if control.takeover == PICK_UP and not _reaches(control, before, value, present(control)):
            return None
        return command_of(control, message)

    def to_json(self) -> dict[str, Any]:
        return {"controls": [[*key, value] for key, value in self._values.items()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        rows = state.get("controls", ())  # older journals have none
        self._values = {(source, event, number): value for source, event, number, value in rows}


def bound(specs: Iterable[ControlSpec], source: str) -> set[ControlSpec]:
    """The controls of input `source` among `specs`."""
    return {spec for spec in specs if spec.source == source}


def value_of(control: ControlSpec, message: bytes) -> int:
    """0–127. A key counts as pressed or not, however hard it is struck."""
    if control.event == "note":
        return HIGHEST if is_note_on(message) else 0
    return message[2]


def command_of(control: ControlSpec, message: bytes) -> Command | None:
    """The command that `message` gives; None for a released button, and for the sustain pedal, which is no command."""
    value = value_of(control, message)
    amount = control.low + (control.high - control.low) * value / HIGHEST
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


def _reaches(control: ControlSpec, before: int, value: int, present: float | None) -> bool:
    """Whether the move from `before` to `value` reaches or passes `present`, rounded to a step of the control; outside
    the control's range, the nearest end of the range."""
    if present is None or control.low == control.high:
        return True
    place = (present - control.low) / (control.high - control.low) * HIGHEST
    nearest = round(min(max(place, 0.0), HIGHEST))
    return min(before, value) <= nearest <= max(before, value)
