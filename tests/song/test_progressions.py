"""Progressions by name."""

from __future__ import annotations

import pytest

from daemon.leadsheet.chart import parse_chart
from daemon.music.chords import chord_of
from daemon.song.progressions import PROGRESSIONS, progression_named


@pytest.mark.parametrize("name", PROGRESSIONS)
def test_every_progression_is_a_chart_on_its_tonic(name: str) -> None:
    progression = PROGRESSIONS[name]
    chart = parse_chart(progression.chart)
    assert not chart.blanks
    chords = [chord_of(chord.symbol) for chord in chart.chords]
    tonics = [chord for chord in chords if chord.root == 0]
    third = 3 if progression.mode == "minor" else 4
    assert all(third in chord.intervals for chord in tonics)
    assert tonics or "bridge" in name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Jazz Blues", "jazz blues"),
        ("ii-v-i", "ii-V-I"),
        ("2-5-1", "ii-V-I"),
        ("Canon", "Pachelbel"),
        ("DOO WOP", "50s"),
    ],
)
def test_a_name_may_be_written_in_several_ways(written: str, name: str) -> None:
    assert progression_named(written) is PROGRESSIONS[name]


def test_no_two_progressions_have_the_same_name() -> None:
    names = [name for known, progression in PROGRESSIONS.items() for name in (known, *progression.aliases)]
    plain = ["".join(c for c in name.lower() if c.isalnum()) for name in names]
    assert sorted(set(plain)) == sorted(plain)
