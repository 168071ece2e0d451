"""Gain, pan and mute: their values, and how they change."""

import math

import numpy as np
import pytest

from daemon.instrument.renderer import Renderer
from tests.tools.sine import Sine, sine

RATE = 48_000


class Constant(Sine):
    """Renders 0.5."""

    def render(self, out: np.ndarray) -> None:
        out[:] = 0.5


def factors(**settings: float) -> tuple[float, float]:
    """What left and right are multiplied by, when all has settled."""
    renderer = Renderer(sine(RATE, Constant), RATE)
    for name, value in settings.items():
        renderer.control(name, value)
    out = np.zeros((1_000, 2), np.float32)
    renderer.render(0, out)
    left, right = out[-1] / 0.5
    return float(left), float(right)


def test_at_the_defaults_nothing_changes() -> None:
    assert factors() == (1.0, 1.0)


@pytest.mark.parametrize(("gain", "factor"), [(-60, 0), (-20, 0.1), (6, 10**0.3), (12, 10**0.6), (99, 10**0.6)])
def test_the_gain_is_in_decibels_and_its_lower_end_is_silence(gain: float, factor: float) -> None:
    assert factors(gain=gain) == pytest.approx((factor, factor), abs=1e-6)


@pytest.mark.parametrize("pan", [-1.0, -0.5, 0.0, 0.3, 1.0])
def test_the_power_is_the_same_wherever_the_instrument_is(pan: float) -> None:
    left, right = factors(pan=pan)
    assert left**2 + right**2 == pytest.approx(2, abs=1e-5)
    assert math.copysign(1, right - left) == math.copysign(1, pan) or pan == 0.0


def test_a_muted_instrument_is_silent_until_it_is_no_longer_muted() -> None:
    assert factors(mute=1) == (0, 0)
    assert factors(mute=1, gain=6) == (0, 0)
    renderer = Renderer(sine(RATE, Constant), RATE)
    out = np.zeros((1_000, 2), np.float32)
    for value, heard in ((1, 0.0), (0, 0.5)):
        renderer.control("mute", value)
        renderer.render(0, out)
        assert (out[-1] == heard).all()


@pytest.mark.parametrize("change", [("gain", -60), ("mute", 1)])
def test_a_change_takes_10_ms_without_a_step(change: tuple[str, float]) -> None:
    renderer = Renderer(sine(RATE, Constant), RATE)
    out = np.zeros((1_000, 2), np.float32)
    renderer.render(0, out[:100])
    renderer.control(*change)
    for at in range(100, 1_000, 90):
        renderer.render(at, out[at : at + 90])
    left = out[:, 0]
    assert np.abs(np.diff(left)).max() <= 0.5 / 480 * 1.001
    assert left[99] == 0.5 and left[99 + 479] > 0 and not left[100 + 480 :].any()


def test_a_change_during_a_change_begins_where_the_level_is() -> None:
    renderer = Renderer(sine(RATE, Constant), RATE)
    out = np.zeros((1_200, 2), np.float32)
    renderer.control("mute", 1)
    renderer.render(0, out[:240])
    renderer.control("mute", 0)
    renderer.render(240, out[240:])
    assert out[239, 0] == pytest.approx(0.25, abs=1e-6)
    assert np.abs(np.diff(out[:, 0])).max() <= 0.5 / 480 * 1.001 and out[-1, 0] == 0.5


def test_the_level_begins_as_configured() -> None:
    engine = sine(RATE, Constant)
    engine.values["gain"] = -6.0
    out = np.zeros((4, 2), np.float32)
    Renderer(engine, RATE).render(0, out)
    assert out == pytest.approx(0.5 * 10**-0.3)


def test_settings_that_the_engine_does_not_declare_are_ignored() -> None:
    assert factors(colour=3) == (1.0, 1.0)
