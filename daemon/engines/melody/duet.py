"""A second voice that goes on while you play: the net's own line, of notes that go with yours."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from daemon.encodings.melody.events import FIRST_PITCH, LOWEST, NO_EVENT, NOTE_OFF, Floats, pitch_of
from daemon.engines.melody.choice import MIDI, VOICE, Voice
from daemon.engines.melody.top_line import Struck
from daemon.engines.shared.grid import JUMP, STEPS_PER_BEAT, Grid
from daemon.engines.shared.lead import KEY_GRACE
from daemon.engines.shared.line import EPSILON, STEP
from daemon.music.events import Action, MidiEvent

SOFTER = 0.85  # velocity, of that of the player
ROOM = 9  # semitones between the lowest note and yours from which on the voice stays below you: a sixth
MEMORY = 8  # beats of your rhythm that it knows
PATIENCE = 2  # 16ths for which your note is left alone before the voice moves against it
CALM, URGE = 4, 2.0  # 16ths for which its note lasts as the net likes; nats that another one gains then, per beat
NEVER = math.inf
# Nats that each interval costs, by semitones from unison or octave: thirds and sixths are free; dissonances are
# forbidden, and in two parts the fourth is one
INTERVALS = np.array([2.0, NEVER, NEVER, 0, 0, NEVER, NEVER, 1.0, 0, 0, NEVER, NEVER])
WIDE, STRAY = 16, 0.2  # semitones from which on distance costs, and how many nats each of them
PARALLEL = 3.0  # nats that a parallel fifth, octave or unison costs


class Duet:
    """Moves on the 16ths while you hold or rest, and with you where its note would clash with your new one."""

    def __init__(self, voice: Voice, settings: Mapping[str, float]) -> None:
        self._settings = settings
        self._memory, self._line, self._chooser, self._choir = voice.memory, voice.line, voice.chooser, voice.choir
        self.reset()

    def reset(self, frame: int = 0) -> None:
        """Nothing was heard yet; `frame` is the last 16th that was asked for."""
        self.frame = frame
        self._forget()

    def _forget(self) -> None:
        self._memory.forget()
        self._own = (-1, NO_EVENT)  # the last 16th for which it chose, and what
        self._moved = 0  # the 16th in which it last struck a note
        self._yours: Struck | None = None  # the note that it goes with
        self._sounds: int | None = None  # your note as an event, while it lasts
        self._rhythm: deque[bool] = deque(
            maxlen=MEMORY * STEPS_PER_BEAT
        )  # in each of the last 16ths, whether you struck
        self._met: tuple[int, int] | None = None  # your last note and its own, as MIDI numbers, when you struck

    def control(self, name: str, before: float, value: float, beat: float, grid: Grid) -> Iterable[Action]:
        """All settings are looked up when they are needed."""
        return ()

    def owes(self, beat: float) -> bool:
        """It sings with you, not after you."""
        return False

    def hear(self, event: MidiEvent, grid: Grid) -> Iterator[Action]:
        struck = self._line.hear(event, grid.meter, grid.tempo)
        if struck is None or not grid.runs:
            return
        if self._memory.state is None:
            self._chooser.copies.begin()
            self._memory.begin(struck.frame, grid)
            self._rhythm.extend(grid.on_beat(at) for at in range(struck.frame - MEMORY * STEPS_PER_BEAT, struck.frame))
            self._chooser.key.hear(struck.pitch % 12)
        frame = max(struck.frame, self._memory.at)
        self._remember(frame, grid)
        self._yours = struck
        sounds = self._choir.note_at(struck.beat, VOICE)
        fits = sounds is not None and self._costs()[_index(sounds.pitch)] < NEVER
        if not fits or self._own[0] != frame:
            yield from self._sing(frame, struck.beat, hold=fits)
        sounds = self._choir.note_at(struck.beat, VOICE)
        self._met = None if sounds is None else (struck.pitch, sounds.pitch)

    def step(self, frame: int, beat: float, grid: Grid) -> Iterator[Action]:
        """16th number `frame`, which is about to begin at `beat`."""
        memory, line = self._memory, self._line
        if not 0 < frame - self.frame <= JUMP and memory.state is not None:
            self._forget()
            yield from self._choir.stop(beat, VOICE)
        self.frame = frame
        if memory.state is None:
            line.skip(frame)
            return
        self._remember(frame, grid)
        if memory.at > frame or self._own[0] == frame or self._yours is None:
            return
        if not line.held and line.released + self._settings["rest"] <= frame * STEP + EPSILON:
            self._own = (frame, NOTE_OFF if memory.sounds is not None else NO_EVENT)
            yield from self._choir.stop(beat, VOICE)
            if memory.rested > grid.bar:
                self._forget()
        elif frame - self._yours.frame >= PATIENCE and not self._waits():
            yield from self._sing(frame, beat + KEY_GRACE * grid.tempo / 60, hold=True)

    def _waits(self) -> bool:
        """Whether it leaves this 16th to you: always, where you struck in every other of the last beats; on the beat
        also before you have played that long."""
        here = [self._rhythm[-back] for back in range(STEPS_PER_BEAT, len(self._rhythm) + 1, STEPS_PER_BEAT)]
        return self._chooser.happens(2.0 * sum(here) / MEMORY)

    def _remember(self, frame: int, grid: Grid) -> None:
        """The net hears its own line; the ear for the key and the memory of copies hear yours."""
        while self._memory.at < frame:
            at = self._memory.at
            event = self._line.take(at)
            self._rhythm.append(event >= FIRST_PITCH)
            if event >= FIRST_PITCH:
                self._chooser.copies.hear(event)
            if event != NO_EVENT:
                self._sounds = event if event >= FIRST_PITCH else None
            if self._sounds is not None:
                self._chooser.key.hear(pitch_of(self._sounds) % 12)
            self._memory.hear(self._own[1] if self._own[0] == at else NO_EVENT, grid)
            if grid.on_beat(self._memory.at):
                self._memory.retune(grid)

    def _sing(self, frame: int, beat: float, hold: bool) -> Iterator[Action]:
        """The voice's event in this 16th."""
        state = self._memory.state
        assert state is not None and self._yours is not None
        cost, sounds = self._costs(), self._choir.note_at(beat, VOICE)
        urge = URGE * max(frame - self._moved - CALM, 0) / STEPS_PER_BEAT if sounds is not None else 0.0
        stays = sounds.pitch == MIDI if sounds is not None else np.zeros(len(MIDI), dtype=np.bool_)
        pitches = self._chooser.pitches() & (cost < NEVER)
        sure = pitches & self._chooser.sure()
        if (sure & ~stays).any() or (sure.any() and not urge):
            pitches = sure
        cost[stays] += urge
        event = self._chooser.draw(state.log_probs, pitches, hold, hold and sounds is not None, cost, urge)
        self._own = (frame, event)
        if event >= FIRST_PITCH:
            self._moved = frame
            self._chooser.copies.play(event)
            velocity = round(SOFTER * self._chooser.velocity(self._yours.velocity))
            yield self._choir.play(beat, VOICE, pitch_of(event), velocity)
        elif event == NOTE_OFF:
            yield from self._choir.stop(beat, VOICE)

    def _costs(self) -> Floats:
        """(36,): nats that each note costs beside yours. It stays on one side of you: below, if there is room."""
        assert self._yours is not None
        yours, lowest = self._yours.pitch, min(self._settings["low"], self._settings["high"])
        away = yours - MIDI if yours - lowest >= ROOM else MIDI - yours
        costs = np.where(away >= 0, INTERVALS[away % 12] + STRAY * np.maximum(away - WIDE, 0), NEVER)
        if self._met is not None and self._met[0] != yours:
            before = abs(self._met[0] - self._met[1]) % 12
            if before in (0, 7):
                costs[(away % 12 == before) & (self._met[1] != MIDI)] += PARALLEL
        return costs


def _index(pitch: int) -> int:
    return pitch - LOWEST
