"""Melodies known in advance, from Standard MIDI Files."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

from daemon.errors import MelodyError
from daemon.json_decoding import Limits, decoder
from daemon.music.events import Pitch, Velocity, ends_notes, is_note_off, is_note_on
from daemon.music.midi_file import DRUM_CHANNEL, read_midi_file
from daemon.music.midi_tracks import MidiFile, MidiTrack
from daemon.music.tempo import Duration, Length, TempoMap

MAX_NOTES = 100_000
MAX_BEATS = 100_000  # length of a melody


@dataclass(frozen=True, slots=True)
class Note:
    """`onset` and `duration` in beats; `part` counts tracks (format 1) or channels (format 0) with notes, from 0."""

    onset: float
    duration: Duration
    pitch: Pitch
    velocity: Velocity
    part: Annotated[int, Limits(0, 65_535)] = 0


@dataclass(frozen=True, slots=True)
class Melody:
    """Notes in order of onset; `length` in beats, to the bar line after the last note, where a `loop` starts again."""

    name: str
    notes: tuple[Note, ...]
    length: Length
    loop: bool
    tempo_map: TempoMap

    def check(self) -> None:
        """Raises ValueError if a note begins before the one before it or does not lie within the length."""
        latest, end = 0.0, self.length + 1e-6
        for note in self.notes:
            if not latest <= note.onset < end or note.duration > end:
                raise ValueError("the notes of a melody are not in order, or lie outside its length")
            latest = note.onset

    def between(self, start: float, end: float) -> Iterator[Note]:
        """The notes with onsets in [start, end), in order. Loops are unrolled: onsets are beats of the clock."""
        offset = start // self.length * self.length if self.loop and start > 0 else 0.0  # of the current repetition
        while offset < end:
            first = bisect_left(self.notes, start, key=lambda note, offset=offset: offset + note.onset)  # type: ignore[misc]
            for index in range(first, len(self.notes)):
                note = self.notes[index]
                if offset + note.onset >= end:
                    return
                yield Note(offset + note.onset, note.duration, note.pitch, note.velocity, note.part)
            if not self.loop:
                return
            offset += self.length

    @property
    def parts(self) -> int:
        """The number of parts, at least 1."""
        return 1 + max((note.part for note in self.notes), default=0)


Melodies = Mapping[str, Melody]


def melody_to_json(melody: Melody) -> dict[str, Any]:
    notes = [  # ten times as fast as `asdict`
        {"onset": n.onset, "duration": n.duration, "pitch": n.pitch, "velocity": n.velocity, "part": n.part}
        for n in melody.notes
    ]
    changes = melody.tempo_map
    tempo_map = {"tempi": changes.tempi, "meters": changes.meters, "period": changes.period}
    return {"name": melody.name, "notes": notes, "length": melody.length, "loop": melody.loop, "tempo_map": tempo_map}


def melody_from_json(data: dict[str, Any]) -> Melody:
    """Raises ValueError."""
    return cast(Melody, decoder(Melody)(data))


def load_melody(path: Path, name: str, loop: bool = False) -> Melody:
    """The melody in a Standard MIDI File. Raises MelodyError if there is no file or no melody."""
    return melody_of(read_midi_file(path), name, loop)


def melody_of(file: MidiFile, name: str, loop: bool = False) -> Melody:
    """The notes of a file without the drums. Raises MelodyError if there are none, or if they exceed a limit."""
    notes = _notes(file)
    if not notes:
        raise MelodyError(_without_notes(file))
    if len(notes) > MAX_NOTES:
        raise MelodyError(
            f"{file.path}: {len(notes):,} notes: choose a file of at most {MAX_NOTES:,}, or split the file"
        )
    tempo_map = file.tempo_map
    last = max(note.onset + note.duration for note in notes)
    bar, length = tempo_map.bar_at(last)
    length = bar if last - bar < 1e-6 else bar + length
    if length > MAX_BEATS:
        raise MelodyError(
            f"{file.path}: {length:,.0f} quarter notes long: choose a file of at most {MAX_BEATS:,}, or split the file"
        )
    if loop:
        tempo_map = TempoMap(
            tuple(t for t in tempo_map.tempi if t[0] < length),
            tuple(m for m in tempo_map.meters if m[0] < length),
            length,
        )
    return Melody(name, tuple(notes), length, loop, tempo_map)


def _without_notes(file: MidiFile) -> str:
    has_drums = any(is_note_on(message) for track in file.tracks for _, message in track.messages)
    problem = "all notes are drums (channel 10), which are no melody" if has_drums else "no notes"
    passed = file.warning.removeprefix(f"{file.path}")
    return f"{file.path}: {problem}: choose a file with at least one note of a melody{passed.replace(': ', '; ', 1)}"


def _notes(file: MidiFile) -> list[Note]:
    """All notes but drums by onset, then part, then from high to low."""
    spans = [(*span, index) for index, track in enumerate(file.tracks) for span in _spans(track, file.division)]
    by_track = len({index for *_, index in spans}) > 1
    origins = [(index, 0 if by_track else channel) for *_, channel, index in spans]
    parts = {origin: number for number, origin in enumerate(sorted(set(origins)))}
    notes = [
        Note(on / file.division, max(off - on, 1) / file.division, pitch, velocity, parts[origin])
        for (on, off, pitch, velocity, _, _), origin in zip(spans, origins, strict=True)
    ]
    return sorted(notes, key=lambda note: (note.onset, note.part, -note.pitch))


def _spans(track: MidiTrack, division: float) -> list[tuple[int, int, int, int, int]]:
    """(tick of the note-on, tick of the note-off, pitch, velocity, channel) of each note but drums.

    A note-off ends the oldest note of its pitch, a channel mode message all notes of its channel. A note without an end
    lasts to the end of the track, at least a beat. Pedals are ignored: a note ends with its key.
    """
    sounding: dict[int, dict[int, deque[tuple[int, int]]]] = {}  # by channel and pitch: (tick, velocity), oldest first
    spans: list[tuple[int, int, int, int, int]] = []
    for tick, message in track.messages:
        channel, pitch = message[0] & 15, message[1]
        if channel == DRUM_CHANNEL:
            continue
        if is_note_on(message):
            sounding.setdefault(channel, {}).setdefault(pitch, deque()).append((tick, message[2]))
        elif is_note_off(message) and (started := sounding.get(channel, {}).get(pitch)):
            onset, velocity = started.popleft()
            spans.append((onset, tick, pitch, velocity, channel))
        elif ends_notes(message):
            for pitch, ended in sounding.pop(channel, {}).items():
                spans += [(on, tick, pitch, velocity, channel) for on, velocity in ended]
    for channel, pitches in sounding.items():
        for pitch, unended in pitches.items():
            spans += [
                (on, max(track.end, math.ceil(on + division)), pitch, velocity, channel) for on, velocity in unended
            ]
    return spans
