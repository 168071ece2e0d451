"""Lead sheets as sequences of events for the sampler: relative to the tonic, in ticks of a twelfth of a quarter note.

A melody event is (pitch, ticks), a chord event (root, quality, ticks). Pitches count semitones from the tonic, in the
octave in which the melody lies: the median of the notes is 2 below to 9 above. The quality of a chord is one of
QUALITIES, to which tensions and a bass of its own do not belong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low

from daemon.markov.events import REST, TICKS, ChordEvent, MelodyEvent
from daemon.markov.layers import GRID
from daemon.music.chords import NO_CHORD, Chord, chord_of
from daemon.music.leadsheet import Key, LeadSheet

_PLACES = (*GRID, TICKS)  # where events begin in a quarter note
LOWEST, HIGHEST, LONGEST = -64, 127, 4096  # of an event: semitones from the tonic; ticks
SHORTEST_REST = 3  # ticks; a shorter one belongs to the note before
LOWEST_MEDIAN = -2  # semitones
_SYMBOLS = ("", "m", "7", "maj7", "m7", "6", "m6", "mM7", "dim", "dim7", "m7b5", "aug", "7#5", "sus4", "7sus4")
# The qualities of chord events, and the intervals of each above its root; that of no chord has none.
QUALITIES = {symbol: chord_of(f"C{symbol}").intervals for symbol in _SYMBOLS} | {NO_CHORD: ()}
SILENT = (0, NO_CHORD)  # root and quality of no chord


@dataclass(frozen=True, slots=True)
class Piece:
    """`melody` begins at the tick `start`, 0 or, with an upbeat, below; `chords` begin at 0. Both end together.

    `bar`: ticks of a bar; no chord and no rest crosses a bar line.
    """

    title: str
    mode: str
    meter: tuple[int, int]
    start: int
    melody: tuple[MelodyEvent, ...]
    chords: tuple[ChordEvent, ...]

    @property
    def bar(self) -> int:
        return bar_ticks(self.meter)

    def has_bars_of(self, meter: tuple[int, int]) -> bool:
        """Whether the bars are like those of `meter`: of that length, and in eighths or not."""
        return (self.bar, self.meter[1] == 8) == (bar_ticks(meter), meter[1] == 8)

    def from_first_bar(self) -> tuple[MelodyEvent, ...]:
        """The melody without its upbeat."""
        late, events = -self.start, list(self.melody)
        while late and events:
            pitch, ticks = events.pop(0)
            if ticks > late:
                events.insert(0, (pitch, ticks - late))
            late = max(late - ticks, 0)
        return tuple(events)


def bar_ticks(meter: tuple[int, int]) -> int:
    beats, unit = meter
    return beats * 4 * TICKS // unit


def piece_of(sheet: LeadSheet, key: Key) -> Piece:
    """The sheet in `key`. Raises ValueError, which says what the sheet lacks."""
    bar, end = bar_ticks(sheet.meter), tick_of(sheet.length)
    chords = _chords(sheet, key.tonic, bar, end)
    if all(event[:2] == SILENT for event in chords):
        raise ValueError("no chords: add chord symbols")
    if not sheet.melody:
        raise ValueError("no melody: add one, one voice, in the first part")
    start, melody = _melody(sheet, key.tonic, bar, end)
    _check(sheet, melody)
    return Piece(sheet.title, key.mode, sheet.meter, start, melody, chords)


def _check(sheet: LeadSheet, melody: Iterable[MelodyEvent]) -> None:
    beats, unit = sheet.meter
    if beats * 4 * TICKS % unit:
        raise ValueError(f"the meter {beats}/{unit} is finer than the grid of 16ths: write the sheet in longer notes")
    for pitch, ticks in melody:
        if ticks > LONGEST:
            raise ValueError(f"a note of {ticks / TICKS:g} beats: is this a melody?")
        if pitch != REST and not LOWEST <= pitch <= HIGHEST:
            raise ValueError(f"a note {abs(pitch)} semitones from the tonic in the middle: is this a melody?")


def tick_of(beat: float) -> int:
    """The nearest tick of a 16th or a triplet."""
    quarter = int(beat // 1)
    within = (beat - quarter) * TICKS
    return quarter * TICKS + min(_PLACES, key=lambda tick: abs(tick - within))


def quality_of(chord: Chord) -> str:
    """The quality among QUALITIES with the chord's third, fifth and seventh."""
    has = {interval % 12 for interval in chord.intervals if interval < 12}
    minor, major = 3 in has, 4 in has
    if minor and not major:
        if 6 in has and 7 not in has:
            return "m7b5" if 10 in has else "dim7" if 9 in has else "dim"
        return "m7" if 10 in has else "mM7" if 11 in has else "m6" if 9 in has else "m"
    if not major and 5 in has:
        return "7sus4" if 10 in has else "sus4"
    if 8 in has and 7 not in has:
        return "7#5" if 10 in has else "maj7" if 11 in has else "aug"
    return "7" if 10 in has else "maj7" if 11 in has else "6" if 9 in has else ""


def _melody(sheet: LeadSheet, tonic: int, bar: int, end: int) -> tuple[int, tuple[MelodyEvent, ...]]:
    """The tick of the first note, or 0; the events. Of notes that begin together the highest counts, and a note ends
    where the next one begins."""
    spans: dict[int, tuple[int, int]] = {}  # by onset: pitch, end
    for note in sheet.melody:
        onset = tick_of(note.onset)
        if onset < end and (onset not in spans or spans[onset][0] < note.pitch):
            spans[onset] = (note.pitch, min(tick_of(note.onset + note.duration), end))
    if not spans:
        raise ValueError("no melody within the length of the chords")
    home = _octave([pitch for pitch, _ in spans.values()], tonic)
    onsets = sorted(spans)
    start = min(onsets[0], 0)
    events = _rests(start, onsets[0], bar)
    for onset, following in pairwise([*onsets, end]):
        pitch, off = spans[onset]
        off = following if following - off < SHORTEST_REST else off
        events += [(pitch - home, off - onset), *_rests(off, following, bar)]
    return start, tuple(events)


def _octave(pitches: Sequence[int], tonic: int) -> int:
    """The MIDI number of the tonic from which pitches are counted."""
    return (median_low(pitches) - LOWEST_MEDIAN - tonic) // 12 * 12 + tonic


def _rests(begin: int, end: int, bar: int) -> list[MelodyEvent]:
    return [(REST, ticks) for ticks in _cut(begin, end, bar)]


def _cut(begin: int, end: int, bar: int) -> list[int]:
    """The lengths of the parts of [begin, end) between bar lines."""
    lines = range((begin // bar + 1) * bar, end, bar)
    return [after - before for before, after in pairwise([begin, *lines, end])] if begin < end else []


def _chords(sheet: LeadSheet, tonic: int, bar: int, end: int) -> tuple[ChordEvent, ...]:
    """Each chord, cut at bar lines; where none is written, no chord."""
    changes = {0: SILENT}
    for planned in sheet.chords:
        begin, over = max(tick_of(planned.onset), 0), tick_of(planned.onset + planned.duration)
        if begin < over:
            changes |= {begin: kind_of(planned.symbol, tonic), over: SILENT}
    onsets = [tick for tick in sorted(changes) if tick < end]
    return tuple(
        (*changes[onset], ticks) for onset, after in pairwise([*onsets, end]) for ticks in _cut(onset, after, bar)
    )


def kind_of(symbol: str, tonic: int) -> tuple[int, str]:
    """Root in semitones above the tonic, and quality: without tensions and without a bass of its own."""
    if symbol == NO_CHORD:
        return SILENT
    chord = chord_of(symbol)
    return (chord.root - tonic) % 12, quality_of(chord)
