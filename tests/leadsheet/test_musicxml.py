"""Lead sheets from MusicXML: notes, chords, form, blanks, transposition; damaged and hostile files."""

from __future__ import annotations

import random
import warnings
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest

from daemon.errors import LeadSheetError
from daemon.leadsheet.musicxml import read_draft, read_musicxml
from daemon.music.chords import NO_CHORD, chord_of
from daemon.music.leadsheet import Key, LeadSheet
from tests.leadsheet.scores import bar, score, written

WHOLE = ("C4:48", "D4:48", "E4:48", "F4:48", "G4:48", "A4:48", "B4:48")


def read(folder: Path, *bars: str, **options: object) -> LeadSheet:
    return read_musicxml(written(folder, score(*bars, **options)))  # type: ignore[arg-type]


def melody(sheet: LeadSheet) -> list[tuple[float, float, int]]:
    return [(note.onset, note.duration, note.pitch) for note in sheet.melody]


def chords(sheet: LeadSheet) -> list[tuple[float, float, str]]:
    return [(chord.onset, chord.duration, chord.symbol) for chord in sheet.chords]


def order(folder: Path, *bars: str) -> str:
    """The letters of whole notes, in the order of playing."""
    sheet = read(folder, "C:major " + bars[0], *bars[1:])
    return "".join("C-D-EF-G-A-B"[note.pitch % 12] for note in sheet.melody)


def test_a_sheet(tmp_path: Path) -> None:
    sheet = read(
        tmp_path,
        "tempo=132 words=Bossa C:major C4:12 E4:12 G4:24~",
        "A:minor-seventh ~G4:12 r:12 F#:half-diminished A4:18 B4:6",
        "G:dominant/B@24 C5:48",
        fifths=-1,
        meter="4/4",
    )
    assert (sheet.title, sheet.composer, sheet.key, sheet.meter) == ("A Song", "N. N.", Key(5), (4, 4))
    assert (sheet.bpm, sheet.feel, sheet.length, sheet.bars) == (132, "bossa", 12, 3)
    assert melody(sheet) == [(0, 1, 60), (1, 1, 64), (2, 3, 67), (6, 1.5, 69), (7.5, 0.5, 71), (8, 4, 72)]
    assert chords(sheet) == [(0, 4, "C"), (4, 2, "Am7"), (6, 4, "F#m7b5"), (10, 2, "G7/B")]
    assert [(section.onset, section.duration, section.name) for section in sheet.sections] == [(0, 12, "A")]


def test_the_top_line_of_the_first_voice_without_grace_notes_cues_and_slashes(tmp_path: Path) -> None:
    first = "C:major g:D4 C4:12 +E4:12 +D4:12 /G4:12 F4:24"
    text = score(first, "R:48").replace("</measure>", "<backup><duration>48</duration></backup>" + "§</measure>", 1)
    other = "<note><pitch><step>C</step><octave>6</octave></pitch><duration>48</duration><voice>2</voice></note>"
    cue = "<note><cue/><pitch><step>C</step><octave>6</octave></pitch><duration>48</duration><voice>1</voice></note>"
    sheet = read_musicxml(written(tmp_path, text.replace("§", other + cue.replace("<duration>48", "<duration>0"))))
    assert melody(sheet) == [(0, 1, 64), (2, 2, 65)]


def test_the_first_part_with_chords_is_read(tmp_path: Path) -> None:
    text = score("C:major C4:48").replace("</part-list>", f'</part-list><part id="P0">{bar("C5:48", 1)}</part>')
    assert melody(read_musicxml(written(tmp_path, text))) == [(0, 4, 60)]


def test_triplets_and_an_upbeat(tmp_path: Path) -> None:
    sheet = read(tmp_path, "G:dominant G4:4 A4:4 B4:4", "C5:36 r:12", meter="4/4", first=0)
    assert [(round(a * 3), round(b * 3), pitch) for a, b, pitch in melody(sheet)] == [
        *((-3, 1, 67), (-2, 1, 69), (-1, 1, 71), (0, 9, 72))
    ]
    assert chords(sheet) == [(0, 4, "G7")]  # that of the upbeat lasts
    assert sheet.length == 4


def test_a_chord_before_which_there_is_none(tmp_path: Path) -> None:
    assert chords(read(tmp_path, "C4:24 C:major C4:24", "words=N.C. C4:48")) == [
        *((0, 2, NO_CHORD), (2, 2, "C"), (4, 4, NO_CHORD))
    ]


@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        (["C4:48", "D4:48"], "CD"),
        (["C4:48", "D4:48 :|"], "CDCD"),
        (["C4:48", "|: D4:48 :|3", "E4:48"], "CDDDE"),
        (["C4:48", "|: D4:48 :|", "|: E4:48 :|", "F4:48"], "CDDEEF"),
        (["C4:48 :|", "D4:48 :|"], "CCDD"),
        (["|: C4:48", "[1 D4:48 :|]", "[2 E4:48 ]"], "CDCE"),
        (["|: C4:48", "[1 D4:48 :|]", "[2 E4:48 :|]", "F4:48"], "CDCEF"),
        (["C4:48", "[1,2 D4:48 :|]", "[3 E4:48 ]", "F4:48"], "CDCDCEF"),
        (["|: C4:48", "[1 D4:48", "E4:48 :|]", "[2 F4:48", "G4:48 ]", "A4:48"], "CDECFGA"),
        (["|: C4:48", "[1 D4:48 :|]", "[2 E4:48 ]", "|: F4:48", "[1 G4:48 :|]", "[2 A4:48 ]"], "CDCEFGFA"),
        (["|: C4:48", "[1 D4:48 ]", "[2 E4:48 ]"], "CDCE"),
        (["C4:48", "D4:48 words=Fine", "E4:48 words=D.C._al_Fine"], "CDECD"),
        (["C4:48", "|: D4:48 :| words=Fine", "E4:48 words=D.C._al_Fine"], "CDDECD"),
        (["C4:48", "segno D4:48 words=Fine", "E4:48 words=D.S._al_Fine", "F4:48"], "CDED"),
        (["C4:48", "D4:48 words=To_Coda", "E4:48 words=D.C._al_Coda", "coda F4:48"], "CDECDF"),
        (["C4:48", "segno D4:48 coda", "E4:48 words=D.S._al_Coda", "coda F4:48"], "CDEDF"),
        (["C4:48 words=D.C."], "CC"),
        (["|: C4:48", "[1 D4:48 words=Fine :|]", "[2 E4:48 ]", "F4:48 words=D.C._al_Fine"], "CDCEFCD"),
        (["|: C4:48", "[1 D4:48 :|]", "[2 E4:48 ]", "F4:48 words=D.C._al_Fine", "G4:48"], "CDCEFCEFG"),
        (
            ["|: C4:48", "[1 D4:48 :|]", "[2 E4:48 words=To_Coda ]", "F4:48 words=D.C._al_Coda", "coda G4:48"],
            "CDCEFCEG",
        ),
        (["C4:48", "segno |: D4:48 :|", "E4:48 words=D.S.", "F4:48"], "CDDEDEF"),
        (["coda C4:48", "D4:48 words=To_Coda", "E4:48 words=D.C._al_Coda", "coda F4:48"], "CDECDF"),
        (["C4:48 words=To_Coda", "D4:48 words=Fine", "E4:48 words=D.C._al_Fine", "coda F4:48"], "CDECD"),
        (["C4:48 words=Fine", "D4:48 words=To_Coda", "E4:48 words=D.C._al_Coda", "coda F4:48"], "CDECDF"),
        (["C4:48", "D4:48 words=To_Coda :|", "E4:48 words=D.C._al_Coda", "coda F4:48"], "CDCDECDF"),
        (["C4:48", "[1,3 D4:48 :|]", "[2,4 E4:48 :|]", "F4:48"], "CDCECDCEF"),
        (["C4:48", "[1 D4:48 :|]", "[2 E4:48 :|]", "[3 F4:48 ]", "G4:48"], "CDCECFG"),
        (["C4:48", "|: D4:48", "E4:48 :|", "F4:48 :|"], "CDEDEFF"),
    ],
)
def test_the_form_is_unfolded(tmp_path: Path, bars: list[str], expected: str) -> None:
    assert order(tmp_path, *bars) == expected


def test_a_repeat_within_a_bar(tmp_path: Path) -> None:
    sheet = read(tmp_path, "C4:12", "C:major D4:48", "E4:36 :|", "F4:12", "G4:48", "A4:48", first=0)
    assert [(note.onset, note.pitch) for note in sheet.melody] == [
        *((-1, 60), (0, 62), (4, 64), (7, 60), (8, 62), (12, 64), (15, 65), (16, 67), (20, 69))
    ]
    assert sheet.length == 24


def test_an_upbeat_is_one_each_time(tmp_path: Path) -> None:
    sheet = read(tmp_path, "C4:12", "C:major D4:48", "E4:48 :|", "F4:48", first=0)
    assert [(note.onset, note.pitch) for note in sheet.melody] == [
        *((-1, 60), (0, 62), (4, 64), (7, 60), (8, 62), (12, 64), (16, 65))
    ]
    assert sheet.length == 20, "as many bars as are counted: the upbeat takes the place of the end of the bar before"
    assert [note.duration for note in sheet.melody[2:4]] == [3, 1]
    again = read(tmp_path, "C4:12", "C:major D4:48", "E4:24 G4:12 C4:6 B3:6 words=D.C.", first=0)
    assert melody(again)[3:5] == [(6, 1, 67), (7, 1, 60)], "that is written there, too"
    assert again.length == 16


def test_an_upbeat_before_a_repeat_has_no_letter_of_its_own(tmp_path: Path) -> None:
    sheet = read(tmp_path, "C4:12", "|: C:major D4:48", "E4:48 :|", "F4:48 words=D.C.", first=0)
    assert [(s.onset, s.duration, s.name) for s in sheet.sections] == [
        *((0, 8, "A"), (8, 8, "A"), (16, 4, "B"), (20, 8, "A"), (28, 4, "B"))
    ]


def test_a_last_bar_that_the_upbeat_completes(tmp_path: Path) -> None:
    assert read(tmp_path, "C4:12", "C:major D4:48", "E4:36", first=0).length == 8
    assert read(tmp_path, "C4:12", "C:major D4:48", "E4:36 :|", first=0).length == 16
    assert read(tmp_path, "C:major D4:48", "E4:36 ||", "C4:12").length == 8


def test_a_short_bar_ends_with_a_rest(tmp_path: Path) -> None:
    assert melody(read(tmp_path, "C:major C4:48", "D4:24", "E4:48"))[-1] == (8, 4, 64)


def test_ties_are_joined_only_where_they_meet(tmp_path: Path) -> None:
    sheet = read(tmp_path, "|: C:major C4:48~", "[1 ~C4:48 :|]", "[2 D4:48 ]", "D4:24~ r:12 ~D4:12")
    assert melody(sheet) == [(0, 8, 60), (8, 4, 60), (12, 4, 62), (16, 2, 62), (19, 1, 62)]


def test_sections(tmp_path: Path) -> None:
    def sections(*bars: str) -> list[tuple[float, float, str]]:
        return [(s.onset, s.duration, s.name) for s in read(tmp_path, *bars).sections]

    assert sections("rehearsal=Head C:major C4:48", "D4:48", "words=Bridge E4:48") == [(0, 8, "Head"), (8, 4, "Bridge")]
    assert sections("|: C:major C4:48", "[1 D4:48 :|]", "[2 E4:48 ||]", "F4:48") == [
        *((0, 8, "A"), (8, 8, "A"), (16, 4, "B"))
    ]
    assert sections("C:major C4:48 ||", "D4:48 ||", "E4:48 words=D.C.") == [
        *((0, 4, "A"), (4, 4, "B"), (8, 4, "C"), (12, 4, "A"), (16, 4, "B"), (20, 4, "C"))
    ]


def test_a_transposing_part_sounds_as_heard(tmp_path: Path) -> None:
    transpose = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    sheet = read(tmp_path, "D:major D5:24 F#:diminished-seventh F#5:24", fifths=2, more=transpose)
    assert (sheet.key, melody(sheet)[0], chords(sheet)) == (Key(0), (0, 2, 72), [(0, 2, "C"), (2, 2, "Edim7")])


def test_minor_keys_and_compound_meters(tmp_path: Path) -> None:
    sheet = read(tmp_path, "tempo=90 A:minor A4:36", meter="6/8", mode="minor")
    assert (sheet.key, sheet.bar, sheet.length, sheet.bpm) == (Key(9, "minor"), 3, 3, 90)
    metronome = "<beat-unit>quarter</beat-unit><beat-unit-dot/><per-minute>c._60</per-minute>"
    sheet = read(tmp_path, f"metronome={metronome} A:minor A4:36", meter="6/8", mode="minor")
    assert sheet.bpm == 90


def test_without_a_time_signature_the_bars_tell_the_meter(tmp_path: Path) -> None:
    text = score("C:major C4:36", "D4:36", "E4:24").replace("<time><beats>4</beats><beat-type>4</beat-type></time>", "")
    sheet = read_musicxml(written(tmp_path, text))
    assert (sheet.meter, sheet.length) == ((3, 4), 9)


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("C:major", "C"),
        ("Bb:minor-seventh/A", "Bbm7/A"),
        ("C:dominant+9-1", "C7b9"),
        ("C:dominant+91", "C7#9"),
        ("C:suspended-fourth+70", "C7sus4"),
        ("C:diminished+71", "CdimM7"),
        ("C:major+40", "Cadd11"),
        ("C:major-minor", "CmM7"),
        ("C:minor-major", "CmM7"),
        ("C:augmented-ninth", "C9#5"),
        ("C:maj69", "C69"),
        ("C:none", NO_CHORD),
        ("C:", "C"),
    ],
)
def test_kinds_of_chords(tmp_path: Path, text: str, symbol: str) -> None:
    assert chords(read(tmp_path, f"{text} C4:48"))[0][2] == symbol


def test_a_symbol_is_spelled_as_in_the_sheet_if_that_is_right(tmp_path: Path) -> None:
    text = score("C:minor-seventh C4:48", "C:minor-seventh C4:48", "C:half-diminished C4:48")
    for spelling in ("mi7", "7", "ø"):
        text = text.replace("<kind>", f'<kind text="{spelling}">', 1)
    assert [symbol for *_, symbol in chords(read_musicxml(written(tmp_path, text)))] == ["Cmi7", "Cm7", "Cø"]


def test_blanks(tmp_path: Path) -> None:
    def blanks(*bars: str) -> tuple[object, object]:
        """Of chords and melody."""
        draft = read_draft(written(tmp_path, score(*bars)))
        sheet = draft.sheet
        spans = [(0.0, 0.0), *((c.onset, c.onset + c.duration) for c in sheet.chords), (sheet.length, sheet.length)]
        without = tuple((end, start) for (_, end), (start, _) in pairwise(spans) if start > end)
        return without, draft.blank_melody

    assert blanks("R:48", "R:48") == (((0, 8),), ((0, 8),))
    assert blanks("C:major R:48", "R:48", "F:major r:48") == ((), ((0, 12),))  # chords last
    assert blanks("C4:48", "C:major C4:48", "D4:48", "R:48", "r:24 r:24") == (((0, 4), (12, 20)), ((12, 16),))
    assert blanks("C:major C4:48~", "~C4:24 r:24") == ((), ())
    draft = read_draft(written(tmp_path, score("C:major C4:48", "R:48", "D4:48")))
    assert chords(draft.sheet) == [(0, 4, "C")]
    assert melody(draft.sheet) == [(0, 4, 60), (8, 4, 62)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (score("C4:48"), "no chord symbols: write them above the notes"),
        (score("C:major C4:60"), "bar 1: 5 quarter notes long, but the meter is 4/4: correct its notes"),
        (score("C:oddity C4:48"), "bar 1: a chord of the kind 'oddity'"),
        (score("C:major C4:48", "words=D.S. C4:48"), "bar 2: a dal segno (D.S.), but there is no segno"),
        (
            score("C:major C4:48 words=To_Coda", "C4:48 words=D.C._al_Coda"),
            "bar 1: it leads to the coda, but there is none",
        ),
        (score("C:major C9:48", more="<transpose><chromatic>12</chromatic></transpose>"), "bar 1: the note C9"),
        (score("C:major C4:48").replace("<octave>4", "<octave>x"), "bar 1: <octave> is 'x', not a number"),
        (score("C:major C4:48").replace("<duration>48", "<duration>-1"), "bar 1: <duration> is '-1'"),
        (score("C:major C4:48").replace("<duration>48", "<duration>1e9"), "bar 1: <duration> is '1e9'"),
        (score("C:major C4:48").replace("<divisions>12", "<divisions>0"), "bar 1: <divisions> is 0"),
        (score("C:major C4:48").replace("<step>C", "<step>H"), "bar 1: a note on the step 'H'"),
        (score("C:major C4:48").replace("<root-step>C", "<root-step>"), "bar 1: a chord without a root"),
        (score("C:major C4:48").replace("<root-step>C", "<root-step>H"), "bar 1: 'H' is no chord"),
        (score("C:major C4:48").replace("<beats>4", "<beats>0"), "bar 1: a time signature that is none"),
        (score("C:major+99 C4:48").replace("<degree-alter>9", "<degree-alter>x"), "bar 1: a chord with a degree"),
        ("", "line 1: not XML (no element found)"),
        ("<score-partwise>", "line 1: not XML (no element found)"),
        ("<html/>", "not MusicXML, but <html>"),
        ("<score-timewise/>", "a score by time (score-timewise): export it by part"),
        ("<score-partwise/>", "no music in it"),
        ('<score-partwise><part id="P"><measure/></part></score-partwise>', "no chord symbols"),
        ('<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>', "the document declares entities"),
        ("<a>" * 60, "too large or too deep a document"),
        ("\x00\x01", "line 1: not XML"),
        ("<?xml version='1.0' encoding='utfS8'?><a/>", "not XML (unknown encoding: utfS8)"),
    ],
)
def test_damaged_files(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(LeadSheetError) as raised:
        read_musicxml(path)
    assert f"{path}: {message}" in str(raised.value)


def test_a_change_of_meter_is_refused(tmp_path: Path) -> None:
    time = "<attributes><time><beats>3</beats><beat-type>4</beat-type></time></attributes>"
    text = score("C:major C4:48", "D4:36").replace('<measure number="2">', f'<measure number="2">{time}')
    with pytest.raises(LeadSheetError, match=r"bar 2: the meter changes from 4/4 to 3/4, .*: split the file"):
        read_musicxml(written(tmp_path, text))


def test_all_mistakes_are_listed(tmp_path: Path) -> None:
    with pytest.raises(LeadSheetError) as raised:
        read_musicxml(written(tmp_path, score(*["C:odd C4:48"] * 30)))
    lines = str(raised.value).splitlines()
    assert len(lines) == 21
    assert "bar 20" in lines[19]


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(LeadSheetError, match="there is no such file: name a MusicXML file"):
        read_musicxml(tmp_path / "x.xml")
    with pytest.raises(LeadSheetError, match="a folder, not a file"):
        read_musicxml(tmp_path)


def packed(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "song.mxl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


CONTAINER = b"<container><rootfiles><rootfile full-path='b.xml'/></rootfiles></container>"


def test_packed_files(tmp_path: Path) -> None:
    one, two = score("C:major C4:48").encode(), score("D:minor D4:48").encode()
    both = {"META-INF/container.xml": CONTAINER, "a.xml": one, "b.xml": two}
    assert read_musicxml(packed(tmp_path, both)).melody[0].pitch == 62
    # some programs write a title with an apostrophe into the container as it is
    assert read_musicxml(packed(tmp_path, {**both, "META-INF/container.xml": b"<a b='c'd'/>"})).melody[0].pitch == 60
    assert read_musicxml(packed(tmp_path, {"a.xml": one})).melody[0].pitch == 60
    path = packed(tmp_path, {"a.xml": one})
    assert read_musicxml(path.rename(tmp_path / "song.xml")).melody[0].pitch == 60  # by content, not by name


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"readme.txt": b""}, "no score in it"),
        ({"a.xml": b" " * (17 << 20)}, "unpacked it is larger than 16 MiB"),
        ({"META-INF/container.xml": b" " * (17 << 20), "a.xml": b""}, "not XML"),
        ({f"{n}.xml": b"" for n in range(1001)}, "more than 1,000 files in it"),
    ],
)
def test_archive_bombs(tmp_path: Path, members: dict[str, bytes], message: str) -> None:
    with pytest.raises(LeadSheetError, match=message):
        read_musicxml(packed(tmp_path, members))


def test_damaged_archives(tmp_path: Path) -> None:
    path = packed(tmp_path, {"META-INF/container.xml": CONTAINER, "b.xml": score("C:major C4:48").encode()})
    data = path.read_bytes()
    dice = random.Random(1)
    outcomes = set()
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(dice.randint(1, 8)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        path.write_bytes(damaged[: dice.choice([len(damaged), dice.randrange(len(damaged))])])
        try:
            read_musicxml(path)
        except LeadSheetError as error:
            outcomes.add(str(error).split(": ")[1][:20])
    assert any("cannot be unpacked" in outcome for outcome in outcomes)


def test_random_damage_of_documents(tmp_path: Path) -> None:
    """Nothing but LeadSheetError is raised."""
    data = score("tempo=120 |: C:major C4:24 D4:12~ ~D4:12", "[1 G:dominant+9-1/B E4:48 :|]", "[2 F4:48 ]").encode()
    dice = random.Random(2)
    parts = data.split(b"<")
    for _ in range(400):
        damaged = list(parts)
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(3, len(parts))
            damaged[at] = dice.choice([b"", parts[dice.randrange(len(parts))], damaged[at][:-1] + b"99"])
        path = written(tmp_path, b"<".join(damaged))
        for reader in (read_musicxml, read_draft):
            try:
                result = reader(path)
            except LeadSheetError:
                continue
            sheet = result if isinstance(result, LeadSheet) else result.sheet
            assert sum(section.duration for section in sheet.sections) == sheet.length
            assert all(chord.symbol == NO_CHORD or chord_of(chord.symbol) for chord in sheet.chords)


@pytest.mark.parametrize("name", ["berlinAlexandersRagtime", "fosterBrownHair"])
def test_music21_unfolds_its_own_lead_sheets_as_we_do(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from music21 import converter, corpus, harmony
        from music21.note import Note

        path = Path(corpus.getWork(f"leadSheet/{name}"))
        part = converter.parse(path).parts[0].expandRepeats().flatten()
    sheet = read_musicxml(path)
    notes = [note for note in part.notes if isinstance(note, Note) and not note.duration.isGrace]
    struck = [note for note in notes if note.tie is None or note.tie.type == "start"]
    assert [(note.offset, note.pitch.midi) for note in struck] == [(note.onset, note.pitch) for note in sheet.melody]
    theirs = [
        (chord.offset, {pitch.pitchClass for pitch in chord.pitches})
        for chord in part.getElementsByClass(harmony.ChordSymbol)
    ]
    ours = [(chord.onset, chord_of(chord.symbol).pitch_classes) for chord in sheet.chords if chord.symbol != NO_CHORD]
    assert ours == theirs
