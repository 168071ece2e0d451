"""Posted commands have the effect of a controller bound to the same command."""

from __future__ import annotations

import pytest

from daemon.commands import ChangeSetting, Command, MutePlayer, Panic, RotateSession, SetTempo, StopTransport
from daemon.entries import Commanded, PlayerUp, Reconfigured, Sent, StateSaved
from daemon.music.events import Play, control_change, note_off, note_on
from daemon.performance.performance import Performance
from daemon.spec import ControlSpec, StageSpec
from daemon.wire import Control
from tests.performance.offline import CHOIR, KEYS, OUT, STEADY, answer, make_performance, run_until


@pytest.mark.parametrize(
    ("control", "value", "command"),
    [
        (
            ControlSpec("keys", 20, "setting", "choir", "temperature", 0.0, 1.27),
            50,
            ChangeSetting("choir", "temperature", 0.5),
        ),
        (ControlSpec("keys", 20, "tempo", low=0.0, high=127.0), 100, SetTempo(100.0)),
        (ControlSpec("keys", 20, "stop"), 127, StopTransport()),
        (ControlSpec("keys", 20, "panic"), 127, Panic()),
    ],
)
def test_a_posted_command_has_the_effect_of_a_controller(control: ControlSpec, value: int, command: Command) -> None:
    (turned, by_controller), (posted, by_command) = (
        make_performance(controls=(control,)),
        make_performance(controls=(control,)),
    )
    turned.hear(1.0, "keys", 1.0, control_change(1, 20, value))
    posted.take(Commanded(1.0, command, 1.0))
    assert by_controller.calls == by_command.calls
    assert by_controller.panics == by_command.panics
    assert (turned.bpm, turned.running) == (posted.bpm, posted.running)


def test_a_key_bound_to_panic_panics_once_whatever_its_number() -> None:
    performance, sink = make_performance(controls=(ControlSpec("keys", 120, "panic", event="note"),))
    performance.hear(1.0, "keys", 1.0, note_on(1, 120, 30))
    performance.hear(1.1, "keys", 1.1, note_off(1, 120))
    assert sink.panics == 1


def test_a_changed_setting_survives_a_restart_of_the_player() -> None:
    performance, sink = make_performance()
    performance.take(Commanded(1.0, ChangeSetting("choir", "temperature", 0.9), 1.0))
    assert sink.last(Control)[2] == Control("temperature", 0.9, 2.0)
    performance.take(Commanded(1.5, Panic(), 1.5))
    assert sink.last(Control)[2].value == 0.9


def test_a_mute_silences_a_player_at_once_until_it_is_lifted() -> None:
    performance, sink = make_performance()
    performance.advance(0.0)
    answer(performance, sink, 0.0, Play(0.0, 60, 90, "alto", 4.0))
    performance.take(Commanded(0.1, MutePlayer("choir", True), 0.1))
    assert sink.sent[-1] == (0.1, "choir", note_off(2, 60))
    answer(performance, sink, 0.2, Play(1.0, 62, 90, "alto", 2.0))
    run_until(performance, 0.8)
    assert len(sink.sent) == 2 and len([e for e in sink.entries if isinstance(e, Sent)]) == 2
    assert performance.sounding() == {"choir": 0}
    performance.take(Commanded(0.8, MutePlayer("choir", False), 0.8))
    answer(performance, sink, 1.0, Play(2.0, 64, 90, "alto", 0.5))
    run_until(performance, 2.0)
    assert sink.sent[2:] == [(1.0, "choir", note_on(2, 64, 90)), (1.25, "choir", note_off(2, 64))]


def test_a_note_queued_while_its_player_is_muted_sounds_if_the_mute_ends_before_its_onset() -> None:
    performance, sink = make_performance()
    performance.advance(0.0)
    answer(performance, sink, 0.0, Play(1.0, 60, 90, "alto", 1.0))
    for seconds, muted in ((0.1, True), (0.2, False)):
        performance.take(Commanded(seconds, MutePlayer("choir", muted), seconds))
    assert sink.sent == []
    run_until(performance, 2.0)
    assert sink.sent == [(0.5, "choir", note_on(2, 60, 90)), (1.0, "choir", note_off(2, 60))]


def test_a_note_that_begins_muted_never_gets_a_note_off() -> None:
    """The note-off would end the same pitch of another player on that channel."""
    performance, sink = make_performance()
    performance.take(Commanded(0.0, MutePlayer("choir", True), 0.0))
    answer(performance, sink, 0.0, Play(0.0, 60, 90, "alto", 2.0))
    performance.advance(0.1)
    performance.take(Commanded(0.2, MutePlayer("choir", False), 0.2))
    run_until(performance, 2.0)
    assert sink.sent == []


def test_a_mute_survives_a_rotation_and_ends_when_the_player_is_removed() -> None:
    performance, sink = make_performance()
    performance.take(Commanded(0.1, MutePlayer("choir", True), 0.1))
    performance.take(Commanded(0.1, MutePlayer("unknown", True), 0.1))  # no such player
    performance.take(Commanded(0.2, RotateSession(), 0.2))
    state = next(entry.state for entry in sink.entries if isinstance(entry, StateSaved))
    assert state["muted"] == ["choir"]
    again = Performance(performance.spec, sink)
    again.restore(0.2, state)
    answer(again, sink, 0.3, Play(0.0, 60, 90, "alto", 4.0))
    again.advance(0.3)
    assert sink.sent == []
    for players in ((), (CHOIR,)):
        again.take(Reconfigured(0.4, StageSpec(tempo_map=STEADY, ports=(KEYS, OUT), players=players)))
    again.take(PlayerUp(0.5, "choir"))
    answer(again, sink, 0.5, Play(again.beat_at(0.5), 60, 90, "alto", 4.0))
    assert [message for _, _, message in sink.sent] == [note_on(2, 60, 90)]


def test_a_setting_of_an_unknown_player_is_ignored() -> None:
    performance, sink = make_performance()
    performance.take(Commanded(0.1, ChangeSetting("unknown", "temperature", 0.9), 0.1))
    performance.take(Commanded(0.2, RotateSession(), 0.2))
    assert next(entry.state for entry in sink.entries if isinstance(entry, StateSaved))["settings"] == []
