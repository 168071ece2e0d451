"""The section `controls`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from daemon.config.names import Names
from daemon.config.yaml_file import Value, suggestion
from daemon.engines.base import Engine
from daemon.spec import ControlSpec

ACTIONS = ("sustain", "panic", "start", "stop", "continue", "tap", "metronome", "clock.bpm")
TEMPO_RANGE = (40.0, 220.0)  # beats per minute at the controller values 0 and 127


def read_controls(value: Value, names: Names, engines: Mapping[str, type[Engine]]) -> Iterator[ControlSpec]:
    """The controllers and keys of each input. `engines`: by player."""
    settings = {f"{player}.{s.name}": (player, s) for player, engine in engines.items() for s in engine.settings}
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
            if (player := entry.text("").partition(".")[0]) in names.players and player not in engines:
                continue  # the player's engine is reported already, and its settings are unknown
            action = entry.one_of([*ACTIONS, *settings], what=f"{', '.join(ACTIONS)} or PLAYER.SETTING")
            if event == "note" and action in ("clock.bpm", *settings):
                entry.report(f"a key is only up or down and sets no value: use a control change (cc N) for {action}")
            if action in settings:
                player, setting = settings[action]
                yield ControlSpec(source, number, "setting", player, setting.name, setting.low, setting.high, event)
            elif action == "clock.bpm":
                yield ControlSpec(source, number, "tempo", low=TEMPO_RANGE[0], high=TEMPO_RANGE[1], event=event)
            else:
                yield ControlSpec(source, number, action, event=event)
