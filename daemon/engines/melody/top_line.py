"""The line that is heard: the top notes of the keys, each on the nearest 16th."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.encodings.melody.events import NO_EVENT, NOTE_OFF_EVENT, event_of, step_of
from daemon.engines.shared.lead import CHORD_SPREAD, Key, LeadSelector
from daemon.music.events import MidiEvent
from daemon.music.feel import STRAIGHT, unswung

MAX_LEGATO_OVERLAP = 0.150  # seconds for which a note may overlap a lower one that follows it
MAX_FRAMES_AHEAD = 2  # 16ths for which an event can come early: a key struck early may end at once
TOP = "top"  # the only voice that keys lead


@dataclass(frozen=True, slots=True)
class TopNote:
    """A key of `source` that becomes the highest key held: `pitch` as played, at `beat`."""

    source: str
    beat: float
    frame: int  # the 16th to which the note belongs
    pitch: int
    velocity: int


class TopLine:
    """One line out of keys, chords and pedal, of the source that leads (lead.py).

    When a note ends, a lower key that is still held is no new note, unless it was struck a moment ago, in legato. A
    later and higher key of a chord replaces the note before; of two notes in one 16th the later one counts. `swing` of
    what is heard, in percent.
    """

    def __init__(self, listen: Sequence[str]) -> None:
        self._lead = LeadSelector(listen, (TOP,))
        self.reset()

    def reset(self) -> None:
        self.swing = STRAIGHT
        self._lead.reset({})
        self._key: Key | None = None
        self._events: dict[int, int] = {}  # by 16th, not taken yet
        self._next_frame = 0  # the first 16th that was not taken
        self._last: TopNote | None = None
        self._open = False  # the last note of the line has not ended
        self.released = -math.inf  # beat of the last release of all keys and pedals

    @property
    def held(self) -> bool:
        """Whether a note is held, by a key or by the pedal."""
        return self._key is not None

    def hear(self, event: MidiEvent, bar: float, tempo: float) -> TopNote | None:
        """Process an event; returns the note that it adds to the line, if any. `bar` in beats, `tempo` in beats per
        minute."""
        if not self._lead.hear(event):
            return None
        keys = self._lead.live_source(event.beat, bar)
        key = keys.leading.get(TOP) if keys else None
        if key is self._key:
            return None
        before, self._key = self._key, key
        second = tempo / 60
        if key is not None and (key.onset == event.beat or _is_legato(before, key, event.beat, second)):
            return self._add_note(event.source, key, event.beat, second)
        self._add_note_off(event.beat)
        if key is None:
            self.released = event.beat
        return None

    def take(self, frame: int) -> int:
        """The event of 16th number `frame`; an event that comes for it later counts for the next 16th."""
        event = self._events.pop(frame, NO_EVENT)
        self.skip_to(frame + 1)
        return event

    def skip_to(self, frame: int) -> None:
        """Continue with 16th number `frame`: drop the events before it, and those that a jump back left far ahead."""
        self._next_frame = frame
        self._events = {at: event for at, event in self._events.items() if 0 <= at - frame <= MAX_FRAMES_AHEAD}

    def end_before(self, frame: int) -> None:
        """End the line before 16th number `frame`: a note struck a little early for it counts for the 16th before."""
        event = self.take_early(frame)
        if event is not None and frame > self._next_frame:
            self._events[frame - 1] = event

    def take_early(self, frame: int) -> int | None:
        """Remove a note that was struck a little early for 16th number `frame`, and return it, if there is one."""
        event = self._events.pop(frame, NOTE_OFF_EVENT)
        return None if event == NOTE_OFF_EVENT else event

    def _add_note(self, source: str, key: Key, beat: float, second: float) -> TopNote:
        frame, last = max(self._step_of(key.onset), self._next_frame), self._last
        if last is not None and 0 <= beat - last.beat <= CHORD_SPREAD * second and last.frame >= self._next_frame:
            frame = last.frame
        self._events = {at: event for at, event in self._events.items() if at < frame}
        self._events[frame] = event_of(key.pitch)
        self._last, self._open = TopNote(source, beat, frame, key.pitch, key.velocity), True
        return self._last

    def _step_of(self, beat: float) -> int:
        return step_of(beat if self.swing == STRAIGHT else unswung(beat, self.swing))

    def _add_note_off(self, beat: float) -> None:
        if self._open and self._last is not None:
            self._events[max(self._step_of(beat), self._last.frame + 1, self._next_frame)] = NOTE_OFF_EVENT
        self._open = False


def _is_legato(before: Key | None, key: Key, beat: float, second: float) -> bool:
    """Whether `key`, below the key `before` that was released at `beat`, follows that key in legato, rather than being
    of one chord with it.

    `second` in beats.
    """
    return (
        before is not None
        and key.onset - before.onset > CHORD_SPREAD * second
        and beat - key.onset <= MAX_LEGATO_OVERLAP * second
    )
