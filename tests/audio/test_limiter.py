"""The limiter keeps every signal within its ceiling, and changes nothing of one that is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from daemon.audio.limiter import CEILING, HOLD, RELEASE, Limiter
from daemon.audio.ring import Frames

RATE = 48_000
SIGNALS = arrays.arrays(np.float32, st.tuples(st.integers(1, 200), st.just(2)), elements=st.floats(-64, 64, width=32))


def sine(hertz: float, seconds: float, amplitude: float = 1.0) -> Frames:
    wave = amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    return np.repeat(wave.astype(np.float32)[:, None], 2, axis=1)


def limited(signal: Frames, block: int = 256) -> Frames:
    limiter, out = Limiter(RATE), signal.copy()
    for first in range(0, len(out), block):
        limiter.process(out[first : first + block])
    return out


@given(SIGNALS, st.integers(1, 64))
@settings(max_examples=200, deadline=None)
def test_nothing_exceeds_the_ceiling_and_no_sample_grows_or_changes_its_sign(signal: Frames, block: int) -> None:
    out = limited(signal, block)
    assert np.abs(out).max() <= CEILING
    assert (np.abs(out) <= np.abs(signal)).all() and (out * signal >= 0).all()


@given(SIGNALS)
@settings(max_examples=100, deadline=None)
def test_up_to_the_ceiling_every_sample_passes_unchanged(signal: Frames) -> None:
    quiet = np.clip(signal, -CEILING, CEILING)
    assert (limited(quiet) == quiet).all()


@given(SIGNALS, st.integers(1, 64), st.integers(1, 300))
@settings(max_examples=100, deadline=None)
def test_the_cut_into_blocks_makes_no_difference(signal: Frames, one: int, other: int) -> None:
    np.testing.assert_allclose(limited(signal, one), limited(signal, other), rtol=2e-5, atol=1e-6)


def test_both_channels_get_the_same_gain() -> None:
    signal = sine(220, 0.2) * np.array([2.0, 0.25], np.float32)
    out = limited(signal)
    np.testing.assert_allclose(out[:, 0], out[:, 1] * 8, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("hertz", [40, 240, 1_000])
def test_a_loud_tone_keeps_its_shape_after_its_first_period(hertz: float) -> None:
    out = limited(sine(hertz, 0.5, 2.0))[:, 0]
    periods = out[RATE // 4 : RATE // 4 + 4 * RATE // hertz]
    spectrum = np.abs(np.fft.rfft(periods)) / len(periods) * 2
    harmonics = np.sqrt((np.delete(spectrum, [0, 4]) ** 2).sum())
    assert spectrum[4] == pytest.approx(CEILING, rel=1e-3)
    assert harmonics < spectrum[4] * 1e-3, "−60 dB"


def test_after_a_peak_the_gain_returns_smoothly_and_for_good() -> None:
    signal = sine(1_000, 3.0, 0.5)
    signal[100] = 4.0
    out = limited(signal)
    peaks = np.abs(out[:, 0]).reshape(-1, 48).max(axis=1) / 0.5  # one a period
    held = round(HOLD * 1_000)
    assert peaks[5:held] == pytest.approx(CEILING / 4, rel=1e-3)
    assert (np.diff(peaks[held + 4 :]) >= -1e-6).all() and np.diff(peaks[held:]).max() < 1 / RELEASE / 1_000
    assert (out[2 * RATE :] == signal[2 * RATE :]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_silence(bad: float) -> None:
    signal = sine(440, 0.1, 0.5)
    signal[1_000] = bad
    out = limited(signal)
    assert (out[1_000] == 0).all()
    signal[1_000] = 0
    assert (out == signal).all()


def test_the_gain_tells_whether_a_block_was_limited() -> None:
    limiter = Limiter(RATE)
    limiter.process(sine(440, 0.01, 0.5))
    assert limiter.gain == 1.0
    limiter.process(sine(440, 0.01, 2.0))
    assert limiter.gain == pytest.approx(CEILING / 2, rel=1e-3)
