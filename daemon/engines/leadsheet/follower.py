"""Chords that follow a melody which a person plays: where a long note does not fit the planned chord, another one."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.engines.shared.chord_scale import chord_scale
from daemon.music.chords import NO_CHORD, Chord, chord_of, symbol_in_key
from daemon.music.events import MidiEvent, is_note_off, is_note_on
from daemon.music.leadsheet import Key
from daemon.music.plan import PlannedChord

LONG = 0.5  # beats for which a note is held before it asks for another chord
REMEMBERED = 4  # notes of the melody
# Points of a chord: that the long note is one of its notes, for each earlier note that is, for each note that it shares
# with the planned chord, for a chord of the song.
FITS, FITTED, SHARED, OF_SONG = 3.0, 0.5, 0.4, 0.6
_DEGREES = {  # triads of the key, by mode: semitones above the tonic, quality
    "major": ((0, ""), (2, "m"), (4, "m"), (5, ""), (7, ""), (9, "m"), (7, "7"), (2, "7"), (4, "7"), (9, "7")),
    "minor": ((0, "m"), (3, ""), (5, "m"), (7, "m"), (8, ""), (10, ""), (7, "7"), (2, "m7b5"), (0, "7"), (10, "7")),
}


class Follower:
    """`symbols`: those of the song, from which a chord is chosen first."""

    def __init__(self, symbols: Iterable[str], key: Key) -> None:
        self._of_song = {symbol for symbol in symbols if symbol != NO_CHORD}
        names = (symbol_in_key((key.tonic + step) % 12, quality, key) for step, quality in _DEGREES[key.mode])
        self._candidates = [chord_of(symbol) for symbol in dict.fromkeys([*sorted(self._of_song), *names])]
        self._held: dict[int, float] = {}  # pitch → beat of its stroke
        self._played: list[int] = []  # pitch classes, the last ones
        self._planned: PlannedChord | None = None  # the chord that `_instead` takes the place of
        self._instead: PlannedChord | None = None

    def hear(self, event: MidiEvent) -> None:
        message = event.message
        if is_note_on(message):
            self._held[message[1]] = event.beat
            self._played = [*self._played, message[1] % 12][-REMEMBERED:]
        elif is_note_off(message):
            self._held.pop(message[1], None)

    def in_place_of(self, planned: PlannedChord) -> PlannedChord:
        """The chord that has taken the place of `planned`, or `planned`."""
        same = self._planned is not None and (self._planned.onset, self._planned.symbol) == (
            planned.onset, planned.symbol
        )  # fmt: skip
        return self._instead if same and self._instead is not None else planned

    def changes(self, planned: PlannedChord, beat: float) -> bool:
        """Whether another chord takes the place of `planned` at `beat`: the highest held note is long, and does not fit
        the present chord."""
        now, top = self.in_place_of(planned), max(self._held, default=None)
        if planned.symbol == NO_CHORD or top is None or beat - self._held[top] < LONG or _fits(now.symbol, top % 12):
            return False
        symbol = self._best(chord_of(planned.symbol), top % 12)
        rest = planned.onset + planned.duration - beat
        self._planned, self._instead = planned, PlannedChord(beat, rest, symbol)
        return symbol != now.symbol

    def _best(self, planned: Chord, note: int) -> str:
        def weight(chord: Chord) -> float:
            tones = chord.pitch_classes
            fitted = sum(FITTED for each in self._played if each in tones)
            shared = SHARED * len(tones & planned.pitch_classes)
            return FITS * (note in tones) + fitted + shared + OF_SONG * (chord.symbol in self._of_song)

        return max(self._candidates, key=weight).symbol


def _fits(symbol: str, note: int) -> bool:
    """A note of the chord, or one of its scale that is no semitone above a note of the chord."""
    chord = chord_of(symbol)
    tones = chord.pitch_classes
    return note in tones or (note in chord_scale(chord, (0.0,) * 12) and (note - 1) % 12 not in tones)
