"""A Standard MIDI File as a lead sheet: a part is the melody, chords are written as texts or recognised from notes.

Texts: chord symbols as markers, texts or lyrics (C, Dm7, G7/B, N.C.), whichever of the three has the most; other texts
may stand between them. Without such texts the notes of the other parts, or the lower notes of a single part, are
recognised as chords, half a bar or a beat at a time. The melody is the part named melody, lead, vocal or voice, else
the highest one that plays one note at a time.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path

from daemon.errors import MelodyError
from daemon.music.chord_recognition import recognise
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
FEWEST_CLASSES = 3  # pitch classes of a recognised chord
PASSING = 0.3  # share of the time of the longest pitch class, below which a pitch class is passed over
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
    chords = written or _recognised_chords(voice, others, content.length, bar)
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
        highest = set(tops)
        return tuple(tops), [note for note in content.notes if note not in highest]
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


def _recognised_chords(
    voice: Sequence[Note], others: Sequence[Note], length: float, bar: float
) -> tuple[PlannedChord, ...]:
    """One chord for each half bar, of a bar of three beats for the whole; one for each beat, where every beat of these
    has a chord of its own. Equal neighbours are one chord."""
    step = bar / 2 if bar % 2 == 0 else bar
    accompaniment, melody = (_by_step(notes, step, round(length / step)) for notes in (others, voice))
    found: list[tuple[float, float, str]] = []  # onset, beats, symbol
    for number, (lower, upper) in enumerate(zip(accompaniment, melody, strict=True)):
        begin, beats = number * step, int(step)
        parts = [_recognised(lower, upper, begin + beat, begin + beat + 1) for beat in range(beats)]
        if beats == step and NO_CHORD not in parts:
            found += [(begin + beat, 1.0, symbol) for beat, symbol in enumerate(parts)]
        else:
            found.append((begin, step, _recognised(lower, upper, begin, begin + step)))
    chords = []
    for symbol, group in groupby(found, key=lambda each: each[2]):
        spans = list(group)
        chords.append(PlannedChord(spans[0][0], sum(beats for _, beats, _ in spans), symbol))
    return tuple(chords) if any(chord.symbol != NO_CHORD for chord in chords) else ()


def _by_step(notes: Sequence[Note], step: float, count: int) -> list[list[Note]]:
    """The notes that sound in each of `count` spans of `step` beats; a very long one only in its first ones."""
    steps = [list[Note]() for _ in range(count)]
    for note in notes:
        first = int(note.onset // step)
        for number in range(first, min(first + LONGEST, math.ceil((note.onset + note.duration) / step), count)):
            steps[number].append(note)
    return steps


def _recognised(others: Sequence[Note], voice: Sequence[Note], begin: float, end: float) -> str:
    """The chord of the accompaniment between two beats, and of the melody, where the accompaniment is too thin, without
    short or odd passing notes."""
    for notes in (others, [*others, *voice]):
        heard = [note for note in notes if note.onset < end and note.onset + note.duration > begin]
        beats: dict[int, float] = defaultdict(float)  # by pitch class
        for note in heard:
            beats[note.pitch % 12] += min(note.onset + note.duration, end) - max(note.onset, begin)
        shortest = PASSING * max(beats.values(), default=0.0)
        classes = sorted((each for each in beats if beats[each] > shortest), key=beats.__getitem__, reverse=True)
        while len(classes) >= FEWEST_CLASSES:
            if symbol := recognise([note.pitch for note in heard if note.pitch % 12 in classes]):
                return symbol
            classes.pop()
    return NO_CHORD
