"""The estimated clock of an audio device is near its true one, whatever the times of the calls look like."""

import random
from collections.abc import Callable

import pytest

from daemon.audio.clock_filter import ClockFilter

RATE = 48_000
SPEED = 1 + 100e-6  # of the device, 100 ppm off
NEAR = 0.0005  # seconds
JITTERS: dict[str, Callable[[random.Random], float]] = {
    "even": lambda dice: dice.uniform(-0.002, 0.002),
    "late": lambda dice: min(dice.expovariate(1 / 0.0005), 0.005),
    "none": lambda dice: 0.0,
}


class Device:
    """Takes `period` frames at once; `errors`: (seconds since the start, the map's error 10 ms ahead)."""

    def __init__(self, period: int, jitter: str) -> None:
        self.period, self.jitter, self.dice = period, JITTERS[jitter], random.Random(1)
        self.frame, self.begin, self.lost = 0, 5.0, 0.0
        self.slower, self.slower_from = 0.0, 0  # by this part of its period, from this frame on
        self.filter = ClockFilter(RATE)
        self.errors: list[tuple[float, float]] = []

    def true_seconds(self, frame: int) -> float:
        later = max(frame - self.slower_from, 0) / RATE * self.slower
        return self.begin + self.lost + frame / RATE / SPEED + later

    def run(self, seconds: float, late: Callable[[float], float] = lambda now: now) -> None:
        end = self.true_seconds(self.frame) + seconds
        while (now := self.true_seconds(self.frame)) < end:
            self.filter.add(self.frame, late(now + self.jitter(self.dice)))
            ahead = self.frame + 480
            f = self.filter
            error = f.seconds + (ahead - f.frame) * f.seconds_per_frame - self.true_seconds(ahead)
            self.errors.append((now - self.begin, error))
            self.frame += self.period

    def worst(self, after: float) -> float:
        return max(abs(error) for seconds, error in self.errors if seconds > after)


@pytest.mark.parametrize("jitter", JITTERS)
@pytest.mark.parametrize("period", [64, 256, 1024])
def test_the_clock_is_near_soon_after_the_start_and_stays_near(period: int, jitter: str) -> None:
    device = Device(period, jitter)
    device.run(30)
    assert device.worst(after=max(0.1, 20 * period / RATE)) < NEAR + 0.0005 * (jitter == "late")
    assert device.worst(after=10) < 0.00025 + 0.0005 * (jitter == "late"), "that late are calls in the mean"


def test_the_clock_is_near_for_ten_minutes() -> None:
    device = Device(256, "even")
    device.run(600)
    assert device.worst(after=0.5) < NEAR
    assert device.filter.seconds_per_frame * RATE * SPEED == pytest.approx(1, abs=20e-6)


def test_a_device_that_gets_slower_is_followed() -> None:
    device = Device(1024, "even")
    device.run(600)
    device.slower, device.slower_from = 30e-6, device.frame
    device.run(60)
    assert device.worst(after=10) < NEAR
    assert device.worst(after=640) < NEAR / 2


def test_calls_that_come_late_after_a_stall_change_little_for_long() -> None:
    device = Device(256, "even")
    device.run(10)
    stall = device.true_seconds(device.frame)
    device.run(0.2, late=lambda now: stall + 0.2)
    device.run(5)
    assert device.worst(after=10.8) < NEAR


def test_frames_that_a_device_lost_are_noticed_soon() -> None:
    device = Device(256, "even")
    device.run(10)
    device.lost = 0.016
    device.run(5)
    assert device.worst(after=10.6) < NEAR


def test_one_call_that_is_very_late_changes_nothing() -> None:
    device = Device(256, "even")
    device.run(10)
    device.run(0.005, late=lambda now: now + 0.1)
    device.run(5)
    assert device.worst(after=5) < NEAR
