"""The transport: start, stop, continue and tempo, in exact times on an offline clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.commands import ContinueTransport, SetTempo, StartTransport, StopTransport, TapBeat
from daemon.entries import Commanded, Followed, PlayerDown, PlayerUp, Reconfigured, Started, Stopped
from daemon.music.events import Play, control_change, note_off, note_on
from daemon.music.tempo import Tempo, TempoMap
from daemon.spec import ClockSpec, ControlSpec, MelodySpec
from daemon.wire import Generate, Listen, Reset
from tests.performance.offline import MIDI, TUNE, answer, make_performance, run_until, window_starts

# Stopped, started and continued


def test_while_stopped_keys_are_answered_and_no_window_is_requested() -> None:
    performance, sink = make_performance(False, clock=MIDI, melodies=(MelodySpec(TUNE, ("choir",)),))
    run_until(performance, 10.0)
    assert not sink.sent and not window_starts(sink)
    performance.hear(10.0, "keys", 10.0, note_on(1, 60, 90))
    beat = sink.last(Listen)[2].event.beat
    answer(performance, sink, 10.001, Play(beat, 60, 90, "soprano", 1.0))
    run_until(performance, 11.0)
    assert sink.sent == [(10.0, "choir", note_on(1, 60, 90)), (10.5, "choir", note_off(1, 60))]


def test_start_requests_the_first_window_at_once_and_starts_the_melody() -> None:
    performance, sink = make_performance(False, clock=MIDI, melodies=(MelodySpec(TUNE, ("choir",), 2),))
    performance.take(Followed.make(5.0, Tempo(40.0, 5.0, 60.0)))
    performance.take(Started(5.01, 0.0, 5.02))
    assert sink.last(Reset)[2].beat == 0.0 and window_starts(sink) == [0.0]
    run_until(performance, 6.0)
    assert sink.sent[:2] == [(5.02, "choir", note_on(2, 60, 80)), (5.52, "choir", note_off(2, 60))]
    assert window_starts(sink) == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_stop_releases_all_notes_and_continue_resumes_there() -> None:
    performance, sink = make_performance(clock=MIDI, melodies=(MelodySpec(TUNE, ("choir",), 3),))
    answer(performance, sink, 0.0, Play(0.0, 50, 90, "alto"))
    run_until(performance, 1.3)  # beat 2.6
    performance.take(Stopped(1.3))
    assert [m for t, _, m in sink.sent if t == 1.3] == [note_off(2, 50), note_off(3, 65)]
    assert performance.sounding() == {"choir": 0} and performance.position == 2.5
    before, asked = len(sink.sent), len(window_starts(sink))
    run_until(performance, 20.0)
    assert len(sink.sent) == before and len(window_starts(sink)) == asked
    performance.take(Started(20.0, performance.position, 20.0))
    run_until(performance, 20.3)
    assert [(t, m) for t, _, m in sink.sent[before:]] == [
        (20.0, note_on(3, 65, 80)),
        (20.25, note_off(3, 65)),
        (20.25, note_on(3, 66, 80)),
    ]
    assert window_starts(sink)[asked:][:2] == [2.5, 2.75]


def test_a_jump_while_running() -> None:
    performance, sink = make_performance(clock=MIDI, melodies=(MelodySpec(TUNE, ("choir",)),))
    run_until(performance, 0.9)
    performance.take(Started(1.0, 4.0, 1.0))
    assert sink.sent[-1] == (1.0, "choir", note_off(1, 63))
    run_until(performance, 1.2)
    assert sink.sent[-1] == (1.0, "choir", note_on(1, 68, 80)) and performance.beat_at(1.5) == 5.0
    assert sink.last(Generate)[2].window.bar_start == 4.0


def test_a_player_that_is_up_before_the_first_beat_plays_from_there() -> None:
    performance, sink = make_performance(False)
    performance.take(Started(1.0, 16.0, 1.5))
    performance.take(PlayerDown(1.05, "choir"))
    performance.take(PlayerUp(1.1, "choir"))
    assert window_starts(sink)[-1] == 16.0
    performance.take(Stopped(1.2))
    assert performance.position == 16.0


# Tempo


def test_commands_are_proposed_to_an_external_clock() -> None:
    performance, sink = make_performance(False, clock=MIDI, controls=(ControlSpec("keys", 22, "start"),))
    performance.take(Commanded(3.0, StartTransport(), 3.0))
    performance.hear(3.5, "keys", 3.5, control_change(1, 22, 127))
    assert not performance.running
    assert sink.proposals == [(StartTransport(), 3.0), (StartTransport(), 3.5)]


def test_a_new_tempo_moves_queued_notes() -> None:
    performance, sink = make_performance(clock=MIDI)
    answer(performance, sink, 0.0, Play(2.0, 60, 90, "alto", 1.0))
    performance.take(Followed.make(0.5, Tempo(1.0, 0.5, 60.0)))
    run_until(performance, 4.0)
    assert [(t, m) for t, _, m in sink.sent] == [(1.5, note_on(2, 60, 90)), (2.5, note_off(2, 60))]


def test_the_clock_follows_a_tempo_map_and_moves_queued_notes() -> None:
    performance, sink = make_performance(tempo_map=TempoMap(((0.0, 120.0), (2.0, 60.0)), ((0.0, 4.0),), 4.0))
    performance.advance(0.0)
    answer(performance, sink, 0.0, Play(1.0, 60, 90, "alto", 2.0), Play(3.5, 62, 90, "alto", 1.0))
    run_until(performance, 9.0)
    # beats 0–2 last 1 s, 2–4 last 2 s, then 120 bpm again
    assert [t for t, _, _ in sink.sent] == [0.5, 2.0, 2.5, 3.25]


def test_a_new_stage_process_keeps_a_tempo_set_by_a_command() -> None:
    performance, _ = make_performance(False)
    performance.take(Followed.make(1.0, Tempo(8.0, 1.0, 150.0)))
    performance.take(Started(1.0, 8.5, 1.2))
    assert performance.bpm == 150.0


MAP = TempoMap(((0.0, 120.0), (4.0, 60.0)), ((0.0, 4.0),))


def test_the_next_tempo_of_the_map_replaces_a_tempo_set_by_a_controller() -> None:
    turn = ControlSpec("keys", 20, "tempo", low=40.0, high=200.0)
    performance, _ = make_performance(tempo_map=MAP, controls=(turn,))
    performance.hear(0.5, "keys", 0.5, control_change(1, 20, 127))
    run_until(performance, 3.0)
    assert performance.bpm == 60.0
    performance.take(Stopped(3.0))
    performance.take(Commanded(4.0, ContinueTransport(), 4.0))
    assert performance.bpm == 60.0


def test_a_tempo_of_the_map_during_the_slew_to_a_tapped_tempo_is_not_lost() -> None:
    performance, _ = make_performance(tempo_map=TempoMap(((0.0, 120.0), (3.5, 60.0)), ((0.0, 4.0),)))
    for stamp in (0.9, 1.35):  # the tapped tempo is reached at beat 4
        run_until(performance, stamp)
        performance.take(Commanded(stamp, TapBeat(), stamp))
    run_until(performance, 5.0)
    assert performance.bpm == 60.0


def test_a_tempo_that_is_set_or_tapped_in_the_count_in_stays() -> None:
    for commands in ([(0.5, SetTempo(90.0))], [(0.3, TapBeat()), (0.9, TapBeat())]):
        performance, _ = make_performance(started=False, clock=ClockSpec(count_in=1))
        performance.take(Commanded(0.0, StartTransport(), 0.0))
        for at, command in commands:
            performance.take(Commanded(at, command, at))
        run_until(performance, 1.5)
        assert performance.beat_at(1.5) < 0
        run_until(performance, 9.0)
        assert performance.bpm == pytest.approx(90.0 if len(commands) == 1 else 100.0)


def test_a_tempo_tapped_after_a_stop_replaces_the_one_that_was_still_being_approached() -> None:
    performance, _ = make_performance()
    for at, command in ((1.0, TapBeat()), (1.6, TapBeat()), (1.7, StopTransport()), (3.0, TapBeat()), (3.5, TapBeat())):
        run_until(performance, at)
        performance.take(Commanded(at, command, at))
        if at == 1.7:
            assert performance.turned()[3] == pytest.approx(100.0)
    assert performance.turned()[3] == performance.bpm == pytest.approx(120.0)


def test_a_melody_that_a_reload_brings_before_the_first_beat_begins_with_that_beat() -> None:
    performance, sink = make_performance(started=False)
    performance.take(Started(0.0, 1.0, 0.5))
    run_until(performance, 0.1)
    performance.take(Reconfigured(0.1, replace(performance.spec, melodies=(MelodySpec(TUNE, ("choir",)),))))
    run_until(performance, 0.6)
    assert sink.sent == [(0.5, "choir", note_on(1, 62, 80))]
