"""The model's state after a line of events, one event per 16th."""

from __future__ import annotations

from collections import deque
from copy import copy

from daemon.encodings.melody.events import FIRST_PITCH, NO_EVENT, NOTE_OFF_EVENT
from daemon.engines.melody.model import MelodyModel, MelodyState
from daemon.engines.shared.grid import Grid
from daemon.engines.shared.line import EPSILON, STEP

MAX_LEADING_RESTS = 32  # 16ths of silence before a line that the model hears
MAX_INITIAL_STATES = 256  # states kept for beginnings of lines
MAX_REPLAYED = 32  # 16ths that the model hears again when transposed: all of them are computed before one window


class LineMemory:
    """The model's state when 16th number `frame` begins; `state` is None before a line has begun.

    The model hears no silence longer than a bar, because the tunes of its training have few rests: after a bar of
    silence its states of that bar are used again.
    """

    def __init__(self, model: MelodyModel) -> None:
        self._model = model
        self._initial_states: dict[tuple[float, float, int], MelodyState] = {}
        self.forget()

    def forget(self) -> None:
        self.state: MelodyState | None = None
        self.frame = self.silence = 0  # `silence`: 16ths since the last note ended
        self.sounding: int | None = None  # the event whose note sounds
        self._transpose = 0
        self._events: deque[int] = deque(maxlen=MAX_REPLAYED)
        self._silent_states: dict[tuple[float, float], MelodyState] = {}  # by meter and position, in this silence
        self._previous: tuple[MelodyState | None, int | None, int] = (None, None, 0)  # state, sounding, silence

    def warm_up(self, grid: Grid) -> None:
        """Compute the states for lines that begin at each 16th of a bar, so that no key has to wait for the model."""
        for frame in range(grid.bar):
            self.begin(frame, grid)
        self.forget()

    def begin(self, frame: int, grid: Grid) -> None:
        """Forget everything: a line begins with 16th number `frame`, after silence from the bar line on."""
        self.forget()
        self.frame, self.silence = frame, min(int(grid.position(frame) / STEP + EPSILON), MAX_LEADING_RESTS)
        self.state = self._initial_state(frame, self.silence, grid)
        self._events.extend([NO_EVENT] * self.silence)

    def _initial_state(self, frame: int, rests: int, grid: Grid) -> MelodyState:
        """The state at 16th number `frame` after `rests` 16ths of silence. Kept, because a key may wait for it."""
        place = (grid.meter, grid.position(frame), rests)
        if place not in self._initial_states:
            if len(self._initial_states) > MAX_INITIAL_STATES:
                self._initial_states.clear()
            if rests:
                before = self._initial_state(frame - 1, rests - 1, grid)
                self._initial_states[place] = self._model.step(before, NO_EVENT, grid.position(frame))
            else:
                self._initial_states[place] = self._model.start(grid.meter, grid.position(frame))
        return self._initial_states[place]

    def hear(self, event: int, grid: Grid) -> None:
        """Advance by one 16th, in which `event` fell."""
        assert self.state is not None
        self._previous = self.state, self.sounding, self.silence
        self.frame += 1
        self._events.append(event)
        if event >= FIRST_PITCH:
            self.sounding = event
        elif event == NOTE_OFF_EVENT:
            self.sounding = None
        self.silence = 0 if self.sounding is not None else self.silence + 1
        place = grid.meter, grid.position(self.frame)
        if self.silence > grid.bar and place in self._silent_states:
            self.state = self._silent_states[place]
            return
        self.state = self._model.step(self.state, event, place[1])
        if self.silence:
            self._silent_states[place] = self.state
        else:
            self._silent_states.clear()

    def correct_last(self, event: int, grid: Grid) -> None:
        """Replace the event of the last 16th by `event`, which arrived too late for it. If no 16th was heard since the
        line began, it begins one 16th earlier."""
        if self._previous[0] is None:
            self.begin(self.frame - 1, grid)
        else:
            self.state, self.sounding, self.silence = self._previous
            self.frame -= 1
            self._events.pop()
        self.hear(event, grid)

    def copy(self) -> LineMemory:
        """An independent copy."""
        other = copy(self)
        other._events, other._silent_states = self._events.copy(), self._silent_states.copy()
        return other

    def update_transposition(self, grid: Grid) -> None:
        """Some models hear every line in one key: if the last events call for another transposition than before, run
        the model on these events again."""
        transpose = self._model.transposition(tuple(self._events))
        if self.state is None or transpose == self._transpose:
            return
        self._transpose, frame = transpose, self.frame - len(self._events)
        self.state = self._model.start(grid.meter, grid.position(frame), transpose)
        for event in self._events:
            frame += 1
            self.state = self._model.step(self.state, event, grid.position(frame))
        self._silent_states.clear()
