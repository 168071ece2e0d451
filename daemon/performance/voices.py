"""A player's Play and Stop actions become notes that always end."""

from __future__ import annotations

from collections.abc import Callable, Reversible
from dataclasses import dataclass
from itertools import takewhile

from daemon.metrics import GRID, OTHER, WITHDRAWAL, Cause
from daemon.music.events import Action, Play, note_off, note_on
from daemon.performance.held_notes import NEVER
from daemon.performance.timeline import ScheduledCall, Timeline
from daemon.spec import PlayerSpec

RANK_OFF, RANK_ON = 3, 4  # at equal deadlines note-offs come first
RANK_AUDIO = 2  # more than that of a MIDI port
MIN_NOTE_DURATION = 0.010  # seconds: some synthesisers ignore shorter notes


@dataclass(eq=False, slots=True)
class _Note:
    play: Play
    channel: int
    end: float | None  # beat
    delay: float  # seconds added to its deadlines
    latency: float  # seconds from sending it to its sound, if that is due at a beat
    tolerance: float  # seconds
    cause: Cause  # of its note-on
    on: ScheduledCall | None = None
    off: ScheduledCall | None = None
    sounded: float = 0.0  # seconds at which the note-on was sent


Emit = Callable[[float, str, bytes, float, Cause], None]  # seconds, voice, message, beat, cause
Drop = Callable[[float, str, bytes], None]


class Voices:
    """The notes of one player: queued, then sounding.

    Notes may be worked out shortly before they are due; one that is released by then is not sent.
    `clock()` gives the seconds now; `emit` sends, `drop` counts a note-on that came too late. Notes due at a beat sound
    `delay` seconds later. With `is_audio` they are for an audio output: at equal deadlines they come after those of a
    MIDI port, and `emit` is told when they are to be heard, `latency` seconds later, instead of when they are due.
    """

    def __init__(
        self,
        spec: PlayerSpec,
        timeline: Timeline,
        clock: Callable[[], float],
        emit: Emit,
        drop: Drop,
        is_audio: bool = False,
    ) -> None:
        self._spec, self._timeline, self._clock, self._emit, self._drop = spec, timeline, clock, emit, drop
        self._rank_off, self._rank_on = (rank + RANK_AUDIO * is_audio for rank in (RANK_OFF, RANK_ON))
        self._notes: dict[str, dict[_Note, None]] = {voice: {} for voice in spec.channels}  # in the order of arrival
        self.delay = self.latency = 0.0
        self.tolerance = spec.tolerance  # seconds that notes due at a beat may be late
        self.last_note = NEVER  # seconds at which the last note was struck
        self.muted = False  # note-ons are left out, with their note-offs

    def act(self, action: Action, cause: Cause = GRID) -> None:
        """Queue a Play, or carry out a Stop. An action for a voice that is not routed is ignored.

        `cause`: of the answered call; GRID for a window. An immediate answer to something heard sounds without the
        output's delay.
        """
        notes = self._notes.get(action.voice)
        if notes is None:
            return
        at_once = cause is not GRID and action.onset <= self._timeline.tempo.beat_at(self._clock())
        if isinstance(action, Play) and action.tied and self._go_on(notes, action):
            return
        if self._spec.monophonic or not isinstance(action, Play):
            for note in self._not_ended(notes, action.onset):
                self._end(note, action.onset, at_once)
        if isinstance(action, Play):
            end = None if action.duration is None else action.onset + action.duration
            channel = self._spec.channels[action.voice]
            if at_once:
                note = _Note(action, channel, end, 0.0, 0.0, self._spec.tolerance, cause)
            else:
                note = _Note(action, channel, end, self.delay, self.latency, self.tolerance, GRID)
            notes[note] = None
            note.on = self._timeline.add(action.onset, self._rank_on, lambda due: self._sound(note, due), note.delay)

    def _go_on(self, notes: dict[_Note, None], action: Play) -> bool:
        """Whether a note of the action's pitch sounds at its onset, and so goes on; else the note is to be struck."""
        later = [note for note in notes if note.on is not None and note.play.onset >= action.onset]
        for note in reversed(notes):
            if note.on is None and note.play.pitch == action.pitch and (note.end is None or note.end >= action.onset):
                break
        else:
            return False
        for queued in later if self._spec.monophonic else ():
            self._end(queued, action.onset, False)
        if note.off is not None:
            note.off.cancelled = True
        note.off, note.end = None, None
        if action.duration is not None:
            note.end = action.onset + action.duration
            self._schedule_off(note)
        return True

    def release(self, now: float) -> None:
        """End all sounding notes and drop queued ones."""
        for voice, notes in self._notes.items():
            for note in list(notes):
                if note.on is not None:
                    note.on.cancelled = True
                    del notes[note]
                    continue
                self._end_now(note, now)
            assert not self._notes[voice]

    def end_sounding(self, now: float) -> None:
        """End all sounding notes; queued ones stay queued."""
        for notes in self._notes.values():
            for note in [note for note in notes if note.on is None]:
                self._end_now(note, now)

    def sounding(self) -> int:
        return sum(note.on is None for notes in self._notes.values() for note in notes)

    def _end_now(self, note: _Note, now: float) -> None:
        if note.off is not None:
            note.off.cancelled = True
        self._silence(note, now, cause=WITHDRAWAL if note.sounded > now else OTHER)

    def _not_ended(self, notes: Reversible[_Note], beat: float) -> list[_Note]:
        """The notes that do not end by `beat`. In a monophonic voice each note ends after the ones before."""
        if self._spec.monophonic:
            return list(takewhile(lambda note: note.end is None or note.end > beat, reversed(notes)))[::-1]
        return [note for note in notes if note.end is None or note.end > beat]

    def _end(self, note: _Note, beat: float, at_once: bool) -> None:
        if note.on is not None and (note.play.onset >= beat or at_once):
            note.on.cancelled = True
            del self._notes[note.play.voice][note]
            return
        note.end = beat
        if at_once:
            note.delay = note.latency = 0.0
        if note.on is None:
            self._schedule_off(note)

    def _sound(self, note: _Note, due: float) -> None:
        message = note_on(note.channel, note.play.pitch, note.play.velocity)
        now = self._clock()
        note.on = None
        if self.muted:
            del self._notes[note.play.voice][note]
            return
        if now - due > note.tolerance:
            del self._notes[note.play.voice][note]
            self._drop(due, note.play.voice, message)
            return
        note.sounded = max(now, due)
        self.last_note = max(self.last_note, due)
        self._emit(due + note.latency, note.play.voice, message, note.play.onset, note.cause)
        if note.end is not None:
            self._schedule_off(note)

    def _schedule_off(self, note: _Note) -> None:
        assert note.end is not None
        if note.off is not None:
            note.off.cancelled = True
        note.off = self._timeline.add(
            note.end,
            self._rank_off,
            lambda due: self._silence(note, due, note.latency),
            note.delay,
            note.sounded + MIN_NOTE_DURATION,
        )

    def _silence(self, note: _Note, due: float, latency: float = 0.0, cause: Cause = OTHER) -> None:
        del self._notes[note.play.voice][note]
        beat = self._timeline.tempo.beat_at(due - note.delay)
        self._emit(due + latency, note.play.voice, note_off(note.channel, note.play.pitch), beat, cause)
