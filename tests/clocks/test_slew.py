"""When a new tempo is reported, and how the beat gets there."""

import pytest

from daemon.clocks.slew import COMPARISON_DELAY, MAX_JUMP, TOLERANCE, SlewedTempo
from daemon.music.tempo import Tempo


def test_a_small_change_is_not_reported() -> None:
    slewed = SlewedTempo(Tempo(0.0, 0.0, 60.0))
    assert slewed.follow(0.0, Tempo(0.9 * TOLERANCE, 0.0, 60.0), 1.0) is None
    assert slewed.follow(0.0, Tempo(0.0, 0.0, 60.0 + 0.9 * 60 * TOLERANCE / COMPARISON_DELAY), 1.0) is None
    assert slewed.tempo == Tempo(0.0, 0.0, 60.0)


@pytest.mark.parametrize("error", [2 * TOLERANCE, -2 * TOLERANCE, MAX_JUMP])
def test_the_beat_jumps_a_little(error: float) -> None:
    slewed = SlewedTempo(Tempo(0.0, 0.0, 60.0))
    measured = Tempo(error, 0.0, 60.0)
    assert slewed.follow(0.0, measured, 1.0) == measured == slewed.tempo


@pytest.mark.parametrize("error", [0.01, -0.01, 0.4, -0.4, 3.0])
@pytest.mark.parametrize("slew", [0.1, 1.0])
def test_a_larger_error_is_slewed(error: float, slew: float) -> None:
    slewed, measured = SlewedTempo(Tempo(0.0, 0.0, 60.0)), Tempo(error, 0.0, 60.0)
    tempo = slewed.follow(0.0, measured, slew)
    assert tempo is not None
    assert tempo.beat_at(0.0) == 0.0 and 29.9 <= tempo.bpm <= 90.1
    assert slewed.slew_end >= slew
    assert tempo.beat_at(slewed.slew_end) == pytest.approx(measured.beat_at(slewed.slew_end))
    assert slewed.follow(slewed.slew_end / 2, measured, slew) is None  # on its way
    assert slewed.follow(slewed.slew_end, measured, slew) == measured


def test_a_jump_that_is_asked_for_ends_a_slew() -> None:
    slewed = SlewedTempo(Tempo(0.0, 0.0, 60.0))
    slewed.follow(0.0, Tempo(1.0, 0.0, 60.0), 1.0)
    slewed.jump(Tempo(8.0, 0.0, 60.0))
    assert slewed.follow(0.1, Tempo(8.0, 0.0, 60.0), 1.0) is None
