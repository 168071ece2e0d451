"""What a file is played to: the configured band, with the file in the place of every input and melody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from daemon.config import Config
from daemon.music.melody import Melody, melody_to_json
from daemon.spec import AUDIO, MelodySpec, PortSpec, StageSpec, ZoneSpec

INPUT = "input"  # the name of the source that replaces all others
PLAYED = ("setting", "sustain", "panic", "mute", "solo")  # controls that count; the file has its own clock


def plan(config: Config, melody: Melody, live: bool) -> tuple[StageSpec, dict[str, dict[str, Any]]]:
    """Stage and players as configured, but with `melody` in the place of every input and melody. An instrument that
    plays one of these plays `melody`."""
    inputs = [port.name for port in config.ports if port.direction == "in"]
    members, players, zones = {}, [], list[ZoneSpec]()
    for player in config.stage.players:
        if player.is_instrument:
            players.append(player)
            continue
        keys = [name for name in player.listen if name in inputs]
        source = (keys or inputs or [INPUT])[0] if live else INPUT
        others = [name for name in player.listen if name in config.members]
        listen = (source, *others) if len(others) < len(player.listen) else tuple(others)
        players.append(replace(player, listen=listen))
        for zone in (zone for zone in config.stage.zones if zone.player == player.name):
            if zone.source in others:
                zones.append(zone)
            elif live and zone.source == source:  # the file is played on one channel
                zones.append(replace(zone, channels=()))
        known = [melody_to_json(melody)] if INPUT in listen and not live else []
        members[player.name] = {**config.members[player.name], "listen": list(listen), "melodies": known}
    instruments, channel = _instruments(config.stage)
    listened_to = [name for player in players for name in player.listen if name in inputs]
    played = (listened_to or inputs or [INPUT])[0]  # several inputs would play every note several times
    ports = [replace(port, thru=(), channels=(), delay=0.0) for port in config.stage.ports]
    if live and not inputs:
        ports.append(PortSpec(INPUT, "in"))
    if live:
        ports = [replace(port, thru=instruments) if port.name == played else port for port in ports]
    melodies = () if live else (MelodySpec(melody, instruments, channel),)
    controls = tuple(control for control in config.stage.controls if live and control.action in PLAYED)
    spec = StageSpec(
        melody.tempo_map, tuple(ports), melodies, tuple(players), controls, config.seed, zones=tuple(zones)
    )
    return spec, members


def _instruments(spec: StageSpec) -> tuple[tuple[str, ...], int]:
    """The instruments that play what inputs or melodies play, and the channel of that."""
    names = {port.name for port in spec.ports if port.direction == AUDIO}
    melodies = [melody for melody in spec.melodies if names.intersection(melody.thru)]
    heard = [name for port in spec.ports for name in port.thru] + [name for melody in melodies for name in melody.thru]
    return tuple(dict.fromkeys(name for name in heard if name in names)), melodies[0].channel if melodies else 1
