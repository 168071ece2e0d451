"""Keys and controllers bound to commands and settings: tap tempo, transport, tempo, sustain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.commands import TapBeat
from daemon.entries import Commanded, PlayerDown, PlayerUp
from daemon.music.events import control_change, note_off, note_on
from daemon.music.tempo import TempoMap
from daemon.spec import ClockSpec, ControlSpec
from daemon.wire import Control, Listen
from tests.performance.offline import KEYS, OUT, make_performance, run_until

TAP = ControlSpec("keys", 36, "tap", event="note")


def test_controls_change_settings_and_send_the_pedal() -> None:
    controls = (ControlSpec("keys", 1, "setting", "choir", "temperature", 0.0, 1.5), ControlSpec("keys", 66, "sustain"))
    performance, sink = make_performance(controls=controls)
    performance.hear(0.1, "keys", 0.1, control_change(1, 1, 127))
    turned = sink.calls[-1][2]
    assert isinstance(turned, Control)
    assert (turned.name, turned.value, turned.beat) == ("temperature", 1.5, pytest.approx(performance.beat_at(0.1)))
    performance.hear(0.2, "keys", 0.2, control_change(3, 66, 127))
    assert sink.last(Listen)[2].event.message == control_change(3, 64, 127)
    performance.take(PlayerDown(0.3, "choir"))
    performance.take(PlayerUp(0.4, "choir"))
    assert (
        isinstance(sink.calls[-2][2], Control) and sink.calls[-2][2].value == 1.5
    )  # a new player gets the last setting


def test_taps_while_stopped_count_in() -> None:
    performance, sink = make_performance(False, clock=ClockSpec(by_hand=True), controls=(TAP,))
    for number in range(4):
        performance.hear(1.0 + number * 0.4, "keys", 1.0 + number * 0.4, note_on(1, 36, 30))
        performance.hear(1.1 + number * 0.4, "keys", 1.1 + number * 0.4, note_off(1, 36))
    assert performance.running and performance.bpm == pytest.approx(150.0)
    assert performance.seconds_at(0.0) == pytest.approx(2.6)
    assert not [call for _, _, call in sink.calls if isinstance(call, Listen)]  # a tap is not heard by players


def test_taps_while_running_change_tempo_and_phase_without_a_jump_back() -> None:
    performance, _ = make_performance()
    beats, now = [], 10.1
    for number in range(6):
        stamp = 10.1 + number * 0.45
        while now < stamp:
            performance.advance(now)
            beats.append(performance.beat_at(now))
            now += 0.01
        performance.advance(stamp)
        performance.take(Commanded(stamp, TapBeat(), stamp))
    end = 10.1 + 6 * 0.45
    run_until(performance, end + 1.0)
    assert beats == sorted(beats)
    assert performance.bpm == pytest.approx(60 / 0.45)
    phase = performance.beat_at(end)
    assert phase == pytest.approx(round(phase), abs=0.01)


def test_an_uneven_or_late_tap_begins_a_new_count() -> None:
    performance, _ = make_performance(False, clock=ClockSpec(by_hand=True))
    for stamp in (1.0, 1.5, 2.0, 2.2, 9.0, 9.5):
        performance.take(Commanded(stamp, TapBeat(), stamp))
    assert not performance.running and performance.bpm == pytest.approx(120.0)


def test_a_bar_of_six_quarters_takes_six_taps() -> None:
    performance, _ = make_performance(
        False, clock=ClockSpec(by_hand=True), tempo_map=TempoMap(((0.0, 120.0),), ((0.0, 6.0),))
    )
    for number in range(6):
        assert not performance.running
        performance.take(Commanded(1.0 + number / 2, TapBeat(), 1.0 + number / 2))
    assert performance.running and performance.seconds_at(0.0) == pytest.approx(4.0)


def test_a_controller_changes_the_tempo() -> None:
    performance, _ = make_performance(controls=(ControlSpec("keys", 20, "tempo", low=40.0, high=220.0),))
    performance.hear(1.0, "keys", 1.0, control_change(1, 20, 127))
    assert performance.bpm == 220.0 and performance.beat_at(1.0) == pytest.approx(2.0)


def test_controllers_stop_start_and_continue() -> None:
    controls = (ControlSpec("keys", 21, "stop"), ControlSpec("keys", 22, "start"), ControlSpec("keys", 23, "continue"))
    performance, _ = make_performance(controls=controls)
    performance.hear(1.0, "keys", 1.0, control_change(1, 21, 127))
    performance.hear(1.1, "keys", 1.1, control_change(1, 21, 0))
    assert not performance.running
    performance.hear(2.0, "keys", 2.0, control_change(1, 23, 127))
    assert performance.running and performance.seconds_at(2.0) == pytest.approx(2.0 + ClockSpec().start_delay)
    performance.hear(3.0, "keys", 3.0, control_change(1, 22, 127))
    assert performance.seconds_at(0.0) == pytest.approx(3.0 + ClockSpec().start_delay)


def test_stop_while_stopped_and_continue_while_running_change_nothing() -> None:
    controls = (ControlSpec("keys", 21, "stop"), ControlSpec("keys", 23, "continue"))
    performance, sink = make_performance(controls=controls)
    sink.calls.clear()
    performance.hear(1.0, "keys", 1.0, control_change(1, 23, 127))
    assert performance.running and performance.seconds_at(0.0) == 0.0 and sink.calls == []
    performance.hear(2.0, "keys", 2.0, control_change(1, 21, 127))
    sink.calls.clear()
    performance.hear(2.1, "keys", 2.1, control_change(1, 21, 127))
    assert not performance.running and sink.calls == []


def test_a_key_bound_to_a_command_is_not_heard_as_a_note() -> None:
    performance, sink = make_performance(ports=(replace(KEYS, thru=("choir",)), OUT), controls=(TAP,))
    performance.hear(0.5, "keys", 0.5, note_on(1, 36, 90))
    performance.hear(0.6, "keys", 0.6, note_off(1, 36))
    performance.hear(0.7, "keys", 0.7, control_change(1, 7, 90))
    assert sink.sent == [(0.7, "choir", control_change(1, 7, 90))]


def test_a_key_bound_to_sustain_works_at_any_velocity() -> None:
    performance, sink = make_performance(controls=(ControlSpec("keys", 24, "sustain", event="note"),))
    performance.hear(0.5, "keys", 0.5, note_on(1, 24, 9))
    performance.hear(0.6, "keys", 0.6, note_off(1, 24))
    heard = [c.event.message for _, _, c in sink.calls if isinstance(c, Listen)]
    assert heard == [control_change(1, 64, 127), control_change(1, 64, 0)]


@pytest.mark.parametrize("stamp, now, bpm", [(10.245, 10.545, 240.0), (10.245, 10.365, 60.0)])
def test_a_tap_that_is_taken_late_changes_the_tempo_by_a_factor_of_two_at_most(
    stamp: float, now: float, bpm: float
) -> None:
    performance, _ = make_performance()  # 120 bpm; the taps are as far apart as the beats
    performance.advance(stamp - 0.5)
    performance.take(Commanded(stamp - 0.5, TapBeat(), stamp - 0.5))
    performance.advance(now)
    performance.take(Commanded(now, TapBeat(), stamp))
    assert performance.bpm == pytest.approx(bpm)
