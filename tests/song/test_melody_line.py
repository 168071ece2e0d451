"""Melodies as lines of text."""

from __future__ import annotations

import pytest

from daemon.song.description import REST
from daemon.song.melody_line import read_melody_line

FOUR = (4, 4)


def notes(text: str, meter: tuple[int, int] = FOUR) -> list[tuple[float, float, int]]:
    line = read_melody_line(text, meter)
    assert not line.problems
    return [(rule.onset, rule.duration, *rule.pitches) for rule in line.rules]  # type: ignore[misc]


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
