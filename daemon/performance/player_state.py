"""What the performance knows of one player."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from daemon.metrics import Cause
from daemon.performance.player_notes import PlayerNotes
from daemon.performance.timeline import ScheduledCall
from daemon.spec import PlayerSpec
from daemon.wire import Anticipate


@dataclass(eq=False, slots=True)
class WaitingCall:
    """A call that is not answered yet."""

    number: int
    asked: float  # seconds
    cause: Cause  # of what is sent at once in answer; GRID where nothing is


@dataclass(eq=False, slots=True)
class PlayerState:
    spec: PlayerSpec
    notes: PlayerNotes
    up: bool = False
    released: bool = False  # hung: silent until the process is replaced
    ask: ScheduledCall | None = None
    waiting: deque[WaitingCall] = field(default_factory=deque)
    first_valid: int = 0  # answers to calls before the last reset no longer count
    anticipated: set[Anticipate] = field(default_factory=set)  # sent since settings changed
    first_window: float | None = None  # the beat of the first window, which waits for a plan

    @property
    def makes_music(self) -> bool:
        """Whether the player is up, and no instrument: it is reset, hears and is asked for windows."""
        return self.up and not self.spec.is_instrument

    @property
    def lead(self) -> float:
        return self.spec.lead + self.notes.ahead
