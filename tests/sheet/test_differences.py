"""Sheets in the order of their difference."""

from __future__ import annotations

from dataclasses import replace

from daemon.music.leadsheet import Key, LeadSheet
from daemon.music.melody import Note
from daemon.music.plan import PlannedChord, Section
from daemon.sheet.differences import by_difference


def sheet(pitches: str, chords: str = "C C C C") -> LeadSheet:
    notes = tuple(Note(float(n), 1.0, int(pitch), 90) for n, pitch in enumerate(pitches.split()))
    planned = tuple(PlannedChord(float(n), 1.0, symbol) for n, symbol in enumerate(chords.split()))
    return LeadSheet("T", Key(0), (4, 4), 120.0, 4.0, planned, (Section(0.0, 4.0, "A"),), notes)


def test_the_most_different_comes_first() -> None:
    sheets = [sheet("60 62 64 65"), sheet("60 62 64 67"), sheet("72 74 76 77"), sheet("72 74 76 79", "C C F N.C.")]
    listed = [(each.index, each.nearest, each.melody, each.chords) for each in by_difference(sheets)]
    assert listed == [(0, None, 0.0, 0.0), (3, 0, 1.0, 0.5), (2, 3, 0.25, 0.5), (1, 0, 0.25, 0.0)]


def test_what_only_one_of_two_sheets_has_is_a_difference() -> None:
    longer = replace(sheet("60 62 64 65 67 69 71 72", "C C C C F F F F"), length=8.0)
    found = by_difference([sheet("60 62 64 65"), longer])[1]
    assert (found.melody, found.chords) == (0.5, 0.5)


def test_other_spellings_are_the_same_chord() -> None:
    one, other = by_difference([sheet("60", "C Am7 G/B C"), sheet("60", "C A-7 G/B CMaj")])[1], sheet("")
    assert (one.melody, one.chords) == (0.0, 0.0)
    assert by_difference([other])[0].nearest is None
