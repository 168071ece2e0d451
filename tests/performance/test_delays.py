"""Delays of outputs: notes are sent later or earlier, answers at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.entries import Stopped
from daemon.music.events import Play, Stop, control_change, note_off, note_on
from daemon.spec import ControlSpec, MelodySpec, PortSpec
from daemon.wire import Control, Generate, Listen
from tests.performance.offline import KEYS, OUT, TUNE, answer, make_performance, run_until


@pytest.mark.parametrize("delay", [0.03, -0.03])
def test_a_delay_applies_to_scheduled_notes_and_not_to_answers(delay: float) -> None:
    late = replace(OUT, delay=delay)
    performance, sink = make_performance(ports=(KEYS, late), melodies=(MelodySpec(TUNE, ("choir",), 3),))
    run_until(performance, 0.6)
    asked = [n for _, n, call in sink.calls if isinstance(call, Generate)]
    performance.answer(0.6, "choir", asked[-1], [Play(2.0, 60, 90, "alto", 0.5)], True)
    performance.hear(0.7, "keys", 0.7, note_on(1, 72, 90))
    beat = sink.last(Listen)[2].event.beat
    answer(performance, sink, 0.701, Play(beat, 72, 90, "soprano"))
    performance.hear(0.8, "keys", 0.8, note_off(1, 72))
    answer(performance, sink, 0.801, Stop(sink.last(Listen)[2].event.beat, "soprano"))
    run_until(performance, 1.4)
    sent = [(t, m) for t, _, m in sink.sent]
    assert (round(1.0 + delay, 6), note_on(2, 60, 90)) in sent and (round(1.25 + delay, 6), note_off(2, 60)) in sent
    assert (0.7, note_on(1, 72, 90)) in sent and (0.8, note_off(1, 72)) in sent  # answers are not delayed
    assert (round(0.5 + delay, 6), note_on(3, 62, 80)) in sent
    assert 0 not in [call.event.beat % 0.5 for _, _, call in sink.calls if isinstance(call, Listen) and delay]


def test_an_answer_to_a_controller_is_as_immediate_as_one_to_a_key() -> None:
    turn = ControlSpec("keys", 1, "setting", "choir", "temperature")
    performance, sink = make_performance(ports=(KEYS, replace(OUT, delay=0.03)), controls=(turn,))
    run_until(performance, 0.6)
    performance.hear(0.7, "keys", 0.7, control_change(1, 1, 127))
    turned = sink.last(Control)[2]
    answer(performance, sink, 0.701, Play(turned.beat, 60, 90, "alto"))
    run_until(performance, 0.8)
    assert (0.7, "choir", note_on(2, 60, 90)) in sink.sent
    performance.take(Stopped(0.9))
    assert (0.9, "choir", note_off(2, 60)) in sink.sent, "Stop releases the note"


def test_a_negative_delay_requests_windows_earlier() -> None:
    performance, _ = make_performance(ports=(KEYS, replace(OUT, delay=-0.05)))
    moments = []
    while performance.next_deadline() < 0.3:
        moments.append(round(performance.next_deadline(), 6))
        performance.advance(performance.next_deadline())
    assert moments == [0.045, 0.17, 0.295]


def test_a_melody_on_two_ports_with_different_delays_ends_on_both() -> None:
    ports = (KEYS, OUT, PortSpec("far", "out", delay=-0.1))
    performance, sink = make_performance(ports=ports, melodies=(MelodySpec(TUNE, ("choir", "far")),), players=())
    run_until(performance, 0.2)
    performance.take(Stopped(0.21))
    assert sink.sent == [
        (-0.1, "far", note_on(1, 60, 80)),
        (0.0, "choir", note_on(1, 60, 80)),
        (0.15, "far", note_off(1, 60)),
        (0.15, "far", note_on(1, 61, 80)),
        (0.21, "choir", note_off(1, 60)),
        (0.21, "far", note_off(1, 61)),
    ]


def test_a_start_leaves_time_for_the_earliest_output() -> None:
    performance, sink = make_performance(
        ports=(KEYS, replace(OUT, delay=-0.5)), melodies=(MelodySpec(TUNE, ("choir",)),), players=()
    )
    run_until(performance, 0.2)
    assert sink.sent[0] == (-0.15, "choir", note_on(1, 60, 80)) and performance.counts["dropped"] == 0


def test_an_answer_cancels_a_note_that_is_delayed() -> None:
    performance, sink = make_performance(ports=(KEYS, replace(OUT, delay=0.5)))
    run_until(performance, 0.6)
    asked = [n for _, n, call in sink.calls if isinstance(call, Generate)]
    performance.answer(0.6, "choir", asked[-1], [Play(1.5, 60, 90, "soprano", 4.0)], True)
    performance.hear(0.9, "keys", 0.9, note_on(1, 72, 90))
    answer(performance, sink, 0.901, Play(sink.last(Listen)[2].event.beat, 72, 90, "soprano"))
    run_until(performance, 3.0)
    assert [(t, m) for t, _, m in sink.sent] == [(0.9, note_on(1, 72, 90))]
