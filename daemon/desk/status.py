"""The state of jamd in one line, for `systemctl status` and the log."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from daemon.config import Config
from daemon.desk.sound_state import SoundState
from daemon.desk.stage_state import StageState
from daemon.desk.supervise import Supervisor
from daemon.midi.port_names import find_port, own_name
from daemon.spec import AUDIO

PATIENCE = 3.0  # seconds in which a person or a program connects the ports of a jamd that has just started


class UnconnectedOutputs:
    """Log lines about outputs that nothing has been connected to since the start: one for each."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}  # seconds at which the output was first seen without a connection
        self._settled: set[str] = set()  # outputs that were connected once, or reported

    def look(self, state: StageState) -> Iterator[str]:
        """To be called every second or so from READY on."""
        now, without = self._clock(), unconnected(state)
        self._settled |= {name for name, connected in _connected(state).items() if connected}
        for name in without:
            if name not in self._settled and now - self._since.setdefault(name, now) >= PATIENCE:
                self._settled.add(name)
                yield (
                    f"{name} is connected to nothing: connect a synthesiser to it, or start jamd with "
                    f"--connect {shlex.quote(name)}=NAME (`jamd ports` lists the names)"
                )


class DoubledOutputs:
    """Log lines about outputs that go to another program while jamd's own instruments are heard: one for each."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def look(self, state: StageState) -> Iterator[str]:
        """To be called every second or so."""
        if state.spec is None or not state.sound.is_heard:
            return
        connected = _connected(state)
        for name in [port.name for port in state.spec.ports if port.audio and connected.get(port.name)]:
            if name not in self._told:
                self._told.add(name)
                yield (
                    f"{name} is heard through the audio device and goes to another program: if every note is heard "
                    "twice, start jamd with --no-sound"
                )


def figures(metrics: Mapping[str, Any]) -> list[str]:
    """The stage's figures as text, milliseconds as p50/p99/max."""
    latencies = {f"latency of {player}": values for player, values in metrics.get("latency_ms", {}).items()}
    timings = {**latencies, "thru": metrics.get("thru_ms", {}), "lateness": metrics.get("lateness_ms", {})}
    parts = [
        f"{label} {values['p50']:.2g}/{values['p99']:.2g}/{values['max']:.2g} ms"
        for label, values in timings.items()
        if values.get("count")
    ]
    return parts + [f"{name} {metrics[name]}" for name in ("dropped", "malformed", "unsent") if metrics.get(name)]


def clock(metrics: Mapping[str, Any]) -> list[str]:
    """The state of the followed clock, and whether the song is stopped."""
    stopped = ["stopped"] if len(metrics.get("place", [])) == 1 else []
    if (followed := metrics.get("clock")) is None:
        return stopped
    return [", ".join([f"clock {followed['state']} at {metrics.get('bpm', 0.0):.1f} bpm", *stopped])]


def sound(state: SoundState) -> list[str]:
    """The audio device, its figures, and what went wrong there."""
    return [f"sound: {state.text}"] if state.text else []


def status_line(supervisor: Supervisor) -> str:
    """The error of a failed reload, players, MIDI systems and missing connections of the ports, sound, clock, figures
    as p50/p99/max, restarts."""
    silent = dict.fromkeys(supervisor.metrics.get("silent", ()), "muted")
    states = {name: silent.get(name) if slot.up else _why(slot.refused) for name, slot in supervisor.players.items()}
    players = [f"{name} ({state})" if state else name for name, state in states.items()]
    restarts = ", ".join(f"{name} {number}" for name, number in supervisor.restarts.items())
    parts = [
        f"players: {', '.join(players) or 'none'}",
        *ports(supervisor.stage_state),
        *sound(supervisor.stage_state.sound),
        *clock(supervisor.metrics),
        *([f"song: {form}"] if (form := supervisor.metrics.get("form")) else []),
        *figures(supervisor.metrics),
        *([f"restarts: {restarts}"] if restarts else []),
    ]
    return supervisor.reload_error + "; ".join(parts)


def ports(state: StageState) -> list[str]:
    """The MIDI systems in use, and the ports that are not open, or not connected to what `connect:` names."""
    systems = sorted({api for api in state.ports.values() if api})
    problems, without = [], unconnected(state)
    for port in state.spec.ports if state.spec is not None else ():
        api = state.ports.get(port.name)
        if port.direction == AUDIO:
            continue
        if api is None and port.connect is not None:
            problems.append(f"{port.name} waits for {port.connect}")
        elif api is None and systems:
            problems.append(f"{port.name} is not open")
        elif port.name in without:
            problems.append(f"{port.name} is connected to nothing")
        elif api is not None and port.connect is not None and _is_cut(state, own_name(api, port.name), port.connect):
            problems.append(f"{port.name} was disconnected from {port.connect}")
    return [*(systems or ["no port is open"] if state.ports else []), *problems]


def unconnected(state: StageState) -> list[str]:
    """The virtual ports that a player plays on, but no instrument, and no other program is connected to, where
    connections can be seen."""
    if state.spec is None:
        return []
    played, connected = {player.port for player in state.spec.players}, _connected(state)
    silent = [p.name for p in state.spec.ports if p.connect is None and not (p.audio and state.sound.is_heard)]
    return [name for name in silent if name in played and not connected.get(name, True)]


def _connected(state: StageState) -> Mapping[str, bool]:
    return dict(state.metrics.get("connected", {}))


def _is_cut(state: StageState, own: str, wanted: str) -> bool:
    """Whether a person cut the connection of our port to the one that `connect:` names."""
    _, cut = state.connections
    return any(ours == own and find_port([other], wanted) is not None for _, ours, other in cut)


def hints(config: Config) -> Iterator[str]:
    """Log lines about parts of files that were passed over, about a drawn seed, and about expected silence: no player,
    or no source."""
    yield from config.warnings
    if config.seed_is_drawn:
        yield f"seed {config.seed}, drawn at random: `--seed {config.seed}` repeats the music"
    if config.silence:
        yield config.silence
    for member in config.players:
        if not member.listen:
            name = member.name
            yield f"{name} listens to no source and plays on its own, or not at all: see band.{name}.listen"


def _why(refused: str | None) -> str:
    return "starting" if refused is None else "failed to start"
