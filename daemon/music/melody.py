"""Melodies whose future is known, from Standard MIDI Files."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from daemon.errors import MelodyError
from daemon.music.smf import TimedMessages, read_tracks
from daemon.music.tempo import TempoMap, tempo_map_from_json

SLOWEST, FASTEST = 4, 2000  # beats per minute in a file
LONGEST = 100_000  # beats


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
    """Notes in order of onset; `length` in beats, up to the bar line after the last note: a `loop` starts anew."""

    name: str
    notes: tuple[Note, ...]
    length: float
    loop: bool
    tempo_map: TempoMap

    def between(self, start: float, end: float) -> Iterator[Note]:
        """The notes whose onset lies in [start, end), in order, loops unrolled: onsets count from the clock's 0."""
        turn = start // self.length * self.length if self.loop and start > 0 else 0.0
        while turn < end:
            first = bisect_left(self.notes, start, key=lambda note, turn=turn: turn + note.onset)  # type: ignore[misc]
            for index in range(first, len(self.notes)):
                note = self.notes[index]
                if turn + note.onset >= end:
                    return
                yield Note(turn + note.onset, note.duration, note.pitch, note.velocity, note.part)
            if not self.loop:
                return
            turn += self.length

    @property
    def parts(self) -> int:
        return 1 + max((note.part for note in self.notes), default=0)


Melodies = Mapping[str, Melody]


def melody_to_json(melody: Melody) -> dict[str, Any]:
    return asdict(melody)


def melody_from_json(data: dict[str, Any]) -> Melody:
    notes = tuple(Note(**note) for note in data["notes"])
    return Melody(data["name"], notes, data["length"], data["loop"], tempo_map_from_json(data["tempo_map"]))


def load_melody(path: Path, name: str, loop: bool = False) -> Melody:
    """Read a Standard MIDI File of format 0 or 1.

    Raises MelodyError if it is missing, broken, truncated, in SMPTE time or without notes.
    """
    return _melody(path, name, loop, *read_tracks(path))


def _melody(path: Path, name: str, loop: bool, division: int, tracks: list[TimedMessages]) -> Melody:
    tempi: dict[float, float] = {0.0: 120.0}
    meters: dict[float, float] = {0.0: 4.0}
    notes: list[tuple[int, int, int, int, tuple[int, int]]] = []
    for index, track in enumerate(tracks):
        sounding: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for tick, message in track:
            if message.type == "set_tempo" and message.tempo > 0:
                tempi[tick / division] = 60e6 / message.tempo
            elif message.type == "time_signature" and message.numerator > 0:
                meters[tick / division] = message.numerator * 4 / message.denominator
            elif message.type == "note_on" and message.velocity > 0:
                sounding.setdefault((message.channel, message.note), []).append((tick, message.velocity))
            elif message.type in ("note_on", "note_off") and (started := sounding.get((message.channel, message.note))):
                onset, velocity = started.pop(0)
                notes.append((onset, tick, message.note, velocity, (index, message.channel)))
        end = track[-1][0] if track else 0
        notes += [
            (on, max(end, on + division), pitch, velocity, (index, channel))
            for (channel, pitch), held in sounding.items()
            for on, velocity in held
        ]
    if not notes:
        raise MelodyError(f"{path}: it has no notes: choose a file with at least one")
    by_track = len({part[0] for *_, part in notes}) > 1
    keys = sorted({part if not by_track else (part[0], 0) for *_, part in notes})
    parts = {key: number for number, key in enumerate(keys)}
    ordered = sorted(
        (
            Note(
                on / division,
                max(off - on, 1) / division,
                pitch,
                velocity,
                parts[part if not by_track else (part[0], 0)],
            )
            for on, off, pitch, velocity, part in notes
        ),
        key=lambda n: (n.onset, n.part, -n.pitch),
    )
    tempo_map = TempoMap(tuple(sorted(tempi.items())), tuple(sorted(meters.items())))
    last = max(note.onset + note.duration for note in ordered)
    bar, length = tempo_map.bar_at(last)
    length = bar if last - bar < 1e-6 else bar + length
    if length > LONGEST:
        raise MelodyError(f"{path}: {length:.0f} quarter notes long: {LONGEST} at most can be played")
    for beat, bpm in tempo_map.tempi:
        if not SLOWEST <= bpm <= FASTEST:
            raise MelodyError(
                f"{path}: its tempo at quarter note {beat:g} is {bpm:.4g}: correct it to {SLOWEST}–{FASTEST} per minute"
            )
    if loop:
        tempo_map = TempoMap(
            tuple(t for t in tempo_map.tempi if t[0] < length),
            tuple(m for m in tempo_map.meters if m[0] < length),
            length,
        )
    return Melody(name, tuple(ordered), length, loop, tempo_map)
