"""Around missing frames a signal fades out and in, without a jump."""

import numpy as np
import pytest

from daemon.audio.ring import Frames
from daemon.speaker.fade import FADE, Fade

RATE = 48_000
LENGTH = round(FADE * RATE)
STEEPEST = 2 * np.pi * 440 / RATE + 1 / LENGTH  # the steepest step of the sine, and one of the fade


def sine(count: int) -> Frames:
    wave = np.sin(2 * np.pi * 440 * np.arange(count) / RATE).astype(np.float32)
    return np.repeat(wave[:, None], 2, axis=1)


@pytest.mark.parametrize("block", [64, 240, 256, 1024])
def test_a_gap_begins_and_ends_without_a_jump(block: int) -> None:
    fade, signal = Fade(RATE, 2), sine(30 * block)
    gap = range(10, 20) if block < LENGTH else range(10, 12)
    begins = []
    for number in range(30):
        frames = signal[number * block : (number + 1) * block]
        if number in gap:
            begins.append(fade.missing(frames))
        else:
            fade.present(frames)
    assert begins == [True] + [False] * (len(gap) - 1), "it begins once"
    assert np.abs(np.diff(signal, axis=0)).max() < STEEPEST
    first, last = gap[0] * block, (gap[-1] + 1) * block
    assert np.abs(signal[first : first + LENGTH // 4]).max() > 0.5
    assert (signal[first + LENGTH : last] == 0).all()
    again = last + LENGTH
    assert (signal[again:] == sine(30 * block)[again:]).all(), "unchanged after the fade"


def test_before_the_first_frames_is_silence_and_no_gap() -> None:
    fade, frames = Fade(RATE, 2), np.ones((100, 2), np.float32)
    assert not fade.missing(frames)
    assert (frames == 0).all()


def test_what_was_before_a_gap_is_not_heard_again_in_the_next_one() -> None:
    fade, signal = Fade(RATE, 2), np.ones((4 * LENGTH, 2), np.float32)
    fade.present(signal[:LENGTH])
    fade.missing(signal[LENGTH : 3 * LENGTH])
    signal[3 * LENGTH :] = 0
    fade.present(signal[3 * LENGTH : 3 * LENGTH + 10])
    fade.missing(signal[3 * LENGTH + 10 :])
    assert (signal[3 * LENGTH :] == 0).all()


def test_a_gap_within_the_fade_in_begins_at_its_level() -> None:
    fade, signal = Fade(RATE, 2), np.ones((600, 2), np.float32)
    fade.present(signal[:100])
    fade.missing(signal[100:400])
    fade.present(signal[400:])
    assert np.abs(np.diff(signal, axis=0)).max() < 2 / LENGTH
