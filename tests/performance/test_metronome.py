"""Metronome and count-in, in exact times on an offline clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.commands import RotateSession, ToggleMetronome
from daemon.entries import Commanded, Reconfigured, Started, StateSaved, Stopped
from daemon.music.events import control_change, note_off, note_on
from daemon.music.tempo import TempoMap
from daemon.performance.performance import Performance
from daemon.spec import ClockSpec, ControlSpec, MelodySpec, PortSpec
from tests.performance.offline import KEYS, OUT, TUNE, Recorder, make_performance, run_until, window_starts


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


def toggle(performance: Performance, at: float) -> None:
    run_until(performance, at)
    performance.take(Commanded(at, ToggleMetronome(), at))


def clicks(sink: Recorder, channel: int = 10) -> list[float]:
    return [at for at, _, message in sink.sent if message[0] == 0x8F + channel]


def test_turned_on_without_a_configured_metronome_it_clicks_where_the_first_player_plays() -> None:
    performance, sink = make_performance(ports=(KEYS, PortSpec("sync", "out"), OUT))
    toggle(performance, 0.7)
    toggle(performance, 2.04)  # in the middle of a click
    run_until(performance, 5.0)
    assert sink.sent == [
        (1.0, "choir", note_on(10, 77, 90)),
        (1.05, "choir", note_off(10, 77)),
        (1.5, "choir", note_on(10, 77, 90)),
        (1.55, "choir", note_off(10, 77)),
        (2.0, "choir", note_on(10, 76, 120)),
        (2.04, "choir", note_off(10, 76)),
    ]


def test_without_players_it_clicks_on_the_first_output_and_without_outputs_nowhere() -> None:
    performance, sink = make_performance(ports=(KEYS, PortSpec("sync", "out"), OUT), players=())
    toggle(performance, 0.7)
    run_until(performance, 1.0)
    assert sink.sent == [(1.0, "sync", note_on(10, 77, 90))]
    performance, sink = make_performance(ports=(KEYS,), players=())
    toggle(performance, 0.7)
    run_until(performance, 1.0)
    assert sink.sent == []


def test_turned_on_while_the_transport_stands_it_clicks_from_the_start_on() -> None:
    performance, sink = make_performance(False)
    toggle(performance, 0.7)
    assert sink.sent == []
    performance.take(Started(1.0, 0.0, 1.1))
    run_until(performance, 2.2)
    assert clicks(sink) == [1.1, 1.6, 2.1]


@pytest.mark.parametrize("configured, heard", [("always", [0.0, 0.5]), ("count-in", [0.0, 0.5, 1.0, 1.5, 4.5, 5.0])])
def test_a_configured_metronome_is_turned_off_but_for_its_count_in(configured: str, heard: list[float]) -> None:
    count_in = 1 if configured == "count-in" else 0
    performance, sink = make_performance(clock=ClockSpec(count_in=count_in, metronome=("choir", 9), click=configured))
    if configured == "count-in":
        toggle(performance, 4.3)
        toggle(performance, 5.2)
    else:
        toggle(performance, 0.7)
    run_until(performance, 8.0)
    assert clicks(sink, 9) == heard


def test_a_click_less_than_a_moment_away_is_not_struck_late() -> None:
    performance, sink = make_performance()
    toggle(performance, 0.98)
    run_until(performance, 2.0)
    assert clicks(sink) == [1.0, 1.5, 2.0]


def test_a_control_turns_it_on_and_a_button_that_bounces_counts_once() -> None:
    performance, sink = make_performance(controls=(ControlSpec("keys", 20, "metronome"),))
    for at, value in ((0.7, 127), (0.71, 0), (0.72, 127), (0.9, 0)):
        performance.hear(at, "keys", at, control_change(1, 20, value))
    run_until(performance, 1.0)
    assert clicks(sink) == [1.0]


def test_a_reload_keeps_it_on_unless_the_metronome_changes() -> None:
    performance, sink = make_performance()
    toggle(performance, 0.7)
    performance.take(Reconfigured(1.2, replace(performance.spec, seed=2)))
    run_until(performance, 1.7)
    assert clicks(sink) == [1.0, 1.5]
    clock = ClockSpec(metronome=("choir", 9), click="count-in")
    performance.take(Reconfigured(1.7, replace(performance.spec, clock=clock)))
    run_until(performance, 4.0)
    assert clicks(sink) == [1.0, 1.5] and clicks(sink, 9) == []


def states(sink: Recorder) -> list[bool | None]:
    return [entry.state["metronome"] for entry in sink.entries if isinstance(entry, StateSaved)]


def test_a_session_that_begins_with_the_metronome_on_can_turn_it_off() -> None:
    performance, sink = make_performance()
    toggle(performance, 0.7)
    performance.take(Commanded(1.2, RotateSession(), 1.2))
    assert states(sink) == [True]
    later = Recorder()
    again = Performance(performance.spec, later)
    again.restore(1.2, next(entry.state for entry in sink.entries if isinstance(entry, StateSaved)))
    toggle(again, 1.3)
    again.take(Commanded(1.4, RotateSession(), 1.4))
    assert states(later) == [False]
