"""MIDI clock out, on the timeline of a performance: ticks, Start, Stop, Continue, delays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.commands import ContinueTransport
from daemon.entries import Commanded, Started, Stopped
from daemon.performance.transport import PRE_ROLL
from daemon.spec import ClockSpec, PortSpec
from tests.performance.offline import KEYS, OUT, make_performance, run_until


def test_ticks_start_stop_and_continue() -> None:
    performance, sink = make_performance(clock=ClockSpec(send=("sync",)), ports=(KEYS, OUT, PortSpec("sync", "out")))
    run_until(performance, 2.0)
    bytes_sent = [(t, m) for t, port, m in sink.sent if port == "sync"]
    ticks = [t for t, m in bytes_sent if m == b"\xf8"]
    assert ticks[0] == pytest.approx(-PRE_ROLL + PRE_ROLL) or ticks[0] < 0
    start = bytes_sent.index(next(pair for pair in bytes_sent if pair[1] == b"\xfa"))
    assert bytes_sent[start + 1] == (0.0, b"\xf8")
    assert [t for t in ticks if t >= 0] == [round(n / 48, 6) for n in range(97)]
    performance.take(Stopped(2.1))
    assert sink.sent[-1] == (2.1, "sync", b"\xfc")
    run_until(performance, 9.0)
    assert sink.sent[-1] == (2.1, "sync", b"\xfc")
    performance.take(Commanded(9.0, ContinueTransport(), 9.0))
    run_until(performance, 9.4)
    tail = [m for _, port, m in sink.sent if port == "sync"]
    tail = tail[tail.index(b"\xfc") + 1 :]
    at = tail.index(b"\xfb")
    assert tail[at - 1] == bytes((0xF2, 16, 0)) and tail[at + 1] == b"\xf8"


def test_receivers_that_may_run_since_an_earlier_stage_process_are_stopped_first_and_at_the_end() -> None:
    performance, sink = make_performance(
        False, clock=ClockSpec(send=("sync",)), ports=(KEYS, OUT, PortSpec("sync", "out"))
    )
    performance.take(Started(1.0, 4.0, 1.5))
    run_until(performance, 1.6)
    sent = [m for _, port, m in sink.sent if port == "sync"]
    assert sent[:4] == [b"\xfc", bytes((0xF2, 16, 0)), b"\xfb", b"\xf8"]
    performance.leave(1.6)
    assert sink.sent[-1] == (1.6, "sync", b"\xfc")
    performance.leave(1.7)
    assert sink.sent[-1] == (1.6, "sync", b"\xfc"), "Stop is sent once"


def test_ticks_do_not_drift_and_are_delayed_like_the_notes_of_their_port() -> None:
    delayed = replace(OUT, delay=0.02)
    performance, sink = make_performance(clock=ClockSpec(send=("choir",)), ports=(KEYS, delayed), players=())
    run_until(performance, 60.3)
    ticks = [t for t, _, m in sink.sent if m == b"\xf8" and t >= 0.02]
    assert ticks == [round(0.02 + n / 48, 6) for n in range(len(ticks))] and len(ticks) > 2880


@pytest.mark.parametrize("delay", [-0.03, 0.03])
def test_start_has_the_delay_of_the_first_tick(delay: float) -> None:
    ports = (KEYS, OUT, PortSpec("sync", "out", delay=delay))
    performance, sink = make_performance(clock=ClockSpec(send=("sync",), count_in=1), ports=ports, players=())
    run_until(performance, 3.0)  # the count-in takes two seconds
    sent = [(t, m) for t, port, m in sink.sent if port == "sync"]
    start = [m for _, m in sent].index(b"\xfa")
    assert sent[start + 1] == (round(2.0 + delay, 6), b"\xf8")
