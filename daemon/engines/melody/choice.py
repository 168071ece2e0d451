"""What both modes of the player share: what the net remembers of a line, and how the next event is chosen."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from copy import copy

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.melody.events import EVENTS, FIRST_PITCH, HIGHEST, LOWEST, NO_EVENT, NOTE_OFF, Floats
from daemon.engines.melody.copies import Copies
from daemon.engines.melody.key import KeyEstimator
from daemon.engines.melody.model import MelodyModel, MelodyState
from daemon.engines.melody.top_line import TopLine
from daemon.engines.shared.draw import choose
from daemon.engines.shared.grid import Grid
from daemon.engines.shared.line import EPSILON, STEP
from daemon.engines.shared.sounding_voices import SoundingVoices

Bools = NDArray[np.bool_]

VOICE = "melody"
MIDI = np.arange(LOWEST, HIGHEST + 1)  # the pitches of the events from FIRST_PITCH on
SILENCE = 32  # 16ths before a line that the net is told of, at most
MOST_BEGINNINGS = 256
HEARD_AGAIN = 32  # 16ths that it is told again, at most: they are all thought over before one window
BASE = 80  # velocity, where it does not follow the player


class LineMemory:
    """The net's state, that is, all it knows when 16th number `at` begins. Nothing was heard: `state` is None.

    To it no silence is longer than a bar: it learned from tunes that have few rests.
    """

    def __init__(self, model: MelodyModel) -> None:
        self._model = model
        self._beginnings: dict[tuple[float, float, int], MelodyState] = {}
        self.forget()

    def forget(self) -> None:
        self.state: MelodyState | None = None
        self.at = self.rested = 0  # `rested`: 16ths of silence by now
        self.sounds: int | None = None  # the event whose note sounds
        self._transpose = 0
        self._events: deque[int] = deque(maxlen=HEARD_AGAIN)
        self._silence: dict[tuple[float, float], MelodyState] = {}  # in the present one, by meter and place in the bar
        self._undo: tuple[MelodyState | None, int | None, int] = (None, None, 0)

    def warm(self, grid: Grid) -> None:
        """Let the net run, and begin at each place of a bar: later no key waits for either."""
        for frame in range(grid.bar):
            self.begin(frame, grid)
        self.forget()

    def begin(self, frame: int, grid: Grid) -> None:
        """Start anew for a line that begins with 16th number `frame`: in the bar's silence before it."""
        self.forget()
        self.at, self.rested = frame, min(int(grid.position(frame) / STEP + EPSILON), SILENCE)
        self.state = self._beginning(frame, self.rested, grid)
        self._events.extend([NO_EVENT] * self.rested)

    def _beginning(self, frame: int, rests: int, grid: Grid) -> MelodyState:
        """After so many 16ths of silence; kept, for a key may wait for it."""
        place = (grid.meter, grid.position(frame), rests)
        if place not in self._beginnings:
            if len(self._beginnings) > MOST_BEGINNINGS:
                self._beginnings.clear()
            if rests:
                before = self._beginning(frame - 1, rests - 1, grid)
                self._beginnings[place] = self._model.step(before, NO_EVENT, grid.position(frame))
            else:
                self._beginnings[place] = self._model.start(grid.meter, grid.position(frame))
        return self._beginnings[place]

    def hear(self, event: int, grid: Grid) -> None:
        """`event` was that of this 16th: on to the next one."""
        assert self.state is not None
        self._undo = self.state, self.sounds, self.rested
        self.at += 1
        self._events.append(event)
        if event >= FIRST_PITCH:
            self.sounds = event
        elif event == NOTE_OFF:
            self.sounds = None
        self.rested = 0 if self.sounds is not None else self.rested + 1
        place = grid.meter, grid.position(self.at)
        if self.rested > grid.bar and place in self._silence:
            self.state = self._silence[place]
            return
        self.state = self._model.step(self.state, event, place[1])
        if self.rested:
            self._silence[place] = self.state
        else:
            self._silence.clear()

    def mend(self, event: int, grid: Grid) -> None:
        """The last 16th had this event, which came too late for it. If there was no 16th yet, it had begun before."""
        if self._undo[0] is None:
            self.begin(self.at - 1, grid)
        else:
            self.state, self.sounds, self.rested = self._undo
            self.at -= 1
            self._events.pop()
        self.hear(event, grid)

    def copy(self) -> LineMemory:
        """One that knows the same, and goes on by itself."""
        other = copy(self)
        other._events, other._silence = self._events.copy(), self._silence.copy()
        return other

    def retune(self, grid: Grid) -> None:
        """Some models want to hear everything in one key: if it is another than they were told, tell them again."""
        transpose = self._model.transposition(tuple(self._events))
        if self.state is None or transpose == self._transpose:
            return
        self._transpose, at = transpose, self.at - len(self._events)
        self.state = self._model.start(grid.meter, grid.position(at), transpose)
        for event in self._events:
            at += 1
            self.state = self._model.step(self.state, event, grid.position(at))
        self._silence.clear()


class Chooser:
    """Draws events. `settings` is the engine's own table, turned while it plays."""

    def __init__(self, settings: Mapping[str, float]) -> None:
        self._settings = settings
        self.key, self.copies = KeyEstimator(), Copies()
        self._random = np.random.default_rng(0)
        self._asked: tuple[float, float, bytes] | None = None  # what `_within` was made for
        self._within: Bools

    def reset(self, seed: int) -> None:
        self.key.reset()
        self.copies.reset()
        self._random = np.random.default_rng(seed)

    def happens(self, probability: float) -> bool:
        return bool(self._random.random() < probability)

    def pitches(self) -> Bools:
        """(36,): the pitches in the range and the key that copy no more than is allowed."""
        allowed = self.within().copy()
        allowed[self.copies.too_long(round(self._settings["copy"])) - FIRST_PITCH] = False
        return allowed

    def within(self) -> Bools:
        """(36,): the pitches in the range and the key. Where the range has no note of the key, the range counts."""
        classes = self.key.classes(round(self._settings["key"]))
        asked = (self._settings["low"], self._settings["high"], classes.tobytes())
        if asked != self._asked:
            low, high = sorted(asked[:2])
            within: Bools = (round(low) <= MIDI) & (round(high) >= MIDI)
            in_key = within & classes[MIDI % 12]
            self._asked, self._within = asked, in_key if in_key.any() else within
        return self._within

    def draw(
        self, log_probs: Floats, pitches: Bools, hold: bool, end: bool, cost: Floats | None = None, urge: float = 0.0
    ) -> int:
        """The next event: a note of `pitches` (36,), no event if it may `hold`, a note-off if it may `end`; or, if
        nothing is left of them, a note-off. `cost` (36,): nats that each note is less likely than the net finds it;
        `urge`: nats by which all of them are likelier."""
        mask = np.empty((1, EVENTS), dtype=np.bool_)
        mask[0, NO_EVENT], mask[0, NOTE_OFF], mask[0, FIRST_PITCH:] = hold, end, pitches
        if not mask.any():
            return NOTE_OFF
        scores = log_probs[None].copy()
        scores[0, :FIRST_PITCH] -= self._settings["density"] + urge
        if cost is not None:
            scores[0, FIRST_PITCH:] -= cost
        temperature, top_p = self._settings["temperature"], self._settings["top_p"]
        drawn, _, _ = choose(scores, mask, temperature, top_p, self._random.random(1))
        return int(drawn[0])

    def sure(self) -> Bools:
        """(36,): the pitches that are in key even if little was heard (KeyEstimator.sure)."""
        return self.key.sure(round(self._settings["key"]))[MIDI % 12]

    def home(self) -> Floats:
        """(36,): nats that each pitch costs as the last one (KeyEstimator.home)."""
        return self.key.home(round(self._settings["key"]))[MIDI % 12]

    def velocity(self, theirs: int) -> int:
        return round(BASE + self._settings["velocity"] * (theirs - BASE))


class Voice:
    """What both modes of the player share: the line that it hears, what the net remembers, and what it sings."""

    def __init__(self, memory: LineMemory, line: TopLine, chooser: Chooser) -> None:
        self.memory, self.line, self.chooser, self.choir = memory, line, chooser, SoundingVoices()

    def reset(self, seed: int) -> None:
        self.memory.forget()
        self.line.reset()
        self.chooser.reset(seed)
        self.choir.clear()
