"""Reloads of the configuration: what they stop, start, silence and leave alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from daemon.commands import StartTransport, TapBeat
from daemon.entries import Commanded, Reconfigured
from daemon.music.events import Play, control_change, note_off, note_on
from daemon.music.tempo import TempoMap
from daemon.performance.transport import PRE_ROLL
from daemon.spec import ClockSpec, ControlSpec, MelodySpec, PlayerSpec, PortSpec, StageSpec
from daemon.wire import Listen
from tests.performance.offline import CHOIR, KEYS, MIDI, OUT, STEADY, TWINKLE, answer, make_performance, run_until

TAP = ControlSpec("keys", 36, "tap", event="note")


def test_a_reload_silences_removed_players_and_melodies_only() -> None:
    bass = PlayerSpec("bass", (), "choir", {"bass": 4}, True, 0.03, 0.05)
    performance, sink = make_performance(players=(CHOIR, bass), melodies=(MelodySpec(TWINKLE, ("choir",), 7),))
    numbers = {player: n for player, n, _ in sink.calls}
    for player, voice in (("choir", "alto"), ("bass", "bass")):
        performance.answer(0.0, player, numbers[player], [Play(0.0, 50, 90, voice)], True)
    performance.advance(0.1)
    sink.sent.clear()
    performance.take(Reconfigured(0.2, StageSpec(tempo_map=STEADY, ports=(KEYS, OUT), players=(CHOIR,))))
    assert sorted(m for _, _, m in sink.sent) == sorted([note_off(4, 50), note_off(7, 60)])
    assert performance.sounding() == {"choir": 1}
    sink.sent.clear()
    run_until(performance, 3.0)
    assert sink.sent == []  # melody and bass are removed
    assert sink.calls[-1][0] == "choir"


@pytest.mark.parametrize(
    "port", [None, PortSpec("keys", "in"), PortSpec("keys", "in", channels=(2,), thru=("choir",))], ids=str
)
def test_held_notes_of_an_input_changed_by_a_reload_are_released(port: PortSpec | None) -> None:
    performance, sink = make_performance(ports=(PortSpec("keys", "in", thru=("choir",)), OUT))
    performance.hear(0.1, "keys", 0.1, note_on(1, 60, 90))
    ports = (OUT,) if port is None else (port, OUT)
    performance.take(Reconfigured(0.2, StageSpec(tempo_map=STEADY, ports=ports, players=(CHOIR,))))
    assert [m for _, _, m in sink.sent] == [note_on(1, 60, 90), note_off(1, 60)]
    assert sink.last(Listen)[2].event.message == note_off(1, 60)


@pytest.mark.parametrize(
    "before, after, down, up",
    [
        ((), (TAP,), note_on(1, 36, 90), note_off(1, 36)),
        ((ControlSpec("keys", 64, "sustain"),), (), control_change(1, 64, 127), control_change(1, 64, 0)),
    ],
)
def test_a_reload_of_the_controls_releases_held_notes_and_pedals(
    before: Any, after: Any, down: bytes, up: bytes
) -> None:
    performance, sink = make_performance(controls=before)
    performance.hear(0.5, "keys", 0.5, down)
    performance.take(Reconfigured(1.0, replace(performance.spec, controls=after)))
    assert [c.event.message for _, _, c in sink.calls if isinstance(c, Listen)] == [down, up]


def test_a_reload_to_an_external_clock_stops_and_one_back_starts() -> None:
    performance, sink = make_performance()
    answer(performance, sink, 0.0, Play(0.0, 50, 90, "alto"))
    performance.take(Reconfigured(1.0, replace(performance.spec, clock=MIDI)))
    assert not performance.running and sink.sent[-1] == (1.0, "choir", note_off(2, 50))
    performance.take(Reconfigured(1.5, replace(performance.spec, clock=ClockSpec(by_hand=True))))
    assert not performance.running
    performance.take(Reconfigured(1.75, replace(performance.spec, clock=MIDI)))
    performance.take(Reconfigured(2.0, replace(performance.spec, clock=ClockSpec())))
    assert performance.running and performance.seconds_at(2.0) == pytest.approx(2.0 + PRE_ROLL)


def test_a_reload_to_another_clock_port_waits_for_its_start() -> None:
    pads = PortSpec("pads", "in")
    performance, _ = make_performance(clock=MIDI, ports=(KEYS, pads, OUT))
    performance.take(Reconfigured(1.0, replace(performance.spec, clock=ClockSpec("midi", "pads"))))
    assert not performance.running


def test_a_reloaded_tempo_applies_while_stopped() -> None:
    performance, _ = make_performance(False, clock=ClockSpec(by_hand=True))
    for stamp in (1.0, 1.4, 1.8):
        performance.take(Commanded(stamp, TapBeat(), stamp))
    performance.take(Reconfigured(3.0, replace(performance.spec, tempo_map=TempoMap(((0.0, 100.0),), ((0.0, 4.0),)))))
    performance.take(Commanded(4.0, StartTransport(), 4.0))
    assert performance.bpm == 100.0
