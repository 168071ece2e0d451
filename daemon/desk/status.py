"""The state of jamd in one line, for `systemctl status` and the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from daemon.config import Config
from daemon.desk.stage_state import StageState
from daemon.desk.supervise import Supervisor
from daemon.midi.port_names import find_port, own_name


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


def status_line(supervisor: Supervisor) -> str:
    """The error of a failed reload, players, MIDI systems and missing connections of the ports, clock, figures as
    p50/p99/max, restarts."""
    silent = dict.fromkeys(supervisor.metrics.get("silent", ()), "muted")
    states = {name: silent.get(name) if slot.up else _why(slot.refused) for name, slot in supervisor.players.items()}
    players = [f"{name} ({state})" if state else name for name, state in states.items()]
    restarts = ", ".join(f"{name} {number}" for name, number in supervisor.restarts.items())
    parts = [
        f"players: {', '.join(players) or 'none'}",
        *ports(supervisor.stage_state),
        *clock(supervisor.metrics),
        *figures(supervisor.metrics),
        *([f"restarts: {restarts}"] if restarts else []),
    ]
    return supervisor.reload_error + "; ".join(parts)


def ports(state: StageState) -> list[str]:
    """The MIDI systems in use, and the ports that are not open, or not connected to what `connect:` names."""
    systems = sorted({api for api in state.ports.values() if api})
    problems = []
    for port in state.spec.ports if state.spec is not None else ():
        api = state.ports.get(port.name)
        if api is None and port.connect is not None:
            problems.append(f"{port.name} waits for {port.connect}")
        elif api is None and systems:
            problems.append(f"{port.name} is not open")
        elif api is not None and port.connect is not None and _is_cut(state, own_name(api, port.name), port.connect):
            problems.append(f"{port.name} was disconnected from {port.connect}")
    return [*(systems or ["no port is open"] if state.ports else []), *problems]


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
    for member in config.band:
        if not member.listen:
            name = member.name
            yield f"{name} listens to no source and plays on its own, or not at all: see band.{name}.listen"


def _why(refused: str | None) -> str:
    return "starting" if refused is None else "failed to start"
