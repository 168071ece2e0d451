"""A device of another rate, or of other channels, gets the same sound."""

import numpy as np
import pytest

from daemon.audio.ring import Frames
from daemon.speaker.converter import Converter

BLOCK = 256
ERROR = 10 ** (-100 / 20)  # of a sine, at its full level


def sine(hertz: float, rate: float, count: int) -> Frames:
    wave = np.sin(2 * np.pi * hertz * np.arange(count) / rate).astype(np.float32)
    return np.stack((wave, -wave), axis=1)


def converted(converter: Converter, signal: Frames) -> Frames:
    return np.concatenate([converter.convert(signal[at : at + BLOCK]) for at in range(0, len(signal), BLOCK)])


def test_equal_formats_are_bit_exact_and_take_no_time() -> None:
    converter, signal = Converter(48_000, BLOCK, 48_000.0, 2), sine(440, 48_000, 20 * BLOCK)
    assert (converted(converter, signal) == signal).all()
    assert converter.delay == converter.lag == 0


@pytest.mark.parametrize("device_rate", [44_100.0, 88_200.0, 96_000.0, 192_000.0])
@pytest.mark.parametrize("hertz", [100, 1_000, 10_000, 18_000])
def test_a_sine_of_another_rate_is_in_place_within_its_error(hertz: int, device_rate: float) -> None:
    converter = Converter(48_000, BLOCK, device_rate, 2)
    out = converted(converter, sine(hertz, 48_000, 200 * BLOCK))[4_000:, 0].astype(np.float64)
    angles = 2 * np.pi * hertz * np.arange(4_000, 4_000 + len(out)) / device_rate
    waves = np.stack((np.sin(angles), np.cos(angles)), axis=1)
    parts, *_ = np.linalg.lstsq(waves, out, rcond=None)
    assert np.abs(out - waves @ parts).max() < ERROR
    assert np.hypot(*parts) == pytest.approx(1, abs=2e-4)
    late = np.arctan2(parts[1], parts[0]) / (2 * np.pi * hertz)
    assert abs(late) < 50e-6 or hertz == 18_000, "whose period is as short as that"


@pytest.mark.parametrize("device_rate", [8_000.0, 44_100.0, 96_000.0])
@pytest.mark.parametrize("block", [64, 256, 480, 1_024])
def test_with_its_lag_no_frame_is_late(block: int, device_rate: float) -> None:
    converter = Converter(48_000, block, device_rate, 2)
    given = 0
    for number in range(1, 3_000):
        given += len(converter.convert(np.zeros((block, 2), np.float32)))
        assert number * block * converter.ratio - converter.lag <= given
    assert converter.delay < 0.03
    assert converter.delay < 0.007 or device_rate < 44_100


def test_what_is_above_half_the_rate_of_the_device_is_not_folded_back() -> None:
    out = converted(Converter(48_000, BLOCK, 32_000.0, 2), sine(20_000, 48_000, 100 * BLOCK))
    assert np.abs(out[4_000:]).max() < 1e-4


def test_a_mono_device_gets_both_channels_and_a_wide_one_two_of_its_own() -> None:
    block = np.tile(np.array([0.5, 0.25], np.float32), (BLOCK, 1))
    mono = Converter(48_000, BLOCK, 48_000.0, 1).convert(block)
    wide = Converter(48_000, BLOCK, 48_000.0, 8).convert(block)
    assert mono.shape == (BLOCK, 1) and (mono == 0.375).all()
    assert (wide[:, :2] == block).all() and (wide[:, 2:] == 0).all() and wide.shape == (BLOCK, 8)
