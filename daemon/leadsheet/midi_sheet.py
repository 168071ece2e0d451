"""A Standard MIDI File as a lead sheet: a part is the melody, chords are written as texts or recognised from notes.

Texts: chord symbols as markers, texts or lyrics (C, Dm7, G7/B, N.C.), whichever of the three has the most; other texts
may stand between them. Without such texts the notes of the other parts, or the lower notes of a single part, are
compared with chords, half a bar at a time. The melody is the part named melody, lead, vocal or voice, else the highest
one that plays one note at a time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path

from daemon.errors import MelodyError
from daemon.music.chords import NO_CHORD, chord_of
from daemon.music.key_estimate import estimated_key
from daemon.music.leadsheet import Key, LeadSheet
from daemon.music.melody import Melody, Note, melody_of
from daemon.music.midi_file import LYRIC, MARKER, TEXT, read_midi_file
from daemon.music.midi_tracks import MidiFile
from daemon.music.plan import PlannedChord, Section

LEAST_SYMBOLS = 3  # texts of one kind that are chords, from which on they count as the chords
_SECTION = re.compile("[A-D]")  # letters that may name sections as well as chords
_MELODY = re.compile("melod|lead|vocal|voice|sing|solo", re.IGNORECASE)
ONE_VOICE = 0.8  # share of a melody's notes during which no other note of its part begins
OVERLAP = 1 / 8  # beats that a note may reach into the next one
_ROOTS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_RECOGNISED = ("", "m", "7", "m7", "maj7", "dim", "m7b5", "aug", "sus4")
FOREIGN = 1.0  # what a note that is not of the chord counts against one of its notes, by duration
_MISSING = 0.15  # what a chord tone that does not sound counts, as a share of all notes
_BASS = 0.2  # what the root in the bass counts, likewise
LONGEST = 16  # half bars, over which a note counts
MOST_BARS = 1000


def read_midi_sheet(path: Path) -> LeadSheet:
    """Raises MelodyError for a file without notes, with changes of meter, or without chords."""
    file = read_midi_file(path)
    content = melody_of(file, path.stem)
    meter = _meter(file)
    bar = meter[0] * 4 / meter[1]
    if content.length > MOST_BARS * bar:
        raise MelodyError(f"{path}: more than {MOST_BARS:,} bars: split the file")
    voice, others = _parts(file, content)
    written = _written_chords(file, content.length)
    chords = written or _recognised_chords(others, content.length, bar)
    if not chords:
        raise MelodyError(f"{path}: no chords, neither as texts nor as notes: add markers with chord symbols")
    signature = next((sharps for track in file.tracks for _, sharps, _ in track.keys), None)
    bpm = file.tempo_map.bpm_at(0)
    sections = (Section(0.0, content.length, "A"),)
    sheet = LeadSheet(path.stem, Key(0), meter, bpm, content.length, chords, sections, voice)
    return replace(sheet, key=estimated_key(sheet, signature))


def _meter(file: MidiFile) -> tuple[int, int]:
    found = {meter for _, meter in file.meters} if len(file.meters) > 1 else {file.meters[0][1]}
    if len(found) > 1:
        names = ", ".join(f"{beats}/{unit}" for beats, unit in sorted(found))
        raise MelodyError(f"{file.path}: the meter changes ({names}): split the file where it changes")
    return found.pop()


def _parts(file: MidiFile, content: Melody) -> tuple[tuple[Note, ...], list[Note]]:
    """The notes of the melody, and the notes of the others."""
    by_part = [[note for note in content.notes if note.part == part] for part in range(content.parts)]
    if len(by_part) == 1:
        tops = [max(group, key=lambda note: note.pitch) for _, group in _together(by_part[0])]
        return tuple(tops), [note for note in content.notes if note not in set(tops)]
    names = [track.name for track in file.tracks if track.messages]
    named = [part for part, name in enumerate(names) if len(names) == len(by_part) and _MELODY.search(name)]
    single = [part for part, notes in enumerate(by_part) if _is_one_voice(notes)]
    among = named or single or range(len(by_part))
    chosen = max(among, key=lambda part: sum(note.pitch for note in by_part[part]) / len(by_part[part]))
    voice = tuple(replace(note, part=0) for note in by_part[chosen])
    return voice, [note for note in content.notes if note.part != chosen]


def _together(notes: Sequence[Note]) -> Iterable[tuple[float, Iterable[Note]]]:
    return groupby(notes, key=lambda note: note.onset)


def _is_one_voice(notes: Sequence[Note]) -> bool:
    alone = sum(after.onset - note.onset > note.duration - OVERLAP for note, after in pairwise(notes))
    return alone >= ONE_VOICE * (len(notes) - 1)


def _written_chords(file: MidiFile, length: float) -> tuple[PlannedChord, ...]:
    """The chords of the kind of text that holds the most of them; none if these may be the names of sections."""
    found: dict[int, list[tuple[float, str]]] = {MARKER: [], TEXT: [], LYRIC: []}
    for track in file.tracks:
        for tick, kind, text in track.texts:
            symbol = text.strip()
            if _is_chord(symbol) and tick / file.division < length:
                found[kind].append((tick / file.division, symbol))
    most = max(found.values(), key=len)
    symbols = sorted(most, key=lambda each: each[0])
    if len(symbols) < LEAST_SYMBOLS or all(_SECTION.fullmatch(symbol) for _, symbol in symbols):
        return ()
    symbols = [*([(0.0, NO_CHORD)] if symbols[0][0] > 0 else []), *symbols]
    ends = [*(beat for beat, _ in symbols[1:]), length]
    changes = zip(symbols, ends, strict=True)
    return tuple(PlannedChord(beat, end - beat, symbol) for (beat, symbol), end in changes if end > beat)


def _is_chord(symbol: str) -> bool:
    try:
        return symbol == NO_CHORD or bool(chord_of(symbol))
    except ValueError:
        return False


def _recognised_chords(notes: Sequence[Note], length: float, bar: float) -> tuple[PlannedChord, ...]:
    """One chord for each half bar, of a bar of three beats for the whole; equal neighbours are one chord."""
    step = bar / 2 if bar % 2 == 0 else bar
    steps = [list[tuple[int, float]]() for _ in range(round(length / step))]  # of each: pitches and beats
    for note in notes:
        end = note.onset + note.duration
        first = int(note.onset // step)
        for number in range(first, min(first + LONGEST, math.ceil(end / step), len(steps))):
            begin = number * step
            steps[number].append((note.pitch, min(end, begin + step) - max(note.onset, begin)))
    spans = [(number * step, _recognised(sounding)) for number, sounding in enumerate(steps)]
    chords = []
    for symbol, group in groupby(spans, key=lambda span: span[1]):
        begins = [begin for begin, _ in group]
        chords.append(PlannedChord(begins[0], len(begins) * step, symbol))
    return tuple(chords) if any(chord.symbol != NO_CHORD for chord in chords) else ()


def _recognised(sounding: Sequence[tuple[int, float]]) -> str:
    """The chord that fits pitches best, each with the beats for which it sounds."""
    classes = {pitch % 12 for pitch, _ in sounding}
    if len(classes) < 3:
        return NO_CHORD
    total, bass = sum(beats for _, beats in sounding), min(pitch for pitch, _ in sounding) % 12
    shares = [sum(beats for pitch, beats in sounding if pitch % 12 == each) / total for each in range(12)]
    best, symbol = 0.0, NO_CHORD
    for root in range(12):
        for quality in _RECOGNISED:
            tones = [(root + interval) % 12 for interval in chord_of(f"C{quality}").intervals]
            within = sum(shares[tone] for tone in tones)
            missing = sum(tone not in classes for tone in tones)
            fit = within - FOREIGN * (1 - within) - _MISSING * missing + _BASS * (root == bass)
            if fit > best:
                best, symbol = fit, f"{_ROOTS[root]}{quality}"
    return symbol
