"""Songs from MusicXML sheets, whole and partly filled, and from chord charts as plain text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from daemon.errors import SongError
from daemon.music.leadsheet import Key
from daemon.song.composer import Composer
from daemon.song.description import REST, Song
from daemon.song.reader import read_song
from tests.leadsheet.scores import score, written

SHEET = ("F:major rehearsal=A C5:48", "C:dominant G4:24 r:24", "rehearsal=B Bb:major D5:48", "F:major F5:48")


def text_song(folder: Path, text: str, name: str = "song.txt") -> Song:
    (folder / name).write_text(text, encoding="utf-8")
    return read_song(folder / name)


def problems(folder: Path, text: str, name: str = "song.yaml") -> list[str]:
    with pytest.raises(SongError) as raised:
        text_song(folder, text, name)
    return [problem.removeprefix(f"{folder / name}") for problem in raised.value.problems]


def test_a_musicxml_sheet_is_a_song(tmp_path: Path) -> None:
    song = read_song(written(tmp_path, score("tempo=90 " + SHEET[0], *SHEET[1:], fifths=-1)))
    assert (song.title, song.composer, song.key, song.bpm, song.form) == ("A Song", "N. N.", Key(5), 90, ("A", "B"))
    assert song.has_melody and not song.style
    sheet = Composer(song).compose(np.random.default_rng(0))
    assert [chord.symbol for chord in sheet.chords] == ["F", "C7", "Bb", "F"]
    assert [(note.onset, note.pitch) for note in sheet.melody] == [(0, 72), (4, 67), (8, 74), (12, 77)]


def test_a_sheet_is_transposed(tmp_path: Path) -> None:
    song = read_song(written(tmp_path, score(*SHEET, fifths=-1)), transpose=2)
    assert song.key == Key(7) and song.section("A").chords[0].symbols == ("G",)
    assert song.section("A").notes[0].pitches == (74,)


def test_a_description_may_name_a_sheet_and_compose_its_blanks(tmp_path: Path) -> None:
    bars = ("F:major C5:48", "R:48", "r:24 D5:24", "R:48")
    written(tmp_path, score(*bars, fifths=-1))
    song = text_song(tmp_path, "sheet: song.musicxml\nstyle: foster\ntempo: 100\ncadence: half", "song.yaml")
    (section,) = song.sections
    assert (song.bpm, song.key, section.cadence, section.bars) == (100, Key(5), "half", 4)
    assert [(rule.onset, rule.duration, rule.symbols) for rule in section.chords] == [(0, 4, ("F",))]
    notes = [(rule.onset, rule.duration, rule.pitches) for rule in section.notes]
    assert notes == [(0, 4, (72,)), (8, 2, (REST,)), (10, 2, (74,))]


def test_blank_bars_under_a_repeat_are_composed_once(tmp_path: Path) -> None:
    """Up to the endings, of which the second is blank; also after a da capo, with an upbeat."""
    bars = (
        "|: F:major C5:48",
        "R:48",
        "R:48",
        "[1 C:dominant G4:48 :|]",
        "[2 F:major R:48 ]",
        "C:dominant E5:48 words=D.C.",
    )
    written(tmp_path, score("C4:12", *bars, fifths=-1, first=0))
    song = text_song(tmp_path, "sheet: song.musicxml\nstyle: foster\nmax_order: none", "song.yaml")
    assert song.form == ("A", "A2", "B", "A2", "B2"), "the upbeat belongs to the first B"
    assert [(s.variation_of, s.same_bars) for s in song.sections] == [("", 0), ("A", 3), ("", 0), ("", 0)]
    composer = Composer(song)
    firsts, ends = set(), set()
    for seed in range(8):
        melody = composer.compose(np.random.default_rng(seed)).melody
        passes = [
            [(note.onset - start, note.duration, note.pitch) for note in melody if start <= note.onset < start + 12]
            for start in (0, 16, 36)
        ]
        assert passes[0] == passes[1] == passes[2] and passes[0][0] == (0, 4, 72)
        firsts.add(tuple(passes[0]))
        ends.add(tuple((note.onset, note.pitch) for note in melody if 28 <= note.onset < 32))
    assert len(firsts) == 8 and len(ends) > 4


def test_a_section_of_a_chart_begins_as_the_first_of_its_name(tmp_path: Path) -> None:
    chart = "key: F\nstyle: foster\n[A] F | Bb | C7 | C7\n[B] Dm | Gm | C7 | C7\n[A] F | Bb | C7 | F\n"
    song = text_song(tmp_path, chart)
    assert [(s.name, s.variation_of, s.same_bars) for s in song.sections] == [
        ("A", "", 0),
        ("B", "", 0),
        ("A2", "A", 3),
    ]
    melody = Composer(song).compose(np.random.default_rng(0)).melody
    first, last = (
        [(note.onset - start, note.pitch) for note in melody if start <= note.onset < start + 12] for start in (0, 32)
    )
    assert first == last


@pytest.mark.parametrize(
    ("cadence", "second", "kept"), [("full", 4, 2), ("half", 4, 2), ("full", 3, 1), ("full", 6, 4)]
)
def test_a_section_that_begins_as_another_closes_with_its_own_cadence(
    tmp_path: Path, cadence: str, second: int, kept: int
) -> None:
    chart = f"key: F\nstyle: foster\nmax_order: none\ncadence: {cadence}\n[A] F | ? | ? | ?\n[A] F" + " | ?" * (
        second - 1
    )
    composer = Composer(text_song(tmp_path, chart))
    for seed in range(8):
        sheet = composer.compose(np.random.default_rng(seed))
        assert sheet.chords[-1].symbol in (("F",) if cadence == "full" else ("C", "C7", "C7sus4", "C7#5"))
        first, last = (
            [
                (each.onset - start, each.pitch)
                for each in sheet.melody
                if start <= each.onset and each.onset + each.duration <= start + kept * 4
            ]
            for start in (0, 16)
        )
        assert first == last


def test_what_a_sheet_has_is_not_given_again(tmp_path: Path) -> None:
    written(tmp_path, score(*SHEET))
    found = problems(tmp_path, "sheet: song.musicxml\nkey: C\nform: AABA\nchords: blues")
    again = "the sheet has this: delete this line, or `sheet`"
    assert found == [f":2: key: {again}", f":3: form: {again}", f":4: chords: {again}"]


def test_the_blanks_of_very_long_bars_are_not_composed(tmp_path: Path) -> None:
    written(tmp_path, score("C:major C4:240", "R:240", meter="20/4"))
    (found,) = problems(tmp_path, "sheet: song.musicxml\nstyle: foster")
    assert found.startswith(":1: sheet: ") and "20/4: a bar has 16 quarter notes at most" in found
    assert read_song(tmp_path / "song.musicxml").meter == (20, 4)


def test_a_sheet_that_cannot_be_read(tmp_path: Path) -> None:
    written(tmp_path, score("C4:48", "D4:48"))
    sheet = tmp_path / "song.musicxml"
    unread = f"{sheet}: no chord symbols: write them above the notes, or export them as chord symbols"
    assert problems(tmp_path, "sheet: song.musicxml") == [f":1: sheet: {unread}"]
    with pytest.raises(SongError) as raised:
        read_song(sheet)
    assert raised.value.problems == [unread]
    (missing,) = problems(tmp_path, "sheet: none.mxl")
    assert "none.mxl: there is no such file" in missing
    (other,) = problems(tmp_path, "sheet: song.yaml")
    assert "is no MusicXML: name a file that ends in .musicxml, .mxl, .xml" in other


def test_a_sheet_that_leaves_the_range_of_midi(tmp_path: Path) -> None:
    written(tmp_path, score("C:major G9:48"))
    (found,) = problems(tmp_path, "sheet: song.musicxml\ntranspose: 3")
    assert found == ":2: transpose: G9, transposed by 3 semitones, is no MIDI note: transpose by less"


CHART = """
key: Bb
tempo: 200

[A] |: Bb6 G7 | Cm7 F7 :|
[B] D7 | % | G7 | C7 F7
[A] |: Bb6 G7 | Cm7 F7 :|
"""


def test_a_chart_is_a_song_and_its_labels_are_the_form(tmp_path: Path) -> None:
    song = text_song(tmp_path, CHART)
    assert (song.title, song.key, song.bpm, song.form, song.bars) == (
        "song",
        Key(10),
        200,
        ("A", "A", "B", "A", "A"),
        12,
    )
    assert [section.bars for section in song.sections] == [2, 4]


def test_a_chart_may_have_another_form(tmp_path: Path) -> None:
    song = text_song(tmp_path, CHART.replace("tempo: 200", "form: AABA"))
    assert song.form == ("A", "A", "B", "A") and song.bars == 10


def test_sections_of_one_name_and_other_chords_are_told_apart(tmp_path: Path) -> None:
    song = text_song(tmp_path, "key: C\n[A] C | F\n[A] C | G7\n[A] C | F", "song.chart")
    assert song.form == ("A", "A2", "A")


def test_labels_divide_phrases_and_melody(tmp_path: Path) -> None:
    description = "key: C\nphrases: 2\nchords: '[A] C | F | [B] G7 | C'\nmelody: 'G4 | C5 | - | D5 - | C5 |'\n"
    song = text_song(tmp_path, description, "song.yaml")
    first, second = song.sections
    assert (first.phrases, second.phrases) == ((2,), (2,))
    assert [(rule.onset, rule.duration) for rule in first.notes] == [(-1, 1), (0, 8)]
    assert [(rule.onset, rule.duration) for rule in second.notes] == [(0, 4), (4, 4)]


@pytest.mark.parametrize(
    ("chart", "key"),
    [
        ("| Dm7 | G7 | C | C |", Key(0)),
        ("| Am | G | F | E7 | Am |", Key(9, "minor")),
        ("| F7 | Bb7 | F7 | % | Bb7 | % | F7 | % | C7 | Bb7 | F7 | C7 |", Key(5)),
    ],
)
def test_the_key_of_a_chart_that_names_none(tmp_path: Path, chart: str, key: Key) -> None:
    assert text_song(tmp_path, chart).key == key


def test_mistakes_of_a_chart_have_the_line_of_the_header_or_the_bar(tmp_path: Path) -> None:
    found = problems(tmp_path, "# a comment\nkey: H\n\n| C | Q |", "song.txt")
    assert found[0].startswith(":2: key: 'H' is no key")
    assert ": chords, bar 2.1: 'Q' is no chord" in found[1]
    assert problems(tmp_path, "", "song.txt")[0].startswith(":1: chords: is empty: write bars")
    (only,) = problems(tmp_path, "| C | Q |", "song.txt")
    assert "bar 2.1: 'Q' is no chord" in only, "no key is needed"
