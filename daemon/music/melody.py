"""Melodies whose future is known, from Standard MIDI Files."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.errors import MelodyError
from daemon.music.tempo import TempoMap, tempo_map_from_json

if TYPE_CHECKING:
    import mido

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


Track = list[tuple[int, "mido.Message"]]  # messages with their absolute ticks


def load_melody(path: Path, name: str, loop: bool = False) -> Melody:
    """Read a Standard MIDI File of format 0 or 1.

    Raises MelodyError if it is missing, broken, truncated, in SMPTE time or without notes.
    """
    return _melody(path, name, loop, *read_tracks(path))


def read_tracks(path: Path) -> tuple[int, list[Track]]:
    """Ticks per quarter, and the tracks, of a Standard MIDI File of format 0 or 1.

    Raises MelodyError if it is missing, broken, truncated or in SMPTE time.
    """
    import mido  # here, because the stage and the players read no files, and it takes 20 ms

    remedy = "export it again as a Standard MIDI File, format 0 or 1"
    try:
        smf = mido.MidiFile(path)
        tracks = [_absolute(track) for track in smf.tracks]
    except FileNotFoundError:
        raise MelodyError(f"{path}: there is no such file: correct the path") from None
    except EOFError:
        raise MelodyError(f"{path}: it ends in the middle of something: {remedy}") from None
    except OSError as error:
        raise MelodyError(f"{path}: cannot be read ({error.strerror or 'not a whole MIDI file'}): {remedy}") from None
    except Exception as error:  # mido raises ValueError, KeySignatureError, IndexError … on broken bytes
        raise MelodyError(
            f"{path}: not a whole Standard MIDI File ({type(error).__name__}: {error}): {remedy}"
        ) from None
    if smf.type == 2:
        raise MelodyError(f"{path}: format 2 holds independent sequences: {remedy}")
    if not 0 < smf.ticks_per_beat < 0x8000:
        raise MelodyError(f"{path}: its time is in SMPTE frames or has no length, not in ticks per quarter: {remedy}")
    return smf.ticks_per_beat, tracks


def _absolute(track: mido.MidiTrack) -> Track:
    tick, out = 0, []
    for message in track:
        tick += message.time
        out.append((tick, message))
    return out


def _melody(path: Path, name: str, loop: bool, division: int, tracks: list[Track]) -> Melody:
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
