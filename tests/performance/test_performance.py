"""The stage without its ports, on an offline clock: exact lists of (seconds, port, message)."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.commands import Command, Panic, RotateSession
from daemon.entries import Commanded, Entry, PlayerDown, PlayerUp, PortLost, Reconfigured, Started, StateSaved
from daemon.metrics import GRID, OTHER, THRU, Cause, CauseKind
from daemon.music.events import Action, Play, Stop, control_change, is_note_on, note_off, note_on
from daemon.music.melody import Melody, Note
from daemon.music.tempo import TempoMap
from daemon.performance.performance import Performance
from daemon.performance.players import ANSWER_TIMEOUT
from daemon.performance.transport import PRE_ROLL
from daemon.spec import ControlSpec, MelodySpec, PlayerSpec, PortSpec, StageSpec
from daemon.wire import Call, Control, Generate, Listen, Ping, Reset

STEADY = TempoMap(((0.0, 120.0),), ((0.0, 4.0),))  # a beat is 0.5 s, a 16th 0.125 s
CHOIR = PlayerSpec("choir", ("keys",), "choir", {"soprano": 1, "alto": 2}, monophonic=True, lead=0.03, tolerance=0.05)
KEYS = PortSpec("keys", "in")
OUT = PortSpec("choir", "out")


class Recorder:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, str, bytes]] = []
        self.causes: list[Cause] = []  # of note-ons
        self.calls: list[tuple[str, int, Call]] = []
        self.panics = 0
        self.proposals: list[tuple[Command, float]] = []
        self.entries: list[Entry] = []

    def send(self, port: str, message: bytes, due: float, cause: Cause) -> None:
        self.sent.append((round(due, 6), port, message))
        if is_note_on(message):
            self.causes.append(cause)

    def call(self, player: str, number: int, call: Call) -> None:
        self.calls.append((player, number, call))

    def panic(self) -> None:
        self.panics += 1

    def propose(self, command: Command, stamp: float) -> None:
        self.proposals.append((command, stamp))

    def record(self, entry: Entry) -> None:
        self.entries.append(entry)

    def last(self, kind: type) -> tuple[str, int, Any]:
        return [c for c in self.calls if isinstance(c[2], kind)][-1]


def stage(**changes: Any) -> tuple[Performance, Recorder]:
    """A performance whose beat 0 falls at 0.0 s, with its player up."""
    sink = Recorder()
    spec = StageSpec(**{"tempo_map": STEADY, "ports": (KEYS, OUT), "players": (CHOIR,), **changes})
    performance = Performance(spec, sink)
    for player in spec.players:
        performance.take(PlayerUp(-PRE_ROLL, player.name))
    performance.take(Started(-PRE_ROLL))
    return performance, sink


def run_until(performance: Performance, seconds: float) -> None:
    """Let time pass as it does on a stage that is never late."""
    while performance.next_deadline() <= seconds:
        performance.advance(performance.next_deadline())


def answer(performance: Performance, sink: Recorder, now: float, *actions: Action) -> None:
    """Let the choir answer its latest call."""
    performance.answer(now, "choir", sink.calls[-1][1], actions, True)


def test_windows_are_asked_for_one_lead_before_they_start() -> None:
    performance, sink = stage()
    assert [type(c[2]) for c in sink.calls] == [Reset, Generate]  # the first one at once, to have time for it
    moments = []
    while performance.next_deadline() < 0.5:
        moments.append(performance.next_deadline())
        performance.advance(moments[-1])
    windows = [c[2].window for c in sink.calls if isinstance(c[2], Generate)]
    assert [w.start for w in windows] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert {(w.end - w.start, w.meter, w.bar_start, w.tempo) for w in windows} == {(0.25, 4.0, 0.0, 120.0)}
    assert [round(moment, 6) for moment in moments] == [0.095, 0.22, 0.345, 0.47]


def test_a_key_is_heard_at_its_beat_and_answered_at_once() -> None:
    performance, sink = stage()
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
    performance, sink = stage(controls=(control,))
    performance.advance(1.0)
    for message in (note_on(1, 60, 90), control_change(1, 1, 127)):
        sink.causes.clear()
        performance.hear(1.0001, "keys", 1.0, message)
        answer(performance, sink, 1.001, Play(2.0, 60, 90, "soprano"), Play(2.0, 55, 80, "alto"))
        assert sink.causes == [Cause(CauseKind.ANSWER, "choir", 1.0), OTHER]
    sink.causes.clear()
    performance.hear(1.0015, "keys", 1.0015, note_on(1, 64, 90))
    answer(performance, sink, 1.002, Play(2.25, 62, 90, "soprano"))  # that is for later, so it is due in time
    run_until(performance, 1.2)
    assert sink.causes == [GRID]


def test_an_answer_to_a_bound_pedal_counts_as_latency_and_one_to_a_released_key_does_not() -> None:
    performance, sink = stage(controls=(ControlSpec("keys", 66, "sustain"),))
    performance.advance(1.0)
    for message, cause in (
        (control_change(1, 66, 127), Cause(CauseKind.ANSWER, "choir", 1.0)),
        (note_off(1, 60), OTHER),
    ):
        sink.causes.clear()
        performance.hear(1.0001, "keys", 1.0, message)
        answer(performance, sink, 1.001, Play(2.0, 60, 90, "soprano"))
        assert sink.causes == [cause]


def test_what_is_copied_from_an_input_or_played_by_a_melody_has_its_cause() -> None:
    melody = MelodySpec(Melody("tune", (Note(0.0, 1.0, 60, 80),), 4.0, False, STEADY), ("choir",))
    performance, sink = stage(ports=(PortSpec("keys", "in", thru=("choir",)), OUT), melodies=(melody,), players=())
    performance.advance(0.0)
    performance.hear(0.1, "keys", 0.1, note_on(1, 70, 90))
    assert sink.causes == [GRID, THRU]


def test_a_new_play_ends_the_voice_and_cancels_what_is_queued_from_its_onset() -> None:
    performance, sink = stage()
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
    performance, sink = stage(players=(drums,))
    answer(performance, sink, 0.0, Play(0.0, 36, 90, "kit", 1.0), Play(0.0, 42, 90, "kit", 0.5))
    run_until(performance, 1.0)
    assert [(t, m) for t, _, m in sink.sent] == [
        (0.0, note_on(10, 36, 90)),
        (0.0, note_on(10, 42, 90)),
        (0.25, note_off(10, 42)),
        (0.5, note_off(10, 36)),
    ]


def test_stop_ends_the_voice() -> None:
    performance, sink = stage()
    answer(performance, sink, 0.0, Play(0.0, 60, 90, "alto"), Play(0.0, 72, 90, "soprano"), Stop(1.0, "alto"))
    run_until(performance, 3.0)
    assert [m for _, _, m in sink.sent] == [note_on(2, 60, 90), note_on(1, 72, 90), note_off(2, 60)]
    assert performance.sounding() == {"choir": 1}


def test_a_generated_note_lasts_at_least_ten_milliseconds() -> None:
    performance, sink = stage()
    performance.advance(0.0)
    answer(performance, sink, 0.0, Play(0.0, 60, 90, "alto", 0.001))
    performance.advance(1.0)
    assert sink.sent == [(0.0, "choir", note_on(2, 60, 90)), (0.01, "choir", note_off(2, 60))]


def test_a_late_note_on_is_dropped_with_its_note_off_and_a_late_note_off_is_not() -> None:
    performance, sink = stage()
    performance.advance(0.0)
    answer(performance, sink, 0.0, Play(0.0, 60, 90, "alto", 0.5), Play(0.0, 72, 90, "soprano"))
    sink.sent.clear()
    performance.advance(0.2)
    answer(performance, sink, 0.2, Play(0.2, 71, 90, "soprano", 4.0))  # due at 0.1 s: 0.1 s late, 0.05 allowed
    assert [(t, m) for t, _, m in sink.sent] == [(0.1, note_off(1, 72))]
    assert performance.counts["dropped"] == 1
    performance.advance(9.0)  # the stage stood still: the off due at 0.25 s goes out all the same
    assert [m for _, _, m in sink.sent] == [note_off(1, 72), note_off(2, 60)]


def test_thru_copies_everything_but_foreign_channels_at_once() -> None:
    performance, sink = stage(ports=(PortSpec("keys", "in", channels=(1,), thru=("choir",)), OUT))
    messages = [note_on(1, 60, 90), b"\xe0\x01\x40", b"\xd0\x10", b"\xf0\x01\x02\xf7", note_off(1, 60)]
    for message in [*messages, note_on(2, 61, 90)]:
        performance.hear(1.0, "keys", 1.0, message)
    assert [m for _, _, m in sink.sent] == messages
    assert [c[2].event.message for c in sink.calls if isinstance(c[2], Listen)] == [messages[0], messages[-1]]


@pytest.mark.parametrize(
    "garbage", [b"", b"\x40", b"\x90\x40", b"\x90\x80\x40", b"\xf0\x01", b"\x90\x01\x02\x03", b"\xf4"]
)
def test_garbage_is_counted_and_goes_nowhere(garbage: bytes) -> None:
    performance, sink = stage(ports=(PortSpec("keys", "in", thru=("choir",)), OUT))
    performance.hear(1.0, "keys", 1.0, garbage)
    assert sink.sent == []
    assert performance.counts["malformed"] == 1


def test_a_dead_player_falls_silent_and_starts_anew() -> None:
    performance, sink = stage()
    answer(performance, sink, 0.0, Play(0.0, 60, 90, "alto"), Play(4.0, 62, 90, "alto"))
    performance.take(PlayerDown(0.2, "choir"))
    assert sink.sent[-1] == (0.2, "choir", note_off(2, 60))
    performance.advance(4.0)
    assert len(sink.sent) == 2
    performance.take(PlayerUp(4.05, "choir"))
    _, _, reset = sink.last(Reset)
    assert reset.beat == 8.5  # beat 8.1 + 0.1 s to settle → the next 16th


def test_a_hung_player_is_found_silenced_and_named_once() -> None:
    performance, sink = stage()
    answer(performance, sink, 0.0, Play(0.0, 60, 90, "alto"))
    performance.advance(0.1)
    assert performance.check_players(0.1) == []
    assert performance.check_players(0.1 + ANSWER_TIMEOUT + 0.2) == ["choir"]
    assert sink.sent[-1][2] == note_off(2, 60)
    assert performance.check_players(2.0) == []
    performance.answer(2.0, "choir", sink.calls[-1][1], [Play(4.0, 70, 90, "alto")], True)
    assert sink.sent[-1][2] == note_off(2, 60)  # what it says too late is not played


def test_an_idle_player_is_asked_whether_it_lives() -> None:
    sink = Recorder()
    performance = Performance(StageSpec(tempo_map=STEADY, players=(CHOIR,)), sink)
    performance.take(PlayerUp(0.0, "choir"))
    assert performance.check_players(0.2) == []
    assert isinstance(sink.calls[-1][2], Ping)
    performance.answer(0.3, "choir", sink.calls[-1][1], [], True)
    assert performance.check_players(5.0) == []


def test_panic_silences_forgets_and_starts_anew() -> None:
    performance, sink = stage(controls=(ControlSpec("keys", 120, "panic"),))
    answer(performance, sink, 0.0, Play(0.0, 60, 90, "alto"), Play(4.0, 62, 90, "alto"))
    performance.hear(0.5, "keys", 0.5, control_change(1, 120, 0))
    assert sink.panics == 1
    assert [type(c[2]) for c in sink.calls[-2:]] == [Reset, Generate]
    performance.advance(9.0)
    assert [m for _, _, m in sink.sent] == [note_on(2, 60, 90), note_off(2, 60)]


def test_controls_turn_settings_and_carry_the_pedal() -> None:
    controls = (ControlSpec("keys", 1, "setting", "choir", "temperature", 0.0, 1.5), ControlSpec("keys", 66, "sustain"))
    performance, sink = stage(controls=controls)
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


def test_a_lost_input_lets_go_of_what_it_held() -> None:
    performance, sink = stage(
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


def twinkle(loop: bool = True, **tempo: Any) -> Melody:
    notes = (Note(0.0, 1.0, 60, 80), Note(1.0, 1.0, 60, 80), Note(3.0, 1.0, 67, 80))
    return Melody("twinkle", notes, 4.0, loop, TempoMap(**tempo) if tempo else STEADY)


def test_a_melody_sounds_on_its_outputs_and_is_told_to_its_listeners_loop_after_loop() -> None:
    listener = PlayerSpec("choir", ("twinkle",), "choir", {"alto": 2}, True, 0.03, 0.05)
    performance, sink = stage(players=(listener,), melodies=(MelodySpec(twinkle(), ("choir",), 7),))
    run_until(performance, 2.9)
    on, off = (lambda p: note_on(7, p, 80)), (lambda p: note_off(7, p))
    expected = [
        (0.0, on(60)),
        (0.5, off(60)),
        (0.5, on(60)),
        (1.0, off(60)),
        (1.5, on(67)),
        (2.0, off(67)),
        (2.0, on(60)),
    ]
    assert [(t, m) for t, _, m in sink.sent] == [*expected, (2.5, off(60)), (2.5, on(60))]
    assert [c[2].event.message for c in sink.calls if isinstance(c[2], Listen)] == [m for _, _, m in sink.sent]


def test_the_clock_follows_a_tempo_map_and_moves_what_is_queued() -> None:
    performance, sink = stage(tempo_map=TempoMap(((0.0, 120.0), (2.0, 60.0)), ((0.0, 4.0),), 4.0))
    performance.advance(0.0)
    answer(performance, sink, 0.0, Play(1.0, 60, 90, "alto", 2.0), Play(3.5, 62, 90, "alto", 1.0))
    run_until(performance, 9.0)
    # beats 0–2 last 1 s, 2–4 last 2 s, then 120 bpm again
    assert [t for t, _, _ in sink.sent] == [0.5, 2.0, 2.5, 3.25]


def test_players_hear_one_another() -> None:
    echo = PlayerSpec("echo", ("choir",), "choir", {"kit": 10}, False, 0.03, 0.05)
    performance, sink = stage(players=(CHOIR, echo))
    number = next(n for player, n, c in sink.calls if player == "choir")
    performance.answer(0.0, "choir", number, [Play(1.0, 60, 90, "alto", 0.5)], True)
    run_until(performance, 1.0)
    heard = [c for c in sink.calls if isinstance(c[2], Listen)]
    assert [(p, c.event.beat, c.event.message) for p, _, c in heard] == [
        ("echo", 1.0, note_on(2, 60, 90)),
        ("echo", 1.5, note_off(2, 60)),
    ]


def test_answers_from_before_a_reset_are_stale() -> None:
    performance, sink = stage()
    performance.advance(0.0)
    old = sink.calls[-1][1]
    performance.take(Commanded(0.01, Panic(), 0.01))
    performance.answer(0.02, "choir", old, [Play(0.0, 60, 90, "alto")], True)
    assert sink.sent == []


def test_reconfiguring_leaves_the_same_players_alone_and_silences_the_others() -> None:
    bass = PlayerSpec("bass", (), "choir", {"bass": 4}, True, 0.03, 0.05)
    performance, sink = stage(players=(CHOIR, bass), melodies=(MelodySpec(twinkle(), ("choir",), 7),))
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
    assert sink.sent == []  # the melody is gone, and so is the bass
    assert sink.calls[-1][0] == "choir"


@pytest.mark.parametrize(
    "port", [None, PortSpec("keys", "in"), PortSpec("keys", "in", channels=(2,), thru=("choir",))], ids=str
)
def test_an_input_that_changes_lets_go_of_what_it_held(port: PortSpec | None) -> None:
    performance, sink = stage(ports=(PortSpec("keys", "in", thru=("choir",)), OUT))
    performance.hear(0.1, "keys", 0.1, note_on(1, 60, 90))
    ports = (OUT,) if port is None else (port, OUT)
    performance.take(Reconfigured(0.2, StageSpec(tempo_map=STEADY, ports=ports, players=(CHOIR,))))
    assert [m for _, _, m in sink.sent] == [note_on(1, 60, 90), note_off(1, 60)]
    assert sink.last(Listen)[2].event.message == note_off(1, 60)


def test_a_stage_that_stood_still_goes_on_with_the_present() -> None:
    performance, sink = stage()
    performance.advance(0.0)
    sink.calls.clear()
    performance.advance(60.0)  # 480 windows were missed
    assert len([c for c in sink.calls if isinstance(c[2], Generate)]) <= 2


def test_the_same_happenings_give_the_same_output_again() -> None:
    performance, sink = stage(melodies=(MelodySpec(twinkle(), ("choir",), 7),))
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
