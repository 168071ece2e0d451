"""What the performance knows of one player."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from daemon.metrics import Cause
from daemon.performance.held_notes import NEVER
from daemon.performance.player_notes import PlayerNotes
from daemon.performance.timeline import ScheduledCall
from daemon.spec import PlayerSpec
from daemon.wire import Anticipate

QUIET = 1.0  # seconds; the end of every answer would be half of the journal of a band


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
    answered: float = NEVER  # seconds of the last entry of an answer

    @property
    def makes_music(self) -> bool:
        """Whether the player is up, and no instrument: it is reset, hears and is asked for windows."""
        return self.up and not self.spec.is_instrument

    def finish(self, number: int) -> None:
        """Calls up to `number` are answered."""
        while self.waiting and self.waiting[0].number <= number:
            self.waiting.popleft()

    def is_quiet(self, now: float) -> bool:
        """Whether the end of an answer is to be an entry, so that a replay notices what the session did not have."""
        return now - self.answered >= QUIET

    @property
    def lead(self) -> float:
        return self.spec.lead + self.notes.ahead
