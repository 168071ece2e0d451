"""The published clock says when a device takes the band's frames, and how early."""

import pytest

from daemon.audio.clock import MIXING_TIME
from daemon.speaker.playback import Playback
from daemon.speaker.timekeeper import CALM, MOST, STEP, Reserve, Timekeeper

RATE = 48_000


class Device:
    """Takes `period` frames at once, as one call or as calls of `call` frames, at exact times."""

    def __init__(self, period: int, call: int = 0, rate: float = RATE, latency: float = 0.01) -> None:
        self.playback = Playback(rate, 2)
        self.period, self.call, self.latency = period, call or period, latency

    def true_seconds(self, frame: int) -> float:
        return 3.0 + frame / self.playback.rate

    def run(self, periods: int) -> None:
        for _ in range(periods):
            first = self.playback.taken
            for frame in range(first, first + self.period, self.call):
                count = min(self.call, first + self.period - frame)
                seconds = self.true_seconds(first) + (frame - first) * 1e-7
                latency = self.latency + (frame - first) / self.playback.rate
                self.playback.calls.append((frame, count, seconds, latency))
            self.playback.taken = first + self.period


def begun(device: Device, block: int, delay: float = 0.0, rate: int = RATE) -> tuple[Timekeeper, int]:
    """With the band's frame 1,000 in the device's frame that is returned."""
    timekeeper = Timekeeper(device.playback, rate, block, 1, delay)
    device.run(20)
    timekeeper.update()
    assert timekeeper.is_known
    return timekeeper, timekeeper.begin(1_000, device.true_seconds(device.playback.taken))


@pytest.mark.parametrize(("period", "call"), [(64, 0), (128, 0), (256, 0), (480, 0), (1024, 0), (1024, 256)])
@pytest.mark.parametrize("block", [64, 128, 256, 480, 1024])
def test_every_block_is_mixed_before_the_device_takes_its_first_frame(period: int, call: int, block: int) -> None:
    device = Device(period, call)
    timekeeper, begin = begun(device, block)
    clock, margins = timekeeper.clock, []
    for number in range(50):
        first = begin + number * block
        taken = device.true_seconds(first - (first - 20 * device.period) % device.period)
        margins.append(taken - clock.mixed_at(1_000 + number * block))
    assert min(margins) == pytest.approx(MIXING_TIME, abs=2e-5), "no later, and no earlier than needed"


@pytest.mark.parametrize("block", [64, 96, 256, 480])
def test_an_instrument_counts_blocks_from_where_the_speaker_does(block: int) -> None:
    device = Device(64)
    timekeeper, _ = begun(device, block)
    for _ in range(20):
        device.run(1)
        timekeeper.update()
        clock = timekeeper.clock
        first = clock.first_block(device.true_seconds(device.playback.taken))
        assert (clock.frame - 1_000) % block == 0 and (first - 1_000) % block == 0


def test_frames_are_heard_after_the_latency_and_the_delay_of_a_conversion() -> None:
    device = Device(256, rate=44_100.0, latency=0.02)
    timekeeper, begin = begun(device, 256, delay=0.005)
    clock = timekeeper.clock
    assert clock.heard_at(1_000) == pytest.approx(device.true_seconds(begin) + 0.025, abs=1e-5)
    assert clock.heard_at(1_000 + RATE) == pytest.approx(device.true_seconds(begin) + 1.025, abs=1e-4)
    assert clock.rate == RATE and clock.epoch == 1


@pytest.mark.parametrize("latency", [-1.0, 0.0, 5.0, float("nan"), float("inf")])
def test_an_impossible_latency_is_none(latency: float) -> None:
    timekeeper, _ = begun(Device(256, latency=latency), 256)
    assert timekeeper.clock.latency == 0


def test_a_latency_that_changes_for_good_is_followed() -> None:
    device = Device(256)
    timekeeper, _ = begun(device, 256)
    before = timekeeper.clock.latency
    device.latency += 0.0005
    device.run(500)
    timekeeper.update()
    assert timekeeper.clock.latency == before, "a little: everything depends on it"
    device.latency += 0.02
    device.run(1000)
    timekeeper.update()
    assert timekeeper.clock.latency == pytest.approx(device.latency, abs=0.0011)


def test_the_reserves_are_part_of_the_clock() -> None:
    timekeeper, _ = begun(Device(256), 256)
    before = timekeeper.clock
    assert timekeeper.mixing.grow(0.003, 10.0)
    assert timekeeper.clock.advance == pytest.approx(before.advance + 0.003)
    assert timekeeper.rendering.grow(0.004, 10.0)
    assert timekeeper.clock.rendering == pytest.approx(before.rendering + 0.004)
    assert timekeeper.clock.delay == pytest.approx(before.delay + 0.007)


def test_a_long_burst_is_no_burst_but_skipped_frames() -> None:
    device = Device(256)
    timekeeper, _ = begun(device, 256)
    device.period, device.call = RATE // 2, 1_000
    device.run(1)
    timekeeper.update()
    assert not timekeeper.has_jumped
    seconds = device.true_seconds(device.playback.taken)
    for frame in range(device.playback.taken, device.playback.taken + 2 * RATE, 1_000):
        device.playback.calls.append((frame, 1_000, seconds, 0.01))
    timekeeper.update()
    assert timekeeper.has_jumped


def test_a_device_that_stood_still_needs_a_new_clock() -> None:
    device = Device(256)
    timekeeper, _ = begun(device, 256)
    for late, has_jumped in ((0.09, False), (0.11, True)):
        first = device.playback.taken
        device.playback.calls.append((first, 256, device.true_seconds(first) + late, 0.01))
        device.playback.taken = first + 256
        timekeeper.update()
        assert timekeeper.has_jumped == has_jumped


def test_a_reserve_grows_by_what_was_lacking_within_reason() -> None:
    reserve = Reserve()
    assert reserve.grow(0.003, 10.0)
    assert reserve.seconds == pytest.approx(0.003)
    assert not reserve.grow(1.0, 10.0), "a standstill"
    assert reserve.grow(0.0, 10.0)
    assert reserve.seconds == pytest.approx(0.003 + STEP)
    for _ in range(100):
        reserve.grow(0.003, 10.0)
    assert reserve.seconds <= MOST


def test_what_is_not_needed_is_taken_back_in_time_and_what_is_needed_more_and_more_seldom() -> None:
    reserve = Reserve()
    reserve.relax(1e6)
    reserve.grow(1.5 * STEP, 0.0)
    steps = []
    for seconds in range(0, 300, 10):
        reserve.relax(seconds)
        steps.append(round(reserve.seconds / STEP, 3))
    assert steps[6:8] == [1.5, 0.5] and steps[13:15] == [0.5, 0] and steps[-1] == 0
    again = []
    now = 1_000.0
    for _ in range(4):
        reserve.grow(STEP, now)
        begin = now
        while reserve.seconds:
            now += 1
            reserve.relax(now)
        again.append(round((now - begin) / CALM))
    assert again == [2, 4, 8, 16]
