"""The drum part of a Standard MIDI File."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from daemon.encodings.drums.hits import TICKS, Hit, to_hits
from daemon.errors import MelodyError
from daemon.music.events import is_note_on
from daemon.music.midi_file import DRUM_CHANNEL, read_midi_file
from daemon.music.tempo import TempoMap


@dataclass(frozen=True, slots=True)
class DrumPart:
    """The hits of a file. `start`: tick of the bar line at or before the first hit, whose gap counts from there."""

    hits: tuple[Hit, ...]
    start: int
    tempo_map: TempoMap

    def bar_at(self, tick: int) -> tuple[int, int]:
        """(ticks since the bar line, length of the bar in ticks) at a tick of the file."""
        line, meter = self.tempo_map.bar_at(tick / TICKS)
        return tick - round(line * TICKS), round(meter * TICKS)


def read_groove(path: Path) -> DrumPart:
    """The drums of a file: the notes on channel 10, or all notes if there are none on channel 10.

    Raises MelodyError if the file cannot be read or has no drums.
    """
    file = read_midi_file(path)
    notes = [  # channel, tick, note, velocity
        (message[0] & 15, round(tick * TICKS / file.division), message[1], message[2])
        for track in file.tracks
        for tick, message in track.messages
        if is_note_on(message)
    ]
    drums = [note for note in notes if note[0] == DRUM_CHANNEL] or notes
    drum_hits = to_hits([note[1:] for note in drums])
    if not drum_hits:
        raise MelodyError(f"{path}: no drums: choose a file with notes of a drum kit, on channel 10")
    tempo_map = file.tempo_map
    start = round(tempo_map.bar_at(drum_hits[0].gap / TICKS)[0] * TICKS)
    first = replace(drum_hits[0], gap=drum_hits[0].gap - start)
    return DrumPart((first, *drum_hits[1:]), start, tempo_map)
