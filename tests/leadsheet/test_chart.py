"""Chord charts as text: bars, repeats, holds, blanks, sections; errors with bar and beat."""

from __future__ import annotations

import pytest

from daemon.leadsheet.chart import Chart, ChartError, parse_chart
from daemon.music.chords import NO_CHORD


def chords(chart: Chart) -> list[tuple[float, float, str]]:
    return [(chord.onset, chord.duration, chord.symbol) for chord in chart.chords]


def test_the_chart_of_the_documentation() -> None:
    chart = parse_chart("| Dm7 | G7 | C % | ? |")
    assert chart.bars == 4
    assert chords(chart) == [(0, 4, "Dm7"), (4, 4, "G7"), (8, 4, "C")]
    assert chart.blanks == ((12, 16),)
    assert chart.sections == ()


def test_a_blues() -> None:
    chart = parse_chart(
        """
        # twelve bars
        | F7  | Bb7 | F7  | Cm7 F7 |
        | Bb7 | Bdim7 | F7 | Am7 D7 |
        | Gm7 | C7  | F7 D7 | Gm7 C7 ||
        """
    )
    assert chart.bars == 12
    assert chords(chart)[3:5] == [(12, 2, "Cm7"), (14, 2, "F7")]
    assert sum(chord.duration for chord in chart.chords) == 48


@pytest.mark.parametrize(
    ("text", "meter", "expected"),
    [
        ("C Am F G", (4, 4), [(0, 1, "C"), (1, 1, "Am"), (2, 1, "F"), (3, 1, "G")]),
        ("| C / / G7 |", (4, 4), [(0, 3, "C"), (3, 1, "G7")]),
        ("| C . - G7 |", (4, 4), [(0, 3, "C"), (3, 1, "G7")]),
        ("| C % % G7 |", (4, 4), [(0, 3, "C"), (3, 1, "G7")]),
        ("| C Am G |", (4, 4), [(0, 2, "C"), (2, 1, "Am"), (3, 1, "G")]),
        ("| C G |", (3, 4), [(0, 2, "C"), (2, 1, "G")]),
        ("| C G |", (6, 8), [(0, 1.5, "C"), (1.5, 1.5, "G")]),
        ("| C G |", (9, 8), [(0, 3, "C"), (3, 1.5, "G")]),
        ("| C G |", (2, 2), [(0, 2, "C"), (2, 2, "G")]),
        ("| C D E F |", (2, 2), [(0, 1, "C"), (1, 1, "D"), (2, 1, "E"), (3, 1, "F")]),
        ("| C D E F G A B C |", (4, 4), [(n / 2, 0.5, name) for n, name in enumerate("CDEFGABC")]),
        ("| C G | % |", (4, 4), [(0, 2, "C"), (2, 2, "G"), (4, 2, "C"), (6, 2, "G")]),
        ("| C | % | % | G7/B |", (4, 4), [(0, 12, "C"), (12, 4, "G7/B")]),
        ("| C | C |", (4, 4), [(0, 4, "C"), (4, 4, "C")]),
        ("| N.C. | NC C7(b9,#11) |", (4, 4), [(0, 4, NO_CHORD), (4, 2, NO_CHORD), (6, 2, "C7(b9,#11)")]),
        ("C | G\nF | C", (4, 4), [(0, 4, "C"), (4, 4, "G"), (8, 4, "F"), (12, 4, "C")]),
        ("|: C :| G |", (4, 4), [(0, 4, "C"), (4, 4, "C"), (8, 4, "G")]),
        ("|: C | G :|x3", (4, 4), [(n * 4, 4, "CG"[n % 2]) for n in range(6)]),
        ("| C :| F | G :|", (4, 4), [(n * 4, 4, name) for n, name in enumerate("CCFGFG")]),
        ("|: C :|: F :| G |]", (4, 4), [(n * 4, 4, name) for n, name in enumerate("CCFFG")]),
        ("||: C :||: F :|| G |", (4, 4), [(n * 4, 4, name) for n, name in enumerate("CCFFG")]),
        ("|:C:|:F:|", (4, 4), [(n * 4, 4, name) for n, name in enumerate("CCFF")]),
        ("| C |: F :|", (4, 4), [(n * 4, 4, name) for n, name in enumerate("CFF")]),
    ],
)
def test_notation(text: str, meter: tuple[int, int], expected: list[tuple[float, float, str]]) -> None:
    assert chords(parse_chart(text, meter)) == expected


def test_blanks() -> None:
    chart = parse_chart("| ? | ? | C ? | % | F |")
    assert chart.blanks == ((0, 8), (10, 12), (14, 16))
    assert chords(chart) == [(8, 2, "C"), (12, 2, "C"), (16, 4, "F")]


def test_sections_cover_all_bars() -> None:
    chart = parse_chart("[A] |: C | G :|\n[B] F | % |\n[A'] C |")
    assert [(section.onset, section.duration, section.name) for section in chart.sections] == [
        *((0, 8, "A"), (8, 8, "A"), (16, 8, "B"), (24, 4, "A'"))
    ]
    chart = parse_chart("| C |\n[B] | F |")
    assert [section.name for section in chart.sections] == ["intro", "B"]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("| C | Hm7 | F |", ["2.1: 'Hm7' is no chord: write a root from A to G first, as in 'Bm7'"]),
        ("| C | F Gm77 |", ["2.3: 'Gm77' is no known chord: did you mean 'Gm7'?"]),
        ("| X | F Y |", ["1.1: 'X' is no chord", "2.3: 'Y' is no chord"]),
        ("| C |  | F |", ["2.1: empty: write a chord, % for the bar before again, or ? for a blank"]),
        ("| % | F |", ["1.1: % repeats the bar before, but there is none"]),
        ("| C D E F G A B H |", ["1.4.5: 'H' is no chord"]),
        ("| / C |", ["1.1: / lengthens the chord before, but the bar begins here"]),
        ("| C D E F G |", ["1.1: 5 chords in a bar of 4 beats: write one of 1, 2, 3, 4, 8"]),
        ("| C |: F | G |", ["2.1: the repeat |: that begins here has no end: write :| after its last bar"]),
        (":| C |", ["1.1: a repeat sign :| without a bar before it"]),
        ("| C :| :|x3 | F |", ["2.1: a repeat sign :| without a bar before it"]),
        ("|: C |: F :|", ["2.1: a repeat |: within a repeat: write :| before it"]),
        ("|: C :|x99", ["a repeat is played 2 to 16 times"]),
        ("| C | [B]", ["2.1: the section [B] has no bars"]),
        ("| C | [] F |", ["2.1: a section without a name"]),
        ("| C | [B F |", ["2.1: '[' is out of place"]),
        ("", ["the chart has no bars: write chords between bar lines, such as | C | F G7 |"]),
        ("||||\n# C", ["the chart has no bars"]),
        ("x" * 100_001, ["more than 100,000 characters"]),
        ("|: C | D :|x16" * 80, ["more than 2,000 bars"]),
        ("| X " * 40, ["1.1: "] + [""] * 19),
    ],
)
def test_mistakes_have_bar_and_beat(text: str, problems: list[str]) -> None:
    with pytest.raises(ChartError) as raised:
        parse_chart(text)
    assert len(raised.value.problems) == len(problems)
    for problem, expected in zip(raised.value.problems, problems, strict=True):
        assert expected in ": ".join(problem)
