"""What was late gets more time, and loses what it does not need."""

import pytest

from daemon.speaker.reserve import CALM, MOST, STEP, Reserve


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
