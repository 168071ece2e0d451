"""Charts and melodies as lines of text."""

from __future__ import annotations

import pytest

from daemon.song.chord_line import read_chord_line
from daemon.song.description import REST
from daemon.song.melody_line import read_melody_line

FOUR = (4, 4)


def chords(text: str, meter: tuple[int, int] = FOUR) -> list[tuple[float, float, str]]:
    line = read_chord_line(text, meter)
    assert not line.problems
    return [(rule.onset, rule.duration, *rule.symbols) for rule in line.rules]  # type: ignore[misc]


def notes(text: str, meter: tuple[int, int] = FOUR) -> list[tuple[float, float, int]]:
    line = read_melody_line(text, meter)
    assert not line.problems
    return [(rule.onset, rule.duration, *rule.pitches) for rule in line.rules]  # type: ignore[misc]


def test_chords_share_a_bar() -> None:
    assert chords("| F7 | Gm7 C7 |") == [(0, 4, "F7"), (4, 2, "Gm7"), (6, 2, "C7")]
    assert chords("| F7 . . D7 |") == [(0, 3, "F7"), (3, 1, "D7")]
    assert chords("| Am Bm C |", (3, 4)) == [(0, 1, "Am"), (1, 1, "Bm"), (2, 1, "C")]
    assert chords("| Am C |", (6, 8)) == [(0, 1.5, "Am"), (1.5, 1.5, "C")]


def test_signs_of_a_chart() -> None:
    assert chords("| C G | % |")[2:] == [(4, 2, "C"), (6, 2, "G")]
    assert chords("| C | - |") == [(0, 8, "C")], "held over the bar line"
    assert chords("| C | ? . | G |") == [(0, 4, "C"), (8, 4, "G")]
    assert chords("| NC | N.C. |") == [(0, 4, "N.C."), (4, 4, "N.C.")]


def test_bar_lines_may_be_doubled_and_lines_broken() -> None:
    assert len(chords("| C | F || G | C |\n| C | F |\n\n| G | C")) == 8


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("C | F |", "1.1", "a chart begins with a bar line, as in | Dm7 | G7 | C |"),
        ("", "1.1", "a chart begins with a bar line"),
        ("| C | H7 |", "2.1", "'H7' is no chord"),
        ("| C . Xm . |", "1.3", "'Xm' is no chord"),
        ("| Cmaj6# | C |", "1.1", "did you mean"),
        ("| C | | F |", "2.1", "an empty bar: write % for the bar before once more, ? for a bar that is composed"),
        ("| % | C |", "1.1", "% needs a bar before it: write its chords out"),
        ("| . C |", "1.1", ". needs a chord before it that it holds on"),
        ("| C F G |", "1.1", "3 places do not share a bar of 4 beats: write 4, with / to hold on"),
        ("|: C | F :|", "1.1", "repeat signs are not read: write the bars out, or repeat a section in the form"),
    ],
)
def test_a_wrong_chart(text: str, where: str, problem: str) -> None:
    ((found, message), *_) = read_chord_line(text, FOUR).problems
    assert found == where and problem in message


def test_all_mistakes_of_a_chart_are_found() -> None:
    assert [where for where, _ in read_chord_line("| H | C | I J | C |", FOUR).problems] == ["1.1", "3.1", "3.3"]


def test_notes_share_a_bar() -> None:
    assert notes("| C5 D5 E5 F5 |") == [(0, 1, 72), (1, 1, 74), (2, 1, 76), (3, 1, 77)]
    assert notes("| C5 - - Bb4 |") == [(0, 3, 72), (3, 1, 70)]
    assert notes("| C5 | - r |") == [(0, 6, 72), (6, 2, REST)], "held over the bar line"
    assert notes("| [C5 D5] r ? E5 |") == [(0, 0.5, 72), (0.5, 0.5, 74), (1, 1, REST), (3, 1, 76)]
    assert [onset for onset, _, _ in notes("| [C5 D5 E5] C5 C5 C5 |")] == [
        0,
        pytest.approx(1 / 3),
        pytest.approx(2 / 3),
        1,
        2,
        3,
    ]
    assert notes("| C5 - ? - | % |")[1] == (4, 2, 72)


def test_what_stands_before_the_first_bar_line_is_an_upbeat() -> None:
    assert notes("G4 | C5 - - - |") == [(-1, 1, 67), (0, 4, 72)]
    assert notes("[G4 A4] | C5 - - |", (3, 4)) == [(-1, 0.5, 67), (-0.5, 0.5, 69), (0, 3, 72)]


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("C5 D5", "1.1", "a melody needs bar lines"),
        ("| C5 X5 |", "1.3", "'X5' is no note: write a note with its octave as in Bb4, - to hold on"),
        ("| C5 60 |", "1.3", "'60' is no note"),
        ("| C5 G12 |", "1.3", "'G12' is no note"),
        ("| - C5 |", "1.1", "- needs a note before it that it holds on"),
        ("| % |", "1.1", "% needs a bar before it: write its notes out"),
        ("| C5 [D5 | E5 |", "1.2.2", "'[' is no note"),
        ("| [C5 D5 E5 F5 G5] C5 |", "1.1", "'C5' is neither a sixteenth nor of a triplet: use fewer places"),
        ("C5 D5 E5 F5 | G5 |", "0.1", "an upbeat must be shorter than a bar"),
        ("| C5 | | D5 |", "2.1", "an empty bar"),
    ],
)
def test_a_wrong_melody(text: str, where: str, problem: str) -> None:
    found = read_melody_line(text, FOUR).problems
    assert any(position == where and problem in message for position, message in found), found
