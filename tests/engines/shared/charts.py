"""Plans of whole songs for the tests of engines that follow them, and a counter of chord tones that shares no code with
jamd: it has its own table of chords."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from daemon.music.events import Action, Play, Stop
from daemon.music.feel import Feel
from daemon.music.melody import Note
from daemon.music.plan import Plan, PlannedChord, Section

BLUES = "F7 Bb7 F7 Cm7,F7 Bb7 Bdim7 F7 Am7,D7 Gm7 C7 F7,D7 Gm7,C7"
RHYTHM_CHANGES = (
    "Bb6,G7 Cm7,F7 Dm7,G7 Cm7,F7 Fm7,Bb7 Ebmaj7,Ebm6 Bb6,G7 Cm7,F7 "
    "Bb6,G7 Cm7,F7 Dm7,G7 Cm7,F7 Fm7,Bb7 Ebmaj7,Ebm6 Bb6,F7 Bb6 "
    "D7 D7 G7 G7 C7 C7 F7 F7 "
    "Bb6,G7 Cm7,F7 Dm7,G7 Cm7,F7 Fm7,Bb7 Ebmaj7,Ebm6 Bb6,F7 Bb6"
)
HYMN = "G,D/F# Em,Bm C,G/B Am,D G/D,D7 G,C G/D,D7 G G,D Em,B7 Em,A7 D C,G/B Am7,D7 G/D,D7 G"

# The notes of the qualities above, written out as semitones above the root.
QUALITIES = {
    "": {0, 4, 7}, "6": {0, 4, 7, 9}, "7": {0, 4, 7, 10}, "maj7": {0, 4, 7, 11}, "m": {0, 3, 7}, "m6": {0, 3, 7, 9},
    "m7": {0, 3, 7, 10}, "dim7": {0, 3, 6, 9},
}  # fmt: skip
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def chords_of(text: str, bar: float = 4.0, start: float = 0.0) -> tuple[PlannedChord, ...]:
    """Bars are parted by spaces, the chords of a bar, of equal length, by commas."""
    chords: list[PlannedChord] = []
    for number, symbols in enumerate(text.split()):
        names = symbols.split(",")
        for place, name in enumerate(names):
            length = bar / len(names)
            chords.append(PlannedChord(start + number * bar + place * length, length, name))
    return tuple(chords)


def plan_of(
    text: str,
    feel: Feel | None = None,
    sections: Iterable[tuple[float, float, str]] = (),
    melody: Iterable[tuple[float, float, int]] = (),
    bar: float = 4.0,
) -> Plan:
    """Sections are (onset, duration, name), notes of the melody (onset, duration, pitch)."""
    return Plan(
        0.0,
        chords_of(text, bar),
        tuple(Section(*section) for section in sections),
        tuple(Note(onset, duration, pitch, 90) for onset, duration, pitch in melody),
        feel,
    )


def pitch_classes(symbol: str) -> set[int]:
    """Of a chord symbol, by the table of this file."""
    found = re.fullmatch(r"([A-G])([#b]?)(\w*)(?:/([A-G])([#b]?))?", symbol)
    assert found, symbol
    root = LETTERS[found[1]] + {"#": 1, "b": -1, "": 0}[found[2]]
    notes = {(root + interval) % 12 for interval in QUALITIES[found[3]]}
    if found[4]:
        notes.add((LETTERS[found[4]] + {"#": 1, "b": -1, "": 0}[found[5]]) % 12)
    return notes


def sounding_at(actions: Iterable[Action], beat: float) -> dict[str, int]:
    """The pitch that sounds in each monophonic voice just after `beat`, by the rules of actions: a note lasts for its
    duration, and until the voice's next note or stop; an action cancels what was queued from its onset on."""
    found: dict[str, tuple[float, int | None, float]] = {}
    for action in actions:
        if action.onset > beat + 0.02:
            continue
        if isinstance(action, Play):
            end = float("inf") if action.duration is None else action.onset + action.duration
            found[action.voice] = (action.onset, action.pitch, end)
        elif isinstance(action, Stop):
            found[action.voice] = (action.onset, None, 0.0)
    return {voice: pitch for voice, (_, pitch, end) in found.items() if pitch is not None and end > beat + 0.02}


def agreement(
    actions: list[Action], chords: Iterable[PlannedChord], voices: Iterable[str], moments: Mapping[float, float]
) -> tuple[float, list[tuple[float, str, dict[str, int]]]]:
    """The share of beats on which all sounding `voices` have notes of the planned chord, and the other beats, with
    chord and notes. `moments`: by beat, where it sounds."""
    wrong, count, wanted = [], 0, tuple(voices)
    for chord in chords:
        for beat, moment in moments.items():
            if chord.onset <= beat < chord.onset + chord.duration:
                notes = {v: p for v, p in sounding_at(actions, moment).items() if v in wanted}
                count += 1
                if not notes or {p % 12 for p in notes.values()} - pitch_classes(chord.symbol):
                    wrong.append((beat, chord.symbol, notes))
    return 1 - len(wrong) / max(count, 1), wrong
