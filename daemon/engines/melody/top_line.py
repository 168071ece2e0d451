"""The line that is heard: the top notes of what is played, each on the 16th that it is nearest to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.encodings.melody.events import NO_EVENT, NOTE_OFF, event_of, step_of
from daemon.engines.shared.lead import CHORD_SPREAD, Key, LeadSelector
from daemon.music.events import MidiEvent

LEGATO = 0.150  # seconds for which a note may overlap a lower one that follows it
TOP = "top"
AHEAD = 2  # 16ths: a key struck early may end at once


@dataclass(frozen=True, slots=True)
class Struck:
    """A key of `source` that becomes the highest of those held: `pitch` as played, at `beat`."""

    source: str
    beat: float
    frame: int  # the 16th that it counts for
    pitch: int
    velocity: int


class TopLine:
    """One line out of keys, chords and pedal, of the source that leads (lead.py).

    What is held below a note that ends is no new note, unless it was struck a moment ago, in legato. A later and higher
    key of a chord takes the place of the note before; of two notes in one 16th the later counts.
    """

    def __init__(self, listen: Sequence[str]) -> None:
        self._lead = LeadSelector(listen, (TOP,))
        self.reset()

    def reset(self) -> None:
        self._lead.reset({})
        self._key: Key | None = None
        self._events: dict[int, int] = {}  # by 16th, those to come
        self._first = 0  # the first 16th that was not taken
        self._last: Struck | None = None
        self._open = False  # the last note of the line has not ended
        self.released = -math.inf  # beat at which keys and pedal came up

    @property
    def held(self) -> bool:
        """Whether keys or pedal hold anything."""
        return self._key is not None

    def hear(self, event: MidiEvent, bar: float, tempo: float) -> Struck | None:
        """Take in an event; what it strikes on top, if anything. `bar` in beats, `tempo` in beats per minute."""
        if not self._lead.hear(event):
            return None
        source = self._lead.live_source(event.beat, bar)
        key = source.leading.get(TOP) if source else None
        if key is self._key:
            return None
        before, self._key = self._key, key
        second = tempo / 60
        if key is not None and (key.onset == event.beat or _legato(before, key, event.beat, second)):
            return self._strike(event.source, key, event.beat, second)
        self._end(event.beat)
        if key is None:
            self.released = event.beat
        return None

    def take(self, frame: int) -> int:
        """The event of 16th number `frame`; what comes later for it counts for the next one."""
        event = self._events.pop(frame, NO_EVENT)
        self.skip(frame + 1)
        return event

    def skip(self, frame: int) -> None:
        """Go on with 16th number `frame`. What lies before it is forgotten, and what a jump back left far ahead."""
        self._first = frame
        self._events = {at: event for at, event in self._events.items() if 0 <= at - frame <= AHEAD}

    def hurry(self, frame: int) -> None:
        """What was struck a little before 16th number `frame` counts for the one before: the line ends here."""
        event = self.early(frame)
        if event is not None and frame > self._first:
            self._events[frame - 1] = event

    def early(self, frame: int) -> int | None:
        """Take a note that was struck a little before 16th number `frame`, for it."""
        event = self._events.pop(frame, NOTE_OFF)
        return None if event == NOTE_OFF else event

    def _strike(self, source: str, key: Key, beat: float, second: float) -> Struck:
        frame, last = max(step_of(key.onset), self._first), self._last
        if last is not None and 0 <= beat - last.beat <= CHORD_SPREAD * second and last.frame >= self._first:
            frame = last.frame
        self._events = {at: event for at, event in self._events.items() if at < frame}
        self._events[frame] = event_of(key.pitch)
        self._last, self._open = Struck(source, beat, frame, key.pitch, key.velocity), True
        return self._last

    def _end(self, beat: float) -> None:
        if self._open and self._last is not None:
            self._events[max(step_of(beat), self._last.frame + 1, self._first)] = NOTE_OFF
        self._open = False


def _legato(before: Key | None, key: Key, beat: float, second: float) -> bool:
    """Whether `key`, below the key `before` that was just released, follows it; and is not of one chord with it.

    `second` in beats.
    """
    return (
        before is not None and key.onset - before.onset > CHORD_SPREAD * second and beat - key.onset <= LEGATO * second
    )
