"""How it goes, in one line: for `systemctl status`, the log and the end of `jamd run`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.desk.supervise import Supervisor


def figures(metrics: Mapping[str, Any]) -> list[str]:
    """The stage's figures as text. Names that end in `_ms` are [p50, p99, max, count] in milliseconds."""
    parts = []
    for name, value in metrics.items():
        label = name.removesuffix("_ms").replace("_", " ")
        if not isinstance(value, list):
            parts.append(f"{label} {value:g}")
        elif value[-1]:
            parts.append(f"{label} {'/'.join(f'{v:.2g}' for v in value[:3])} ms")
    return parts


def status_line(supervisor: Supervisor) -> str:
    """Who plays, over which ports, and the figures as p50/p99/max while it runs."""
    players = [name if seat.up else f"{name} ({_why(seat.refused)})" for name, seat in supervisor.seats.items()]
    apis = sorted({api for api in supervisor.ports.values() if api})
    if supervisor.ports and not apis:
        apis = ["no MIDI system: it plays into the recording and the terminal"]
    restarts = sum(supervisor.restarts.values())
    parts = [f"players: {', '.join(players) or 'none'}", *apis, *figures(supervisor.metrics), f"restarts {restarts}"]
    return "; ".join(parts)


def _why(refused: str | None) -> str:
    return "starting" if refused is None else "refused to start"
