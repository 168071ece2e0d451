"""Songs as YAML: what is read, and every mistake with its line and remedy."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import SongError
from daemon.json_decoding import decoder
from daemon.music.leadsheet import Key
from daemon.paths import resources
from daemon.song.description import REST, ChordRule, NoteRule, Song
from daemon.song.reader import read_song

NO_CHORD = "no chord is given, and without a `style` nothing is composed: write a chord, or N.C., or name a style"
NO_NOTE = "no note is given, and without a `style` nothing is composed: write a note, or r, or name a style"
UNKNOWN = "is no chord: write a root from A to G first, as in "
CHART = "key: C\nchords: '| C | F | G | C |'\n"
COMPOSED = "key: C\nstyle: foster\nbars: 4\n"


def song(tmp_path: Path, text: str, transpose: int = 0) -> Song:
    (tmp_path / "song.yaml").write_text(text, encoding="utf-8")
    return read_song(tmp_path / "song.yaml", transpose)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(SongError) as raised:
        song(tmp_path, text)
    prefix = str(tmp_path / "song.yaml")
    assert all(problem.startswith(prefix) for problem in raised.value.problems)
    return [problem.removeprefix(f"{prefix}:") for problem in raised.value.problems]


def symbols(song: Song, name: str = "A") -> list[str]:
    return [rule.symbols[0] for rule in song.section(name).chords]


def test_the_blues_that_ships() -> None:
    blues = read_song(resources() / "songs" / "blues.yaml")
    assert (blues.title, blues.bars, blues.length, blues.bpm, blues.band_feel.swing) == ("Blues in F", 12, 48, 132, 66)
    assert (blues.key, blues.style, blues.has_melody, blues.form) == (Key(5), (), False, ("A",))
    assert symbols(blues)[:5] == ["F7", "Bb7", "F7", "Cm7", "F7"]


def test_what_a_line_may_leave_out(tmp_path: Path) -> None:
    read = song(tmp_path, CHART)
    assert (read.title, read.meter, read.bpm, read.feel, read.count_in, read.choruses) == (
        *("song", (4, 4), 120, "swing", None, 0),
    )
    assert song(tmp_path, CHART + "meter: 3/4").feel == "waltz"


def test_a_song_is_json(tmp_path: Path) -> None:
    read = song(tmp_path, COMPOSED + "notes_at: {1.1: C5, 2-3: rest}\nchords_at: {4: not Dm or F}\nseed: 7")
    assert decoder(Song)(json.loads(json.dumps(asdict(read)))) == read


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("F", Key(5)),
        ("Bb", Key(10)),
        ("F#m", Key(6, "minor")),
        ("A minor", Key(9, "minor")),
        ("C major", Key(0)),
        ("Em", Key(4, "minor")),
    ],
)
def test_keys(tmp_path: Path, text: str, key: Key) -> None:
    assert song(tmp_path, CHART.replace("key: C", f"key: {text}")).key == key


def test_a_song_is_transposed_by_its_option_and_by_that_of_the_caller(tmp_path: Path) -> None:
    read = song(tmp_path, CHART + "melody: '| C5 - - - | r | r | [D5 E5] r |'\ntranspose: 2", transpose=1)
    assert read.key == Key(3) and symbols(read) == ["Eb", "Ab", "Bb", "Eb"]
    assert [rule.pitches for rule in read.section("A").notes] == [(75,), (REST,), (REST,), (77,), (79,), (REST,)]


def test_a_progression_by_name_is_in_the_key_of_the_song_and_fills_its_bars(tmp_path: Path) -> None:
    assert symbols(song(tmp_path, "key: Eb\nchords: ii-V-I")) == ["Fm7", "Bb7", "Ebmaj7"]
    assert symbols(song(tmp_path, "key: Dm\nchords: Andalusian\nbars: 8")) == ["Dm", "C", "Bb", "A"] * 2
    assert song(tmp_path, "key: G\nchords: rhythm changes").bars == 32
    assert symbols(song(tmp_path, "key: C\nchords: doo-wop\ntranspose: 2"))[0] == "D"


SECTIONS = """
key: F
style: {foster: 3, hymns: 1}
form: AA'BA
sections:
  A: { bars: 8, chords_at: { 1: F, 8.1: C7 or C, 3.3-4.4: Bb }, cadence: half, phrases: 4 }
  B: { chords: '| Bb | ? | Gm7 C7 | F |', notes_at: { 1.1: F or A4, 2-3: not F#, 4.2: rest, 4.3-4.4: C5 } }
"""


def test_sections_and_what_is_fixed_and_forbidden(tmp_path: Path) -> None:
    read = song(tmp_path, SECTIONS)
    assert read.form == ("A", "A'", "B", "A") and read.bars == 28
    assert read.style == (("foster", 0.75), ("hymns", 0.25))
    first, varied, bridge = (read.section(name) for name in ("A", "A'", "B"))
    assert first.chords == (*(ChordRule(0, 4, ("F",)), ChordRule(10, 6, ("Bb",)), ChordRule(28, 0, ("C7", "C"))),)
    assert (first.cadence, first.phrases) == ("half", (4, 4))
    assert (varied.variation_of, varied.distance, varied.chords, varied.cadence) == ("A", 0.3, first.chords, "half")
    by_onset = {rule.onset: rule for rule in bridge.notes}
    assert 69 in by_onset[0].pitches and {pitch % 12 for pitch in by_onset[0].pitches} == {5, 9}
    assert by_onset[4].forbidden and by_onset[4].duration == 8 and {p % 12 for p in by_onset[4].pitches} == {6}
    assert by_onset[13] == NoteRule(13, 1, (REST,)) and by_onset[14] == NoteRule(14, 2, (72,))


def test_the_last_section_closes_with_a_full_cadence_unless_its_chords_do_not(tmp_path: Path) -> None:
    def cadence(text: str) -> str:
        return song(tmp_path, text).sections[-1].cadence

    assert cadence(COMPOSED) == "full"
    assert cadence(COMPOSED + "cadence: none") == "none"
    assert cadence("style: foster\n" + CHART) == "full"
    assert cadence("style: foster\n" + CHART.replace("| C |'", "| G7 |'")) == "none"
    assert cadence(CHART) == "none"
    form = song(tmp_path, "key: C\nstyle: foster\nsections: {A: {bars: 4}, B: {bars: 4}}")
    assert [section.cadence for section in form.sections] == ["none", "full"]


def test_a_variation_of_its_own(tmp_path: Path) -> None:
    read = song(
        tmp_path,
        SECTIONS
        + "  A': { variation_of: A, distance: 0.6, cadence: full, chords: '| F |'}\n".replace(
            "'| F |'", "50s, bars: 8"
        ),
    )
    assert (read.section("A'").distance, read.section("A'").cadence, symbols(read, "A'")[1]) == (0.6, "full", "Dm")


def test_whether_there_is_a_melody(tmp_path: Path) -> None:
    assert not song(tmp_path, CHART).has_melody
    assert song(tmp_path, COMPOSED).has_melody
    assert not song(tmp_path, COMPOSED + "melody: none").has_melody
    assert song(tmp_path, CHART + "melody: '| C5 | r | r | r |'").has_melody


def test_phrases(tmp_path: Path) -> None:
    def phrases(text: str) -> tuple[int, ...]:
        return song(tmp_path, COMPOSED.replace("4", "10") + text).section("A").phrases

    assert phrases("phrases: 4") == (4, 4, 2)
    assert phrases("phrases: [4, 3, 3]") == (4, 3, 3)
    assert phrases("") == ()


def test_the_range_holds_the_notes_that_are_given(tmp_path: Path) -> None:
    assert song(tmp_path, COMPOSED).range == (57, 81)
    assert song(tmp_path, COMPOSED + "notes_at: {1.1: C6, 2.1: C3}").range == (48, 84)
    assert song(tmp_path, COMPOSED + "range: C4-G5\nnotes_at: {1.1: C}").section("A").notes[0].pitches == (60, 72)


MISTAKES = [
    ("chords: '| C |'", ["1: key: is missing: give one, as F or Gm"]),
    ("key: H\nchords: '| C |'", ["1: key: 'H' is no key: write a note, and m if it is minor, as in Bb or F#m"]),
    (CHART + "meter: 4/5", ["3: meter: '4/5' is no meter: write beats/unit, as in 4/4, 3/4 or 6/8"]),
    (CHART + "meter: 32/2", ["3: meter: '32/2': a bar has 16 quarter notes at most: write more bars, or fewer beats"]),
    (CHART + "meter: 40/4", ["3: meter: '40/4' is no meter: write beats/unit, as in 4/4, 3/4 or 6/8"]),
    (CHART + "tempo: fast", ["3: tempo: is not a number: give one from 20 to 400"]),
    (CHART + "feel: bosa", ["3: feel: 'bosa' is not a feel: did you mean 'bossa'?"]),
    (CHART + "swing: 90", ["3: swing: 90 is out of range: give a number from 50 to 75"]),
    (CHART + "order: 7", ["3: order: 7 is out of range: give a number from 1 to 4"]),
    (CHART + "max_order: 2", ["3: max_order: 2 is out of range: give a number from 3 to 100"]),
    (CHART + "count_in: 9", ["3: count_in: 9 is out of range: give a number from 0 to 8"]),
    (CHART + "intro: 5", ["3: intro: 5 is out of range: give a number from 0 to 4"]),
    (CHART + "choruses: 0", ["3: choruses: 0 is out of range: give a number from 1 to 1000"]),
    (CHART + "ritardando: 9", ["3: ritardando: 9 is out of range: give a number from 0 to 4"]),
    (CHART + "ending: fade", ["3: ending: 'fade' is not an ending: choose from chord, tag, none"]),
    (CHART + "seed: -1", ["3: seed: -1 is out of range: give a number from 0 to 2147483648"]),
    (CHART + "transpose: 25", ["3: transpose: 25 is out of range: give a number from -24 to 24"]),
    (CHART + "tempi: 3", ["3: tempi: unknown key: did you mean 'tempo'?"]),
    (CHART + "style: {foster: 0, hymns: 0}", ["3: style: all weights are 0: give one style a weight above 0"]),
    (
        CHART + "style: {foster: 1, hymns: 1e-300}",
        ["3: style.hymns: 1e-300 is too little: give 0, or a number from 0.001 to 1000"],
    ),
    (CHART + "style: {foster: x}", ["3: style.foster: is not a number: give one from 0 to 1000"]),
    (
        CHART + "style: {" + ", ".join(f"s{n}: 1" for n in range(11)) + "}",
        ["3: style: 11 styles: blend 10 at most"],
    ),
    (CHART + "style: fosters", ["3: style: there is no style 'fosters': did you mean 'foster'?"]),
    (CHART + "style: {hymn: 1, foster: 2}", ["3: style.hymn: there is no style 'hymn': did you mean 'hymns'?"]),
    (CHART + "range: high", ["3: range: 'high' is no range: write the lowest and the highest note, as in C4-C6"]),
    ("key: C\nbars: 2\nstyle: {foster: 0}", ["3: style: all weights are 0: give one style a weight above 0"]),
    (CHART + "range: C5-C4", ["3: range: C5-C4 begins with the higher note: write the lowest first, as in C4-C6"]),
    (CHART + "range: C4-D4", ["3: range: C4-D4 is narrower than a fifth: give the melody more room, as in C4-C6"]),
    ("key: C", ["1: bars: is missing: give the number of bars, or a chart under `chords`"]),
    ("key: C\nbars: 2000\nstyle: foster", ["2: bars: 2000 is out of range: give a number from 1 to 1024"]),
    (
        "key: C\nbars: 2",
        [f"2: bars, bar 1.1: {NO_CHORD}"],
    ),
    (
        CHART.replace("| G |", "| G ? |"),
        [f"2: chords, bar 3.3: {NO_CHORD}"],
    ),
    (
        CHART + "melody: '| C5 | ? | C5 | C5 |'",
        [f"3: melody, bar 2.1: {NO_NOTE}"],
    ),
    (
        CHART + "notes_at: {1.1: C5}",
        [f"3: notes_at, bar 1.1: {NO_NOTE}"],
    ),
    (CHART + "bars: 5", ["2: chords: has 4 bars, and the section 5: give both as many"]),
    (CHART + "melody: '| r | r |'", ["3: melody: has 2 bars, and the section 4: give both as many"]),
    ("key: C\nchords: ii-V-I\nbars: 6", ["2: chords: has 4 bars, and the section 6: give both as many"]),
    (
        "key: C\nchords: jaz blues",
        [
            "2: chords: 'jaz blues' is neither a chart, as in | Dm7 | G7 | C |, nor a known progression: "
            "did you mean 'jazz blues'?"
        ],
    ),
    (
        "key: C\nchords: minor blues",
        ["2: chords: 'minor blues' is in minor: write a minor key, as in Fm, under `key`"],
    ),
    ("key: Cm\nchords: 50s", ["2: chords: '50s' is in major: write a major key, as in F, under `key`"]),
    (
        "key: C\nchords: |\n  | C | H |\n  | F J | G |",
        [f"2: chords, bar 2.1: 'H' {UNKNOWN}'B'", f"2: chords, bar 3.3: 'J' {UNKNOWN}'Bb7'"],
    ),
    (COMPOSED + "chords_at: {9.1: C}", ["4: chords_at.9.1: '9.1': there is no bar 9: choose one from 1 to 4"]),
    (COMPOSED + "chords_at: {1.1: H}", [f"4: chords_at.1.1: 'H' {UNKNOWN}'B'"]),
    (COMPOSED + "chords_at: {1.1: }", ["4: chords_at.1.1: is missing: give a chord"]),
    (
        COMPOSED + "notes_at: {1.1: X}",
        ["4: notes_at.1.1: 'X' is no note: write C5, C for any octave, rest, or several as in C5 or E5"],
    ),
    (COMPOSED + "notes_at: {1.7: C}", ["4: notes_at.1.7: '1.7': a bar has no beat 7: choose one from 1 to 4"]),
    (COMPOSED + "notes_at: [C5]", ["4: notes_at: is not a mapping: write `name: value` lines below it"]),
    (
        COMPOSED + "notes_at: {1.1: C5, 1.1-1.4: E5}",
        ["4: notes_at, bar 1.1: C5 and E5 are both given here: delete one of the two"],
    ),
    (
        COMPOSED + "chords_at: {1: C, 1.3: G}",
        ["4: chords_at, bar 1.3: C and G are both given here: delete one of the two"],
    ),
    (
        COMPOSED + "notes_at: {1.1: C5, 1: not C}",
        ["4: notes_at, bar 1.1: C5 is given and forbidden: delete one of the two"],
    ),
    (
        COMPOSED + "chords: '| C | ? | ? | C |'\nchords_at: {4.1: not C or F}",
        ["5: chords_at, bar 4.1: C is given and forbidden: delete one of the two"],
    ),
    (
        COMPOSED + "range: C4-C5\nnotes_at: {2.1: D5}",
        ["5: notes_at.2.1: D5 lies outside the `range`: widen the range, or choose another note"],
    ),
    (
        CHART + "melody: '| C5 - - G9 | r | r | r |'\ntranspose: 1",
        ["3: melody, bar 1.4: G9, transposed by 1 semitones, is no MIDI note: transpose by less"],
    ),
    ("key: C\nchords: ''", ["2: chords: is empty: write bars, as in | C | F G7 |"]),
    ("key: C\nmelody: ''", ["2: melody: is empty: write bars, as in | C5 D5 E5 - |"]),
    (COMPOSED + "cadence: open", ["4: cadence: 'open' is not a cadence: choose from full, half, none"]),
    (
        COMPOSED + "phrases: [2, 3]",
        ["4: phrases: the phrases have 5 bars in all, and the section 4: give both as many"],
    ),
    (COMPOSED + "phrases: 0", ["4: phrases: 0 is out of range: give a number from 1 to 1024"]),
    (COMPOSED + "form: AB", ["4: form, B: there is no section 'B': write it below `sections`, or delete this line"]),
    (
        SECTIONS.replace("AA'BA", "AACA"),
        [
            "4: form, C: there is no section 'C': choose from A, B",
            "4: form: the section 'B' is never played: add its name, or delete the section",
        ],
    ),
    (
        SECTIONS.replace("form: AA'BA", "form: " + "A" * 201 + "B"),
        ["4: form: 202 sections in a row: 200 at most: leave the rest to `choruses`"],
    ),
    (SECTIONS + "bars: 8", ["8: bars: belongs to a section: move this line below a name in `sections`"]),
    (
        SECTIONS + "  C: { distance: 0.5, bars: 4 }",
        [
            "8: sections.C.distance: needs the section that it is a distance from: add `variation_of: A`",
            "4: form: the section 'C' is never played: add its name, or delete the section",
        ],
    ),
    (
        SECTIONS + "  A': { variation_of: X }",
        ["8: sections.A'.variation_of: 'X' is not a section to vary, which is no variation itself: choose from A, B"],
    ),
    (
        SECTIONS + "  A': { variation_of: A, distance: 2 }",
        ["8: sections.A'.distance: 2 is out of range: give a number from 0 to 1"],
    ),
    (
        "key: C\nstyle: foster\nsections:\n" + "".join(f"  S{n}: {{bars: 1}}\n" for n in range(51)),
        ["3: sections: 51 sections: 50 at most: `form` may name one several times"],
    ),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_a_mistake_is_named_with_its_line_and_remedy(tmp_path: Path, text: str, expected: list[str]) -> None:
    found = problems(tmp_path, text)
    assert sorted(found) == sorted(expected)


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, "key: H\nmeter: x\nfeel: y\nchords: '| C | Q |'\ncadence: z")
    assert [problem.partition(":")[0] for problem in found] == ["1", "2", "3", "4", "5"]


def test_too_many_positions(tmp_path: Path) -> None:
    many = ", ".join(f"{bar}.{beat}: C" for bar in range(1, 502) for beat in range(1, 5))
    found = problems(tmp_path, f"key: C\nstyle: foster\nbars: 600\nnotes_at: {{{many}}}")
    assert found == ["4: notes_at: 2,004 positions: write a chart or a melody, or at most 2,000 of them"]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("none.yaml", None, "there is no such file: name a song, as songs/blues.yaml"),
        (
            "song.pdf",
            b"",
            "is no song: name a file that ends in one of .yaml, .yml, .musicxml, .mxl, .xml, .txt, .chart",
        ),
        ("song.yaml", b"\xff\xfe\xff", "not UTF-8: save it again in that encoding"),
        ("song.yaml", b"[" * 20_000, "nested too deeply"),
        ("song.yaml", b"x" * 70_000, "cannot be read (larger than 64 KiB)"),
        ("song.yaml", b"- C\n- F", "the file: is not a mapping"),
        ("song.yaml", b"a: &x 1\nb: *x", "anchors, aliases and tags ('x') are not supported"),
    ],
)
def test_a_file_that_is_no_song(tmp_path: Path, name: str, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SongError) as raised:
        read_song(tmp_path / name)
    assert any(problem in each for each in raised.value.problems), raised.value.problems


WORDS = st.sampled_from(
    [
        "A",
        "A'",
        "B",
        "|",
        "| C |",
        "%",
        "?",
        "C5",
        "1.1",
        "2-3",
        "rest",
        "not C",
        "4",
        "0.3",
        "{",
        "}",
        "[",
        "]",
        ":",
        "null",
        "x",
        "-",
        "9" * 30,
        "é",
        "|:",
    ]
)
KEYS = st.sampled_from(
    [
        "key",
        "meter",
        "tempo",
        "form",
        "sections",
        "chords",
        "melody",
        "notes_at",
        "chords_at",
        "bars",
        "phrases",
        "style",
        "range",
        "variation_of",
        "transpose",
        "intro",
        "choruses",
    ]
)
SCALARS = st.lists(WORDS, max_size=4).map(" ".join)
VALUES = st.recursive(
    SCALARS.map(json.dumps),
    lambda inner: st.dictionaries(st.one_of(KEYS, WORDS), inner, max_size=4).map(
        lambda found: "{" + ", ".join(f"{json.dumps(k)}: {v}" for k, v in found.items()) + "}"
    ),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=8))
def test_anything_is_a_song_or_a_list_of_mistakes(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text("\n".join(f"{key}: {value}" for key, value in content.items()), encoding="utf-8")
    try:
        read = read_song(path)
    except SongError as error:
        assert error.problems and all(problem.startswith(f"{path}") for problem in error.problems)
    else:
        assert decoder(Song)(asdict(read)) == read


@given(
    st.lists(st.sampled_from(["C", "F7", "Bbmaj7", "G/B", "N.C."]), min_size=1, max_size=16),
    st.integers(-12, 12),
)
def test_a_chart_that_is_transposed_back_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, chords: list[str], semitones: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "chart.yaml"
    path.write_text(f"key: C\ntranspose: {semitones}\nchords: '| {' | '.join(chords)} |'")
    there_and_back = read_song(path, -semitones)
    assert symbols(there_and_back) == chords and there_and_back.key == replace(there_and_back.key, tonic=0)
