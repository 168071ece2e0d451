"""The state of jamd in one line, for `systemctl status` and the log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from daemon.config import Config
from daemon.desk.supervise import Supervisor
from daemon.desk.terminal import View

MINUTE = 60.0


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
    """The error of a failed reload, players, MIDI systems of the ports, clock, figures as p50/p99/max, restarts."""
    silent = dict.fromkeys(supervisor.metrics.get("silent", ()), "muted")
    states = {name: silent.get(name) if slot.up else _why(slot.refused) for name, slot in supervisor.players.items()}
    players = [f"{name} ({state})" if state else name for name, state in states.items()]
    apis = sorted({api for api in supervisor.ports.values() if api})
    if supervisor.ports and not apis:
        apis = ["no port is open"]
    restarts = sum(supervisor.restarts.values())
    parts = [
        f"players: {', '.join(players) or 'none'}",
        *apis,
        *clock(supervisor.metrics),
        *figures(supervisor.metrics),
        f"restarts {restarts}",
    ]
    return supervisor.reload_error + "; ".join(parts)


def hints(config: Config) -> Iterator[str]:
    """Log lines about parts of files that were passed over, about a drawn seed, and about expected silence: no player,
    or no source."""
    yield from config.warnings
    if config.seed_is_drawn:
        yield f"seed {config.seed}, drawn at random: `--seed {config.seed}` repeats the music"
    if not config.band:
        yield f"no player is configured: add one under band: in {config.path}"
    for member in config.band:
        if not member.listen:
            name = member.name
            yield f"{name} listens to no source and plays on its own, or not at all: see band.{name}.listen"


class ActivityLog:
    """Without a live line on a terminal, the log tells once a minute how many notes were played."""

    def __init__(self, view: View, clock: Callable[[], float] = time.monotonic) -> None:
        self._view, self._clock = view, clock
        self._next = clock() + MINUTE
        self._reported: Counter[str] = Counter()

    def line(self, supervisor: Supervisor) -> str | None:
        """The line to log now, or None. Call it at least once a minute."""
        if self._view.live or self._clock() < self._next:
            return None
        self._next = self._clock() + MINUTE
        played = self._view.notes - self._reported
        self._reported = self._view.notes.copy()
        if not played:
            return None
        notes = ", ".join(f"{name} {count}" for name, count in sorted(played.items()))
        return "; ".join([f"notes in the last minute: {notes}", *figures(supervisor.metrics)])


def _why(refused: str | None) -> str:
    return "starting" if refused is None else "failed to start"
