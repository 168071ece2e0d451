"""What `jamd bench sound` finds in recorded audio."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.bench import tone
from daemon.bench.sound_analysis import Samples, decibels, first_of_each, gaps, nearest_differences, onsets
from daemon.bench.sound_measures import Recording, _delays, _skewed_clock
from daemon.music.events import note_off, note_on

RATE = 48_000


def played(seconds: float, clicks: list[int] | None = None, block: int = 480) -> Samples:
    """The left side of what a player of the tone renders, in blocks; a click begins with the block of each frame."""
    sound, blocks = tone.Sound(RATE), []
    for first in range(0, round(seconds * RATE), block):
        if any(first <= frame < first + block for frame in clicks or ()):
            sound.click()
        blocks.append(np.zeros((block, 2), np.float32))
        sound.render(blocks[-1])
    return np.concatenate(blocks)[:, 0]


def test_a_tone_with_clicks_and_music_has_no_gap() -> None:
    samples = played(2, [9600, 48_000])
    music = 0.4 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / RATE)
    assert gaps((samples + music).astype(np.float32), RATE) == 0


@pytest.mark.parametrize("frames", [31, 64, 128, 256, 480, 960, 2400])
def test_missing_repeated_and_silent_frames_are_a_gap_each(frames: int) -> None:
    samples = played(2)
    missing = np.concatenate([samples[:20_000], samples[20_000 + frames :]])
    repeated = np.concatenate([samples[:50_000], samples[50_000 - frames :]])
    silent = samples.copy()
    silent[30_000 : 30_000 + max(frames, 96)] = 0
    assert [gaps(each, RATE) for each in (missing, repeated, silent)] == [1, 1, 1]
    twice = missing.copy()
    twice[60_000:60_480] = 0
    assert gaps(twice, RATE) == 2


def test_silence_is_a_gap() -> None:
    assert gaps(np.zeros(RATE, np.float32), RATE) == 1


def test_onsets_are_the_first_frames_of_clicks() -> None:
    assert onsets(played(2, [9600, 48_000, 50_400]), RATE, 0.04) == pytest.approx([9600, 48_000, 50_400], abs=2)
    assert onsets(played(2, [9600, 48_000, 50_400]), RATE, 0.06) == pytest.approx([9600, 48_000], abs=2)


def test_distances_of_neighbours() -> None:
    assert first_of_each([10, 12, 4900, 9800], RATE, 0.1) == [10, 4900, 9800]
    assert nearest_differences([100, 205, 400], [90, 210]) == [10, -5, 190]
    assert nearest_differences([1], []) == []
    assert decibels(0.5) == pytest.approx(-6.02, abs=0.01) and decibels(0) == float("-inf")


def test_the_delay_of_a_note_is_that_of_the_next_click() -> None:
    sent = [
        (9_500, note_on(1, 60, 90)),
        (9_700, note_off(1, 60)),
        (47_000, note_on(1, 60, 90)),
        (90_000, note_on(1, 60, 90)),
    ]
    recorded = Recording(played(2, [9_600, 48_000])[None], sent, [], RATE, 480)
    assert _delays(recorded) == pytest.approx([100 / RATE, 1_000 / RATE, float("inf")], abs=3 / RATE)


def test_the_clock_of_a_device_that_is_too_fast_is_followed() -> None:
    assert _skewed_clock().good
