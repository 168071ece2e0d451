"""Chord symbols: every spelling of lead-sheet practice, the nearest known one of an unknown one, names in a key."""

from __future__ import annotations

import pytest
from pychord.constants.qualities import DEFAULT_QUALITIES
from pychord.quality import Quality

from daemon.music.chords import NO_CHORD, chord_of, symbol_in_key, transposed_symbol
from daemon.music.leadsheet import Key
from daemon.music.spelling import fifths_of, name_at, pitch_class_of, spelled

# Quality: spellings after C; semitones above the root.
TABLE = {
    "": ("C Cmaj CM CMaj CMA Cma", "0 4 7"),
    "m": ("Cm Cmin Cmi C- CMI CMin", "0 3 7"),
    "dim": ("Cdim C° Co Cº", "0 3 6"),
    "aug": ("Caug C+ C(#5) C+5", "0 4 8"),
    "5": ("C5", "0 7"),
    "sus4": ("Csus4 Csus C(sus4)", "0 5 7"),
    "sus2": ("Csus2", "0 2 7"),
    "6": ("C6 CMA6 Cmaj6", "0 4 7 9"),
    "m6": ("Cm6 C-6 Cmin6 CMI6 Cmi6", "0 3 7 9"),
    "69": ("C6/9 C69 C6(9) C6add9 Cmaj69", "0 4 7 9 14"),
    "m69": ("Cm6/9 Cm69 C-69", "0 3 7 9 14"),
    "7": ("C7 Cdom7", "0 4 7 10"),
    "maj7": ("Cmaj7 CMaj7 CMA7 Cma7 CM7 CΔ CΔ7 C^ C^7 Cj7 C∆ C△7", "0 4 7 11"),
    "m7": ("Cm7 Cmi7 Cmin7 C-7 CMI7 Cm(7)", "0 3 7 10"),
    "mM7": ("CmM7 CmMaj7 Cm(maj7) Cmmaj7 C-Δ C-Δ7 Cm/maj7 CmΔ CmiMA7 Cm(M7) Cminmaj7 C-^7", "0 3 7 11"),
    "dim7": ("Cdim7 C°7 Co7", "0 3 6 9"),
    "m7b5": ("Cm7b5 Cø Cø7 CØ C∅7 C-7b5 Cmi7(b5) Cm7(♭5) Cm7-5 Cmin7b5 CMI7(b5) Ch7", "0 3 6 10"),
    "dimM7": ("CdimM7 C°Δ7 Cdim(maj7)", "0 3 6 11"),
    "7#5": ("C7#5 C+7 Caug7 C7+ C7+5 C7(#5) C7aug", "0 4 8 10"),
    "maj7#5": ("Cmaj7#5 CΔ#5 C+maj7 CM7+5 CaugM7 C+Δ7 CMA7(#5)", "0 4 8 11"),
    "9": ("C9 C7(9) C7add9", "0 4 7 10 14"),
    "maj9": ("Cmaj9 CΔ9 CM9 CMA9 Cmaj7(9)", "0 4 7 11 14"),
    "m9": ("Cm9 C-9 Cmi9 Cmin9 Cm7(9)", "0 3 7 10 14"),
    "mM9": ("CmM9 Cm(maj9) C-Δ9", "0 3 7 11 14"),
    "m9b5": ("Cm9b5 Cø9 C-9b5", "0 3 6 10 14"),
    "11": ("C11", "0 4 7 10 14 17"),
    "m11": ("Cm11 C-11 Cmi11", "0 3 7 10 14 17"),
    "13": ("C13", "0 4 7 10 14 17 21"),
    "m13": ("Cm13 C-13", "0 3 7 10 14 17 21"),
    "maj13": ("Cmaj13 CΔ13 CM13", "0 4 7 11 14 17 21"),
    "7sus4": ("C7sus4 C7sus Csus7 C7(sus4)", "0 5 7 10"),
    "9sus4": ("C9sus4 C9sus Csus9", "0 5 7 10 14"),
    "13sus4": ("C13sus4 C13sus Csus13", "0 5 7 10 14 17 21"),
    "7sus4b9": ("C7sus4b9 C7susb9 Csusb9 Csus(b9) C7b9sus C7b9sus4 C7sus(b9)", "0 5 7 10 13"),
    "7b5": ("C7b5 C7-5 C7(b5)", "0 4 6 10"),
    "7b9": ("C7b9 C7(b9) C7-9 C7(♭9)", "0 4 7 10 13"),
    "7#9": ("C7#9 C7+9 C7(#9) C7♯9", "0 4 7 10 15"),
    "7#11": ("C7#11 C7+11 C7(#11)", "0 4 7 10 18"),
    "7b13": ("C7b13 C7(b13) C7-13", "0 4 7 10 20"),
    "7b5b9": ("C7b5b9 C7b9b5 C7(b5,b9) C7(b9 b5) C7-5-9", "0 4 6 10 13"),
    "7b5#9": ("C7b5#9 C7#9b5", "0 4 6 10 15"),
    "7#5b9": ("C7#5b9 C7b9#5 C+7b9 C7(#5b9)", "0 4 8 10 13"),
    "7#5#9": ("C7#5#9 C7#9#5 C+7#9 C7(#9,#5)", "0 4 8 10 15"),
    "7alt": ("C7alt Calt C7(alt)", "0 4 8 10 13 15"),
    "9b5": ("C9b5 C9-5", "0 4 6 10 14"),
    "9#5": ("C9#5 C+9 C9+ C9+5 Caug9", "0 4 8 10 14"),
    "9#11": ("C9#11 C9+11 C9(#11)", "0 4 7 10 14 18"),
    "13b9": ("C13b9 C13(b9) C13-9", "0 4 7 10 13 17 21"),
    "13#9": ("C13#9", "0 4 7 10 15 17 21"),
    "13#11": ("C13#11 C13(♯11) C13+11", "0 4 7 10 14 18 21"),
    "7b9#11": ("C7b9#11", "0 4 7 10 13 18"),
    "7b9b13": ("C7b9b13 C7(b9,b13)", "0 4 7 10 13 20"),
    "maj7b5": ("Cmaj7b5 CΔb5 CM7b5", "0 4 6 11"),
    "maj7#11": ("Cmaj7#11 CΔ#11 CMA7(#11) Cmaj7#4", "0 4 7 11 18"),
    "maj9#11": ("Cmaj9#11 CΔ9#11", "0 4 7 11 14 18"),
    "add9": ("Cadd9 C(add9) C2 Cadd2 Cmajadd9", "0 4 7 14"),
    "madd9": ("Cmadd9 Cm(add9) Cm(add2) C-add9", "0 3 7 14"),
    "add11": ("Cadd11 Cadd4 C4", "0 4 7 17"),
    "m7add11": ("Cm7add11 C-7(11) Cm7(add11)", "0 3 7 10 17"),
    "7add13": ("C7add13 C7(13)", "0 4 7 10 21"),
    "m#5": ("Cm#5 Cm(#5) C-#5 Cm+5", "0 3 8"),
    "mb6": ("Cmb6 C-b6 Cm(b6)", "0 3 7 8"),
    "(b5)": ("C(b5) C-5", "0 4 6"),
    "no5": ("Cno5 C(no5) C(omit5)", "0 4"),
    "sus24": ("Csus24 Csus42 Csus4add2 Csus2sus4", "0 2 5 7"),
}  # fmt: skip
# Names in pychord that mean something else to it, or that no player writes.
PYCHORD_DIFFERS = {"6-5", "7b9b13", "sus4add2"}


@pytest.mark.parametrize("quality", TABLE)
def test_each_spelling_means_the_same(quality: str) -> None:
    spellings, intervals = TABLE[quality]
    for symbol in spellings.split(" C"):
        symbol = symbol if symbol.startswith("C") else f"C{symbol}"
        chord = chord_of(symbol)
        classes = {interval % 12 for interval in chord.intervals}
        assert classes == {int(interval) % 12 for interval in intervals.split()}, symbol
        if quality != "sus24":
            assert chord.intervals == tuple(map(int, intervals.split())), symbol
            assert chord.quality == quality, symbol


@pytest.mark.parametrize(("name", "degrees"), DEFAULT_QUALITIES)
def test_what_pychord_knows(name: str, degrees: tuple[str, ...]) -> None:
    if name in PYCHORD_DIFFERS:
        return
    assert {i % 12 for i in chord_of(f"C{name}").intervals} == {i % 12 for i in Quality(name, degrees).components}


@pytest.mark.parametrize(
    "root", ["C", "C#", "Db", "D", "D#", "Eb", "E", "F", "F#", "Gb", "G", "Ab", "A", "Bb", "B", "Cb"]
)
def test_every_root_and_bass(root: str) -> None:
    above = chord_of("C").root + pitch_class_of(root)
    for quality, (_, intervals) in TABLE.items():
        if quality == "5" and root in ("A", "B", "D", "E", "G"):
            continue
        chord = chord_of(f"{root}{quality}/E")
        assert (chord.root, chord.bass) == (above, 4)
        assert chord.pitch_classes == {(above + int(i)) % 12 for i in intervals.split()} | {4}
        assert (chord.root_name, chord.bass_name, chord.written_quality) == (root, "E", quality)


def test_a_bass_is_no_part_of_six_nine() -> None:
    assert chord_of("C6/9").bass == 0
    assert chord_of("C6/9/G").bass == 7
    assert chord_of("B♭7/A♭").bass == 8
    assert chord_of("F♯m7b5/C").root_name == "F#"


@pytest.mark.parametrize(
    ("symbol", "message"),
    [
        ("Cm77", "did you mean 'Cm7'?"),
        ("Dmaj77", "did you mean 'Dmaj7'?"),
        ("Gbsuz4/Db", "did you mean 'Gbsus4/Db'?"),
        ("Am7b55", "did you mean 'Am7b5'?"),
        ("C7b99", "did you mean 'C7b9"),
        ("Edimm7", "did you mean 'E"),
        ("Cfoo", "did you mean 'C"),
        ("dm7", "write a root from A to G first, as in 'Dm7'"),
        ("H7", "write a root from A to G first, as in 'B7'"),
        ("hallo", "write a root from A to G first, as in 'Bb7'"),
        ("", "write a root from A to G first, as in 'Bb7'"),
        ("7", "write a root from A to G first, as in 'Bb7'"),
        ("C/", "did you mean 'C"),
        ("C/H", "did you mean 'C"),
        ("C" * 41, "write at most 40 characters"),
        ("Cm7\n", "is no chord"),
    ],
)
def test_an_unknown_symbol_names_the_nearest(symbol: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        chord_of(symbol)
    assert message in str(raised.value)
    assert repr(symbol[:40])[:-1] in str(raised.value)


def test_no_chord_is_none() -> None:
    with pytest.raises(ValueError):
        chord_of(NO_CHORD)


def test_names_on_the_line_of_fifths() -> None:
    for name in ["Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#"]:
        assert name_at(fifths_of(name)) == name
    assert name_at(fifths_of("E#")) == "F"
    assert name_at(fifths_of("Fb")) == "E"
    assert name_at(fifths_of("Bbb")) == "A"
    assert [pitch_class_of(name) for name in ("C", "C#", "Db", "Cb", "B#", "F##")] == [0, 1, 1, 11, 0, 7]


@pytest.mark.parametrize(
    ("key", "names"),
    [
        (Key(0), "C Db D Eb E F F# G Ab A Bb B"),
        (Key(5), "C Db D Eb E F Gb G Ab A Bb B"),
        (Key(7), "C C# D Eb E F F# G Ab A Bb B"),
        (Key(4), "C C# D D# E F F# G G# A A# B"),
        (Key(9, "minor"), "C C# D D# E F F# G G# A Bb B"),
        (Key(0, "minor"), "C Db D Eb E F F# G Ab A Bb B"),
    ],
)
def test_roots_are_named_as_in_the_key(key: Key, names: str) -> None:
    assert [symbol_in_key(pitch_class, "7", key) for pitch_class in range(12)] == [f"{name}7" for name in names.split()]


def test_diminished_chords_lead_upwards() -> None:
    assert [symbol_in_key(root, "dim7", Key(0)) for root in (1, 3, 6, 8)] == ["C#dim7", "Ebdim7", "F#dim7", "G#dim7"]


@pytest.mark.parametrize(
    ("semitones", "key", "symbols"),
    [
        (1, Key(1), "Db Gdim7 Ddim7 Cb7 Bbm7/Ab F7alt N.C."),
        (2, Key(2), "D G#dim7 D#dim7 C7 Bm7/A F#7alt N.C."),
        (-2, Key(10), "Bb Edim7 Bdim7 Ab7 Gm7/F D7alt N.C."),
        (4, Key(4), "E A#dim7 Fdim7 D7 C#m7/B G#7alt N.C."),
        (12, Key(0), "C F#dim7 C#dim7 Bb7 Am7/G E7alt N.C."),
        (0, Key(0), "C F#dim7 C#dim7 Bb7 Am7/G E7alt N.C."),
    ],
)
def test_transposition_keeps_the_place_in_the_key(semitones: int, key: Key, symbols: str) -> None:
    written = ("C", "F#dim7", "C#dim7", "Bb7", "Am7/G", "E7alt", NO_CHORD)
    assert [transposed_symbol(symbol, semitones, key) for symbol in written] == symbols.split()


def test_what_is_no_chord_is_not_transposed() -> None:
    with pytest.raises(ValueError):
        transposed_symbol("Hm", 3, Key(3))


@pytest.mark.parametrize("root", ["C", "D", "Eb", "E", "F", "G", "Ab", "A", "Bb"])
def test_the_notes_of_a_chord_have_the_letters_of_its_degrees(root: str) -> None:
    """A third is two letters above its root, a fifth four, and so on, major or minor."""
    letters, key = "CDEFGAB", Key(pitch_class_of(root))
    degrees = {2: 1, 3: 2, 4: 2, 5: 3, 7: 4, 9: 5, 10: 6, 11: 6, 0: 0}
    for quality in ("maj9", "m9", "7", "6", "sus4", "sus2", "13", "m6", "mM7", "m11"):
        chord = chord_of(root + quality)
        for interval in chord.intervals:
            pitch = 60 + chord.root + interval
            letter, alter, octave = spelled(pitch, key, root, chord.intervals)
            assert pitch_class_of(letter) + alter + 12 * (octave + 1) == pitch
            assert letter == letters[(letters.index(root[0]) + degrees[interval % 12]) % 7], (quality, interval)


@pytest.mark.parametrize(
    ("pitch", "key", "chord", "name"),
    [
        (68, Key(0), "E7", "G#4"),
        (68, Key(0), "Fm", "Ab4"),
        (66, Key(0), "D7", "F#4"),
        (66, Key(0), "Ab7", "Gb4"),
        (61, Key(0), "A7", "C#4"),
        (63, Key(0), "B7", "D#4"),
        (63, Key(0), "", "Eb4"),
        (59, Key(6), "Gb", "Cb4"),
        (71, Key(6), "Cb", "Cb5"),
        (60, Key(1), "Ab7", "C4"),
        (70, Key(2), "F#7", "A#4"),
        (65, Key(1), "Db", "F4"),
        (72, Key(0), "C", "C5"),
        (61, Key(0), "C7b9", "Db4"),
        (63, Key(0), "C7#9", "D#4"),
        (66, Key(0), "C7b5", "Gb4"),
        (66, Key(0), "C7#11", "F#4"),
        (68, Key(0), "C7#5", "G#4"),
        (68, Key(0), "C7b13", "Ab4"),
        (69, Key(0), "Cdim7", "A4"),
    ],
)
def test_notes_are_spelled_by_chord_and_key(pitch: int, key: Key, chord: str, name: str) -> None:
    root, intervals = (chord_of(chord).root_name, chord_of(chord).intervals) if chord else ("", ())
    letter, alter, octave = spelled(pitch, key, root, intervals)
    assert f"{letter}{'#' * alter}{'b' * -alter}{octave}" == name
