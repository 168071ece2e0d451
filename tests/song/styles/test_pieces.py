"""Lead sheets as events: the grid, the tonic, the octave, upbeats, chords and rests within bars."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.markov.events import REST
from daemon.music.chords import NO_CHORD, chord_of
from daemon.music.leadsheet import Key, LeadSheet
from daemon.music.melody import Note
from daemon.music.plan import PlannedChord, Section
from daemon.song.styles.pieces import QUALITIES, Piece, piece_of, quality_of, tick_of

D = Key(2)


def sheet(melody: str, chords: str, meter: tuple[int, int] = (4, 4), length: float = 8.0) -> LeadSheet:
    """`melody`: onset:pitch:beats, `chords`: onset:symbol:beats."""
    notes = [word.split(":") for word in melody.split()]
    symbols = [word.split(":") for word in chords.split()]
    return LeadSheet(
        "Song",
        D,
        meter,
        120.0,
        length,
        tuple(PlannedChord(float(onset), float(beats), symbol) for onset, symbol, beats in symbols),
        (Section(0.0, 4.0, "A"), Section(4.0, length - 4.0, "B")),
        tuple(Note(float(onset), float(beats), int(pitch), 90) for onset, pitch, beats in notes),
    )


def piece(melody: str = "0:62:8", chords: str = "0:D:8", **more: object) -> Piece:
    return piece_of(sheet(melody, chords, **more), D)  # type: ignore[arg-type]


def test_pitches_and_roots_are_counted_from_the_tonic_in_ticks_of_a_twelfth() -> None:
    made = piece("0:62:1 1:66:0.5 1.5:69:0.5 2:74:2 4:61:4", "0:D:4 4:A7:2 6:Em7/B:2")
    assert made.melody == ((0, 12), (4, 6), (7, 6), (12, 24), (-1, 48))
    assert made.chords == ((0, "", 48), (7, "7", 24), (2, "m7", 24))
    assert (made.mode, made.bar) == ("major", 48)


@pytest.mark.parametrize(("pitch", "expected"), [(60, -2), (71, 9), (59, 9), (72, -2), (48, -2), (84, -2)])
def test_the_octave_is_that_in_which_the_median_is_2_below_to_9_above_the_tonic(pitch: int, expected: int) -> None:
    assert piece(f"0:{pitch}:8").melody == ((expected, 96),)


def test_an_upbeat_comes_before_the_first_bar_and_may_be_left_out() -> None:
    made = piece("-1.5:69:0.5 -1:69:2 1:62:7")
    assert (made.start, made.melody) == (-18, ((7, 6), (7, 24), (0, 84)))
    assert made.from_first_bar() == ((7, 12), (0, 84))
    assert piece().from_first_bar() == piece().melody


def test_events_begin_at_16ths_and_triplets() -> None:
    assert [tick_of(beat) for beat in (0, 0.26, 0.333, 0.51, 0.67, 0.74, 0.98, 1.02, -0.25)] == [
        *(0, 3, 4, 6, 8, 9, 12, 12, -3)
    ]


def test_chords_and_rests_end_at_bar_lines_and_notes_do_not() -> None:
    made = piece("0:62:2 7:64:1", "0:D:8")
    assert made.chords == ((0, "", 48), (0, "", 48))
    assert made.melody == ((0, 24), (REST, 24), (REST, 36), (2, 12))
    assert piece("0:62:8").melody == ((0, 96),)


def test_a_gap_shorter_than_a_16th_belongs_to_the_note_and_the_highest_of_a_chord_counts() -> None:
    assert piece("0:62:0.67 0.75:64:1.25 2:64:1 2:69:1 3:66:5").melody == ((0, 9), (2, 15), (7, 12), (4, 60))


def test_where_no_chord_is_written_there_is_none() -> None:
    assert piece(chords="4:D:2 6:N.C.:2").chords == ((0, NO_CHORD, 48), (0, "", 24), (0, NO_CHORD, 24))


@pytest.mark.parametrize(
    ("symbol", "quality"),
    [
        *(("C", ""), ("Cm", "m"), ("C9", "7"), ("C13", "7"), ("C7b9", "7"), ("C7b5", "7"), ("Cmaj9", "maj7")),
        *(("Cm9", "m7"), ("Cm6", "m6"), ("CmM7", "mM7"), ("Cdim", "dim"), ("Cdim7", "dim7"), ("Cm7b5", "m7b5")),
        *(("Caug", "aug"), ("C7#5", "7#5"), ("Csus4", "sus4"), ("C9sus4", "7sus4"), ("C69", "6"), ("Cadd9", "")),
        *(("C5", ""), ("C6", "6")),
    ],
)  # fmt: skip
def test_the_quality_has_the_third_the_fifth_and_the_seventh(symbol: str, quality: str) -> None:
    assert quality_of(chord_of(symbol)) == quality


def test_every_quality_is_a_chord_symbol_and_its_own_quality() -> None:
    for quality, intervals in QUALITIES.items():
        if quality != NO_CHORD:
            assert chord_of(f"C{quality}").intervals == intervals
            assert quality_of(chord_of(f"G{quality}")) == quality


def test_a_sheet_without_chords_or_melody_is_refused() -> None:
    with pytest.raises(ValueError, match="no chords: add"):
        piece(chords="0:N.C.:8")
    with pytest.raises(ValueError, match="no melody: add"):
        piece_of(replace(sheet("0:62:1", "0:D:8"), melody=()), D)
    with pytest.raises(ValueError, match="no melody within"):
        piece("9:62:1")


def test_what_a_style_file_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="a note of 400 beats"):
        piece("0:62:400", "0:D:400", length=400.0)
    with pytest.raises(ValueError, match="a note 74 semitones from the tonic"):
        piece("0:100:1 1:100:1 2:100:1 3:24:5")
    with pytest.raises(ValueError, match="the meter 5/32 is finer"):
        piece(meter=(5, 32))
