import numpy as np
import pytest

from daemon.encodings import chorale


def test_symbols_count_from_the_lowest_pitch_and_rest_comes_last():
    assert chorale.to_symbols([[36, 81, -1, 60]]).tolist() == [[0, 45, 46, 24]]


@pytest.mark.parametrize("pitch", [35, 82])
def test_a_pitch_without_a_symbol_is_an_error(pitch):
    with pytest.raises(ValueError, match=f"MIDI {pitch} is outside 36..81"):
        chorale.to_symbols([60, pitch])


def test_repeated_is_true_for_the_same_pitch_again_and_never_for_a_rest():
    symbols = np.array([[1, 46, 3, 4], [1, 46, 4, 4], [2, 46, 4, 46]])
    assert chorale.repeated(symbols).tolist() == [
        [False, False, False, False],
        [True, False, False, True],
        [False, False, True, False],
    ]


def test_ranges_are_symbols_and_ordered():
    assert list(chorale.RANGES) == list(chorale.VOICES)
    for low, high in chorale.RANGES.values():
        assert chorale.LOWEST <= low < high <= chorale.HIGHEST
    for upper, lower in zip(chorale.VOICES[:-1], chorale.VOICES[1:], strict=True):
        assert chorale.RANGES[upper][0] > chorale.RANGES[lower][0]
        assert chorale.RANGES[upper][1] > chorale.RANGES[lower][1]
