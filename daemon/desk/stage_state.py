"""The state that outlives a stage process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from daemon.spec import StageSpec


@dataclass(eq=False)
class StageState:
    """The configuration that every stage process gets, and the last report of the stage, for the stage that follows."""

    spec: StageSpec | None = None
    position: list[float] = field(default_factory=list)  # of the song: [beat, seconds, bpm] running, [beat] stopped
    connections: list[Any] = field(default_factory=list)  # that other clients made to jamd's ports
    metrics: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, str | None] = field(default_factory=dict)  # by port: the MIDI system, or None while closed
