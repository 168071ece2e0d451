"""The first key after a bar of silence sets the beat: exact times on an offline clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from daemon.commands import MutePlayer, RotateSession, SetTempo, TapBeat, ToggleMetronome
from daemon.entries import Commanded, MelodyPlayed, PlayerDown, PlayerUp, StateSaved, Stopped
from daemon.music.events import MidiEvent, Play, control_change, note_off, note_on
from daemon.music.tempo import Tempo, TempoMap
from daemon.performance.performance import Performance
from daemon.spec import ClockSpec, ControlSpec, MelodySpec, PlayerSpec, PortSpec, ZoneSpec
from daemon.wire import Generate, Learn, Listen, Reset
from tests.performance.offline import (
    CHOIR,
    KEYS,
    MIDI,
    OUT,
    STEADY,
    TUNE,
    Recorder,
    answer,
    make_performance,
    run_until,
)

CLOCK = ClockSpec(first_key_sets_beat=True)
SINGERS = replace(CHOIR, gives_way=True)
DRUMS = PlayerSpec("drums", ("keys",), "choir", {"kick": 10}, monophonic=False, lead=0.03, tolerance=0.05)
PADS = PortSpec("pads", "in")
PRESS, RELEASE = note_on(1, 60, 90), note_off(1, 60)


def made(**changes: Any) -> tuple[Performance, Recorder]:
    return make_performance(**{"clock": CLOCK, "players": (SINGERS,), **changes})


def press(performance: Performance, at: float, source: str = "keys", pitch: int = 60) -> None:
    run_until(performance, at)
    performance.hear(at, source, at, note_on(1, pitch, 90))


def release(performance: Performance, at: float, pitch: int = 60) -> None:
    run_until(performance, at)
    performance.hear(at, "keys", at, note_off(1, pitch))


def is_set(performance: Performance, at: float) -> bool:
    """Whether a key at `at` seconds, which lies on no beat, begins a bar."""
    press(performance, at)
    return performance.beat_at(at) % 4 == 0


def test_the_key_is_the_first_beat_of_the_next_bar_and_windows_go_on_from_there() -> None:
    performance, sink = made()
    press(performance, 1.3)  # beat 2.6
    assert performance.tempo == Tempo(4.0, 1.3, 120.0)
    heard, calls = ("choir", Listen(MidiEvent(4.0, "keys", PRESS))), [(name, call) for name, _, call in sink.calls]
    assert calls[-2:] == [("choir", Reset(4.0, calls[-2][1].seed)), heard]
    before = len(calls)
    run_until(performance, 1.3 + 0.125 - 0.031)
    assert len(sink.calls) == before
    run_until(performance, 1.3 + 0.4)
    windows = [call.window for _, _, call in sink.calls[before:] if isinstance(call, Generate)]
    assert [(window.start, window.bar_start) for window in windows] == [(4.25, 4.0), (4.5, 4.0), (4.75, 4.0)]


def test_no_note_of_the_old_beat_sounds_on_or_comes_late() -> None:
    performance, sink = made()
    run_until(performance, 1.2)
    answer(
        performance, sink, 1.2, Play(2.5, 50, 90, "alto"), Play(2.75, 52, 90, "alto"), Play(2.5, 70, 90, "soprano", 4.0)
    )
    asked = sink.calls[-1][1]
    press(performance, 1.3)
    performance.answer(1.301, "choir", asked, [Play(2.7, 40, 90, "alto")], True)  # to a window of the old beat
    answer(performance, sink, 1.302, Play(4.0, 60, 90, "soprano"), Play(4.0, 55, 90, "alto"))
    run_until(performance, 1.9)
    assert [(at, message) for at, _, message in sink.sent] == [
        (1.25, note_on(2, 50, 90)),
        (1.25, note_on(1, 70, 90)),
        (1.3, note_off(1, 70)),
        (1.3, note_off(2, 50)),
        (1.3, note_on(1, 60, 90)),
        (1.3, note_on(2, 55, 90)),
    ]
    assert performance.counts["dropped"] == 0 and performance.counts["stale"] == 1


def test_a_chord_that_is_rolled_sets_the_beat_once() -> None:
    performance, sink = made()
    for number in range(5):
        press(performance, 1.3 + 0.02 * number, pitch=60 + number)
    assert performance.beat_at(1.3) == 4.0
    assert [call.event.beat for _, _, call in sink.calls if isinstance(call, Listen)] == pytest.approx(
        [4.0, 4.04, 4.08, 4.12, 4.16]
    )


def test_a_key_on_a_bar_line_does_not_skip_a_bar() -> None:
    performance, _ = made()
    press(performance, 2.02)  # beat 4.04
    assert performance.beat_at(2.02) == 4.0


def test_the_stage_may_hear_the_key_late() -> None:
    performance, sink = made()
    run_until(performance, 1.3)
    performance.hear(1.9, "keys", 1.3, PRESS)
    performance.advance(1.9)
    run_until(performance, 2.0)
    assert performance.beat_at(1.3) == 4.0
    starts = [call.window.start for _, _, call in sink.calls if isinstance(call, Generate)]
    assert starts[starts.index(2.5) + 1 :] == [5.5]  # the windows that passed meanwhile are left out


def test_the_next_key_sets_the_beat_after_a_bar_of_silence_only() -> None:
    performance, _ = made()
    press(performance, 1.3)
    release(performance, 1.5)
    assert not is_set(performance, 3.45)
    release(performance, 3.6)
    assert is_set(performance, 5.63)


def test_a_bar_of_silence_is_as_long_as_bar_and_tempo_say() -> None:
    waltz = TempoMap(((0.0, 120.0),), ((0.0, 3.0),))
    performance, _ = made(tempo_map=waltz)
    press(performance, 1.3)
    assert performance.beat_at(1.3) == 3.0
    release(performance, 1.5)
    run_until(performance, 1.6)
    performance.take(Commanded(1.6, SetTempo(60.0), 1.6))  # a bar now lasts 3 s
    press(performance, 4.4)
    release(performance, 4.5)
    assert performance.beat_at(4.4) % 3 != 0
    press(performance, 7.6)
    assert performance.beat_at(7.6) % 3 == 0


def test_a_pedal_prolongs_the_keys_but_is_none_itself() -> None:
    performance, _ = made(controls=(ControlSpec("keys", 64, "sustain"),))
    performance.hear(1.0, "keys", 1.0, control_change(1, 64, 127))
    assert is_set(performance, 1.3)
    release(performance, 1.5)
    assert not is_set(performance, 4.1)  # the pedal is still down
    release(performance, 4.2)
    performance.hear(4.3, "keys", 4.3, control_change(1, 64, 0))
    assert is_set(performance, 6.4)


def test_the_notes_of_a_silent_melody_are_no_keys() -> None:
    performance, _ = made(melodies=(MelodySpec(TUNE),))
    press(performance, 0.3)
    release(performance, 0.4)
    assert is_set(performance, 2.43)


def test_a_key_before_the_first_beat_does_not_move_that_beat() -> None:
    performance, _ = made()
    performance.hear(-0.1, "keys", -0.1, PRESS)
    assert performance.tempo == Tempo(0.0, 0.0, 120.0)


def test_a_key_held_on_another_input_is_no_silence() -> None:
    performance, _ = made(ports=(KEYS, PADS, OUT))
    press(performance, 0.7, "pads", 40)
    assert not is_set(performance, 3.3)


def test_a_panic_ends_what_was_held() -> None:
    performance, _ = made(controls=(ControlSpec("keys", 120, "panic"),))
    press(performance, 1.3)
    performance.hear(2.0, "keys", 2.0, control_change(1, 120, 0))
    assert is_set(performance, 4.1)


# What keeps time


def in_time(performance: Performance, sink: Recorder, at: float) -> None:
    """The player that was asked last plays a note in time."""
    run_until(performance, at)
    name, number, _ = sink.calls[-1]
    voice = next(iter(next(player for player in performance.spec.players if player.name == name).channels))
    beat = performance.beat_at(at) + 0.1
    performance.answer(at, name, number, [Play(beat, 36, 90, voice, 0.1)], True)
    run_until(performance, at + 0.2)


def turned_on(performance: Performance, sink: Recorder) -> None:
    performance.take(Commanded(0.5, ToggleMetronome(), 0.5))


def tapped(performance: Performance, sink: Recorder) -> None:
    for at in (0.0, 0.5, 1.0):
        run_until(performance, at)
        performance.take(Commanded(at, TapBeat(), at))


def nothing(performance: Performance, sink: Recorder) -> None:
    pass


@pytest.mark.parametrize(
    ("changes", "before"),
    [
        ({"clock": ClockSpec()}, nothing),
        ({"clock": replace(MIDI, first_key_sets_beat=True)}, nothing),
        ({"clock": replace(CLOCK, send=("choir",))}, nothing),
        ({"clock": replace(CLOCK, metronome=("choir", 10))}, nothing),
        ({}, turned_on),
        ({}, tapped),
        ({"melodies": (MelodySpec(TUNE, ("choir",)),)}, nothing),
        ({"players": (replace(SINGERS, listen=()),)}, nothing),
        ({"players": (DRUMS,)}, lambda performance, sink: in_time(performance, sink, 0.9)),
        (
            {"players": (replace(SINGERS, listen=("pads",)), DRUMS), "ports": (KEYS, PADS, OUT)},
            lambda p, s: in_time(p, s, 0.9),
        ),
    ],
)
def test_where_something_keeps_time_the_beat_stays(
    changes: dict[str, Any], before: Callable[[Performance, Recorder], None]
) -> None:
    performance, sink = made(**changes)
    before(performance, sink)
    run_until(performance, 1.3)
    tempo, resets = performance.tempo, sum(isinstance(call, Reset) for _, _, call in sink.calls)
    press(performance, 1.3)
    assert performance.tempo == tempo
    assert sum(isinstance(call, Reset) for _, _, call in sink.calls) == resets


def test_after_a_count_in_the_beat_stays_for_a_bar() -> None:
    clock = replace(CLOCK, count_in=1, metronome=("choir", 10), click="count-in")
    performance, _ = made(clock=clock)
    assert not is_set(performance, 1.3)  # in the count-in
    release(performance, 1.4)
    performance, _ = made(clock=clock)
    assert not is_set(performance, 3.3)
    performance, _ = made(clock=clock)
    assert is_set(performance, 4.3)


def test_while_the_transport_stands_there_is_no_beat_to_set() -> None:
    performance, _ = made()
    performance.take(Stopped(1.0))
    press(performance, 4.3)
    assert not performance.running and performance.position == 2.0


def test_a_drummer_keeps_time_until_a_bar_after_the_last_hit() -> None:
    performance, sink = made(players=(DRUMS,))
    in_time(performance, sink, 0.9)  # a hit at 0.95
    assert not is_set(performance, 2.9)
    release(performance, 2.9)
    assert is_set(performance, 4.99)


def test_a_muted_drummer_keeps_no_time() -> None:
    performance, sink = made(players=(DRUMS,))
    performance.take(Commanded(0.1, MutePlayer("drums", True), 0.1))
    in_time(performance, sink, 0.9)
    assert is_set(performance, 1.3)


def test_a_drummer_that_has_just_crashed_keeps_time() -> None:
    performance, sink = made(players=(SINGERS, DRUMS))
    in_time(performance, sink, 0.9)
    performance.take(PlayerDown(1.0, "drums"))
    assert not is_set(performance, 1.3)


def test_a_choir_keeps_time_for_keys_that_it_does_not_hear() -> None:
    players = (replace(SINGERS, listen=("tune",)), replace(DRUMS, listen=("keys",)))
    performance, sink = made(players=players, melodies=(MelodySpec(TUNE),))
    number = [number for name, number, _ in sink.calls if name == "choir"][-1]
    performance.answer(0.0, "choir", number, [Play(0.25, 60, 90, "alto", 1.0)], True)
    assert not is_set(performance, 1.3)


@pytest.mark.parametrize(("low", "expected"), [(61, False), (60, True)])
def test_a_choir_gives_way_to_the_keys_of_its_zone_only(low: int, expected: bool) -> None:
    zones = (ZoneSpec("choir", "keys", low=low),)
    performance, sink = made(players=(SINGERS, DRUMS), melodies=(MelodySpec(TUNE),), zones=zones)
    number = next(number for name, number, _ in reversed(sink.calls) if name == "choir")
    performance.answer(0.0, "choir", number, [Play(0.25, 60, 90, "alto", 1.0)], True)
    assert is_set(performance, 1.3) is expected


def test_a_key_outside_the_only_zone_sets_no_beat() -> None:
    performance, _ = made(zones=(ZoneSpec("choir", "keys", low=61),))
    assert not is_set(performance, 1.3)


def test_a_melody_that_has_ended_keeps_no_time() -> None:
    short = replace(TUNE, notes=TUNE.notes[:2], length=1.0, loop=False)
    performance, _ = made(melodies=(MelodySpec(short, ("choir",)),))
    assert is_set(performance, 1.3)


# What goes on at the new beat


def test_listeners_hear_the_ends_of_the_old_notes_before_they_are_reset() -> None:
    performance, sink = made(players=(SINGERS, replace(DRUMS, listen=("choir",))))
    number = next(number for name, number, _ in reversed(sink.calls) if name == "choir")
    performance.answer(0.0, "choir", number, [Play(0.25, 60, 90, "alto")], True)
    press(performance, 1.3)
    told = [call for name, _, call in sink.calls if name == "drums" and not isinstance(call, Generate)]
    assert told[1:] == [
        Listen(MidiEvent(0.25, "choir", note_on(2, 60, 90))),
        Listen(MidiEvent(pytest.approx(2.6), "choir", note_off(2, 60))),
        Reset(4.0, told[-1].seed),
    ]


def test_a_silent_melody_goes_on_at_the_new_place() -> None:
    performance, sink = made(melodies=(MelodySpec(TUNE),))
    press(performance, 1.3)
    run_until(performance, 1.6)
    played = [(e.seconds, e.message[:2]) for e in sink.entries if isinstance(e, MelodyPlayed) and e.seconds >= 1.3]
    assert [(round(at, 3), message) for at, message in played] == [
        (1.3, note_off(1, 65)[:2]),
        (1.3, note_on(1, 68, 80)[:2]),
        (1.55, note_off(1, 68)[:2]),
        (1.55, note_on(1, 69, 80)[:2]),
    ]


def test_a_player_that_does_not_give_way_is_asked_for_its_window_before_it_hears_the_key() -> None:
    performance, sink = made(players=(SINGERS, DRUMS))
    before = len(sink.calls)
    press(performance, 1.3 - 0.031)
    calls = [(name, type(call)) for name, _, call in sink.calls[before:]]
    after = calls[-5:]
    assert after == [("choir", Reset), ("drums", Reset), ("drums", Generate), ("choir", Listen), ("drums", Listen)]
    assert sink.last(Generate)[2].window.start == 4.0


def test_a_player_that_gives_way_to_other_keys_is_asked_for_its_first_window() -> None:
    performance, sink = made(
        players=(SINGERS, replace(SINGERS, name="other", listen=("pads",))), ports=(KEYS, PADS, OUT)
    )
    press(performance, 1.3)
    assert [(name, call.window.start) for name, _, call in sink.calls[-4:] if isinstance(call, Generate)] == [
        ("other", 4.0)
    ]


def test_a_player_that_comes_up_later_begins_on_the_new_beat() -> None:
    performance, sink = made()
    press(performance, 1.3)
    performance.take(PlayerDown(1.31, "choir"))
    performance.take(PlayerUp(1.6, "choir"))
    assert sink.last(Generate)[2].window.start == 5.0
    assert not any(isinstance(call, Learn) for _, _, call in sink.calls)


def test_a_tempo_set_by_hand_stays() -> None:
    performance, _ = made()
    performance.take(Commanded(0.5, SetTempo(90.0), 0.5))
    press(performance, 1.3)
    assert performance.tempo == Tempo(4.0, 1.3, 90.0)


@pytest.mark.parametrize(("press_at", "expected"), [(2.4, False), (3.7, True)])
def test_a_session_that_begins_in_the_silence_knows_how_long_it_is(press_at: float, expected: bool) -> None:
    performance, sink = made(players=(SINGERS, DRUMS))
    press(performance, 0.3)
    release(performance, 1.5)
    in_time(performance, sink, 1.0)
    performance.take(Commanded(1.7, RotateSession(), 1.7))
    state = next(entry.state for entry in sink.entries if isinstance(entry, StateSaved))
    again = Performance(performance.spec, Recorder())
    again.restore(1.7, state)
    assert (is_set(performance, press_at), is_set(again, press_at)) == (expected, expected)
    assert again.tempo == performance.tempo


@pytest.mark.parametrize(("press_at", "expected"), [(2.4, False), (3.3, True)])
def test_a_session_that_begins_after_a_note_of_the_drums_knows_when_it_was_struck(
    press_at: float, expected: bool
) -> None:
    performance, sink = made(players=(SINGERS, DRUMS))
    in_time(performance, sink, 1.0)
    performance.take(Commanded(1.7, RotateSession(), 1.7))
    state = next(entry.state for entry in sink.entries if isinstance(entry, StateSaved))
    again = Performance(performance.spec, Recorder())
    again.restore(1.7, state)
    assert (is_set(performance, press_at), is_set(again, press_at)) == (expected, expected)


def test_a_state_of_older_journals_can_be_restored() -> None:
    performance, sink = make_performance(tempo_map=STEADY)
    performance.take(Commanded(1.7, RotateSession(), 1.7))
    state = dict(next(entry.state for entry in sink.entries if isinstance(entry, StateSaved)))
    for key in ("silent_since", "beat_given", "last_note", "metronome"):
        del state[key]
    again = Performance(performance.spec, Recorder())
    again.restore(1.7, state)
    assert again.tempo == performance.tempo
