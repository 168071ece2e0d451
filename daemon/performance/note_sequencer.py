"""Notes that the stage itself plays while the transport runs: melodies and the metronome."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from daemon.music.events import note_off, note_on
from daemon.music.melody import Note
from daemon.performance.timeline import ScheduledCall, Timeline

RANK_NOTE = 2


@dataclass(frozen=True, slots=True)
class NoteSequence:
    """Notes on one channel, sent `delay` seconds after their beats.

    `between(start, end)`: the notes whose onset lies in [start, end); `longest`: the longest duration, in beats.
    """

    between: Callable[[float, float], Iterable[Note]]
    longest: float
    channel: int
    delay: float
    play: Callable[[bytes, float, float], None]  # message, due seconds, beat


class NoteSequencer:
    """Puts a note sequence on the timeline, beat by beat."""

    def __init__(self, sequence: NoteSequence, timeline: Timeline) -> None:
        self._sequence, self._timeline = sequence, timeline
        self._entries: set[ScheduledCall] = set()

    def start(self, beat: float) -> None:
        """Play from `beat` on; notes that sound at `beat` already are struck there."""
        self.stop()
        for note in self._sequence.between(beat - self._sequence.longest, beat):
            if note.onset + note.duration > beat + 1e-6:
                self._note(note, beat)
        self._follow(beat)

    def resume(self, now: float, began: float) -> None:
        """Continue after everything due at `now`, of a start at beat `began`: sounding notes get their note-offs."""
        seconds_at, delay = self._timeline.tempo.seconds_at, self._sequence.delay
        beat = math.floor(self._timeline.tempo.beat_at(now - delay))
        beat += (seconds_at(beat + 1) + delay <= now) - (seconds_at(beat) + delay > now)  # rounding
        following = max(beat + 1, began)
        longest = self._sequence.longest
        earliest = max(min(beat, began), beat - longest - 1)  # the start may lie weeks back
        for note in self._sequence.between(earliest - longest, following):
            if note.onset >= began or note.onset + note.duration > began + 1e-6:
                self._note(note, max(note.onset, began), after=now)
        self._follow(following)

    def stop(self) -> None:
        """Cancel what is scheduled; the caller ends the sounding notes."""
        for entry in self._entries:
            entry.cancelled = True
        self._entries.clear()

    def _follow(self, beat: float) -> None:
        """Schedule the notes from `beat` to the next whole beat, and so on from there."""
        following = math.floor(beat + 1e-6) + 1

        def chunk(_due: float) -> None:
            for note in self._sequence.between(beat, following):
                self._note(note, note.onset)
            self._follow(following)

        self._add(beat, chunk)

    def _note(self, note: Note, onset: float, after: float = -math.inf) -> None:
        """Schedule note-on and note-off, as far as they are due later than `after` (seconds)."""
        sequence, end = self._sequence, note.onset + note.duration
        for beat, message in (
            (onset, note_on(sequence.channel, note.pitch, note.velocity)),
            (end, note_off(sequence.channel, note.pitch)),
        ):
            if self._timeline.tempo.seconds_at(beat) + sequence.delay > after:
                self._add(beat, lambda due, message=message, beat=beat: sequence.play(message, due, beat))  # type: ignore[misc]

    def _add(self, beat: float, run: Callable[[float], None]) -> None:
        def done(due: float) -> None:
            self._entries.discard(entry)
            run(due)

        entry = self._timeline.add(beat, RANK_NOTE, done, offset=self._sequence.delay)
        self._entries.add(entry)
