"""Melodies known in advance, from Standard MIDI Files."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from daemon.errors import MelodyError
from daemon.music.smf import TimedMessages, read_tracks, tempo_map_of
from daemon.music.tempo import TempoMap, tempo_map_from_json

MIN_FILE_BPM, MAX_FILE_BPM = 4, 2000  # tempi of a file, in beats per minute; every clock has narrower limits
MAX_BEATS = 100_000  # length of a file


@dataclass(frozen=True, slots=True)
class Note:
    """`onset` and `duration` in beats; `part` counts tracks (format 1) or channels (format 0) with notes, from 0."""

    onset: float
    duration: float
    pitch: int
    velocity: int
    part: int = 0


@dataclass(frozen=True, slots=True)
class Melody:
    """Notes in order of onset; `length` in beats, to the bar line after the last note, where a `loop` starts again."""

    name: str
    notes: tuple[Note, ...]
    length: float
    loop: bool
    tempo_map: TempoMap

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
    return asdict(melody)


def melody_from_json(data: dict[str, Any]) -> Melody:
    notes = tuple(Note(**note) for note in data["notes"])
    return Melody(data["name"], notes, data["length"], data["loop"], tempo_map_from_json(data["tempo_map"]))


def load_melody(path: Path, name: str, loop: bool = False) -> Melody:
    """Read a Standard MIDI File of format 0 or 1.

    Raises MelodyError if the file is missing, broken, truncated, in SMPTE time or without notes.
    """
    return _checked(path, name, loop, *read_tracks(path))


def _checked(path: Path, name: str, loop: bool, division: int, tracks: list[TimedMessages]) -> Melody:
    notes = _notes(division, tracks)
    if not notes:
        raise MelodyError(f"{path}: no notes: choose a file with at least one note")
    tempo_map = tempo_map_of(division, tracks)
    last = max(note.onset + note.duration for note in notes)
    bar, length = tempo_map.bar_at(last)
    length = bar if last - bar < 1e-6 else bar + length
    if length > MAX_BEATS:
        raise MelodyError(f"{path}: {length:.0f} quarter notes long: choose a file of at most {MAX_BEATS}")
    for beat, bpm in tempo_map.tempi:
        if not MIN_FILE_BPM <= bpm <= MAX_FILE_BPM:
            raise MelodyError(
                f"{path}: the tempo at quarter note {beat:g} is {bpm:.4g} per minute: "
                f"correct the tempo to {MIN_FILE_BPM}–{MAX_FILE_BPM}"
            )
    if loop:
        tempo_map = TempoMap(
            tuple(t for t in tempo_map.tempi if t[0] < length),
            tuple(m for m in tempo_map.meters if m[0] < length),
            length,
        )
    return Melody(name, tuple(notes), length, loop, tempo_map)


def _notes(division: int, tracks: list[TimedMessages]) -> list[Note]:
    """All notes by onset, then part, then from high to low."""
    spans = [(*span, index) for index, track in enumerate(tracks) for span in _spans(track, division)]
    by_track = len({index for *_, index in spans}) > 1
    origins = [(index, 0 if by_track else channel) for *_, channel, index in spans]
    parts = {origin: number for number, origin in enumerate(sorted(set(origins)))}
    notes = [
        Note(on / division, max(off - on, 1) / division, pitch, velocity, parts[origin])
        for (on, off, pitch, velocity, _, _), origin in zip(spans, origins, strict=True)
    ]
    return sorted(notes, key=lambda note: (note.onset, note.part, -note.pitch))


def _spans(track: TimedMessages, division: int) -> list[tuple[int, int, int, int, int]]:
    """(tick of the note-on, tick of the note-off, pitch, velocity, channel) of each note.

    A note-off ends the oldest note of its pitch. A note without a note-off lasts to the end of the track, at least a
    beat.
    """
    sounding: dict[tuple[int, int], list[tuple[int, int]]] = {}  # (channel, pitch) → (tick, velocity), oldest first
    spans: list[tuple[int, int, int, int, int]] = []
    for tick, message in track:
        if message.type == "note_on" and message.velocity > 0:
            sounding.setdefault((message.channel, message.note), []).append((tick, message.velocity))
        elif message.type in ("note_on", "note_off") and (started := sounding.get((message.channel, message.note))):
            onset, velocity = started.pop(0)
            spans.append((onset, tick, message.note, velocity, message.channel))
    end = track[-1][0] if track else 0
    for (channel, pitch), unended in sounding.items():
        spans += [(on, max(end, on + division), pitch, velocity, channel) for on, velocity in unended]
    return spans
