"""Positions as bar.beat."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.song.positions import Grid, Span


@pytest.mark.parametrize(
    ("text", "onset", "duration", "is_point"),
    [
        ("1.1", 0, 1, True),
        ("3", 8, 4, False),
        ("3.2", 9, 1, True),
        ("3.2.4", 9.75, 0.25, True),
        ("9.1-12.4", 32, 16, False),
        ("9-12", 32, 16, False),
        ("1.2 – 1.2.2", 1, 0.5, False),
    ],
)
def test_a_position_is_counted_from_one_and_a_span_holds_its_last_beat(
    text: str, onset: float, duration: float, is_point: bool
) -> None:
    assert Grid((4, 4), 12).span(text) == Span(onset, duration, is_point)


def test_a_beat_is_the_unit_of_the_meter() -> None:
    assert Grid((6, 8), 2).span("2.4") == Span(4.5, 0.5, True)
    assert Grid((2, 2), 2).span("2.2.8") == Span(7.75, 0.25, True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("one", "'one' is no position: write bar.beat as in 3.2, or a span as in 9.1-12.4 or 9-12"),
        ("", "'' is no position"),
        ("1.1.1.1", "is no position"),
        ("0.1", "there is no bar 0: choose one from 1 to 12"),
        ("13", "there is no bar 13: choose one from 1 to 12"),
        ("1.5", "a bar has no beat 5: choose one from 1 to 4"),
        ("1.1.5", "a beat has no sixteenth 5: choose one from 1 to 4"),
        ("3.2-3.1", "ends before it begins"),
    ],
)
def test_a_wrong_position_says_what_is_right(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as raised:
        Grid((4, 4), 12).span(text)
    assert problem in str(raised.value)


@given(st.sampled_from([(4, 4), (3, 4), (6, 8), (2, 2), (5, 4), (7, 16)]), st.integers(0, 500))
def test_a_position_that_is_printed_is_read_as_the_same_beat(meter: tuple[int, int], sixteenth: int) -> None:
    grid = Grid(meter, 1000)
    assert grid.span(grid.at(sixteenth / 4)).onset == sixteenth / 4


def test_an_upbeat_is_in_bar_0() -> None:
    assert Grid((4, 4), 2).at(-1) == "0.4"
