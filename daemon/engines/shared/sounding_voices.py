"""The note that sounds in each monophonic voice, so that only changes are sent."""

from __future__ import annotations

import math
from dataclasses import replace

from daemon.engines.shared.line import EPSILON
from daemon.music.events import Action, Play, Stop


class SoundingVoices:
    """The last note played in each voice, whether it sounds or is queued."""

    def __init__(self) -> None:
        self._notes: dict[str, Play] = {}
        self._ends: dict[str, float] = {}  # beats at which voices stop that were let go

    def clear(self) -> None:
        """Forget all notes without stopping them."""
        self._notes.clear()
        self._ends.clear()

    def play(self, beat: float, voice: str, pitch: int, velocity: int, duration: float | None = None) -> Play:
        """Strike a note, whatever sounds in the voice."""
        action = Play(beat, min(max(pitch, 0), 127), min(max(velocity, 1), 127), voice, duration)
        self._notes[voice] = action
        self._ends.pop(voice, None)
        return action

    def move(self, beat: float, voice: str, pitch: int, velocity: int, strike: bool) -> Play | None:
        """Play `pitch`; None if the voice already sounds `pitch`, unless `strike` repeats the note. A queued note is
        brought forward; a note that was let go sounds on."""
        note = self.note_at(beat, voice)
        if note is not None and note.pitch == pitch and not self.is_queued(beat, voice) and not strike:
            if self._ends.pop(voice, None) is None:
                return None
            self._notes[voice] = tied = replace(note, onset=beat, duration=None, tied=True)
            return tied
        return self.play(beat, voice, pitch, velocity)

    def note_at(self, beat: float, voice: str) -> Play | None:
        """The voice's note that has not ended by `beat`: it sounds, or is queued."""
        note = self._notes.get(voice)
        if self._ends.get(voice, math.inf) <= beat + EPSILON:
            return None
        if note is None or (note.duration is not None and note.onset + note.duration <= beat + EPSILON):
            return None
        return note

    def is_queued(self, beat: float, voice: str) -> bool:
        """Whether the voice's note starts after `beat`."""
        note = self.note_at(beat, voice)
        return note is not None and note.onset > beat + EPSILON

    def has_duration(self, voice: str) -> bool:
        """Whether the voice's last note has a duration, and so ends without a Stop."""
        return voice in self._notes and self._notes[voice].duration is not None

    def let_go(self, beat: float, voice: str, end: float) -> list[Action]:
        """Stop the voice's note at `end`, if `move` does not repeat the note by then; a queued one at once."""
        if self.note_at(beat, voice) is None or self.is_queued(beat, voice):
            return self.stop(beat, voice)
        self._ends.setdefault(voice, end)
        return [Stop(self._ends[voice], voice)]

    def stop(self, beat: float, voice: str) -> list[Action]:
        """Stop the voice's note, if there is one that was not let go."""
        note = self.note_at(beat, voice)
        if note is not None and voice in self._ends:
            return []
        self._notes.pop(voice, None)
        self._ends.pop(voice, None)
        return [] if note is None else [Stop(beat, voice)]
