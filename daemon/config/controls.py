"""The section `controls`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from daemon.config.names import Names
from daemon.config.yaml_file import Value
from daemon.engines.base import Engine
from daemon.music.tempo import MAX_BPM, MIN_BPM
from daemon.spec import JUMP, PICK_UP, ControlSpec
from daemon.suggestions import suggestion

ACTIONS = ("sustain", "panic", "start", "stop", "continue", "tap", "metronome")
BPM = "clock.bpm"


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
    targets = {BPM: _TEMPO} | {
        f"{player}.{s.name}": _Target("setting", player, s.name, s.low, s.high, (s.low, s.high))
        for player, engine in engines.items()
        for s in engine.settings
    }
    unknown = [player for player in names.players if player not in engines]  # reported already, their settings unknown
    for source, mapping in value.entries().items():
        if source not in names.inputs:
            mapping.report(f"{source!r} is not an input among the ports{suggestion(source, names.inputs)}")
        seen: set[tuple[str, int]] = set()
        for key, entry in mapping.entries().items():
            found = re.fullmatch(r"(cc|note) ([0-9]{1,3})", key)
            event, number = (found[1], int(found[2])) if found else ("", 128)
            if number > 127 or (event, number) in seen:
                entry.report("write `cc N` or `note N` with N from 0 to 127, each once")
            seen.add((event, number))
            options = entry.section("set", "from", "to", "takeover") if entry.is_mapping else {"set": entry}
            named = options["set"]
            if named.text("").partition(".")[0] in unknown:
                continue
            if entry.is_mapping:
                action = named.one_of(targets, what=f"{BPM} or PLAYER.SETTING")
            else:
                action = named.one_of([*ACTIONS, *targets], what=f"{', '.join((*ACTIONS, BPM))} or PLAYER.SETTING")
            if event == "note" and action in targets:
                entry.report(f"a key is only up or down and sets no value: use a control change (cc N) for {action}")
            if action not in targets:
                yield ControlSpec(source, number, action, event=event)
                continue
            target = targets[action]
            low, high, takeover = _range(options, target) if entry.is_mapping else (target.low, target.high, JUMP)
            if takeover == PICK_UP and target is _TEMPO and follows:
                options["takeover"].report(f"the tempo is that of clock.source: {BPM} can only jump")
            yield ControlSpec(
                source, number, target.action, target.player, target.setting, low, high, event, takeover
            )  # fmt: skip


def _range(options: Mapping[str, Value], target: _Target) -> tuple[float, float, str]:
    """The values at 0 and 127, and what happens when the control is moved."""
    low = options["from"].number(*target.limits, target.low)
    high = options["to"].number(*target.limits, target.high)
    if low == high and not (options["from"].is_wrong or options["to"].is_wrong):
        at = options["from"] if options["from"].given else options["to"]
        at.report(f"the range begins and ends at {low:g}, so the control would change nothing: give another number")
    return low, high, options["takeover"].one_of((JUMP, PICK_UP), JUMP, "a way to take over")
