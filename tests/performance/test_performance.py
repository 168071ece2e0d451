"""A performance on an offline clock: exact lists of (seconds, port, message)."""

from __future__ import annotations

import pytest

from daemon.commands import Panic, RotateSession
from daemon.entries import Commanded, PlayerDown, PlayerUp, PortLost, Started, StateSaved
from daemon.metrics import GRID, OTHER, THRU, Cause, CauseKind
from daemon.music.events import Play, Stop, control_change, note_off, note_on
from daemon.music.melody import Melody, Note
from daemon.performance.performance import Performance
from daemon.performance.players import ANSWER_TIMEOUT
from daemon.spec import ClockSpec, ControlSpec, MelodySpec, PlayerSpec, PortSpec, StageSpec
from daemon.wire import Generate, Listen, Ping, Reset
from tests.performance.offline import CHOIR, OUT, STEADY, TUNE, TWINKLE, Recorder, answer, make_performance, run_until


def test_windows_are_requested_one_lead_before_they_start() -> None:
    performance, sink = make_performance()
    assert [type(c[2]) for c in sink.calls] == [Reset, Generate]  # the first window is requested at once
    moments = []
    while performance.next_deadline() < 0.5:
        moments.append(performance.next_deadline())
        performance.advance(moments[-1])
    windows = [c[2].window for c in sink.calls if isinstance(c[2], Generate)]
    assert [w.start for w in windows] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert {(w.end - w.start, w.meter, w.bar_start, w.tempo) for w in windows} == {(0.25, 4.0, 0.0, 120.0)}
    assert [round(moment, 6) for moment in moments] == [0.095, 0.22, 0.345, 0.47]


def test_a_key_is_heard_at_its_beat_and_answered_at_once() -> None:
    performance, sink = make_performance()
    performance.hear(1.0001, "keys", 1.0, note_on(1, 60, 90))
    player, _, call = sink.last(Listen)
    assert (player, call.event.beat, call.event.source, call.event.message) == (
        "choir",
        2.0,
        "keys",
        note_on(1, 60, 90),
    )
    answer(performance, sink, 1.001, Play(2.0, 60, 90, "soprano"), Play(2.0, 55, 80, "alto"))
    assert sink.sent == [(1.0, "choir", note_on(1, 60, 90)), (1.0, "choir", note_on(2, 55, 80))]


def test_the_first_note_of_an_answer_to_a_key_or_controller_counts_as_latency_and_never_as_lateness() -> None:
    control = ControlSpec("keys", 1, "setting", "choir", "temperature")
    performance, sink = make_performance(controls=(control,))
    performance.advance(1.0)
    for message in (note_on(1, 60, 90), control_change(1, 1, 127)):
        sink.causes.clear()
        performance.hear(1.0001, "keys", 1.0, message)
        answer(performance, sink, 1.001, Play(2.0, 60, 90, "soprano"), Play(2.0, 55, 80, "alto"))
        assert sink.causes == [Cause(CauseKind.ANSWER, "choir", 1.0), OTHER]
    sink.causes.clear()
    performance.hear(1.0015, "keys", 1.0015, note_on(1, 64, 90))
    answer(performance, sink, 1.002, Play(2.25, 62, 90, "soprano"))  # due later, so it is a note of the grid
    run_until(performance, 1.2)
    assert sink.causes == [GRID]


def test_an_answer_to_a_bound_pedal_counts_as_latency_and_one_to_a_released_key_does_not() -> None:
    performance, sink = make_performance(controls=(ControlSpec("keys", 66, "sustain"),))
    performance.advance(1.0)
    for message, cause in (
        (control_change(1, 66, 127), Cause(CauseKind.ANSWER, "choir", 1.0)),
        (note_off(1, 60), OTHER),
    ):
        sink.causes.clear()
        performance.hear(1.0001, "keys", 1.0, message)
        answer(performance, sink, 1.001, Play(2.0, 60, 90, "soprano"))
        assert sink.causes == [cause]


def test_thru_and_melody_notes_have_their_causes() -> None:
    melody = MelodySpec(Melody("tune", (Note(0.0, 1.0, 60, 80),), 4.0, False, STEADY), ("choir",))
    performance, sink = make_performance(
        ports=(PortSpec("keys", "in", thru=("choir",)), OUT), melodies=(melody,), players=()
    )
    performance.advance(0.0)
    performance.hear(0.1, "keys", 0.1, note_on(1, 70, 90))
    assert sink.causes == [GRID, THRU]


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


def test_a_new_play_ends_the_voice_and_cancels_notes_queued_from_its_onset_on() -> None:
    performance, sink = make_performance()
    performance.advance(0.0)
    answer(performance, sink, 0.0, Play(0.0, 60, 90, "alto"), Play(1.0, 62, 90, "alto"), Play(2.0, 64, 90, "alto"))
    performance.advance(0.1)
    answer(performance, sink, 0.1, Play(1.5, 65, 90, "alto", 0.5))
    run_until(performance, 5.0)
    assert sink.sent == [
        (0.0, "choir", note_on(2, 60, 90)),
        (0.5, "choir", note_off(2, 60)),
        (0.5, "choir", note_on(2, 62, 90)),
        (0.75, "choir", note_off(2, 62)),
        (0.75, "choir", note_on(2, 65, 90)),
        (1.0, "choir", note_off(2, 65)),
    ]


def test_voices_that_are_not_monophonic_sound_together() -> None:
    drums = PlayerSpec("choir", (), "choir", {"kit": 10}, monophonic=False, lead=0.03, tolerance=0.05)
    performance, sink = make_performance(players=(drums,))
    answer(performance, sink, 0.0, Play(0.0, 36, 90, "kit", 1.0), Play(0.0, 42, 90, "kit", 0.5))
    run_until(performance, 1.0)
    assert [(t, m) for t, _, m in sink.sent] == [
        (0.0, note_on(10, 36, 90)),
        (0.0, note_on(10, 42, 90)),
        (0.25, note_off(10, 42)),
        (0.5, note_off(10, 36)),
    ]


def test_stop_ends_the_voice() -> None:
    performance, sink = make_performance()
    answer(performance, sink, 0.0, Play(0.0, 60, 90, "alto"), Play(0.0, 72, 90, "soprano"), Stop(1.0, "alto"))
    run_until(performance, 3.0)
    assert [m for _, _, m in sink.sent] == [note_on(2, 60, 90), note_on(1, 72, 90), note_off(2, 60)]
    assert performance.sounding() == {"choir": 1}


def test_a_generated_note_lasts_at_least_ten_milliseconds() -> None:
    performance, sink = make_performance()
    performance.advance(0.0)
    answer(performance, sink, 0.0, Play(0.0, 60, 90, "alto", 0.001))
    performance.advance(1.0)
    assert sink.sent == [(0.0, "choir", note_on(2, 60, 90)), (0.01, "choir", note_off(2, 60))]


def test_a_late_note_on_is_dropped_with_its_note_off_and_a_late_note_off_is_not() -> None:
    performance, sink = make_performance()
    performance.advance(0.0)
    answer(performance, sink, 0.0, Play(0.0, 60, 90, "alto", 0.5), Play(0.0, 72, 90, "soprano"))
    sink.sent.clear()
    performance.advance(0.2)
    answer(performance, sink, 0.2, Play(0.2, 71, 90, "soprano", 4.0))  # due at 0.1 s: 0.1 s late, tolerance 0.05 s
    assert [(t, m) for t, _, m in sink.sent] == [(0.1, note_off(1, 72))]
    assert performance.counts["dropped"] == 1
    performance.advance(9.0)  # after a pause: the note-off due at 0.25 s is sent all the same
    assert [m for _, _, m in sink.sent] == [note_off(1, 72), note_off(2, 60)]


def test_thru_copies_everything_but_foreign_channels_at_once() -> None:
    performance, sink = make_performance(ports=(PortSpec("keys", "in", channels=(1,), thru=("choir",)), OUT))
    messages = [note_on(1, 60, 90), b"\xe0\x01\x40", b"\xd0\x10", b"\xf0\x01\x02\xf7", note_off(1, 60)]
    for message in [*messages, note_on(2, 61, 90)]:
        performance.hear(1.0, "keys", 1.0, message)
    assert [m for _, _, m in sink.sent] == messages
    assert [c[2].event.message for c in sink.calls if isinstance(c[2], Listen)] == [messages[0], messages[-1]]


@pytest.mark.parametrize(
    "garbage", [b"", b"\x40", b"\x90\x40", b"\x90\x80\x40", b"\xf0\x01", b"\x90\x01\x02\x03", b"\xf4"]
)
def test_invalid_messages_are_counted_and_ignored(garbage: bytes) -> None:
    performance, sink = make_performance(ports=(PortSpec("keys", "in", thru=("choir",)), OUT))
    performance.hear(1.0, "keys", 1.0, garbage)
    assert sink.sent == []
    assert performance.counts["malformed"] == 1


def test_a_lost_player_is_silenced_and_resets_when_it_is_back() -> None:
    performance, sink = make_performance()
    answer(performance, sink, 0.0, Play(0.0, 60, 90, "alto"), Play(4.0, 62, 90, "alto"))
    performance.take(PlayerDown(0.2, "choir"))
    assert sink.sent[-1] == (0.2, "choir", note_off(2, 60))
    performance.advance(4.0)
    assert len(sink.sent) == 2
    performance.take(PlayerUp(4.05, "choir"))
    _, _, reset = sink.last(Reset)
    assert reset.beat == 8.5  # beat 8.1 + 0.1 s to settle → the next 16th


def test_a_hung_player_is_silenced_and_reported_once() -> None:
    performance, sink = make_performance()
    answer(performance, sink, 0.0, Play(0.0, 60, 90, "alto"))
    performance.advance(0.1)
    assert performance.check_players(0.1) == []
    assert performance.check_players(0.1 + ANSWER_TIMEOUT + 0.2) == ["choir"]
    assert sink.sent[-1][2] == note_off(2, 60)
    assert performance.check_players(2.0) == []
    performance.answer(2.0, "choir", sink.calls[-1][1], [Play(4.0, 70, 90, "alto")], True)
    assert sink.sent[-1][2] == note_off(2, 60)  # a late answer is not played


def test_after_a_pause_of_the_whole_machine_no_player_is_hung() -> None:
    performance, _ = make_performance()
    assert performance.check_players(0.1) == []
    assert performance.check_players(10.0, patient=True) == []
    assert performance.check_players(10.2) == ["choir"]


def test_an_idle_player_is_pinged() -> None:
    sink = Recorder()
    performance = Performance(StageSpec(tempo_map=STEADY, players=(CHOIR,)), sink)
    performance.take(PlayerUp(0.0, "choir"))
    assert performance.check_players(0.2) == []
    assert isinstance(sink.calls[-1][2], Ping)
    performance.answer(0.3, "choir", sink.calls[-1][1], [], True)
    assert performance.check_players(5.0) == []


def test_panic_silences_cancels_queued_notes_and_resets_the_players() -> None:
    performance, sink = make_performance(controls=(ControlSpec("keys", 120, "panic"),))
    answer(performance, sink, 0.0, Play(0.0, 60, 90, "alto"), Play(4.0, 62, 90, "alto"))
    performance.hear(0.5, "keys", 0.5, control_change(1, 120, 0))
    assert sink.panics == 1
    assert [type(c[2]) for c in sink.calls[-2:]] == [Reset, Generate]
    performance.advance(9.0)
    assert [m for _, _, m in sink.sent] == [note_on(2, 60, 90), note_off(2, 60)]


def test_held_notes_and_pedal_of_a_lost_input_are_released() -> None:
    performance, sink = make_performance(
        ports=(PortSpec("keys", "in", thru=("choir",)), OUT), controls=(ControlSpec("keys", 64, "sustain"),)
    )
    performance.hear(0.1, "keys", 0.1, note_on(1, 60, 90))
    performance.hear(0.1, "keys", 0.1, note_on(5, 64, 90))
    performance.hear(0.1, "keys", 0.1, note_off(5, 64))
    performance.hear(0.1, "keys", 0.1, control_change(1, 64, 127))
    sink.sent.clear()
    sink.calls.clear()
    performance.take(PortLost(0.5, "keys"))
    assert [m for _, _, m in sink.sent] == [note_off(1, 60), control_change(1, 64, 0)]
    assert [c[2].event.message for c in sink.calls] == [note_off(1, 60), control_change(1, 64, 0)]
    performance.take(PortLost(0.6, "keys"))
    assert len(sink.sent) == 2


def test_players_hear_one_another() -> None:
    echo = PlayerSpec("echo", ("choir",), "choir", {"kit": 10}, False, 0.03, 0.05)
    performance, sink = make_performance(players=(CHOIR, echo))
    number = next(n for player, n, c in sink.calls if player == "choir")
    performance.answer(0.0, "choir", number, [Play(1.0, 60, 90, "alto", 0.5)], True)
    run_until(performance, 1.0)
    heard = [c for c in sink.calls if isinstance(c[2], Listen)]
    assert [(p, c.event.beat, c.event.message) for p, _, c in heard] == [
        ("echo", 1.0, note_on(2, 60, 90)),
        ("echo", 1.5, note_off(2, 60)),
    ]


def test_answers_to_calls_before_a_reset_are_ignored() -> None:
    performance, sink = make_performance()
    performance.advance(0.0)
    old = sink.calls[-1][1]
    performance.take(Commanded(0.01, Panic(), 0.01))
    performance.answer(0.02, "choir", old, [Play(0.0, 60, 90, "alto")], True)
    assert sink.sent == []


def test_after_a_long_pause_missed_windows_are_not_requested() -> None:
    performance, sink = make_performance()
    performance.advance(0.0)
    sink.calls.clear()
    performance.advance(60.0)  # 480 windows are missed
    assert len([c for c in sink.calls if isinstance(c[2], Generate)]) <= 2


def test_a_restored_state_gives_the_same_output() -> None:
    performance, sink = make_performance(melodies=(MelodySpec(TWINKLE, ("choir",), 7),))
    performance.hear(0.31, "keys", 0.3, note_on(1, 60, 90))
    answer(performance, sink, 0.32, Play(0.6, 60, 90, "alto", 1.5))
    performance.advance(0.7)
    performance.take(Commanded(0.9, RotateSession(), 0.9))
    state = next(e for e in sink.entries if isinstance(e, StateSaved))
    again, second = Performance(performance.spec, Recorder()), Recorder()
    again = Performance(performance.spec, second)
    again.restore(0.9, state.state)
    sink.sent.clear()
    sink.calls.clear()
    second.calls.clear()
    first_calls = []
    for p, s in ((performance, sink), (again, second)):
        run_until(p, 2.5)
        first_calls.append([c[2] for c in s.calls])
    assert second.sent == sink.sent
    assert first_calls[0] == first_calls[1]


def test_a_player_whose_port_is_not_configured_raises_nothing() -> None:
    player = PlayerSpec("choir", ("keys",), "gone", {"soprano": 1}, True, 0.03, 0.1)
    performance, _ = make_performance(players=(player,))
    run_until(performance, 1.0)
