"""Ranges, crossing voices and parallels."""

import numpy as np
import pytest

from daemon.encodings.chorale import LOWEST, RANGES, REST, UNKNOWN, VOICES
from daemon.engines.harmoniser.voice_leading import allowed, fold, parallels


def symbols(*pitches: int | None) -> np.ndarray:
    return np.array([[UNKNOWN if p is None else p - LOWEST for p in pitches]])


def test_only_the_range_and_never_a_rest() -> None:
    for voice, name in enumerate(VOICES):
        mask = allowed(voice, symbols(None, None, None, None))[0]
        low, high = RANGES[name]
        assert np.flatnonzero(mask).tolist() == list(range(low - LOWEST, high - LOWEST + 1))


def test_no_crossing_among_known_voices() -> None:
    tenor = np.flatnonzero(allowed(2, symbols(72, 62, None, 50))[0]) + LOWEST
    assert (tenor.min(), tenor.max()) == (50, 62)
    alto = np.flatnonzero(allowed(1, np.array([[66 - LOWEST, UNKNOWN, REST, UNKNOWN]]))[0]) + LOWEST
    assert alto.max() == 66


def test_crossing_is_given_up_before_the_range() -> None:
    mask = allowed(1, symbols(50, None, 65, None))[0]
    low, high = RANGES["alto"]
    assert np.flatnonzero(mask).tolist() == list(range(low - LOWEST, high - LOWEST + 1))


@pytest.mark.parametrize(
    ("before", "after", "bad"),
    [
        (
            (72, None, None, 53),
            (74, None, None, None),
            {43, 55, 67},
        ),  # fifth + octave: to a fifth, in the same direction
        ((72, None, None, 60), (74, None, None, None), {62, 74}),
        ((72, None, None, 60), (72, None, None, None), set()),  # the soprano stays
        ((72, None, None, 57), (74, None, None, None), set()),  # it was no fifth or octave
        ((72, None, None, 60), (71, None, None, None), {47, 59}),
    ],
)
def test_parallels(before: tuple[int | None, ...], after: tuple[int | None, ...], bad: set[int]) -> None:
    found = parallels(3, symbols(*before), symbols(*after))
    got = set() if found is None else {int(s) + LOWEST for s in np.flatnonzero(found[0])}
    moved = {pitch for pitch in got if (pitch - before[3]) * (after[0] - before[0]) > 0}  # type: ignore[operator]
    assert got == moved
    assert got >= {p for p in bad if (p - before[3]) * (after[0] - before[0]) > 0} or not bad  # type: ignore[operator]
    if not bad:
        assert not got


def test_fold() -> None:
    for name in VOICES:
        low, high = RANGES[name]
        for pitch in range(128):
            assert low <= fold(pitch, name) <= high
            assert (fold(pitch, name) - pitch) % 12 == 0
        assert fold(low, name) == low and fold(high, name) == high
