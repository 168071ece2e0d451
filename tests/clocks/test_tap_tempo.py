"""The tempo of taps. In a performance: tests/performance/test_controls.py."""

import pytest

from daemon.clocks.tap_tempo import TapTempo


def tapped(*stamps: float) -> TapTempo:
    taps = TapTempo()
    for stamp in stamps:
        taps.tap(stamp)
    return taps


def test_one_tap_is_no_tempo() -> None:
    assert tapped().period is None
    assert tapped(1.0).period is None


def test_the_mean_of_the_last_four_intervals() -> None:
    assert tapped(1.0, 1.5).period == 0.5
    assert tapped(0.0, 0.6, 1.1, 1.6, 2.1, 2.6).period == pytest.approx(0.5)


def test_a_bouncing_contact_is_one_tap() -> None:
    assert tapped(1.0, 1.01, 1.5, 1.53, 2.0).count == 3


def test_a_pause_starts_again() -> None:
    assert tapped(1.0, 1.5, 4.6).stamps == [4.6]


def test_an_uneven_tap_starts_again_with_its_interval() -> None:
    taps = tapped(1.0, 1.5, 2.0, 2.8)
    assert taps.stamps == [2.0, 2.8] and taps.period == pytest.approx(0.8)


def test_no_more_than_eight_are_kept() -> None:
    assert tapped(*(n / 2 for n in range(20))).count == TapTempo.MAX_TAPS


def test_restored_taps_have_the_same_tempo() -> None:
    taps = TapTempo()
    for stamp in (1.0, 1.5, 2.1, 2.55, 3.1):
        taps.tap(stamp)
    assert TapTempo(taps.stamps).period == taps.period
