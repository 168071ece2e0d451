"""Opening, choruses and ending in absolute beats."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from daemon.music.leadsheet import LeadSheet
from daemon.music.plan import ENDING, Plan
from daemon.paths import resources
from daemon.song.arrangement import chorus, final_chorus, opening, part_of
from daemon.song.composer import Composer
from daemon.song.description import Song
from daemon.song.reader import read_song

TUNE = """
key: C
tempo: 120
chords: '| C | Am | F G7 | C |'
melody: '[G4 A4] | C5 - - - | A4 - - - | F4 - G4 - | C5 - r [G4 A4] |'
"""


def read(tmp_path: Path, text: str) -> tuple[Song, LeadSheet]:
    (tmp_path / "song.yaml").write_text(text)
    song = read_song(tmp_path / "song.yaml")
    return song, Composer(song).compose(np.random.default_rng(0))


def chords(plan: Plan) -> list[tuple[float, float, str]]:
    return [(chord.onset, chord.duration, chord.symbol) for chord in plan.chords]


def sections(plan: Plan) -> list[tuple[float, float, str]]:
    return [(section.onset, section.duration, section.name) for section in plan.sections]


def check(plan: Plan) -> None:
    """Chords and sections follow each other without gaps; notes do not overlap."""
    for parts in (plan.chords, plan.sections):
        at = plan.beat
        for part in parts:
            assert part.onset == pytest.approx(at)
            at = part.onset + part.duration
        assert at == pytest.approx(plan.end)
    for one, other in zip(plan.melody, plan.melody[1:], strict=False):
        assert one.onset + one.duration <= other.onset + 1e-9


def test_the_blues_that_ships_as_it_is_played() -> None:
    song = replace(read_song(resources() / "songs" / "blues.yaml"), intro=4)
    sheet = Composer(song).compose(np.random.default_rng(0))
    intro = opening(song, sheet, 8.0)
    assert chords(intro)[0] == (8, 4, "Gm7") and sections(intro) == [(8, 16, "intro")]
    first = chorus(sheet, intro.end)
    assert (first.beat, first.end) == (24, 72)
    last = final_chorus(song, sheet, first.end)
    assert chords(last)[-2:] == [(118, 2, "C7"), (120, 8, "F7")], "a cadence: the dominant leads to the tonic"
    assert sections(last) == [(72, 48, "A"), (120, 8, "ending")]
    for plan in (intro, first, last):
        check(plan)


def test_a_tag_plays_the_last_four_bars_three_times(tmp_path: Path) -> None:
    song, sheet = read(tmp_path, "key: C\ntempo: 100\nchords: '| C | F | C | A7 | Dm7 | G7 |'\nending: tag")
    last = final_chorus(song, sheet, 0.0)
    assert [symbol for _, _, symbol in chords(last)] == ["C", "F", *["C", "A7", "Dm7", "G7"] * 3, "C"]
    assert sections(last) == [(0, 24, "A"), (24, 16, "tag"), (40, 16, "tag"), (56, 4, "ending")]
    check(last)


def test_a_chorus_that_closes_with_the_tonic_ends_there(tmp_path: Path) -> None:
    song, sheet = read(tmp_path, TUNE)
    last = final_chorus(song, sheet, 0.0)
    assert sections(last) == [(0, 12, "A"), (12, 4, "ending")]
    assert [note.onset for note in last.melody] == [0, 4, 8, 10, 12, 15, 15.5]
    check(last)
    tagged = final_chorus(replace(song, ending="tag"), sheet, 0.0)
    assert sections(tagged)[1:] == [(12, 12, "tag"), (24, 12, "tag"), (36, 4, "ending")]
    assert [note.onset for note in tagged.melody if note.onset >= 36] == [36, 39, 39.5]
    check(tagged)


def test_a_chorus_that_leads_nowhere_gets_a_dominant(tmp_path: Path) -> None:
    song, sheet = read(tmp_path, "key: Em\nchords: '| Em | C | Am7 | F#m7b5 |'")
    last = final_chorus(song, sheet, 16.0)
    assert chords(last)[-2:] == [(32, 4, "B7"), (36, 4, "Em")]
    assert sections(last) == [(16, 20, "A"), (36, 4, "ending")]
    check(last)


@pytest.mark.parametrize("symbol", ["G7", "G7sus4", "Db7", "Fm", "Bb7", "Bdim7", "Am", "Gm7", "N.C."])
def test_what_leads_to_the_tonic(tmp_path: Path, symbol: str) -> None:
    song, sheet = read(tmp_path, f"key: C\nchords: '| C | {symbol} |'")
    dominant = ["G7"] if symbol in ("Am", "Gm7", "N.C.") else []
    assert [chord.symbol for chord in final_chorus(song, sheet, 0.0).chords] == ["C", symbol, *dominant, "C"]


def test_a_melody_ends_on_the_nearest_tonic(tmp_path: Path) -> None:
    song, sheet = read(tmp_path, "key: C\ntempo: 60\nchords: '| C | G7 |'\nmelody: '| C5 - - - | D5 - B4 - |'")
    assert (final_chorus(song, sheet, 0.0).melody[-1].pitch, final_chorus(song, sheet, 0.0).melody[-1].duration) == (
        72,
        4,
    )


@pytest.mark.parametrize("tonic", ["C", "Eb", "F#", "Bb"])
def test_the_last_note_is_the_tonic_within_a_tritone_of_the_note_before(tmp_path: Path, tonic: str) -> None:
    song, sheet = read(tmp_path, f"key: {tonic}\nchords: '| {tonic} | Am |'\nmelody: '| C5 - - - | D5 - B4 - |'")
    for pitch in (0, 3, 7, *range(48, 73), 119, 124, 127):
        at_end = replace(sheet, melody=(*sheet.melody[:-1], replace(sheet.melody[-1], pitch=pitch)))
        last = final_chorus(song, at_end, 0.0).melody[-1].pitch
        assert 0 <= last <= 127 and last % 12 == song.key.tonic
        assert abs(last - pitch) <= (6 if 6 <= pitch <= 121 else 11)


def test_the_last_chord_lasts_two_seconds(tmp_path: Path) -> None:
    song, sheet = read(tmp_path, "key: C\ntempo: 240\nmeter: 3/4\nchords: '| C | G7 |'")
    assert sections(final_chorus(song, sheet, 0.0))[-1] == (6, 9, "ending")


def test_without_an_ending_the_last_chorus_is_as_written_and_then_the_song_is_over(tmp_path: Path) -> None:
    song, sheet = read(tmp_path, TUNE + "ending: none")
    last = final_chorus(song, sheet, 4.0)
    assert sections(last) == [(4, 16, "A"), (20, 4, "ending")]
    assert chords(last)[-1] == (20, 4, "N.C.") and chords(last)[:-1] == [
        (chord.onset + 4, chord.duration, chord.symbol) for chord in sheet.chords
    ]


def test_an_upbeat_is_played_at_the_end_of_what_precedes_the_chorus(tmp_path: Path) -> None:
    song, sheet = read(tmp_path, TUNE)
    first = opening(song, sheet, 0.0)
    assert chords(first) == [(0, 4, "N.C.")] and [note.onset for note in first.melody] == [3, 3.5]
    assert [note.onset for note in chorus(sheet, 4.0).melody][-3:] == [16, 19, 19.5]
    with_intro = opening(replace(song, intro=2), sheet, 0.0)
    assert [note.onset for note in with_intro.melody] == [7, 7.5] and with_intro.chords[0].symbol == "F"


def test_a_song_without_introduction_or_upbeat_begins_at_once(tmp_path: Path) -> None:
    song, sheet = read(tmp_path, "key: C\nchords: '| C | G7 |'")
    assert opening(song, sheet, 5.0).end == 5.0


def test_a_part_of_a_plan_is_cut_at_both_ends(tmp_path: Path) -> None:
    _, sheet = read(tmp_path, TUNE)
    part = part_of(chorus(sheet, 0.0), 5.0, 9.0)
    assert chords(part) == [(5, 3, "Am"), (8, 1, "F")] and sections(part) == [(5, 4, "A")]
    assert [(note.onset, note.duration) for note in part.melody] == [(8, 1)]
    check(part)


def test_every_song_in_every_key_ends_on_its_tonic(tmp_path: Path) -> None:
    for semitones in range(-6, 7):
        song = read_song(resources() / "songs" / "blues.yaml", semitones)
        sheet = Composer(song).compose(np.random.default_rng(0))
        last = final_chorus(replace(song, ending="tag"), sheet, 0.0)
        check(last)
        assert last.chords[-1].symbol.startswith(("F", "Gb", "G", "Ab", "A", "Bb", "B", "C", "Db", "D", "Eb", "E"))
        assert last.chords[-1].symbol == sheet.chords[0].symbol


@pytest.mark.parametrize(
    ("more", "beats"),
    [
        *(("", 4.0), ("feel: ballad", 8.0), ("feel: bossa", 0.0), ("feel: folk\nritardando: 0", 0.0)),
        *(("ritardando: 3", 12.0), ("ritardando: 4", 12.0), ("ritardando: 4\nending: tag", 16.0)),
        ("feel: folk\nending: none", 0.0),
    ],
)
def test_the_tempo_slows_down_before_the_last_chord_as_the_feel_or_the_song_asks_for(
    tmp_path: Path, more: str, beats: float
) -> None:
    song, sheet = read(tmp_path, TUNE + more)
    last = final_chorus(song, sheet, 100.0).sections[-1]
    assert last.name == ENDING and last.ritardando == beats
    assert all(not section.ritardando for section in chorus(sheet, 0.0).sections)
