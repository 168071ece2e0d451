"""The tempo that is found in the ticks of simulated masters: the source's beat against the master's."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from daemon.clocks.slew import MAX_JUMP
from daemon.clocks.source import ClockWarning
from daemon.music.tempo import Tempo
from tests.clocks.masters import JACK, Heard, Stamps, causes, exact, in_periods, jitter, p99, ramp, steady


@pytest.mark.parametrize("bpm", [40, 90, 120, 174, 300])
def test_two_beats_after_the_first_tick_the_beat_is_right_despite_jitter(bpm: float) -> None:
    moments = steady((bpm, 24 * 24))
    errors: list[float] = []
    for seed in range(3):
        heard = Heard(moments, jitter(moments, seed))
        errors += heard.after(2)
        status = heard.source.status()
        assert status["state"] == "locked"
        assert (status["lost"], status["doubled"]) == (0, 0) or bpm == 300  # where jitter is an eighth of a tick
        assert abs(status["bpm"] / bpm - 1) < 0.002
    assert p99(sorted(errors)) <= 0.001


@pytest.mark.parametrize("bpm", [40, 90, 120, 125.05, 174, 300])
def test_stamps_in_periods_of_jack(bpm: float) -> None:
    moments = steady((bpm, 24 * 24))
    heard = Heard(moments, in_periods(moments))
    assert heard.after(2)[-1] <= JACK
    assert heard.source.status()["lost"] == 0


def test_the_tempo_of_an_exact_clock_is_reported_once() -> None:
    moments = steady((120, 1440))
    heard = Heard(moments, exact(moments))
    assert heard.after(2)[-1] < 1e-6
    assert heard.source.tempo.bpm == pytest.approx(120)
    assert not any(now > 11 for now, _ in heard.changes)


def test_the_tempo_of_a_jittering_clock_is_rarely_reported_again() -> None:
    moments = steady((120, 1440))
    heard = Heard(moments, jitter(moments, 5))
    assert len(heard.of(Tempo)) < 5 * 30  # in thirty seconds
    assert heard.source.status()["jitter_ms"] == pytest.approx(1, abs=0.2)
    assert 0.4 < heard.source.status()["phase_error_ms"]["p50"] < 1


@pytest.mark.parametrize("linear_in", ["time", "beats"])
@pytest.mark.parametrize(("first", "last"), [(60, 180), (180, 60)])
def test_ramps_are_followed(first: float, last: float, linear_in: str) -> None:
    moments = ramp(first, last, 64, linear_in)
    heard = Heard(moments, exact(moments), bpm=first)
    assert heard.after(2)[-1] <= 0.002
    heard = Heard(moments, jitter(moments, 1), bpm=first)
    assert heard.after(2)[-1] <= 0.006
    assert heard.source.status()["lost"] == 0


def without(first: int, count: int) -> Callable[[Stamps, random.Random], Stamps]:
    return lambda stamps, rng: stamps[:first] + stamps[first + count :]


def lose_some(stamps: Stamps, rng: random.Random) -> Stamps:
    return stamps[:1] + [stamp for stamp in stamps[1:] if rng.random() > 0.1]


def double_some(stamps: Stamps, rng: random.Random) -> Stamps:
    return sorted(stamps + [(t + rng.random() * 0.004, i) for t, i in stamps[3:] if rng.random() < 0.1])


def bursts(stamps: Stamps, rng: random.Random) -> Stamps:
    """Five ticks at once, about when the last of them is due; then on time."""
    moments = [stamp for stamp, _ in stamps]
    for first in range(100, len(moments) - 60, 50):
        at = moments[first + 5] - rng.random() * 0.015
        moments[first : first + 5] = [at + k * 0.0003 for k in range(5)]
    return [(moment, i) for i, moment in enumerate(moments)]


@pytest.mark.parametrize("fault", [without(200, 1), without(200, 5), without(200, 12), lose_some, double_some, bursts])
@pytest.mark.parametrize("sigma", [0.0, 0.001])
def test_lost_doubled_and_late_ticks_change_nothing(
    fault: Callable[[Stamps, random.Random], Stamps], sigma: float
) -> None:
    moments = steady((120, 720))
    for seed in range(2):
        stamps = fault(jitter(moments, seed, sigma), random.Random(seed))
        heard = Heard(moments, stamps)
        assert heard.after(3)[-1] <= 0.0015
        status = heard.source.status()
        assert status["relocks"] == 1
        assert len(heard.of(ClockWarning)) == 0
        if len(stamps) < len(moments):  # ticks lost before the lock are not counted
            assert 0 <= len(moments) - len(stamps) - status["lost"] <= 2
        elif len(stamps) > len(moments):
            assert status["doubled"] > 40


@pytest.mark.parametrize("plugged", [True, False])
def test_a_gap_is_free_wheeled_and_the_count_of_ticks_goes_on(plugged: bool) -> None:
    moments = steady((120, 960))
    stamps = jitter(moments, 3)
    heard = Heard(moments[:240], stamps[:240])
    source, gone = heard.source, moments[240]
    if plugged:
        source.advance(gone + 0.1)
        assert source.status()["state"] == "locked"
        source.advance(gone + 1)
    else:
        source.port_lost(gone)
    assert source.status()["state"] == "free-wheeling"
    assert source.running
    assert abs(heard.error(moments[480], 20)) < 0.01  # from the tempo of ten beats, after five seconds
    for number in range(480, 960):
        heard.tick(stamps[number][0])
        limit = 0.01 if number < 528 else 0.001
        assert abs(heard.error(moments[number], number / 24)) < limit
    assert source.status()["state"] == "locked"
    assert heard.back <= MAX_JUMP


STEPS = [
    (120, 60), (60, 140), (140, 60), (120, 126), (120, 90), (90, 120), (120, 100), (60, 120), (180, 60), (300, 150),
    (150, 300), (174, 173),
]  # fmt: skip


@pytest.mark.parametrize(("first", "then"), STEPS)
@pytest.mark.parametrize("sigma", [0.0, 0.001])
def test_a_new_tempo_keeps_the_count(first: float, then: float, sigma: float) -> None:
    moments = steady((first, 240), (then, 288))
    heard = Heard(moments, jitter(moments, 4, sigma))
    assert heard.after(20)[-1] <= (0.001 if sigma else 0.0003)
    assert heard.back <= MAX_JUMP  # repaired by a slew, never by going back
    assert heard.source.status()["bpm"] == pytest.approx(then, rel=0.003)


@pytest.mark.parametrize("bpm", [40, 120, 174])
def test_lost_ticks_before_the_first_lock_are_counted(bpm: float) -> None:
    moments = steady((bpm, 240))
    for lost in ({1}, {2}, {1, 3}, {2, 3}, {2, 5}):
        heard = Heard(moments, [stamp for stamp in exact(moments) if stamp[1] not in lost])
        assert heard.after(4)[-1] < 0.0003


def test_one_uneven_master_is_not_said_to_be_two() -> None:
    moments = steady((120, 960))
    ticks = jitter(moments, 1, 0.03)
    heard = Heard(moments, sorted(ticks + [(stamp + 0.001, i) for stamp, i in ticks[::10]]))
    warnings = [change for _, change in heard.changes if isinstance(change, ClockWarning) and change.cause == "masters"]
    assert all("one master may send uneven or doubled ticks, or two masters" in warning.text for warning in warnings)
    assert warnings


@pytest.mark.parametrize("late", [0.0, 0.15, 0.3, 0.8])
def test_of_two_masters_the_first_is_followed(late: float) -> None:
    moments = steady((120, 960))
    second = [(moment + late * 2.5 / 120, i) for moment, i in jitter(moments, 2, 0.0003)[192:]]
    heard = Heard(moments, sorted(jitter(moments, 1, 0.0003) + second))
    assert causes([change for _, change in heard.changes]) == ["masters"]
    assert heard.after(4)[-1] < 0.25 * 2.5 / 120  # at worst the earlier one


def test_twice_the_tempo_is_told_from_two_masters_even_with_lost_ticks() -> None:
    moments = steady((60, 240), (130, 720))
    stamps = jitter(moments, 1)
    heard = Heard(moments, stamps[:240] + [stamp for stamp in stamps[240:] if stamp[1] % 7])
    assert heard.source.status()["bpm"] == pytest.approx(130, rel=0.003)


@pytest.mark.parametrize("linear_in", ["time", "beats"])
def test_faults_during_a_ramp_do_not_change_the_count(linear_in: str) -> None:
    moments = ramp(60, 180, 64, linear_in)
    for seed, fault in enumerate((lose_some, double_some)):
        heard = Heard(moments, fault(jitter(moments, seed), random.Random(seed)), bpm=60)
        assert heard.after(4)[-1] <= 0.01


def test_a_slowly_swaying_tempo_is_followed_through_jitter() -> None:
    moments, now = [], 10.0
    for number in range(1440):
        moments.append(now)
        now += 2.5 / (120 + 8 * math.sin(number / 60))
    heard = Heard(moments, jitter(moments, 1))
    assert p99(heard.after(2)) <= 0.003
    assert heard.source.status()["relocks"] <= 6  # the memory shrinks; the line is not fitted again


def test_lost_ticks_among_fast_and_jittering_ones() -> None:
    """An eighth of a period of jitter, a tenth of the ticks lost: nearly every clock is counted right to the end."""
    moments = steady((300, 480))
    wrong = [Heard(moments, lose_some(jitter(moments, seed), random.Random(seed))).after(15)[-1] for seed in range(8)]
    assert sum(error > 0.002 for error in wrong) <= 2
