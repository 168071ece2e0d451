"""Notes that the stage itself plays while the transport runs: melodies and the metronome."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from daemon.music.events import note_off, note_on
from daemon.music.melody import Note
from daemon.performance.timeline import ScheduledCall, Timeline
from daemon.spec import PortSpec

RANK_NOTE = 2


@dataclass(frozen=True, slots=True)
class NoteSequence:
    """Notes on one channel.

    `between(start, end)`: the notes whose onset lies in [start, end); `longest`: the longest duration, in beats.
    """

    between: Callable[[float, float], Iterable[Note]]
    longest: float
    channel: int
    play: Callable[[bytes, float, float, float], None]  # message, due seconds, due seconds of the sound, beat


class NoteSequencer:
    """Puts a note sequence on the timeline, beat by beat, for an output with the delays of `port`."""

    def __init__(self, sequence: NoteSequence, timeline: Timeline, port: PortSpec) -> None:
        self._sequence, self._timeline, self._port = sequence, timeline, port
        self._entries: dict[ScheduledCall, Callable[[float], None]] = {}

    def start(self, beat: float) -> None:
        """Play from `beat` on; notes that sound at `beat` already are struck there."""
        self.stop()
        for note in self._sequence.between(beat - self._sequence.longest, beat):
            if note.onset + note.duration > beat + 1e-6:
                self._note(note, beat)
        self._follow(beat)

    def resume(self, now: float, began: float) -> None:
        """Continue after everything due at `now`, of a start at beat `began`: sounding notes get their note-offs."""
        seconds_at, offset = self._timeline.tempo.seconds_at, self._port.offset
        beat = math.floor(self._timeline.tempo.beat_at(now - offset))
        beat += (seconds_at(beat + 1) + offset <= now) - (seconds_at(beat) + offset > now)  # rounding
        following = max(beat + 1, began)
        longest = self._sequence.longest
        earliest = max(min(beat, began), beat - longest - 1)  # the start may lie weeks back
        for note in self._sequence.between(earliest - longest, following):
            if note.onset >= began or note.onset + note.duration > began + 1e-6:
                self._note(note, max(note.onset, began), after=now)
        self._follow(following)

    def move(self, port: PortSpec) -> None:
        """The delays of `port` apply from now on, to all that is still to be sent."""
        if port.offset != self._port.offset:
            entries, self._entries = self._entries, {}
            self._port = port
            for entry, run in entries.items():
                entry.cancelled = True
                self._add(entry.beat, run)
        self._port = port

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

        def add(beat: float, message: bytes) -> None:
            if self._timeline.tempo.seconds_at(beat) + self._port.offset > after:
                self._add(beat, lambda due: sequence.play(message, due, due + self._port.latency, beat))

        add(onset, note_on(sequence.channel, note.pitch, note.velocity))
        add(end, note_off(sequence.channel, note.pitch))

    def _add(self, beat: float, run: Callable[[float], None]) -> None:
        def done(due: float) -> None:
            self._entries.pop(entry, None)
            run(due)

        entry = self._timeline.add(beat, RANK_NOTE, done, offset=self._port.offset)
        self._entries[entry] = run
