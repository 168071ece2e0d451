"""The state that outlives a stage process."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from daemon.desk.sound_state import SoundState
from daemon.spec import StageSpec


@dataclass(eq=False)
class StageState:
    """The configuration of every stage process, and the last report of the stage, for the stage that follows."""

    spec: StageSpec | None = None
    sound: SoundState = field(default_factory=SoundState)
    position: list[float] = field(default_factory=list)  # of the song: [beat, seconds, bpm] running, [beat] stopped
    connections: list[list[Any]] = field(default_factory=lambda: [[], []])  # to jamd's ports: remembered, cut by hand
    metrics: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, str | None] = field(default_factory=dict)  # by port: the MIDI system, or None while closed
    silent: list[str] = field(default_factory=list)  # the players that are muted, or not soloed while others are
    settings: dict[str, dict[str, float]] = field(default_factory=dict)  # by player and setting, as they were turned
    metronome: bool = False  # whether it is on
    bpm: float | None = None  # of jamd's own clock; None: another clock's
    commands: list[list[Any]] = field(default_factory=list)  # encoded; they turn the next stage as this one is turned
    plans: dict[str, list[Any]] = field(default_factory=dict)  # by player, encoded: those that hold
    unconfirmed: deque[StageSpec] = field(default_factory=deque)  # sent to the present process, not yet in its journal

    def told(self) -> StageSpec:
        """The configuration as a stage is told, with the delay of the sound."""
        assert self.spec is not None
        return self.spec.with_latency(self.sound.delay)

    def change_latency(self) -> list[Any]:
        """The message with which the stage that lives takes another delay of the sound: not the configuration, whose
        melodies would take the stage too long while music plays."""
        self.unconfirmed.append(self.told())
        return ["latency", self.sound.delay]

    def reload(self, spec: StageSpec) -> list[Any]:
        """Take another configuration; return the message with which the stage that lives takes it. For a stage that
        starts later, what was cut by hand is connected again; what was turned or planned counts no longer, unless the
        stage that lives reports what the reload has left of that."""
        remembered, cut = self.connections
        self.spec, self.connections, self.commands, self.plans = spec, [[*remembered, *cut], []], [], {}
        told = self.told()
        self.unconfirmed.append(told)
        return ["spec", told.to_json()]
