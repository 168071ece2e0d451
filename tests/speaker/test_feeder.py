"""From the rings of the instruments to what the device takes, over the null output in real time."""

import math
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from daemon.audio.clock import RENDERING_TIME, ClockPage, FrameClock
from daemon.audio.ring import Frames, Ring
from daemon.speaker.feeder import Feeder
from daemon.speaker.mixer import Mixer
from daemon.speaker.null_output import NullOutput
from daemon.speaker.playback import Playback
from daemon.speaker.timekeeper import STEP
from tests.speaker.player import Player, sine

RATE, BLOCK = 48_000, 256
TIMEOUT = 20.0  # seconds


class Taken(Playback):
    """Keeps what the device took, and when."""

    def __init__(self, rate: float = RATE, channels: int = 2) -> None:
        super().__init__(rate, channels)
        self.heard: list[Frames] = []
        self.times: list[tuple[int, float]] = []

    def take(self, out: Frames, latency: float, has_missed: bool) -> None:
        self.times.append((self.taken, time.perf_counter()))
        super().take(out, latency, has_missed)
        self.heard.append(out.copy())


@pytest.fixture
def page(tmp_path: Path) -> ClockPage:
    return ClockPage(tmp_path / "clock", create=True)


@pytest.fixture
def mix(tmp_path: Path) -> Ring:
    return Ring(tmp_path / "mix", 1 << 17, create=True)


@pytest.fixture
def player(tmp_path: Path, page: ClockPage) -> Iterator[Player]:
    with Player(Ring(tmp_path / "sine", create=True), page, BLOCK) as player:
        yield player


def wait(condition: object) -> None:
    assert callable(condition)
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def play(playback: Taken, player: Player, page: ClockPage, mix: Ring, output: NullOutput) -> FrameClock:
    """A second of the player; returns the clock at its end."""
    mixer = Mixer(RATE, BLOCK)
    mixer.listen_to({"sine": player.ring})
    feeder = Feeder(mixer, playback, page, mix)
    feeder.start()
    wait(lambda: feeder.clock is not None)
    begin = mix.end
    wait(lambda: mix.end > begin + RATE)
    clock = feeder.clock
    assert clock is not None
    feeder.stop()
    output.close()
    return clock


def test_a_sine_reaches_the_mix_and_the_device_bit_for_bit(page: ClockPage, mix: Ring, player: Player) -> None:
    playback = Taken()
    play(playback, player, page, mix, NullOutput(playback, BLOCK))
    out = np.zeros((RATE // 2, 2), np.float32)
    first = mix.end - len(out)
    assert mix.read(first, out)
    assert_blocks_are(out, first)
    heard = np.concatenate(playback.heard)
    begin = int(np.flatnonzero(heard[:, 0])[0]) + 2_000
    where = next(n for n in range(mix.end) if (heard[begin : begin + 50] == sine(n, 50)).all())
    assert_blocks_are(heard[begin : begin + RATE // 2], where)


def assert_blocks_are(out: Frames, first: int) -> None:
    """All but what a busy machine may have left out."""
    expected = sine(first, len(out))
    right = [(out[at : at + 64] == expected[at : at + 64]).all() for at in range(0, len(out), 64)]
    assert np.mean(right) > 0.8


@pytest.mark.parametrize(("period", "skew"), [(64, 0.0), (256, 1e-3), (1_024, -1e-3)])
def test_the_clock_is_that_of_the_device(period: int, skew: float, page: ClockPage, mix: Ring, player: Player) -> None:
    playback, dice = Taken(), random.Random(1)
    output = NullOutput(playback, period, skew, jitter=lambda: dice.uniform(0, 0.001))
    clock = play(playback, player, page, mix, output)
    heard = np.concatenate(playback.heard)
    # the clock tells which frame of the device is which frame of the band
    errors = []
    for first, seconds in playback.times[-100:]:
        frame = clock.frame_heard_at(seconds)
        part = heard[first : first + 32]
        best = min(range(frame - 200, frame + 200), key=lambda n: float(np.abs(part - sine(n, 32)).max()))
        errors.append((best - frame) / RATE)
    assert abs(np.median(errors)) < 0.0005


def test_frame_numbers_and_epochs_grow_from_stream_to_stream(page: ClockPage, mix: Ring, player: Player) -> None:
    ends, epochs = [0], []
    for _ in range(2):
        playback = Taken()
        clock = play(playback, player, page, mix, NullOutput(playback, BLOCK))
        assert clock.frame > ends[-1]
        ends.append(mix.end)
        epochs.append(clock.epoch)
    assert epochs == [1, 2]


def test_frames_follow_those_of_the_mix_where_a_dead_speaker_left_no_clock(page: ClockPage, mix: Ring) -> None:
    mix.write(1_000_000, sine(0, BLOCK))
    playback = Taken()
    output, feeder = NullOutput(playback, BLOCK), Feeder(Mixer(RATE, BLOCK), playback, page, mix)
    feeder.start()
    wait(lambda: mix.end != 1_000_000 + BLOCK)
    feeder.stop()
    output.close()
    assert mix.first == 1_000_000 and mix.end > 1_000_000 + BLOCK


def test_a_device_that_stood_still_goes_on_at_its_frames(page: ClockPage, mix: Ring, player: Player) -> None:
    """Neither does the band run ahead meanwhile, nor is it late after that."""
    playback, runs, stands = Taken(), threading.Event(), threading.Event()
    runs.set()

    def jitter() -> float:
        if not runs.is_set():
            stands.set()
            runs.wait(TIMEOUT)
        return 0.0

    output = NullOutput(playback, BLOCK, jitter=jitter)
    mixer = Mixer(RATE, BLOCK)
    mixer.listen_to({"sine": player.ring})
    feeder = Feeder(mixer, playback, page, mix)
    feeder.start()
    wait(lambda: playback.taken > RATE // 2)
    runs.clear()
    assert stands.wait(TIMEOUT)
    taken, end = playback.taken, mix.end
    time.sleep(0.7)
    assert mix.end < end + RATE // 5
    runs.set()
    began = time.perf_counter()
    wait(lambda: playback.taken > taken + RATE)
    assert sum(began < seconds < began + 0.05 for _, seconds in playback.times) < 60, "what was lost is not made up for"
    before = playback.under_runs
    wait(lambda: playback.taken > taken + RATE * 3 // 2)
    assert playback.under_runs <= before + 20, "on a busy machine"
    assert (playback.heard[-1] != 0).any()
    feeder.stop()
    output.close()


def test_a_late_instrument_gets_more_time_at_once_and_has_less_after_a_while(page: ClockPage, mix: Ring) -> None:
    class Late(Mixer):
        def mix(self, first: int) -> Frames:
            block = super().mix(first)
            self.has_late = first == 0
            return block

    feeder = Feeder(Late(RATE, BLOCK), Taken(), page, mix)
    feeder._strict_from = -math.inf
    feeder._published_at = time.perf_counter() + 1_000
    feeder._feed(0)
    clock = page.read()
    assert clock is not None and clock.rendering == pytest.approx(RENDERING_TIME + STEP)
    for reserve in (feeder._timekeeper.rendering, feeder._timekeeper.mixing):
        reserve.grow(0.004, time.perf_counter() - 1_000)
    feeder._published_at = -math.inf
    feeder._feed(BLOCK)
    clock = page.read()
    assert clock is not None
    assert (clock.rendering, clock.advance) == (pytest.approx(RENDERING_TIME + 0.004), pytest.approx(0.004 - STEP))


def test_what_is_converted_is_in_its_place_after_a_standstill_too(page: ClockPage, mix: Ring) -> None:
    """A click every tenth of a second, without threads."""

    class Clicks(Mixer):
        def mix(self, first: int) -> Frames:
            block = super().mix(first)
            block[-first % (RATE // 10) :][:1] = 1.0
            return block

    playback = Taken(44_100.0)
    feeder = Feeder(Clicks(RATE, BLOCK), playback, page, mix)
    feeder._most_ahead, feeder._written, frame = RATE, feeder._converter.lag, 0
    for number in range(400):
        frame = feeder._wait_for(frame)
        feeder._feed(frame)
        frame += BLOCK
        count = 60_000 if number == 200 else max(feeder._written - playback.taken, 0)
        playback.take(np.zeros((count, 2), np.float32), 0.0, False)
    heard = np.concatenate(playback.heard)[:, 0]
    loud = np.flatnonzero((heard[1:-1] > 0.4) & (heard[1:-1] > heard[:-2]) & (heard[1:-1] >= heard[2:])) + 1
    off = (loud - feeder._converter.lag + 2_205) % 4_410 - 2_205
    assert len(loud) == 20 and np.abs(off).max() <= 3


def test_an_instrument_is_heard_at_once_after_everything_stood_still(
    tmp_path: Path, page: ClockPage, mix: Ring
) -> None:
    """As after a suspend: the instrument has left the time of the standstill out before the speaker knows of it."""
    ring, playing, stall = Ring(tmp_path / "ahead", create=True), [True], [0.0]

    def run() -> None:
        block = 0
        while playing[0]:
            if (clock := page.read()) is not None:
                block = max(block, clock.first_block(time.perf_counter()))
                while block <= clock.first_block(time.perf_counter()):
                    ring.write(block, sine(block, BLOCK))
                    block += BLOCK
            time.sleep(0.002)

    def jitter() -> float:
        seconds, stall[0] = stall[0], 0.0
        return seconds

    playback, mixer = Taken(), Mixer(RATE, BLOCK)
    output = NullOutput(playback, BLOCK, jitter=jitter)
    mixer.listen_to({"ahead": ring})
    feeder = Feeder(mixer, playback, page, mix)
    thread = threading.Thread(target=run)
    thread.start()
    feeder.start()
    try:
        wait(lambda: len(playback.heard) > 1 and (playback.heard[-1] != 0).any())
        stall[0] = 2.0
        wait(lambda: stall[0] == 0.0)
        present = len(playback.heard)
        wait(lambda: len(playback.heard) > present + RATE * 3 // 2 // BLOCK)
        assert np.concatenate(playback.heard[present + RATE // 2 // BLOCK :])[:RATE].any()
    finally:
        playing[0] = False
        feeder.stop()
        output.close()
        thread.join()


def test_a_device_that_skips_frames_is_heard_at_once_when_it_keeps_time_again(
    page: ClockPage, mix: Ring, player: Player
) -> None:
    """As a client of JACK's does while the server freewheels: for a minute of frames, in no time."""
    playback, mixer = Taken(), Mixer(RATE, BLOCK)
    mixer.listen_to({"sine": player.ring})
    feeder = Feeder(mixer, playback, page, mix)
    output = NullOutput(playback, BLOCK)
    feeder.start()
    wait(lambda: playback.taken > RATE // 2)
    output.close()
    out = np.zeros((BLOCK, 2), np.float32)
    for _ in range(60 * RATE // BLOCK):
        playback.take(out, 0.0, False)
    epoch = page.epoch
    output = NullOutput(playback, BLOCK)
    taken = playback.taken
    wait(lambda: playback.taken > taken + 3 * RATE)
    assert page.epoch > epoch
    assert (playback.heard[-1] != 0).any()
    feeder.stop()
    output.close()


def test_an_instrument_that_needs_longer_is_given_more_time(tmp_path: Path, page: ClockPage, mix: Ring) -> None:
    ring, playing = Ring(tmp_path / "slow", create=True), [True]

    def run() -> None:
        """Each block is there 6 ms after it was begun."""
        block = 0
        while playing[0]:
            if (clock := page.read()) is None:
                time.sleep(0.01)
                continue
            block = max(block + BLOCK, clock.first_block(time.perf_counter()))
            time.sleep(max(0.0, clock.mixed_at(block) - clock.rendering + 0.006 - time.perf_counter()))
            ring.write(block, sine(block, BLOCK))

    playback, mixer = Taken(), Mixer(RATE, BLOCK)
    output = NullOutput(playback, BLOCK)
    mixer.listen_to({"slow": ring})
    feeder = Feeder(mixer, playback, page, mix)
    thread = threading.Thread(target=run)
    thread.start()
    feeder.start()
    try:
        wait(lambda: feeder.clock is not None and feeder.clock.rendering >= 0.006)
        taken = playback.taken
        wait(lambda: playback.taken > taken + RATE and (playback.heard[-1] != 0).any())
    finally:
        playing[0] = False
        feeder.stop()
        output.close()
        thread.join()
