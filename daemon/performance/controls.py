"""What a controller or key that the configuration binds to a command means, and where each of them stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from daemon.commands import (
    ChangeSetting,
    Command,
    MutePlayer,
    Panic,
    SetTempo,
    SoloPlayer,
    ToggleMute,
    ToggleSolo,
    decode_command,
)
from daemon.music.events import CONTROL_CHANGE, ENDING_NOTES, LIFTING_PEDALS, is_note_off, is_note_on
from daemon.spec import PICK_UP, ControlSpec

PRESSED = 64  # values from here on are a pressed pedal or button
HIGHEST = 127
TOGGLES = ("metronome", "mute", "solo")

Key = tuple[str, str, int]  # source, event, number
Present = Callable[[ControlSpec], float | None]


class Controls:
    """The bindings of all input ports, and the last value (0–127) of each bound control."""

    def __init__(self) -> None:
        self._specs: dict[Key, ControlSpec] = {}
        self._values: dict[Key, int] = {}

    def take(self, specs: Iterable[ControlSpec]) -> list[Command]:
        """Bind as in `specs`; returns the commands that release held controls which are bound to something else now.
        The last value of a control that stays bound is kept, also if its meaning changes."""
        before, self._specs = self._specs, {_key(spec): spec for spec in specs}
        released = self._released(spec for key, spec in before.items() if self._specs.get(key) != spec)
        self._values = {key: value for key, value in self._values.items() if key in self._specs}
        return released

    def lose(self, source: str) -> list[Command]:
        """Input `source` was lost, and its controls may be moved unnoticed; returns the commands that release them."""
        released = self._released(spec for spec in self._specs.values() if spec.source == source)
        self._values = {key: value for key, value in self._values.items() if key[0] != source}
        return released

    def held(self) -> list[Command]:
        """The commands that release what controls hold down."""
        return self._released(self._specs.values())

    def _released(self, specs: Iterable[ControlSpec]) -> list[Command]:
        held = (spec for spec in specs if spec.held and self._values.get(_key(spec), 0) >= PRESSED)
        return [command for spec in held if (command := command_of(spec, 0)) is not None]

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
        key, value = _key(control), value_of(control, message)
        before = self._values.get(key, value)
        self._values[key] = value
        if control.takeover == PICK_UP and not _reaches(control, before, value, present(control)):
            return None
        if control.action in TOGGLES and not control.held and PRESSED <= before != value:
            return None  # a fader that moves on above the middle; a button that never sends 0 repeats its value
        return command_of(control, value)

    def to_json(self) -> dict[str, Any]:
        return {"controls": [[*key, value] for key, value in self._values.items()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        rows = state.get("controls", ())  # older journals have none
        self._values = {(source, event, number): value for source, event, number, value in rows}


def bound(specs: Iterable[ControlSpec], source: str) -> set[ControlSpec]:
    """The controls of input `source` among `specs`."""
    return {spec for spec in specs if spec.source == source}


def _key(control: ControlSpec) -> Key:
    return control.source, control.event, control.number


def value_of(control: ControlSpec, message: bytes) -> int:
    """0–127. A key counts as pressed or not, however hard it is struck."""
    if control.event == "note":
        return HIGHEST if is_note_on(message) else 0
    return message[2]


def command_of(control: ControlSpec, value: int) -> Command | None:
    """The command that a control gives at `value`; None for a released button, and for the sustain pedal, which is no
    command."""
    amount = control.low + (control.high - control.low) * value / HIGHEST
    match control.action:
        case "sustain":
            return None
        case "setting":
            return ChangeSetting(control.player, control.setting, amount)
        case "tempo":
            return SetTempo(amount)
        case "mute" if control.held:
            return MutePlayer(control.player, value >= PRESSED)
        case "solo" if control.held:
            return SoloPlayer(control.player, value >= PRESSED)
        case "mute" if value >= PRESSED:
            return ToggleMute(control.player)
        case "solo" if value >= PRESSED:
            return ToggleSolo(control.player)
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
