"""Metronome and count-in, in exact times on an offline clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.entries import Reconfigured, Stopped
from daemon.music.events import note_off, note_on
from daemon.music.tempo import TempoMap
from daemon.spec import ClockSpec, MelodySpec
from tests.performance.offline import TUNE, Recorder, make_performance, run_until, window_starts


def times(sink: Recorder, kind: int = 0x90, port: str = "choir") -> list[float]:
    return [seconds for seconds, to, message in sink.sent if to == port and message[0] & 0xF0 == kind]


def test_a_count_in_with_clicks() -> None:
    clock = ClockSpec(count_in=1, metronome=("choir", 10), click="count-in")
    performance, sink = make_performance(clock=clock, melodies=(MelodySpec(TUNE, ("choir",)),))
    run_until(performance, 1.9)
    assert [m[1] for _, _, m in sink.sent if m[0] == 0x99] == [76, 77, 77, 77]
    assert times(sink)[:4] == [0.0, 0.5, 1.0, 1.5]
    run_until(performance, 6.0)
    assert [m for t, _, m in sink.sent if t == 2.0][-1] == note_on(1, 60, 80)
    assert len([m for _, _, m in sink.sent if m[0] == 0x99]) == 4
    assert window_starts(sink)[0] == 0.0 and sink.sent[0] == (0.0, "choir", note_on(10, 76, 120))


def test_stop_ends_a_sounding_click() -> None:
    performance, sink = make_performance(clock=ClockSpec(metronome=("choir", 10)), players=())
    run_until(performance, 1.0)
    performance.take(Stopped(1.01))
    assert sink.sent[-1] == (1.01, "choir", note_off(10, 77))


def test_a_metronome_changed_by_a_reload_clicks_from_the_next_beat_on() -> None:
    performance, sink = make_performance(clock=ClockSpec(metronome=("choir", 10)), players=())
    run_until(performance, 1.2)
    performance.take(Reconfigured(1.2, replace(performance.spec, clock=ClockSpec(metronome=("choir", 9)))))
    run_until(performance, 2.2)
    assert [(t, m[0] & 15) for t, _, m in sink.sent if m[0] & 0xF0 == 0x90] == [
        (0.0, 9), (0.5, 9), (1.0, 9), (1.5, 8), (2.0, 8),
    ]  # fmt: skip


def test_clicks_follow_the_meter() -> None:
    waltz = TempoMap(((0.0, 120.0),), ((0.0, 3.0),))
    performance, sink = make_performance(tempo_map=waltz, clock=ClockSpec(metronome=("choir", 10)), players=())
    run_until(performance, 2.6)
    assert [m[1] for _, _, m in sink.sent if m[0] == 0x99] == [76, 77, 77, 76, 77, 77]


@pytest.mark.parametrize("length, expected", [(3.5, [0.0, 1.0, 2.0, 3.0, 3.5, 4.5]), (1.5, [0.0, 1.0, 1.5, 2.5, 3.0])])
def test_bars_that_are_not_a_whole_number_of_beats(length: float, expected: list[float]) -> None:
    odd = TempoMap(((0.0, 60.0),), ((0.0, length),))
    performance, sink = make_performance(tempo_map=odd, clock=ClockSpec(metronome=("choir", 10)), players=())
    run_until(performance, expected[-1] + 0.01)
    assert times(sink) == expected
    downs = [t for t, _, m in sink.sent if m[:2] == bytes((0x99, 76))]
    assert downs == [t for t in expected if t % length == 0]


def test_ticks_and_clicks_are_not_in_the_journal() -> None:
    clock = ClockSpec(send=("choir",), metronome=("choir", 10))
    performance, sink = make_performance(clock=clock, players=())
    sink.entries.clear()
    run_until(performance, 5.0)
    assert len(sink.sent) > 240 and not sink.entries


@pytest.mark.parametrize("count_in_ticks, first", [(True, 0.0), (False, 2.0)])
def test_ticks_in_the_count_in_can_be_left_out(count_in_ticks: bool, first: float) -> None:
    clock = ClockSpec(send=("choir",), count_in=1, count_in_ticks=count_in_ticks)
    performance, sink = make_performance(clock=clock, players=())
    run_until(performance, 3.0)
    assert next(t for t, _, m in sink.sent if m == b"\xf8") == first
    start = next(n for n, (_, _, m) in enumerate(sink.sent) if m == b"\xfa")
    assert sink.sent[start + 1] == (2.0, "choir", b"\xf8")
    assert (start == 0) is not count_in_ticks
    before = len(sink.sent)
    other = replace(clock, count_in_ticks=not count_in_ticks)
    performance.take(Reconfigured(3.0, replace(performance.spec, clock=other)))
    run_until(performance, 3.5)
    after = [m for _, _, m in sink.sent[before:]]
    assert after[0] == b"\xfc" and after.count(b"\xfb") == 1
