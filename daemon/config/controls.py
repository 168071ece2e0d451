"""The section `controls`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from daemon.config.names import AnyName, Names
from daemon.engines.base import Engine
from daemon.music.note_names import pitch_named
from daemon.music.tempo import MAX_BPM, MIN_BPM
from daemon.spec import JUMP, PICK_UP, ControlSpec
from daemon.suggestions import suggestion
from daemon.yaml_file import Value

ACTIONS = ("sustain", "panic", "start", "stop", "continue", "tap", "metronome")
BPM = "clock.bpm"
KINDS = {"set": ("set", "from", "to", "takeover"), "mute": ("mute", "while"), "solo": ("solo", "while")}  # their keys


@dataclass(frozen=True, slots=True)
class _Target:
    """What a control change can set: the bpm or a setting of a player, within `limits`; `low` and `high` are the
    values at 0 and 127 where the configuration names none."""

    action: str
    player: str
    setting: str
    low: float
    high: float
    limits: tuple[float, float]


_TEMPO = _Target("tempo", "", "", 40.0, 220.0, (MIN_BPM, MAX_BPM))


def read_controls(
    value: Value, names: Names, engines: Mapping[str, type[Engine]], follows: bool
) -> Iterator[ControlSpec]:
    """The controllers and keys of each input. `engines`: by player. `follows`: the tempo is that of another clock."""
    reader = _ControlReader(names, engines, follows)
    for source, mapping in value.entries().items():
        if source not in names.inputs:
            mapping.report(f"{source!r} is not an input among the ports{suggestion(source, names.inputs)}")
        seen: set[tuple[str, int]] = set()
        for key, entry in mapping.entries().items():
            event, number = _read_event(key)
            if number > 127 or (event, number) in seen:
                entry.report("write `cc N` or `note N` with N from 0 to 127, each once; a note may have a name, as C2")
            seen.add((event, number))
            control = reader.read(entry, source, event, number)
            if control is not None:
                yield control


def _read_event(key: str) -> tuple[str, int]:
    """A key such as `cc 64`, `note 36` or `note C2`; a number above 127 if it is none."""
    if found := re.fullmatch("cc ([0-9]{1,3})", key):
        return "cc", int(found[1])
    pitch = pitch_named(key.removeprefix("note ")) if key.startswith("note ") else None
    return "note" if pitch is not None else "", 128 if pitch is None else pitch


class _ControlReader:
    """Reads what one control change or key does; None where that is wrong and reported."""

    def __init__(self, names: Names, engines: Mapping[str, type[Engine]], follows: bool) -> None:
        self._players, self._follows = names.players, follows
        self._unknown = [player for player in names.players if player not in engines]  # engines, reported already
        self._targets = {BPM: _TEMPO} | {
            f"{player}.{s.name}": _Target("setting", player, s.name, s.low, s.high, (s.low, s.high))
            for player, engine in engines.items()
            for s in engine.settings
        }

    def read(self, entry: Value, source: str, event: str, number: int) -> ControlSpec | None:
        if not entry.is_mapping:
            return self._read_name(entry, source, event, number)
        kind = next((kind for kind in KINDS if kind in entry.entries()), "")
        options = entry.section(*KINDS.get(kind, [key for keys in KINDS.values() for key in keys]))
        if kind == "set":
            return self._read_range(options, source, event, number)
        if kind:
            player = options[kind].one_of(self._players, what="a player of the band")
            held = options["while"].one_of(("held",), "", "a condition") == "held"
            return ControlSpec(source, number, kind, player, event=event, held=held)
        entry.report("does nothing: give set, mute or solo")
        return None

    def _read_name(self, entry: Value, source: str, event: str, number: int) -> ControlSpec | None:
        if self._is_unknown(entry):
            return None
        what = f"{', '.join((*ACTIONS, BPM))} or PLAYER.SETTING"
        action = entry.one_of([*ACTIONS, *self._targets], what=what)
        if action not in self._targets:
            return ControlSpec(source, number, action, event=event)
        target = self._target(entry, event)
        return ControlSpec(
            source, number, target.action, target.player, target.setting, target.low, target.high, event
        )  # fmt: skip

    def _read_range(self, options: Mapping[str, Value], source: str, event: str, number: int) -> ControlSpec | None:
        if self._is_unknown(options["set"]):
            return None
        if options["set"].one_of(self._targets, what=f"{BPM} or PLAYER.SETTING") not in self._targets:
            return None
        target = self._target(options["set"], event)
        low = options["from"].number(*target.limits, target.low)
        high = options["to"].number(*target.limits, target.high)
        if low == high and not (options["from"].is_wrong or options["to"].is_wrong):
            at = options["from"] if options["from"].given else options["to"]
            at.report(f"the range begins and ends at {low:g}, so the control would change nothing: give another number")
        takeover = options["takeover"].one_of((JUMP, PICK_UP), JUMP, "a way to take over")
        if takeover == PICK_UP and target is _TEMPO and self._follows:
            options["takeover"].report(f"the tempo is that of clock.source: {BPM} can only jump")
        return ControlSpec(source, number, target.action, target.player, target.setting, low, high, event, takeover)

    def _is_unknown(self, named: Value) -> bool:
        """Whether a setting is named of a player whose engine is reported already."""
        player, dot, _ = named.text("").partition(".")
        return player in self._unknown or (bool(dot) and isinstance(self._players, AnyName) and player != "clock")

    def _target(self, named: Value, event: str) -> _Target:
        name = named.text("")
        if event == "note":
            named.report(f"a key is only up or down and sets no value: use a control change (cc N) for {name}")
        return self._targets[name]
