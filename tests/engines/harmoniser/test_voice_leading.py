"""Voice leading: ranges, crossing voices and parallels."""

import numpy as np
import pytest

from daemon.encodings.chorale import LOWEST, RANGES, REST, UNKNOWN, VOICES
from daemon.engines.harmoniser.voice_leading import allowed, fold, parallels


def symbols(*pitches: int | None) -> np.ndarray:
    return np.array([[UNKNOWN if p is None else p - LOWEST for p in pitches]])


def test_a_voice_stays_in_its_range_and_never_rests() -> None:
    for voice, name in enumerate(VOICES):
        mask = allowed(voice, symbols(None, None, None, None))[0]
        low, high = RANGES[name]
        assert np.flatnonzero(mask).tolist() == list(range(low - LOWEST, high - LOWEST + 1))


def test_a_voice_does_not_cross_a_known_voice() -> None:
    tenor = np.flatnonzero(allowed(2, symbols(72, 62, None, 50))[0]) + LOWEST
    assert (tenor.min(), tenor.max()) == (50, 62)
    alto = np.flatnonzero(allowed(1, np.array([[66 - LOWEST, UNKNOWN, REST, UNKNOWN]]))[0]) + LOWEST
    assert alto.max() == 66


def test_where_known_voices_leave_no_pitch_crossing_is_allowed_and_the_range_holds() -> None:
    mask = allowed(1, symbols(50, None, 65, None))[0]
    low, high = RANGES["alto"]
    assert np.flatnonzero(mask).tolist() == list(range(low - LOWEST, high - LOWEST + 1))


@pytest.mark.parametrize(
    ("before", "after", "forbidden"),
    [
        (  # from a twelfth to a fifth, moved by octaves, in the same direction
            (72, None, None, 53),
            (74, None, None, None),
            {43, 55, 67},
        ),
        ((72, None, None, 60), (74, None, None, None), {62, 74}),
        ((72, None, None, 60), (72, None, None, None), set()),  # the soprano does not move
        ((72, None, None, 57), (74, None, None, None), set()),  # the interval before was no fifth or octave
        ((72, None, None, 60), (71, None, None, None), {47, 59}),
    ],
)
def test_parallels(before: tuple[int | None, ...], after: tuple[int | None, ...], forbidden: set[int]) -> None:
    def same_direction(bass: int) -> bool:
        return (bass - before[3]) * (after[0] - before[0]) > 0  # type: ignore[operator]

    counts = parallels(3, symbols(*before), symbols(*after))
    found = set() if counts is None else {int(s) + LOWEST for s in np.flatnonzero(counts[0])}
    assert all(map(same_direction, found))
    assert found >= set(filter(same_direction, forbidden))
    if not forbidden:
        assert not found


def test_fold_moves_a_pitch_into_the_range_by_octaves() -> None:
    for name in VOICES:
        low, high = RANGES[name]
        for pitch in range(128):
            assert low <= fold(pitch, name) <= high
            assert (fold(pitch, name) - pitch) % 12 == 0
        assert fold(low, name) == low and fold(high, name) == high
