"""The device's callback: it copies what is there, counts what is not, and needs no memory."""

import gc
import tracemalloc

import numpy as np

from daemon.audio.ring import Frames
from daemon.speaker.fade import FADE
from daemon.speaker.playback import CAPACITY, Playback

RATE = 48_000
FADED = round(FADE * RATE)


def ramp(first: int, count: int) -> Frames:
    return np.repeat(np.arange(first, first + count, dtype=np.float32)[:, None], 2, axis=1)


def take(playback: Playback, count: int) -> Frames:
    out = np.full((count, 2), np.nan, np.float32)
    playback.take(out, 0.01, False)
    return out


def test_frames_are_taken_as_they_were_written_whatever_the_pieces_are() -> None:
    playback = Playback(RATE, 2)
    playback.begin(1_000)
    take(playback, 1_000)
    written, taken = 1_000, 1_000
    while taken < CAPACITY * 2:
        playback.write(written, ramp(written, 480))
        written += 480
        while taken + 256 <= written:
            out = take(playback, 256)
            if taken > 1_000 + FADED:
                assert (out == ramp(taken, 256)).all()
            taken += 256
    assert playback.under_runs == 0


def test_the_longest_blocks_are_taken_as_they_were_written_by_a_device_that_takes_two_at_once() -> None:
    block = 8_192 * 4  # frames of a device at 192,000 Hz
    playback = Playback(RATE * 4, 2, block)
    playback.begin(0)
    for number in range(3):
        playback.write(number * block, ramp(number * block, block))
    for first in range(2 * block, 20 * block, 2 * block):
        out = take(playback, 2 * block)
        if first > 2 * block:
            assert (out == ramp(first - 2 * block, 2 * block)).all()
        for start in (first + block, first + 2 * block):
            playback.write(start, ramp(start, block))
    assert playback.under_runs == 0


def test_silence_before_the_beginning_is_no_under_run() -> None:
    playback = Playback(RATE, 2)
    assert (take(playback, 256) == 0).all()
    playback.begin(512)
    assert (take(playback, 256) == 0).all()
    assert playback.under_runs == 0


def test_a_gap_is_one_under_run_and_what_comes_too_late_is_left_out() -> None:
    playback = Playback(RATE, 2)
    playback.begin(0)
    playback.write(0, np.ones((512, 2), np.float32))
    out = [take(playback, 256) for _ in range(4)]
    assert playback.under_runs == 1
    playback.write(512, np.ones((256, 2), np.float32))
    playback.write(768, np.ones((512, 2), np.float32))
    out += [take(playback, 256) for _ in range(2)]
    assert playback.under_runs == 2, "the end of what was written"
    signal = np.concatenate(out)
    assert np.abs(np.diff(signal, axis=0)).max() < 2 / FADED
    assert (signal[512 + FADED : 1_024] == 0).all()


def test_the_end_is_a_fade_and_no_under_run() -> None:
    playback = Playback(RATE, 2)
    playback.begin(0)
    playback.write(0, np.ones((1_024, 2), np.float32))
    out = [take(playback, 256), take(playback, 256)]
    playback.end()
    out += [take(playback, 256), take(playback, 256)]
    assert np.abs(np.diff(np.concatenate(out), axis=0)).max() < 2 / FADED
    assert (out[-1] == 0).all() and playback.under_runs == 0


def test_a_device_that_reports_a_missed_deadline_is_an_under_run() -> None:
    playback = Playback(RATE, 2)
    playback.take(np.zeros((256, 2), np.float32), 0.0, True)
    assert playback.under_runs == 0, "before the beginning"
    playback.begin(256)
    playback.write(256, ramp(0, 1_024))
    playback.take(np.zeros((256, 2), np.float32), 0.0, True)
    assert playback.under_runs == 1


def test_the_calls_are_kept_for_the_clock() -> None:
    playback = Playback(RATE, 2)
    take(playback, 256)
    take(playback, 64)
    assert [(first, count, latency) for first, count, _, latency in playback.calls] == [(0, 256, 0.01), (256, 64, 0.01)]


def test_ten_thousand_calls_leave_no_memory_behind() -> None:
    playback, out, block = Playback(RATE, 2), np.zeros((256, 2), np.float32), np.ones((256, 2), np.float32)

    def run(calls: int) -> None:
        for _ in range(calls):
            if playback.taken % 5_120:  # else: an under-run
                playback.write(playback.taken, block)
            playback.take(out, 0.01, False)

    run(2_000)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        run(10_000)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 500_000  # the calls that are kept are new objects
    assert len(playback.calls) == playback.calls.maxlen
