"""The stage's clock: standing, starting, following, sending, clicking, tapping. Exact times on an offline clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from daemon.clocks.tap_tempo import TapTempo
from daemon.commands import ContinueTransport, Panic, StartTransport, TapBeat
from daemon.entries import (
    Commanded,
    Followed,
    MelodyPlayed,
    PlayerDown,
    PlayerUp,
    PortLost,
    Reconfigured,
    Started,
    Stopped,
)
from daemon.metrics import GRID, OTHER, THRU, Cause
from daemon.music.events import Play, Stop, control_change, note_off, note_on
from daemon.music.melody import Melody, Note
from daemon.music.tempo import Tempo, TempoMap
from daemon.performance.performance import Performance
from daemon.performance.transport import PRE_ROLL
from daemon.spec import ClockSpec, ControlSpec, MelodySpec, PlayerSpec, PortSpec, StageSpec
from daemon.wire import Control, Generate, Listen, Reset
from tests.performance.test_performance import CHOIR, KEYS, OUT, STEADY, Recorder, answer, run_until

TUNE = Melody("tune", tuple(Note(i / 2, 0.5, 60 + i, 80) for i in range(16)), 8.0, True, STEADY)
MIDI = ClockSpec("midi", "keys")


def made(started: bool = True, **changes: Any) -> tuple[Performance, Recorder]:
    sink = Recorder()
    spec = StageSpec(**{"tempo_map": STEADY, "ports": (KEYS, OUT), "players": (CHOIR,), **changes})
    performance = Performance(spec, sink)
    for player in spec.players:
        performance.take(PlayerUp(-1.0, player.name))
    if started:
        performance.take(Started(-PRE_ROLL))
    else:
        performance.take(Stopped(-PRE_ROLL))
    return performance, sink


def times(sink: Recorder, kind: int = 0x90, port: str = "choir") -> list[float]:
    return [seconds for seconds, to, message in sink.sent if to == port and message[0] & 0xF0 == kind]


def windows(sink: Recorder) -> list[float]:
    return [call.window.start for _, _, call in sink.calls if isinstance(call, Generate)]


# Standing


def test_while_it_stands_keys_are_answered_and_nothing_is_asked_for_in_time() -> None:
    performance, sink = made(False, clock=MIDI, melodies=(MelodySpec(TUNE, ("choir",)),))
    run_until(performance, 10.0)
    assert not sink.sent and not windows(sink)
    performance.hear(10.0, "keys", 10.0, note_on(1, 60, 90))
    beat = sink.last(Listen)[2].event.beat
    answer(performance, sink, 10.001, Play(beat, 60, 90, "soprano", 1.0))
    run_until(performance, 11.0)
    assert sink.sent == [(10.0, "choir", note_on(1, 60, 90)), (10.5, "choir", note_off(1, 60))]


def test_start_asks_for_the_first_window_at_once_and_the_melody_begins_there() -> None:
    performance, sink = made(False, clock=MIDI, melodies=(MelodySpec(TUNE, ("choir",), 2),))
    performance.take(Followed.make(5.0, Tempo(40.0, 5.0, 60.0)))
    performance.take(Started(5.01, 0.0, 5.02))
    assert sink.last(Reset)[2].beat == 0.0 and windows(sink) == [0.0]
    run_until(performance, 6.0)
    assert sink.sent[:2] == [(5.02, "choir", note_on(2, 60, 80)), (5.52, "choir", note_off(2, 60))]
    assert windows(sink) == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_stop_releases_everything_and_continue_goes_on_there() -> None:
    performance, sink = made(clock=MIDI, melodies=(MelodySpec(TUNE, ("choir",), 3),))
    answer(performance, sink, 0.0, Play(0.0, 50, 90, "alto"))
    run_until(performance, 1.3)  # beat 2.6
    performance.take(Stopped(1.3))
    assert [m for t, _, m in sink.sent if t == 1.3] == [note_off(2, 50), note_off(3, 65)]
    assert performance.sounding() == {"choir": 0} and performance.position == 2.5
    before, asked = len(sink.sent), len(windows(sink))
    run_until(performance, 20.0)
    assert len(sink.sent) == before and len(windows(sink)) == asked
    performance.take(Started(20.0, performance.position, 20.0))
    run_until(performance, 20.3)
    assert [(t, m) for t, _, m in sink.sent[before:]] == [
        (20.0, note_on(3, 65, 80)),
        (20.25, note_off(3, 65)),
        (20.25, note_on(3, 66, 80)),
    ]
    assert windows(sink)[asked:][:2] == [2.5, 2.75]


def test_what_sounds_where_it_starts_is_sung_from_there() -> None:
    performance, sink = made(False, clock=MIDI, melodies=(MelodySpec(TUNE, ("choir",)),))
    performance.take(Started(5.0, 0.25, 5.0))
    run_until(performance, 5.2)
    assert sink.sent == [
        (5.0, "choir", note_on(1, 60, 80)),
        (5.125, "choir", note_off(1, 60)),
        (5.125, "choir", note_on(1, 61, 80)),
    ]


def test_a_jump_while_it_runs() -> None:
    performance, sink = made(clock=MIDI, melodies=(MelodySpec(TUNE, ("choir",)),))
    run_until(performance, 0.9)
    performance.take(Started(1.0, 4.0, 1.0))
    assert sink.sent[-1] == (1.0, "choir", note_off(1, 63))
    run_until(performance, 1.2)
    assert sink.sent[-1] == (1.0, "choir", note_on(1, 68, 80)) and performance.beat_at(1.5) == 5.0
    assert sink.last(Generate)[2].window.bar_start == 4.0


# Following


def test_by_hand_is_proposed_to_whom_we_follow() -> None:
    performance, sink = made(False, clock=MIDI, controls=(ControlSpec("keys", 22, "start"),))
    performance.take(Commanded(3.0, StartTransport(), 3.0))
    performance.hear(3.1, "keys", 3.1, control_change(1, 22, 127))
    assert not performance.running
    assert sink.proposals == [(StartTransport(), 3.0), (StartTransport(), 3.1)]


def test_a_new_tempo_moves_what_is_queued() -> None:
    performance, sink = made(clock=MIDI)
    answer(performance, sink, 0.0, Play(2.0, 60, 90, "alto", 1.0))
    performance.take(Followed.make(0.5, Tempo(1.0, 0.5, 60.0)))
    run_until(performance, 4.0)
    assert [(t, m) for t, _, m in sink.sent] == [(1.5, note_on(2, 60, 90)), (2.5, note_off(2, 60))]


# The clock that we send


def test_clock_out_from_the_pre_roll_to_stop_and_continue() -> None:
    performance, sink = made(clock=ClockSpec(send=("sync",)), ports=(KEYS, OUT, PortSpec("sync", "out")))
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


def test_who_may_run_since_a_stage_before_us_is_stopped_first_and_at_our_end() -> None:
    performance, sink = made(False, clock=ClockSpec(send=("sync",)), ports=(KEYS, OUT, PortSpec("sync", "out")))
    performance.take(Started(1.0, 4.0, 1.5))
    run_until(performance, 1.6)
    sent = [m for _, port, m in sink.sent if port == "sync"]
    assert sent[:4] == [b"\xfc", bytes((0xF2, 16, 0)), b"\xfb", b"\xf8"]
    performance.leave(1.6)
    assert sink.sent[-1] == (1.6, "sync", b"\xfc")
    performance.leave(1.7)
    assert sink.sent[-1] == (1.6, "sync", b"\xfc"), "they know"


def test_the_journal_holds_no_pulse() -> None:
    clock = ClockSpec(send=("choir",), metronome=("choir", 10))
    performance, sink = made(clock=clock, players=())
    sink.entries.clear()
    run_until(performance, 5.0)
    assert len(sink.sent) > 240 and not sink.entries


def test_ticks_clicks_and_melodies_are_due_in_time_and_released_keys_are_not_measured() -> None:
    causes: dict[int, set[Cause]] = {}

    class Causes(Recorder):
        def send(self, port: str, message: bytes, due: float, cause: Cause) -> None:
            causes.setdefault(message[0], set()).add(cause)

    keys = PortSpec("keys", "in", thru=("choir",))
    clock = ClockSpec(send=("choir",), metronome=("choir", 10))
    spec = StageSpec(STEADY, (keys, OUT), (MelodySpec(TUNE, ("choir",), 2),), clock=clock)
    performance = Performance(spec, Causes())
    performance.take(Started(0.0))
    run_until(performance, 1.0)
    performance.hear(1.0, "keys", 1.0, note_on(1, 60, 90))
    performance.take(PortLost(1.1, "keys"))
    assert (causes[0xF8], causes[0x99], causes[0x91]) == ({GRID}, {GRID}, {GRID})
    assert (causes[0x90], causes[0x80]) == ({THRU}, {OTHER})


def test_ticks_do_not_drift_and_are_delayed_like_the_notes_of_their_port() -> None:
    delayed = replace(OUT, delay=0.02)
    performance, sink = made(clock=ClockSpec(send=("choir",)), ports=(KEYS, delayed), players=())
    run_until(performance, 60.3)
    ticks = [t for t, _, m in sink.sent if m == b"\xf8" and t >= 0.02]
    assert ticks == [round(0.02 + n / 48, 6) for n in range(len(ticks))] and len(ticks) > 2880


@pytest.mark.parametrize("delay", [-0.03, 0.03])
def test_start_is_delayed_like_the_tick_that_it_means(delay: float) -> None:
    ports = (KEYS, OUT, PortSpec("sync", "out", delay=delay))
    performance, sink = made(clock=ClockSpec(send=("sync",), count_in=1), ports=ports, players=())
    run_until(performance, 3.0)  # the count-in takes two seconds
    sent = [(t, m) for t, port, m in sink.sent if port == "sync"]
    start = [m for _, m in sent].index(b"\xfa")
    assert sent[start + 1] == (round(2.0 + delay, 6), b"\xf8")


# Metronome and count-in


def test_a_count_in_with_clicks() -> None:
    clock = ClockSpec(count_in=1, metronome=("choir", 10), click="count-in")
    performance, sink = made(clock=clock, melodies=(MelodySpec(TUNE, ("choir",)),))
    run_until(performance, 1.9)
    assert [m[1] for _, _, m in sink.sent if m[0] == 0x99] == [76, 77, 77, 77]
    assert times(sink)[:4] == [0.0, 0.5, 1.0, 1.5]
    run_until(performance, 6.0)
    assert [m for t, _, m in sink.sent if t == 2.0][-1] == note_on(1, 60, 80)
    assert len([m for _, _, m in sink.sent if m[0] == 0x99]) == 4
    assert windows(sink)[0] == 0.0 and sink.sent[0] == (0.0, "choir", note_on(10, 76, 120))


def test_a_click_that_sounds_ends_with_the_transport() -> None:
    performance, sink = made(clock=ClockSpec(metronome=("choir", 10)), players=())
    run_until(performance, 1.0)
    performance.take(Stopped(1.01))
    assert sink.sent[-1] == (1.01, "choir", note_off(10, 77))


def test_another_metronome_in_a_reload_goes_on_at_the_next_beat() -> None:
    performance, sink = made(clock=ClockSpec(metronome=("choir", 10)), players=())
    run_until(performance, 1.2)
    performance.take(Reconfigured(1.2, replace(performance.spec, clock=ClockSpec(metronome=("choir", 9)))))
    run_until(performance, 2.2)
    assert [(t, m[0] & 15) for t, _, m in sink.sent if m[0] & 0xF0 == 0x90] == [
        (0.0, 9), (0.5, 9), (1.0, 9), (1.5, 8), (2.0, 8),
    ]  # fmt: skip


# By hand


TAP = ControlSpec("keys", 36, "tap", event="note")


def test_taps_while_it_stands_count_in() -> None:
    performance, sink = made(False, clock=ClockSpec(by_hand=True), controls=(TAP,))
    for number in range(4):
        performance.hear(1.0 + number * 0.4, "keys", 1.0 + number * 0.4, note_on(1, 36, 30))
        performance.hear(1.1 + number * 0.4, "keys", 1.1 + number * 0.4, note_off(1, 36))
    assert performance.running and performance.bpm == pytest.approx(150.0)
    assert performance.seconds_at(0.0) == pytest.approx(2.6)
    assert not [call for _, _, call in sink.calls if isinstance(call, Listen)]  # a tap is no music


def test_taps_while_it_runs_change_tempo_and_phase_without_a_jump_back() -> None:
    performance, _ = made()
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


def test_an_uneven_or_late_tap_begins_anew() -> None:
    performance, _ = made(False, clock=ClockSpec(by_hand=True))
    for stamp in (1.0, 1.5, 2.0, 2.2, 9.0, 9.5):
        performance.take(Commanded(stamp, TapBeat(), stamp))
    assert not performance.running and performance.bpm == pytest.approx(120.0)


def test_a_controller_turns_the_tempo() -> None:
    performance, _ = made(controls=(ControlSpec("keys", 20, "tempo", low=40.0, high=220.0),))
    performance.hear(1.0, "keys", 1.0, control_change(1, 20, 127))
    assert performance.bpm == 220.0 and performance.beat_at(1.0) == pytest.approx(2.0)


def test_stop_and_start_by_control() -> None:
    controls = (ControlSpec("keys", 21, "stop"), ControlSpec("keys", 22, "start"), ControlSpec("keys", 23, "continue"))
    performance, _ = made(controls=controls)
    performance.hear(1.0, "keys", 1.0, control_change(1, 21, 127))
    performance.hear(1.1, "keys", 1.1, control_change(1, 21, 0))
    assert not performance.running
    performance.hear(2.0, "keys", 2.0, control_change(1, 23, 127))
    assert performance.running and performance.seconds_at(2.0) == pytest.approx(2.0 + ClockSpec().start_delay)
    performance.hear(3.0, "keys", 3.0, control_change(1, 22, 127))
    assert performance.seconds_at(0.0) == pytest.approx(3.0 + ClockSpec().start_delay)


def test_stop_while_it_stands_and_continue_while_it_runs_change_nothing() -> None:
    controls = (ControlSpec("keys", 21, "stop"), ControlSpec("keys", 23, "continue"))
    performance, sink = made(controls=controls)
    sink.calls.clear()
    performance.hear(1.0, "keys", 1.0, control_change(1, 23, 127))
    assert performance.running and performance.seconds_at(0.0) == 0.0 and sink.calls == []
    performance.hear(2.0, "keys", 2.0, control_change(1, 21, 127))
    sink.calls.clear()
    performance.hear(2.1, "keys", 2.1, control_change(1, 21, 127))
    assert not performance.running and sink.calls == []


# Delay


@pytest.mark.parametrize("delay", [0.03, -0.03])
def test_a_port_with_a_delay(delay: float) -> None:
    late = replace(OUT, delay=delay)
    performance, sink = made(ports=(KEYS, late), melodies=(MelodySpec(TUNE, ("choir",), 3),))
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
    assert (0.7, note_on(1, 72, 90)) in sent and (0.8, note_off(1, 72)) in sent  # an answer comes at once
    assert (round(0.5 + delay, 6), note_on(3, 62, 80)) in sent
    assert 0 not in [call.event.beat % 0.5 for _, _, call in sink.calls if isinstance(call, Listen) and delay]


def test_an_answer_to_a_controller_is_as_immediate_as_one_to_a_key() -> None:
    turn = ControlSpec("keys", 1, "setting", "choir", "temperature")
    performance, sink = made(ports=(KEYS, replace(OUT, delay=0.03)), controls=(turn,))
    run_until(performance, 0.6)
    performance.hear(0.7, "keys", 0.7, control_change(1, 1, 127))
    turned = sink.last(Control)[2]
    answer(performance, sink, 0.701, Play(turned.beat, 60, 90, "alto"))
    run_until(performance, 0.8)
    assert (0.7, "choir", note_on(2, 60, 90)) in sink.sent
    performance.take(Stopped(0.9))
    assert (0.9, "choir", note_off(2, 60)) in sink.sent, "and has an owner who ends it"


def test_who_plays_early_is_asked_earlier() -> None:
    performance, _ = made(ports=(KEYS, replace(OUT, delay=-0.05)))
    moments = []
    while performance.next_deadline() < 0.3:
        moments.append(round(performance.next_deadline(), 6))
        performance.advance(performance.next_deadline())
    assert moments == [0.045, 0.17, 0.295]


def test_a_melody_on_two_ports_with_different_delays_ends_on_both() -> None:
    ports = (KEYS, OUT, PortSpec("far", "out", delay=-0.1))
    performance, sink = made(ports=ports, melodies=(MelodySpec(TUNE, ("choir", "far")),), players=())
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


# Reload


def test_a_reload_to_another_source_stops_and_back_starts() -> None:
    performance, sink = made()
    answer(performance, sink, 0.0, Play(0.0, 50, 90, "alto"))
    performance.take(Reconfigured(1.0, replace(performance.spec, clock=MIDI)))
    assert not performance.running and sink.sent[-1] == (1.0, "choir", note_off(2, 50))
    performance.take(Reconfigured(1.5, replace(performance.spec, clock=ClockSpec(by_hand=True))))
    assert not performance.running
    performance.take(Reconfigured(1.75, replace(performance.spec, clock=MIDI)))
    performance.take(Reconfigured(2.0, replace(performance.spec, clock=ClockSpec())))
    assert performance.running and performance.seconds_at(2.0) == pytest.approx(2.0 + PRE_ROLL)


def test_meters_of_the_clock() -> None:
    waltz = TempoMap(((0.0, 120.0),), ((0.0, 3.0),))
    performance, sink = made(tempo_map=waltz, clock=ClockSpec(metronome=("choir", 10)), players=())
    run_until(performance, 2.6)
    assert [m[1] for _, _, m in sink.sent if m[0] == 0x99] == [76, 77, 77, 76, 77, 77]


def test_a_player_may_have_no_port_left() -> None:
    player = PlayerSpec("choir", ("keys",), "gone", {"soprano": 1}, True, 0.03, 0.1)
    performance, _ = made(players=(player,))
    run_until(performance, 1.0)


def test_a_reload_to_another_clock_port_waits_for_its_start() -> None:
    pads = PortSpec("pads", "in")
    performance, _ = made(clock=MIDI, ports=(KEYS, pads, OUT))
    performance.take(Reconfigured(1.0, replace(performance.spec, clock=ClockSpec("midi", "pads"))))
    assert not performance.running


@pytest.mark.parametrize(
    "before, after, down, up",
    [
        ((), (TAP,), note_on(1, 36, 90), note_off(1, 36)),
        ((ControlSpec("keys", 64, "sustain"),), (), control_change(1, 64, 127), control_change(1, 64, 0)),
    ],
)
def test_a_reload_of_the_controls_ends_what_is_held(before: Any, after: Any, down: bytes, up: bytes) -> None:
    performance, sink = made(controls=before)
    performance.hear(0.5, "keys", 0.5, down)
    performance.take(Reconfigured(1.0, replace(performance.spec, controls=after)))
    assert [c.event.message for _, _, c in sink.calls if isinstance(c, Listen)] == [down, up]


def test_a_stage_that_is_replaced_keeps_the_tempo_set_by_hand() -> None:
    performance, _ = made(False)
    performance.take(Followed.make(1.0, Tempo(8.0, 1.0, 150.0)))
    performance.take(Started(1.0, 8.5, 1.2))
    assert performance.bpm == 150.0


MAP = TempoMap(((0.0, 120.0), (4.0, 60.0)), ((0.0, 4.0),))


def test_the_tempo_map_has_its_say_after_a_tempo_by_hand() -> None:
    turn = ControlSpec("keys", 20, "tempo", low=40.0, high=200.0)
    performance, _ = made(tempo_map=MAP, controls=(turn,))
    performance.hear(0.5, "keys", 0.5, control_change(1, 20, 127))
    run_until(performance, 3.0)
    assert performance.bpm == 60.0
    performance.take(Stopped(3.0))
    performance.take(Commanded(4.0, ContinueTransport(), 4.0))
    assert performance.bpm == 60.0


def test_a_change_of_the_map_on_the_way_to_a_tapped_tempo_is_not_lost() -> None:
    performance, _ = made(tempo_map=TempoMap(((0.0, 120.0), (3.5, 60.0)), ((0.0, 4.0),)))
    for stamp in (0.9, 1.35):  # the tapped tempo is reached at beat 4
        run_until(performance, stamp)
        performance.take(Commanded(stamp, TapBeat(), stamp))
    run_until(performance, 5.0)
    assert performance.bpm == 60.0


def test_a_reload_of_the_tempo_counts_while_it_stands() -> None:
    performance, _ = made(False, clock=ClockSpec(by_hand=True))
    for stamp in (1.0, 1.4, 1.8):
        performance.take(Commanded(stamp, TapBeat(), stamp))
    performance.take(Reconfigured(3.0, replace(performance.spec, tempo_map=TempoMap(((0.0, 100.0),), ((0.0, 4.0),)))))
    performance.take(Commanded(4.0, StartTransport(), 4.0))
    assert performance.bpm == 100.0


def test_a_start_leaves_time_for_the_earliest_output() -> None:
    performance, sink = made(
        ports=(KEYS, replace(OUT, delay=-0.5)), melodies=(MelodySpec(TUNE, ("choir",)),), players=()
    )
    run_until(performance, 0.2)
    assert sink.sent[0] == (-0.15, "choir", note_on(1, 60, 80)) and performance.counts["dropped"] == 0


@pytest.mark.parametrize("length, expected", [(3.5, [0.0, 1.0, 2.0, 3.0, 3.5, 4.5]), (1.5, [0.0, 1.0, 1.5, 2.5, 3.0])])
def test_bars_that_are_no_whole_number_of_beats(length: float, expected: list[float]) -> None:
    odd = TempoMap(((0.0, 60.0),), ((0.0, length),))
    performance, sink = made(tempo_map=odd, clock=ClockSpec(metronome=("choir", 10)), players=())
    run_until(performance, expected[-1] + 0.01)
    assert times(sink) == expected
    downs = [t for t, _, m in sink.sent if m[:2] == bytes((0x99, 76))]
    assert downs == [t for t in expected if t % length == 0]


def test_an_answer_ends_a_note_that_waits_for_its_delay() -> None:
    performance, sink = made(ports=(KEYS, replace(OUT, delay=0.5)))
    run_until(performance, 0.6)
    asked = [n for _, n, call in sink.calls if isinstance(call, Generate)]
    performance.answer(0.6, "choir", asked[-1], [Play(1.5, 60, 90, "soprano", 4.0)], True)
    performance.hear(0.9, "keys", 0.9, note_on(1, 72, 90))
    answer(performance, sink, 0.901, Play(sink.last(Listen)[2].event.beat, 72, 90, "soprano"))
    run_until(performance, 3.0)
    assert [(t, m) for t, _, m in sink.sent] == [(0.9, note_on(1, 72, 90))]


def test_taps_are_restored_as_they_were() -> None:
    taps = TapTempo()
    for stamp in (1.0, 1.5, 2.1, 2.55, 3.1):
        taps.tap(stamp)
    assert TapTempo(taps.stamps).period == taps.period


def test_a_whole_bar_of_taps_in_six_quarters() -> None:
    performance, _ = made(False, clock=ClockSpec(by_hand=True), tempo_map=TempoMap(((0.0, 120.0),), ((0.0, 6.0),)))
    for number in range(6):
        assert not performance.running
        performance.take(Commanded(1.0 + number / 2, TapBeat(), 1.0 + number / 2))
    assert performance.running and performance.seconds_at(0.0) == pytest.approx(4.0)


def test_a_key_that_is_a_control_makes_no_music() -> None:
    performance, sink = made(ports=(replace(KEYS, thru=("choir",)), OUT), controls=(TAP,))
    performance.hear(0.5, "keys", 0.5, note_on(1, 36, 90))
    performance.hear(0.6, "keys", 0.6, note_off(1, 36))
    performance.hear(0.7, "keys", 0.7, control_change(1, 7, 90))
    assert sink.sent == [(0.7, "choir", control_change(1, 7, 90))]


def test_a_player_that_comes_up_before_the_first_beat_plays_from_there() -> None:
    performance, sink = made(False)
    performance.take(Started(1.0, 16.0, 1.5))
    performance.take(PlayerDown(1.05, "choir"))
    performance.take(PlayerUp(1.1, "choir"))
    assert windows(sink)[-1] == 16.0
    performance.take(Stopped(1.2))
    assert performance.position == 16.0


def test_what_is_late_of_a_melody_is_dropped_with_its_end() -> None:
    performance, sink = made(melodies=(MelodySpec(TUNE, ("choir",)),), players=())
    run_until(performance, 0.1)
    performance.advance(1.3)  # the stage stood still
    sent = [(t, m) for t, _, m in sink.sent]
    assert sent == [(0.0, note_on(1, 60, 80)), (0.25, note_off(1, 60)), (1.25, note_on(1, 65, 80))]
    assert performance.counts["dropped"] == 4


def test_a_key_as_pedal_counts_however_softly_it_is_struck() -> None:
    performance, sink = made(controls=(ControlSpec("keys", 24, "sustain", event="note"),))
    performance.hear(0.5, "keys", 0.5, note_on(1, 24, 9))
    performance.hear(0.6, "keys", 0.6, note_off(1, 24))
    told = [c.event.message for _, _, c in sink.calls if isinstance(c, Listen)]
    assert told == [control_change(1, 64, 127), control_change(1, 64, 0)]


def test_a_panic_ends_the_notes_of_melodies_in_the_recording_too() -> None:
    performance, sink = made(melodies=(MelodySpec(TUNE, ("choir",), 3),), players=())
    run_until(performance, 0.6)
    performance.take(Commanded(0.6, Panic(), 0.6))
    run_until(performance, 0.7)
    told = [(entry.seconds, entry.message) for entry in sink.entries if isinstance(entry, MelodyPlayed)]
    assert told[-1] == (0.6, note_off(3, 62)) and sink.sent[-1] == (0.6, "choir", note_off(3, 62))
