"""The parts of their sources that players hear: zones of the keyboard, channels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from daemon.music.events import CONTROL_CHANGE, is_note_off, is_note_on
from daemon.spec import ZoneSpec

PEDAL = 128  # in the place of a pitch
Held = tuple[str, str, int, int]  # player, source, channel, pitch or PEDAL


class Zones:
    """A note-off and the end of a pedal are heard where their beginning was heard, also after a reload in between."""

    def __init__(self) -> None:
        self._zones: dict[tuple[str, str], ZoneSpec] = {}
        self._held: set[Held] = set()

    def take(self, zones: Iterable[ZoneSpec], kept: Collection[str]) -> None:
        """Take other zones; only the players in `kept` still know what they have heard."""
        self._zones = {(zone.player, zone.source): zone for zone in zones}
        self._held = {held for held in self._held if held[0] in kept}

    def covers(self, player: str, source: str, message: bytes) -> bool:
        """Whether `message`, a note or a pedal, lies in the part of `source` that `player` hears."""
        zone = self._zones.get((player, source))
        if zone is None:
            return True
        is_pedal = message[0] & 0xF0 == CONTROL_CHANGE
        in_channels = not zone.channels or (message[0] & 15) + 1 in zone.channels
        return in_channels and (is_pedal or zone.low <= message[1] <= zone.high)

    def lets_pass(self, player: str, source: str, message: bytes) -> bool:
        """Whether `player` hears `message`, a note or a pedal, of `source`."""
        is_pedal = message[0] & 0xF0 == CONTROL_CHANGE
        held = player, source, (message[0] & 15) + 1, PEDAL if is_pedal else message[1]
        inside = self.covers(player, source, message)
        if is_note_on(message) or (is_pedal and message[2] >= 64):
            if inside:
                self._held.add(held)
            return inside
        if held in self._held:
            self._held.remove(held)
            return True
        return (player, source) not in self._zones or (inside and not is_note_off(message))

    def to_json(self) -> dict[str, Any]:
        return {"heard": [list(held) for held in sorted(self._held)]}

    def restore(self, state: Mapping[str, Any]) -> None:
        rows = state.get("heard", ())  # older journals have none
        self._held = {(player, source, channel, pitch) for player, source, channel, pitch in rows}
