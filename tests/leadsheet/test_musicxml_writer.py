"""Lead sheets as MusicXML: read back by our reader and by music21 to the same notes and chords; note values, ties,
triplets, accidentals, lines."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from daemon.leadsheet.harmony import harmony_of, symbol_of
from daemon.leadsheet.musicxml import read_musicxml
from daemon.leadsheet.musicxml_writer import musicxml_of
from daemon.leadsheet.notation import beams_of, pieces_of, quantised
from daemon.music.chords import NO_CHORD, chord_of
from daemon.music.leadsheet import Key, LeadSheet
from daemon.music.melody import Note
from daemon.music.plan import PlannedChord, Section
from tests.leadsheet.scores import written
from tests.music.test_chords import TABLE

METERS = [(4, 4), (3, 4), (2, 4), (2, 2), (6, 8), (9, 8), (12, 8), (5, 4), (7, 8), (3, 8)]
SYMBOLS = ["C", "F#m7b5", "Bb13(#11)", "G7/B", "Ebmaj7", "Abdim7", "E7alt", "Dm7", "C#m", "Db6/9", NO_CHORD]


@st.composite
def sheets(draw: st.DrawFn) -> LeadSheet:
    """On the grid of twelve ticks a quarter note."""
    meter = draw(st.sampled_from(METERS))
    bar = meter[0] * 48 // meter[1]
    bars = draw(st.integers(1, 6))
    length = bar * bars
    at = draw(st.sampled_from([0, -6, -(bar // 2)]))
    notes = []
    while at < length:
        duration = draw(st.sampled_from([2, 3, 4, 6, 8, 9, 12, 18, 24, 36, 48, 100]))
        if draw(st.integers(0, 4)):
            notes.append(Note(at / 12, min(duration, length - at) / 12, draw(st.integers(40, 90)), 90))
        at += duration
    onsets = sorted(draw(st.sets(st.integers(0, length // 6 - 1), max_size=6)) | {0})
    chords = [
        PlannedChord(onset / 2, (end - onset) / 2, draw(st.sampled_from(SYMBOLS)))
        for onset, end in zip(onsets, [*onsets[1:], length / 6], strict=True)
    ]
    borders = sorted(draw(st.sets(st.integers(0, bars - 1), max_size=3)) | {0})
    sections = [
        Section(first * bar / 12, (last - first) * bar / 12, f"Part {number}")
        for number, (first, last) in enumerate(zip(borders, [*borders[1:], bars], strict=True))
    ]
    key = Key(draw(st.integers(0, 11)), draw(st.sampled_from(["major", "minor"])))
    bpm = float(draw(st.integers(40, 240)))
    return LeadSheet(
        "Title <&>", key, meter, bpm, length / 12, tuple(chords), tuple(sections), tuple(notes), "N. N.", "swing"
    )


def close(notes: object) -> list[tuple[int, int, int]]:
    return [(round(n.onset * 24), round(n.duration * 24), n.pitch) for n in notes]  # type: ignore[attr-defined]


def printed(sheet: LeadSheet) -> list[PlannedChord]:
    """A symbol is not printed twice in a bar without another between."""
    found: list[PlannedChord] = []
    for chord in sheet.chords:
        before = found[-1] if found else None
        if before and before.symbol == chord.symbol and before.onset // sheet.bar == chord.onset // sheet.bar:
            found[-1] = replace(before, duration=before.duration + chord.duration)
        else:
            found.append(chord)
    return found


@given(sheets())
@settings(max_examples=60)
def test_our_reader_reads_the_same(tmp_path_factory: pytest.TempPathFactory, sheet: LeadSheet) -> None:
    path = written(tmp_path_factory.getbasetemp(), musicxml_of(sheet))
    again = read_musicxml(path)
    assert close(again.melody) == close(sheet.melody)
    assert list(again.chords) == printed(sheet)
    assert again.sections == sheet.sections
    assert (again.title, again.composer, again.key, again.meter) == ("Title <&>", "N. N.", sheet.key, sheet.meter)
    assert (again.bpm, again.length, again.feel) == (sheet.bpm, sheet.length, "swing")


@given(sheets())
@settings(max_examples=6, derandomize=True, phases=[Phase.generate])  # music21 is slow
def test_music21_reads_the_same(tmp_path_factory: pytest.TempPathFactory, sheet: LeadSheet) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import music21

        part = music21.converter.parseData(musicxml_of(sheet).decode(), format="musicxml").parts[0]
        upbeat = max([-note.onset for note in sheet.melody[:1]] + [0])
        notes: list[list[float]] = []  # music21's own stripTies leaves some ties of triplets
        for note in part.flatten().notes:
            if not isinstance(note, music21.note.Note) or note.notehead == "slash":
                continue
            if note.tie is not None and note.tie.type in ("stop", "continue"):
                assert (sum(notes[-1][:2]), notes[-1][2]) == (pytest.approx(note.offset), note.pitch.midi)
                notes[-1][1] += note.duration.quarterLength
            else:
                notes.append([note.offset, note.duration.quarterLength, note.pitch.midi])
        assert [(round((on - upbeat) * 24), round(for_ * 24), pitch) for on, for_, pitch in notes] == close(
            sheet.melody
        )
        chords = list(part.flatten().getElementsByClass(music21.harmony.Harmony))
        assert [round((chord.offset - upbeat) * 24) for chord in chords] == [
            chord.onset * 24 for chord in printed(sheet)
        ]
        for chord, expected in zip(chords, printed(sheet), strict=True):
            if expected.symbol == NO_CHORD:
                assert isinstance(chord, music21.harmony.NoChord)
            else:
                classes = {pitch.pitchClass for pitch in chord.pitches}
                assert classes == chord_of(expected.symbol).pitch_classes, expected.symbol


@pytest.mark.parametrize("quality", TABLE)
def test_every_chord_survives(quality: str) -> None:
    for spelling in [f"C{each}" for each in TABLE[quality][0][1:].split(" C")]:
        symbol = spelling.replace("C", "Eb", 1) + "/Bb"
        again = symbol_of(harmony_of(symbol))
        assert chord_of(again).pitch_classes == chord_of(symbol).pitch_classes
        assert again == symbol.replace("♭", "b").replace("♯", "#") or chord_of(again).quality == quality
        harmony = harmony_of(symbol)
        for kind in harmony.iterfind("kind"):
            kind.set("text", "")  # by kind and degrees alone
        assert chord_of(symbol_of(harmony)).pitch_classes == chord_of(symbol).pitch_classes


@pytest.mark.parametrize(
    ("notes", "meter", "expected"),
    [
        ([(0, 96)], (4, 4), "whole"),
        ([(0, 36), (36, 96)], (4, 4), "quarter. eighth~ half"),
        ([(0, 12), (12, 36), (36, 48), (48, 96)], (4, 4), "eighth quarter eighth half"),
        ([(0, 36), (36, 60), (60, 96)], (4, 4), "quarter. eighth~ eighth quarter."),
        ([(0, 60), (60, 96)], (4, 4), "half~ eighth quarter."),
        ([(0, 24), (24, 72), (72, 96)], (4, 4), "quarter half quarter"),
        ([(0, 42), (42, 48), (48, 96)], (4, 4), "quarter~ eighth. 16th half"),
        ([(0, 72)], (3, 4), "half."),
        ([(0, 36), (36, 72)], (3, 4), "quarter. quarter."),
        ([(0, 72)], (6, 8), "half."),
        ([(0, 24), (24, 36), (36, 72)], (6, 8), "quarter eighth quarter."),
        ([(0, 48), (48, 72)], (6, 8), "quarter.~ eighth quarter"),
        ([(0, 8), (8, 16), (16, 24), (24, 96)], (4, 4), "3(eighth eighth eighth)3 half."),
        ([(0, 16), (16, 24), (24, 96)], (4, 4), "3(quarter eighth)3 half."),
        ([(0, 16), (16, 32), (32, 48), (48, 96)], (4, 4), "3(quarter quarter quarter)3 half"),
        ([(0, 32), (32, 48), (48, 96)], (4, 4), "3(half quarter)3 half"),
        ([(0, 16), (16, 48), (48, 96)], (4, 4), "3(quarter half)3 half"),
        ([(0, 16), (16, 96)], (4, 4), "3(quarter eighth~)3 half."),
        (
            [(0, 48), (48, 80), (80, 96), (96, 104), (104, 120)],
            (5, 4),
            "half 3(half quarter)3 3(eighth quarter)3",
        ),
        ([(0, 40), (40, 96)], (4, 4), "quarter~ 3(quarter eighth~)3 half"),
    ],
)
def test_note_values(notes: list[tuple[int, int]], meter: tuple[int, int], expected: str) -> None:
    pieces = pieces_of([(start, end, 60) for start, end in notes], meter)
    found = [
        f"{'3(' * piece.begins}{piece.type}{'.' * piece.dots}{'~' * piece.is_continued}{')3' * piece.ends}"
        for piece in pieces
    ]
    assert " ".join(found) == expected
    assert sum(piece.duration for piece in pieces) == notes[-1][1]


@pytest.mark.parametrize(
    ("start", "end", "meter", "expected"),
    [
        (0, 72, (4, 4), "half quarter"),
        (24, 72, (4, 4), "quarter quarter"),
        (12, 36, (4, 4), "eighth eighth"),
        (36, 96, (4, 4), "eighth half"),
        (0, 36, (6, 8), "quarter."),
        (24, 72, (3, 4), "half"),
    ],
)
def test_rests_show_the_beats(start: int, end: int, meter: tuple[int, int], expected: str) -> None:
    pieces = pieces_of([(start, end, None)], meter)
    assert " ".join(piece.type + "." * piece.dots for piece in pieces) == expected


def test_what_is_off_the_grid_is_rounded() -> None:
    assert [quantised(beat) for beat in (0.0, 1 / 3, 0.5, 0.26, 0.13, 1.99, -0.51)] == [0, 8, 12, 6, 3, 48, -12]


def sheet_of(*notes: Note, bars: int = 8, chords: tuple[str, ...] = ("C",), key: Key | None = None) -> LeadSheet:
    length = bars * 4.0
    each = length / len(chords)
    planned = tuple(PlannedChord(n * each, each, symbol) for n, symbol in enumerate(chords))
    sections = (Section(0.0, 20.0, "A"), Section(20.0, length - 20.0, "B")) if bars > 5 else (Section(0, length, "A"),)
    return LeadSheet("T", key or Key(0), (4, 4), 120.0, length, planned, sections, notes)


def test_lines_begin_with_sections_and_after_four_bars(tmp_path: Path) -> None:
    root = fromstring(musicxml_of(sheet_of(bars=12)).decode())
    measures = root.findall("part/measure")
    assert [m.get("number") for m in measures if m.find("print") is not None] == ["5", "6", "10"]
    assert [m.findtext("direction/direction-type/rehearsal") for m in measures if m.get("number") in "16"] == ["A", "B"]
    assert [m.get("number") for m in measures if m.findtext("barline/bar-style") == "light-light"] == ["5"]
    assert measures[-1].findtext("barline/bar-style") == "light-heavy"
    silent = sheet_of(Note(0.0, 4.0, 60, 90), bars=3)
    rests = [m.find("note/rest[@measure='yes']") for m in fromstring(musicxml_of(silent).decode()).iter("measure")]
    assert [rest is not None for rest in rests] == [False, True, True]
    alone = fromstring(musicxml_of(sheet_of(bars=4)).decode())
    assert alone.find("part/measure/direction/direction-type/rehearsal") is None  # A alone says nothing


def test_accidentals_stand_where_they_are_read(tmp_path: Path) -> None:
    pitches = [66, 66, 65, 78, 70, 70, 66, 66]
    notes = [Note(float(n), 1.0, pitch, 90) for n, pitch in enumerate(pitches)]
    root = fromstring(musicxml_of(sheet_of(*notes, bars=2, chords=("D7", "F7"), key=Key(5))).decode())
    found = [
        f"{note.findtext('pitch/step')}{note.findtext('pitch/alter') or ''} {note.findtext('accidental') or ''}".strip()
        for note in root.iterfind("part/measure/note")
    ]
    assert found == ["F1 sharp", "F1", "F natural", "F1 sharp", "B-1", "B-1", "F1 sharp", "F1"] or found == [
        *("F1 sharp", "F1", "F natural", "F1 sharp", "B-1", "B-1", "G-1 flat", "G-1")
    ]


def test_a_tied_note_keeps_its_name_when_the_chord_changes() -> None:
    root = fromstring(musicxml_of(sheet_of(Note(3.0, 2.0, 68, 90), bars=2, chords=("E7", "Fm"))).decode())
    notes = [note for note in root.iterfind("part/measure/note") if note.find("pitch") is not None]
    assert [note.findtext("pitch/step") for note in notes] == ["G", "G"]
    assert [note.findtext("accidental") for note in notes] == ["sharp", None]


def test_a_note_across_a_beat_keeps_its_name_when_the_chord_changes_within_the_bar() -> None:
    chords = (PlannedChord(0.0, 1.0, "C"), PlannedChord(1.0, 1.0, "E7"), PlannedChord(2.0, 2.0, "Fm"))
    melody = (Note(0.0, 1.0, 67, 90), Note(1.5, 2.0, 68, 90), Note(3.5, 0.5, 68, 90))
    sheet = replace(sheet_of(*melody, bars=1), chords=chords)
    notes = [
        note
        for note in fromstring(musicxml_of(sheet).decode()).iterfind("part/measure/note")
        if note.find("pitch") is not None
    ]
    names = [(note.findtext("pitch/step"), note.find("tie[@type='stop']") is not None) for note in notes]
    assert len(names) > 3 and {name for name, _ in names[:-1]} == {"G"} and names[-1] == ("A", False)


def test_no_character_breaks_the_file(tmp_path: Path) -> None:
    sheet = LeadSheet("a\x00b\x1b&<\ud800", Key(0), (4, 4), 120.0, 4.0, (), (Section(0.0, 4.0, "\x07A"),))
    assert fromstring(musicxml_of(sheet).decode()).findtext("work/work-title") == "ab&<"


@pytest.mark.parametrize(
    ("ends", "meter", "expected"),
    [
        ([12, 24, 36, 48, 60, 72, 84, 96], (4, 4), "b c c e b c c e"),
        ([12, 24, 36, 48, 60, 72], (3, 4), "b e b e b e"),
        ([12, 24, 36, 48, 60, 72], (6, 8), "b c e b c e"),
        ([12, 36, 48], (4, 4), "- - -"),
        ([36, 48], (4, 4), "- -"),
        ([6, 12, 24], (4, 4), "bb ce e"),
        ([18, 24], (4, 4), "b eh"),
        ([6, 18, 24], (4, 4), "bf c eh"),
        ([8, 16, 24, 36, 48], (4, 4), "b c e b e"),
    ],
)
def test_beams_join_the_notes_of_a_beat(ends: list[int], meter: tuple[int, int], expected: str) -> None:
    pieces = pieces_of([(start, end, 60) for start, end in zip([0, *ends], ends, strict=False)], meter)
    names = {"begin": "b", "continue": "c", "end": "e", "forward hook": "f", "backward hook": "h"}
    assert " ".join("".join(names[beam] for beam in beams) or "-" for beams in beams_of(pieces, meter)) == expected


def test_a_rest_parts_beams() -> None:
    pieces = pieces_of([(0, 12, 60), (12, 24, None), (24, 36, 60), (36, 48, 60)], (4, 4))
    assert beams_of(pieces, (4, 4)) == [[], [], ["begin"], ["end"]]


@pytest.mark.parametrize(("meter", "slashes"), [((4, 4), 4), ((6, 8), 2), ((2, 2), 2), ((7, 8), 7)])
def test_a_sheet_with_chords_alone_has_a_slash_for_each_beat(
    tmp_path: Path, meter: tuple[int, int], slashes: int
) -> None:
    bar = meter[0] * 4 / meter[1]
    chords = (PlannedChord(0.0, bar / 2, "C"), PlannedChord(bar / 2, bar / 2, "G7"))
    sheet = LeadSheet("T", Key(0), meter, 120.0, bar, chords, (Section(0.0, bar, "A"),))
    data = musicxml_of(sheet)
    assert [n.findtext("notehead") for n in fromstring(data.decode()).iterfind(".//note")] == ["slash"] * slashes
    again = read_musicxml(written(tmp_path, data))
    assert (again.melody, again.chords) == ((), sheet.chords)


def test_an_upbeat_is_written_as_the_end_of_a_bar() -> None:
    notes = [Note(onset, 0.5, 67, 90) for onset in (-2.5, -2.0, -1.5, -1.0, -0.5)]
    root = fromstring(musicxml_of(sheet_of(*notes, Note(0.0, 4.0, 72, 90), bars=1)).decode())
    upbeat, bar = root.findall("part/measure")
    assert (upbeat.get("number"), upbeat.get("implicit"), bar.get("number")) == ("0", "yes", "1")
    assert upbeat.find("attributes/divisions") is not None and bar.find("attributes") is None
    assert [note.findtext("beam") for note in upbeat.iter("note")] == [None, "begin", "continue", "continue", "end"]
