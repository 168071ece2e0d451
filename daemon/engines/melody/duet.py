"""A second voice while the musician plays: the model's own line, of notes that are consonant with the musician's."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from daemon.encodings.melody.events import FIRST_PITCH, LOWEST, NO_EVENT, NOTE_OFF_EVENT, Floats, pitch_of
from daemon.engines.melody.event_sampler import MIDI_PITCHES
from daemon.engines.melody.mode_state import VOICE, ModeState
from daemon.engines.melody.top_line import TopNote
from daemon.engines.shared.grid import JUMP, STEPS_PER_BEAT, Grid
from daemon.engines.shared.lead import KEY_GRACE
from daemon.engines.shared.line import EPSILON, STEP
from daemon.music.events import Action, MidiEvent

RELATIVE_VELOCITY = 0.85  # of a velocity that would answer the musician's
MIN_SPACE_BELOW = 9  # semitones from the lowest note to the musician's for the voice to stay below: a sixth
RHYTHM_MEMORY = 8  # beats of the musician's rhythm that are kept
MIN_DELAY = 2  # 16ths after a note of the musician before the voice moves by itself
LONG_NOTE, LONG_NOTE_COST = 4, 2.0  # 16ths; nats per beat beyond that by which holding the note becomes less likely
FORBIDDEN = math.inf
# Nats that each interval costs, by semitones from unison or octave: thirds and sixths are free; dissonances are
# forbidden, and so is the fourth, which is a dissonance between two voices
INTERVAL_COSTS = np.array([2.0, FORBIDDEN, FORBIDDEN, 0, 0, FORBIDDEN, FORBIDDEN, 1.0, 0, 0, FORBIDDEN, FORBIDDEN])
WIDE_INTERVAL, WIDE_COST = 16, 0.2  # semitones; nats that each semitone beyond them costs
PARALLEL_COST = 3.0  # nats that a parallel fifth, octave or unison costs


class Duet:
    """The voice moves on 16ths while the musician holds a note or rests, and at once if its note would clash with a new
    note of the musician."""

    def __init__(self, state: ModeState, settings: Mapping[str, float]) -> None:
        self._settings = settings
        self._memory, self._line, self._sampler, self._sounding = (
            state.memory, state.line, state.sampler, state.sounding
        )  # fmt: skip
        self.reset()

    def reset(self, frame: int = 0) -> None:
        """Forget everything; `frame` is the last 16th that was requested."""
        self.frame = frame
        self._forget()

    def _forget(self) -> None:
        self._memory.forget()
        self._played = (-1, NO_EVENT)  # the last 16th for which an event was chosen, and the event
        self._last_onset = 0  # the 16th of the voice's last note
        self._heard: TopNote | None = None  # the musician's last note
        self._heard_sounding: int | None = None  # the musician's note as an event, while it sounds
        self._rhythm: deque[bool] = deque(maxlen=RHYTHM_MEMORY * STEPS_PER_BEAT)  # by 16th: did the musician strike?
        self._last_pair: tuple[int, int] | None = None  # MIDI pitches of musician and voice at the musician's last note

    def control(self, name: str, before: float, value: float, beat: float, grid: Grid) -> Iterable[Action]:
        """Nothing to do: settings are read when they are needed."""
        return ()

    def owes(self, beat: float) -> bool:
        """False: the voice plays with the musician, not after."""
        return False

    def hear(self, event: MidiEvent, grid: Grid) -> Iterator[Action]:
        note = self._line.hear(event, grid.meter, grid.tempo)
        if note is None or not grid.runs:
            return
        if self._memory.state is None:
            self._sampler.copies.begin_answer()
            self._memory.begin(note.frame, grid)
            self._rhythm.extend(
                grid.on_beat(at) for at in range(note.frame - RHYTHM_MEMORY * STEPS_PER_BEAT, note.frame)
            )
            self._sampler.key.hear(note.pitch % 12)
        frame = max(note.frame, self._memory.frame)
        self._catch_up(frame, grid)
        self._heard = note
        sounding = self._sounding.note_at(note.beat, VOICE)
        fits = sounding is not None and self._costs()[_index(sounding.pitch)] < FORBIDDEN
        fits = fits and self._fits_chord(note.beat)
        if not fits or self._played[0] != frame:
            yield from self._play(frame, note.beat, hold=fits)
        sounding = self._sounding.note_at(note.beat, VOICE)
        self._last_pair = None if sounding is None else (note.pitch, sounding.pitch)

    def step(self, frame: int, beat: float, grid: Grid) -> Iterator[Action]:
        """Play 16th number `frame`, which begins at `beat`."""
        memory, line = self._memory, self._line
        if not 0 < frame - self.frame <= JUMP and memory.state is not None:
            self._forget()
            yield from self._sounding.stop(beat, VOICE)
        self.frame = frame
        if memory.state is None:
            line.skip_to(frame)
            return
        self._catch_up(frame, grid)
        if memory.frame > frame or self._played[0] == frame or self._heard is None:
            return
        if not line.held and line.released + self._settings["rest"] <= frame * STEP + EPSILON:
            self._played = (frame, NOTE_OFF_EVENT if memory.sounding is not None else NO_EVENT)
            yield from self._sounding.stop(beat, VOICE)
            if memory.silence > grid.bar:
                self._forget()
        elif not self._fits_chord(beat) or (frame - self._heard.frame >= MIN_DELAY and not self._leaves_out()):
            yield from self._play(frame, beat + KEY_GRACE * grid.tempo / 60, hold=self._fits_chord(beat))

    def _fits_chord(self, beat: float) -> bool:
        """Whether the voice may keep its note, or its rest, under the planned chord, if any."""
        sounding = self._sounding.note_at(beat, VOICE)
        if sounding is None:
            return True
        if self._sampler.silent:
            return False
        return self._sampler.harmony is None or bool(self._sampler.in_range_and_key()[_index(sounding.pitch)])

    def _leaves_out(self) -> bool:
        """Whether the voice does not move in this 16th, where the musician often plays: always, if the musician struck
        here in half of the last RHYTHM_MEMORY beats. Beats before the musician began count as struck on the beat."""
        steps_back = range(STEPS_PER_BEAT, len(self._rhythm) + 1, STEPS_PER_BEAT)
        struck = [self._rhythm[-back] for back in steps_back]
        return self._sampler.happens(2.0 * sum(struck) / RHYTHM_MEMORY)

    def _catch_up(self, frame: int, grid: Grid) -> None:
        """Pass the 16ths before `frame` on: the voice's to the model, the musician's to the key estimator and the copy
        tracker."""
        while self._memory.frame < frame:
            at = self._memory.frame
            event = self._line.take(at)
            self._rhythm.append(event >= FIRST_PITCH)
            if event >= FIRST_PITCH:
                self._sampler.copies.hear(event)
            if event != NO_EVENT:
                self._heard_sounding = event if event >= FIRST_PITCH else None
            if self._heard_sounding is not None:
                self._sampler.key.hear(pitch_of(self._heard_sounding) % 12)
            self._memory.hear(self._played[1] if self._played[0] == at else NO_EVENT, grid)
            if grid.on_beat(self._memory.frame):
                self._memory.update_transposition(grid)

    def _play(self, frame: int, beat: float, hold: bool) -> Iterator[Action]:
        """Choose and play the voice's event in this 16th; `hold`: whether the voice may hold its note or rest."""
        state = self._memory.state
        assert state is not None and self._heard is not None
        cost, sounding = self._costs(), self._sounding.note_at(beat, VOICE)
        excess = max(frame - self._last_onset - LONG_NOTE, 0) if sounding is not None else 0
        bonus = LONG_NOTE_COST * excess / STEPS_PER_BEAT
        same = sounding.pitch == MIDI_PITCHES if sounding is not None else np.zeros(len(MIDI_PITCHES), dtype=np.bool_)
        pitches = self._sampler.allowed() & (cost < FORBIDDEN) & (not self._sampler.silent)
        if not pitches.any() and not self._sampler.silent:  # no note of the chord fits the musician's
            self._sampler.relax()
            pitches = self._sampler.allowed() & (cost < FORBIDDEN)
        certain = pitches & self._sampler.certainly_in_key()
        if (certain & ~same).any() or (certain.any() and not bonus):
            pitches = certain
        cost[same] += bonus
        event = self._sampler.draw(state.log_probs, pitches, hold, hold and sounding is not None, cost, bonus)
        self._played = (frame, event)
        if event >= FIRST_PITCH:
            self._last_onset = frame
            self._sampler.copies.play(event)
            velocity = round(RELATIVE_VELOCITY * self._sampler.velocity(self._heard.velocity))
            yield self._sounding.play(beat, VOICE, pitch_of(event), velocity)
        elif event == NOTE_OFF_EVENT:
            yield from self._sounding.stop(beat, VOICE)

    def _costs(self) -> Floats:
        """(36,): nats that each note costs against the musician's note. Notes are allowed on one side only: below, if
        there are MIN_SPACE_BELOW semitones down to the lowest note, else above."""
        assert self._heard is not None
        heard, lowest = self._heard.pitch, min(self._settings["low"], self._settings["high"])
        distance = heard - MIDI_PITCHES if heard - lowest >= MIN_SPACE_BELOW else MIDI_PITCHES - heard
        wide = WIDE_COST * np.maximum(distance - WIDE_INTERVAL, 0)
        costs = np.where(distance >= 0, INTERVAL_COSTS[distance % 12] + wide, FORBIDDEN)
        if self._last_pair is not None and self._last_pair[0] != heard:
            before = abs(self._last_pair[0] - self._last_pair[1]) % 12
            if before in (0, 7):
                costs[(distance % 12 == before) & (self._last_pair[1] != MIDI_PITCHES)] += PARALLEL_COST
        return costs


def _index(pitch: int) -> int:
    return pitch - LOWEST
