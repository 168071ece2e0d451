"""What the stage plays by itself while the transport runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from daemon.music.events import note_off, note_on
from daemon.music.melody import Note
from daemon.performance.timeline import Entry, Timeline

RANK_NOTE = 2


@dataclass(frozen=True, slots=True)
class NoteSequence:
    """Notes by the beat, on one channel, `delay` seconds after their beats.

    `between(start, end)` are those whose onset lies in [start, end); none lasts longer than `longest` beats.
    """

    between: Callable[[float, float], Iterable[Note]]
    longest: float
    channel: int
    delay: float
    play: Callable[[bytes, float, float], None]  # message, due seconds, beat


class NoteSequencer:
    """Puts a part on the timeline, beat by beat."""

    def __init__(self, part: NoteSequence, timeline: Timeline) -> None:
        self._part, self._timeline = part, timeline
        self._entries: set[Entry] = set()

    def start(self, beat: float) -> None:
        """Play from `beat` on, first of all what sounds there already."""
        self.stop()
        for note in self._part.between(beat - self._part.longest, beat):
            if note.onset + note.duration > beat + 1e-6:
                self._note(note, beat)
        self._follow(beat)

    def resume(self, now: float, began: float) -> None:
        """Go on where all that was due at `now` is done, after a start at beat `began`: what sounds ends in time."""
        seconds_at, delay = self._timeline.tempo.seconds_at, self._part.delay
        beat = math.floor(self._timeline.tempo.beat_at(now - delay))
        beat += (seconds_at(beat + 1) + delay <= now) - (seconds_at(beat) + delay > now)  # rounding
        following = max(beat + 1, began)
        for note in self._part.between(min(beat, began) - self._part.longest, following):
            if note.onset >= began or note.onset + note.duration > began + 1e-6:
                self._note(note, max(note.onset, began), after=now)
        self._follow(following)

    def stop(self) -> None:
        """Forget what is to come; what sounds is left to whoever stops it."""
        for entry in self._entries:
            entry.cancelled = True
        self._entries.clear()

    def _follow(self, beat: float) -> None:
        """Everything from `beat` to the next whole one, and so on from there."""
        following = math.floor(beat + 1e-6) + 1

        def chunk(_due: float) -> None:
            for note in self._part.between(beat, following):
                self._note(note, note.onset)
            self._follow(following)

        self._add(beat, chunk)

    def _note(self, note: Note, onset: float, after: float = -math.inf) -> None:
        """Its beginning and its end, as far as they are due after that many seconds."""
        part, end = self._part, note.onset + note.duration
        for beat, message in (
            (onset, note_on(part.channel, note.pitch, note.velocity)),
            (end, note_off(part.channel, note.pitch)),
        ):
            if self._timeline.tempo.seconds_at(beat) + part.delay > after:
                self._add(beat, lambda due, message=message, beat=beat: part.play(message, due, beat))  # type: ignore[misc]

    def _add(self, beat: float, run: Callable[[float], None]) -> None:
        def done(due: float) -> None:
            self._entries.discard(entry)
            run(due)

        entry = self._timeline.add(beat, RANK_NOTE, done, offset=self._part.delay)
        self._entries.add(entry)
