"""Tunes from MIDI files: one event per 16th, with its place in the bar.

Magenta's rules (`note_seq`, melodies_lib.py: from_quantized_sequence, time_change_splitter): notes go to the nearest
16th, a new note ends the previous note, of two notes that begin in one 16th the higher is kept, a bar of silence ends a
melody, a melody begins with the bar of its first note, and a change of meter begins a new melody. Files in which notes
sound together are refused. The rule of bar lines is jamd's: if the loudest notes of a file are at one place of
the bar, as in files written by notation programs, bars begin there, and notes before the first bar line are a pick-up.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from daemon.encodings.melody.events import FIRST_PITCH, NO_EVENT, NOTE_OFF_EVENT, STEPS_PER_BEAT, event_of, step_of
from daemon.errors import InputError, MelodyError
from daemon.music.melody import Melody, Note, load_melody
from export_tools.common.files import read_arrays, using
from export_tools.common.folder import must_be_file

OVERLAP = 1 / 8  # beats that one note may reach into the next
ACCENTED = 0.7  # share of the loudest notes that must be at one place of the bar


class NoTunes(InputError):
    """There are no tunes to train or measure a model on."""


@dataclass(frozen=True, slots=True)
class Tune:
    """`events` per 16th; `meter` in beats per bar; the first 16th is `position` beats after a bar line."""

    events: tuple[int, ...]
    meter: float
    position: float

    def positions(self) -> list[float]:
        """Beats since the bar line, for every 16th and the 16th after the last."""
        return [(self.position + step / STEPS_PER_BEAT) % self.meter for step in range(len(self.events) + 1)]


def read_tunes(path: Path) -> list[Tune]:
    """The tunes of a file, at least one. Raises MelodyError if it cannot be read, has chords, or is too short."""
    must_be_file(path)
    melody = load_melody(path, path.stem)
    for note, after in zip(melody.notes, melody.notes[1:], strict=False):
        if note.onset + note.duration - after.onset > OVERLAP:
            raise MelodyError(f"{path}: notes sound together at beat {after.onset:.2f}: choose a file with one voice")
    tunes = [tune for notes, beat, meter in sections(melody) for tune in split_at_silence(notes, beat, meter)]
    tunes = [tune for tune in tunes if len(tune.events) > 1]
    if not tunes:
        raise MelodyError(f"{path}: shorter than two 16ths: choose a longer file")
    return tunes


def sections(melody: Melody) -> list[tuple[list[Note], float, float]]:
    """The sections between changes of meter: notes, first beat, meter in beats per bar."""
    changes: list[tuple[float, float]] = []
    for beat, meter in melody.tempo_map.meters:
        if not changes or meter != changes[-1][1]:
            changes.append((beat, meter))
    ends = [beat for beat, _ in changes[1:]] + [float("inf")]
    return [
        ([note for note in melody.notes if beat <= note.onset < end], beat, meter)
        for (beat, meter), end in zip(changes, ends, strict=True)
    ]


def split_at_silence(notes: Sequence[Note], beat: float, meter: float) -> list[Tune]:
    """The tunes of a section of one meter that begins at `beat`."""
    bar = max(1, step_of(meter))
    steps: list[tuple[int, int, int]] = []  # start, end, pitch
    for note in notes:
        start, end = step_of(note.onset - beat), step_of(note.onset + note.duration - beat)
        if steps and steps[-1][0] == start:
            if note.pitch <= steps[-1][2]:
                continue
            steps.pop()
        steps.append((start, max(end, start + 1), note.pitch))
    first_bar = pick_up(notes, beat, bar)
    tunes, row = [], steps[:1]
    for step, following in zip_longest(steps, steps[1:]):
        if following is not None and following[0] - step[1] < bar:
            row.append(following)
            continue
        tunes.append(to_tune(row, first_bar, bar))
        row = [following] if following is not None else []
    return tunes


def pick_up(notes: Sequence[Note], beat: float, bar: int) -> int:
    """Steps from the beginning of a section to its first bar line, found by accents; 0 without accents."""
    loudest = max((note.velocity for note in notes), default=0)
    if all(note.velocity == loudest for note in notes):
        return 0
    places = Counter(step_of(note.onset - beat) % bar for note in notes if note.velocity == loudest)
    place, count = places.most_common(1)[0]
    return place if count > 1 and count >= ACCENTED * places.total() else 0


def to_tune(steps: Sequence[tuple[int, int, int]], first_bar: int, bar: int) -> Tune:
    """A tune of notes (start, end, pitch), in steps, from the start of a bar; bars count from the step `first_bar`."""
    begin = max(0, steps[0][0] - (steps[0][0] - first_bar) % bar)
    events = [NO_EVENT] * (steps[-1][1] - begin)
    for (start, end, pitch), following in zip(steps, [*steps[1:], None], strict=True):
        events[start - begin] = event_of(pitch)
        if following is not None and end < following[0]:
            events[end - begin] = NOTE_OFF_EVENT
    return Tune(tuple(events), bar / STEPS_PER_BEAT, (begin - first_bar) % bar / STEPS_PER_BEAT)


def unpacked(data: dict[str, np.ndarray]) -> list[Tune]:
    """The tunes in the arrays of prepare.py."""
    ends = np.cumsum(data["length"])
    rows = [data["events"][end - length : end].tolist() for end, length in zip(ends, data["length"], strict=True)]
    places = zip(rows, data["meter"].tolist(), data["position"].tolist(), strict=True)
    return [Tune(tuple(row), meter, position) for row, meter, position in places]


def load_tunes(path: Path) -> dict[str, list[Tune]]:
    """The tunes of the sides "train" and "valid" in an .npz of prepare.py. Raises BadFile for other files."""
    with using(path, "export_tools.melody.prepare"):
        data = read_arrays(path)
        tunes, sides = unpacked(data), data["side"][data["source"]]
        return {side: [t for t, s in zip(tunes, sides, strict=True) if s == side] for side in ("train", "valid")}


def notes_of(events: Sequence[int]) -> list[tuple[int, int]]:
    """(step, event) of every onset."""
    return [(step, event) for step, event in enumerate(events) if event >= FIRST_PITCH]
