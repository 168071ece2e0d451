"""Parts of a configuration as they are written in a configuration file, in full."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from daemon.music.note_names import name_of_pitch
from daemon.spec import ControlSpec, PortSpec, ZoneSpec


def listen_as_yaml(listen: Iterable[str], zones: Iterable[ZoneSpec]) -> list[Any]:
    """A range that is not limited, and all channels, are left out."""
    parts: dict[str, dict[str, Any]] = {}
    for zone in zones:
        part = parts[zone.source] = {}
        if zone.low > 0:
            part["from"] = name_of_pitch(zone.low)
        if zone.high < 127:
            part["to"] = name_of_pitch(zone.high)
        if zone.channels or not part:
            part["channels"] = list(zone.channels or range(1, 17))
    return [{source: parts[source]} if source in parts else source for source in listen]


def control_as_yaml(control: ControlSpec) -> Any:
    if control.action in ("mute", "solo"):
        return {control.action: control.player} | ({"while": "held"} if control.held else {})
    if control.action not in ("setting", "tempo"):
        return control.action
    target = f"{control.player}.{control.setting}" if control.action == "setting" else "clock.bpm"
    return {"set": target, "from": control.low, "to": control.high, "takeover": control.takeover}


def port_as_yaml(port: PortSpec) -> dict[str, Any]:
    shown: dict[str, Any] = {"direction": port.direction, "connect": port.connect}
    if port.direction == "in":
        return {**shown, "channels": list(port.channels), "thru": list(port.thru), "longest_note": port.longest_note}
    return {**shown, "delay_ms": round(port.delay * 1000, 6)}
