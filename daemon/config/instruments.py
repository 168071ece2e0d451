"""Which instruments play what is sent to which output, and the stage's configuration with them.

An instrument's `listen` names outputs (everything that is sent there), or inputs, melodies and players by themselves;
without any name, every output. Where an output has the name of a player, too, the output is meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from daemon.music.sound import Sound
from daemon.spec import AUDIO, MelodySpec, PlayerSpec, PortSpec, StageSpec

Listen = Mapping[str, Collection[str]]  # the names in `listen`, by instrument


class Routes:
    """The ways to the instruments, each of which is taken once. `outputs`: all MIDI outputs."""

    def __init__(self, listen: Listen, outputs: Iterable[str]) -> None:
        self._outputs = frozenset(outputs)
        self._heard = {name: frozenset(sources) or self._outputs for name, sources in listen.items()}

    def instruments(self, source: str, sent_to: Iterable[str]) -> tuple[str, ...]:
        """Those that play what `source`, an input, melody or player, sends to these outputs."""
        ways = {source} - self._outputs | self._outputs.intersection(sent_to)
        return tuple(name for name, heard in self._heard.items() if ways & heard)


def with_instruments(
    spec: StageSpec,
    routes: Routes,
    instruments: Iterable[PlayerSpec],
    sounds: Mapping[str, tuple[Sound, ...]],
    delay: float,
) -> StageSpec:
    """`spec`, which has none yet, with `instruments` and their audio outputs. `sounds`: by instrument; `delay`: seconds
    of each audio output."""
    instruments = tuple(instruments)
    audio = (PortSpec(each.name, AUDIO, delay=delay, sounds=sounds.get(each.name, ())) for each in instruments)
    return replace(
        spec,
        ports=(*(_port(port, routes) for port in spec.ports), *audio),
        melodies=tuple(_melody(melody, routes) for melody in spec.melodies),
        players=(
            *(replace(player, audio=routes.instruments(player.name, [player.port])) for player in spec.players),
            *instruments,
        ),
    )


def _port(port: PortSpec, routes: Routes) -> PortSpec:
    if port.direction == "out":
        return replace(port, audio=routes.instruments(port.name, [port.name]))
    return replace(port, thru=(*port.thru, *routes.instruments(port.name, port.thru)))


def _melody(melody: MelodySpec, routes: Routes) -> MelodySpec:
    return replace(melody, thru=(*melody.thru, *routes.instruments(melody.melody.name, melody.thru)))
