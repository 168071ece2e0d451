"""How composed songs are counted beside the pieces of a style."""

from __future__ import annotations

import pytest

from export_tools.leadsheets.composed import figures, main

BAR = 48
C, G = frozenset((0, 4, 7)), frozenset((7, 11, 2))


def test_each_figure_by_hand() -> None:
    phrase = [(0, 12, 0), (18, 18, 0), (36, 12, 2)]
    other = [(0, 24, 14), (24, 24, 4)]
    notes = [*phrase, *((at + 4 * BAR, ticks, pitch) for at, ticks, pitch in phrase)]
    notes += [(at + BAR, ticks, pitch) for at, ticks, pitch in other] + [(5 * BAR, 48, 0)]
    chords = [(bar * BAR, BAR, C if bar != 1 else G) for bar in range(6)]
    on_quarters, density, inside, repeated, steps, leaps, alike = figures([(sorted(notes), chords)], BAR)
    assert on_quarters == pytest.approx(100 * 7 / 9)
    assert density == pytest.approx(9 / 6)
    assert inside == pytest.approx(100 * (30 + 24 + 30 + 48) / (42 + 48 + 42 + 48))
    assert (repeated, steps, leaps) == pytest.approx((100 * 2 / 8, 100 * 3 / 8, 100 * 2 / 8))
    assert alike == 50, "the first bar, not the second"


def test_songs_stand_beside_the_pieces(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["foster", "--count", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines] == ["", "---", "foster", "foster, pieces"]
