"""Keys that are held while a player starts anew: the new player is told, so that a held chord goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from daemon import config
from daemon.commands import Panic, RotateSession
from daemon.entries import Commanded, PlayerDown, PlayerUp, StateSaved
from daemon.music.events import SUSTAIN, control_change, note_off, note_on
from daemon.performance.performance import Performance
from daemon.spec import StageSpec, ZoneSpec
from daemon.wire import Listen, Reset
from tests.performance.offline import CHOIR, STEADY, Recorder, make_performance

PEDAL = control_change(1, SUSTAIN, 127)


def hold(performance: Performance, *messages: bytes) -> None:
    for number, message in enumerate(messages):
        performance.hear(0.5 + number / 100, "keys", 0.5 + number / 100, message)


def replace_player(performance: Performance, at: float) -> None:
    performance.take(PlayerDown(at, "choir"))
    performance.take(PlayerUp(at + 1, "choir"))


def told(sink: Recorder) -> list[bytes]:
    """The messages that the player has heard since its last reset."""
    last = max(place for place, (_, _, call) in enumerate(sink.calls) if isinstance(call, Reset))
    return [call.event.message for _, _, call in sink.calls[last:] if isinstance(call, Listen)]


def make(**changes: Any) -> tuple[Performance, Recorder]:
    return make_performance(**{"tells_held_keys": True, **changes})


@pytest.mark.parametrize("started", [True, False])
def test_a_player_that_is_replaced_is_told_the_held_keys_the_top_one_first(started: bool) -> None:
    performance, sink = make(started=started)
    hold(
        performance,
        note_on(1, 60, 70),
        note_on(1, 67, 80),
        note_on(1, 64, 90),
        note_on(1, 62, 50),
        note_off(1, 62),
        PEDAL,
    )
    replace_player(performance, 1.0)
    assert told(sink) == [PEDAL, note_on(1, 67, 80), note_on(1, 64, 90), note_on(1, 60, 70)]
    (*_, heard) = [call for _, _, call in sink.calls if isinstance(call, Listen)]
    assert heard.event.beat == performance.beat_at(2.0)


def test_journals_from_before_are_replayed_as_they_were_recorded() -> None:
    performance, sink = make(tells_held_keys=False)
    hold(performance, note_on(1, 60, 70))
    replace_player(performance, 1.0)
    assert told(sink) == []


def test_only_the_player_that_is_replaced_is_told() -> None:
    other = replace(CHOIR, name="organist")
    performance, sink = make(players=(CHOIR, other))
    hold(performance, note_on(1, 60, 70))
    before = len(sink.calls)
    replace_player(performance, 1.0)
    assert {player for player, _, call in sink.calls[before:] if isinstance(call, Listen)} == {"choir"}


def test_a_band_of_the_configuration_is_told() -> None:
    assert config.load(None).stage.tells_held_keys
    assert not StageSpec(STEADY).tells_held_keys  # as older journals are decoded


def test_only_keys_of_the_players_own_zone_are_told() -> None:
    performance, sink = make(zones=(ZoneSpec("choir", "keys", low=64),))
    hold(performance, note_on(1, 60, 70), note_on(1, 67, 80))
    replace_player(performance, 1.0)
    assert told(sink) == [note_on(1, 67, 80)]


def test_after_a_panic_nothing_is_held() -> None:
    performance, sink = make()
    hold(performance, note_on(1, 60, 70), PEDAL)
    performance.take(Commanded(1.0, Panic(), 1.0))
    assert told(sink) == []


def test_a_chord_goes_on_in_the_next_session_and_a_replay_of_that_tells_the_same() -> None:
    performance, sink = make()
    hold(performance, note_on(1, 60, 70), note_on(1, 67, 80))
    performance.take(Commanded(1.0, RotateSession(), 1.0))
    assert told(sink) == [note_on(1, 67, 80), note_on(1, 60, 70)]
    before = len(sink.calls)
    replace_player(performance, 2.0)

    again = Recorder()
    replayed = Performance(performance.spec, again)
    replayed.restore(1.0, next(entry.state for entry in sink.entries if isinstance(entry, StateSaved)))
    replace_player(replayed, 2.0)
    start = next(place for place, (_, number, _) in enumerate(sink.calls) if number == again.calls[0][1])
    assert start < before and again.calls == sink.calls[start:]
