"""Four-part pieces as frames of 16ths, and their sopranos as the engine is given them: known, or played on keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from daemon.encodings.chorale import LOWEST, REST, VOICES
from daemon.engines.harmoniser.engine import Harmoniser
from daemon.engines.shared.line import STEP
from daemon.music.events import Action, MidiEvent, Play, Window, note_off, note_on
from daemon.music.melody import Melody, Note, load_melody
from daemon.music.tempo import TempoMap

from .evaluate import BadPieces, read_pieces

Frames = np.ndarray  # (frames, 4) MIDI, -1 = rest
SOURCE = "tune"  # that the engine listens to
LEAD, OVERLAP = 0.03, 0.03  # seconds: a window is requested before its start; a key is held into the next one
VELOCITY = 80


@dataclass(frozen=True, slots=True)
class Piece:
    """`soprano`: the notes of the tune alone, as a melody. `frames`: the piece's own setting."""

    name: str
    frames: Frames
    soprano: Melody


def read(path: Path, split: str | None, count: int | None = None) -> list[Piece]:
    """The pieces of a folder of MIDI files with four parts, or of PIECES.json; `count` of them at most, evenly chosen.
    Raises BadPieces, also for none, MelodyError."""
    if path.is_dir():
        files = ((file.stem, load_melody(file, SOURCE)) for file in sorted(path.glob("*.mid")))
        found = [from_melody(name, melody) for name, melody in files if melody.parts == len(VOICES)]
    else:
        pieces = read_pieces(path, split)
        found = [from_symbols(f"{path.stem} {number}", symbols) for number, symbols in enumerate(pieces)]
    if not found:
        raise BadPieces(f"{path}: holds no piece of four parts: name a folder of MIDI files with four parts each")
    if count is None or count >= len(found):
        return found
    return [found[number * len(found) // count] for number in range(count)]


def from_melody(name: str, melody: Melody) -> Piece:
    """A piece of four parts, ordered by their mean pitch."""
    parts = [[note for note in melody.notes if note.part == part] for part in range(len(VOICES))]
    parts.sort(key=lambda notes: -sum(note.pitch for note in notes) / len(notes))
    spans = [[(note.onset, note.onset + note.duration, note.pitch) for note in notes] for notes in parts]
    count = round(max(end for notes in spans for _, end, _ in notes) / STEP)
    tune = replace(melody, notes=tuple(replace(note, part=0) for note in parts[0]))
    return Piece(name, sampled(spans, count), tune)


def from_symbols(name: str, symbols: Frames) -> Piece:
    """A piece of PIECES.json: 4/4, a repeated pitch is held."""
    midi = np.where(symbols == REST, -1, symbols + LOWEST)
    edges = [0, *np.flatnonzero(np.diff(midi[:, 0])) + 1, len(midi)]
    notes = tuple(
        Note(first * STEP, (last - first) * STEP, int(midi[first, 0]), VELOCITY)
        for first, last in pairwise(edges)
        if midi[first, 0] >= 0
    )
    length = -(-len(midi) // 16) * 4.0
    return Piece(name, midi, Melody(SOURCE, notes, length, False, TempoMap(((0, 96),), ((0, 4),))))


def sampled(spans: Sequence[Sequence[tuple[float, float, int]]], count: int) -> Frames:
    """Notes of each voice (onset, end in beats; MIDI) → frames: a note fills the 16ths from the one nearest to its
    onset to the one nearest to its end, at least one."""
    frames = np.full((count, len(spans)), -1)
    for voice, notes in enumerate(spans):
        for onset, end, pitch in notes:
            first = round(onset / STEP)
            frames[first : max(first + 1, round(end / STEP)), voice] = pitch
    return frames


def windows(tune: Melody, count: int) -> Iterator[Window]:
    """The windows of a 16th in which an engine is asked to play `count` 16ths."""
    for frame in range(count):
        beat = frame * STEP
        bar, meter = tune.tempo_map.bar_at(beat)
        yield Window(beat, beat + STEP, bar, meter, tune.tempo_map.bpm_at(beat))


def ahead(engine: Harmoniser, piece: Piece, seed: int) -> list[Action]:
    """The engine's setting of a soprano that it knows."""
    engine.reset({SOURCE: piece.soprano}, 0.0, seed)
    return [action for window in windows(piece.soprano, len(piece.frames)) for action in engine.generate(window)]


def live(engine: Harmoniser, piece: Piece, seed: int) -> list[Action]:
    """The engine's setting of a soprano that is played on keys, a little legato."""
    engine.reset({}, 0.0, seed)
    keys = keys_of(piece.soprano)
    actions: list[Action] = []
    for window in windows(piece.soprano, len(piece.frames)):
        requested = window.start - LEAD * window.tempo / 60
        while keys and keys[0].beat < requested:
            actions += engine.listen(keys.pop(0))
        actions += engine.generate(window)
    for event in keys:
        actions += engine.listen(event)
    return actions


def keys_of(tune: Melody) -> list[MidiEvent]:
    """The keys that play a tune, in order of time."""
    events = []
    for note, following in pairwise([*tune.notes, Note(tune.length + 4, 1, 60, 1)]):
        end, overlap = note.onset + note.duration, OVERLAP * tune.tempo_map.bpm_at(note.onset) / 60
        if end > following.onset - overlap:
            end = following.onset + (-overlap if note.pitch == following.pitch else overlap)
        events.append((note.onset, 1, note_on(1, note.pitch, VELOCITY)))
        events.append((end, 0, note_off(1, note.pitch)))
    return [MidiEvent(beat, SOURCE, message) for beat, _, message in sorted(events)]


def frames_of(actions: Sequence[Action], count: int) -> Frames:
    """What sounds in the middle of each 16th."""
    frames = np.full((count, len(VOICES)), -1)
    middle = (np.arange(count) + 0.5) * STEP
    for voice, name in enumerate(VOICES):
        changes: list[Action] = []
        for action in actions:
            if action.voice == name:
                while changes and changes[-1].onset >= action.onset:  # queued, and now cancelled
                    changes.pop()
                changes.append(action)
        for index, action in enumerate(changes):
            end = changes[index + 1].onset if index + 1 < len(changes) else count * STEP
            if isinstance(action, Play):
                if action.duration is not None:
                    end = min(end, action.onset + action.duration)
                frames[(middle >= action.onset) & (middle < end), voice] = action.pitch
    return frames


def strikes(actions: Sequence[Action]) -> int:
    """Notes struck in the voices that the tune does not lead."""
    return sum(isinstance(action, Play) and action.voice != VOICES[0] for action in actions)
