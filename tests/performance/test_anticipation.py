"""While the transport stands, players compute the beginning of the next start."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from daemon.commands import ChangeSetting
from daemon.entries import Commanded, Located, Started
from daemon.performance.performance import Performance
from daemon.wire import Anticipate, Generate, Ping, Reset
from tests.performance.offline import CHOIR, MIDI, Recorder, make_performance


def make(**changes: Any) -> tuple[Performance, Recorder]:
    """A performance that stands, with its players up."""
    return make_performance(False, clock=MIDI, **changes)


def test_a_start_is_anticipated_while_the_transport_stands() -> None:
    players = (CHOIR, replace(CHOIR, name="second"))
    performance, sink = make(players=players)
    performance.take(Located(0.0, 8.0))
    for name, number, _ in list(sink.calls):
        performance.answer(0.0, name, number, [], True)
    number, sink.calls = sink.calls[-1][1], []
    for moment in (1.0, 1.2, 1.4):
        performance.check_players(moment)
        for player in players:
            performance.answer(moment, player.name, number, [], True)
    assert [(name, type(call)) for name, _, call in sink.calls] == [
        (player.name, kind) for kind in (Anticipate, Anticipate, Ping) for player in players
    ]
    anticipated = {(name, call) for name, _, call in sink.calls if isinstance(call, Anticipate)}
    for beat in (8.0, 0.0):
        performance, sink = make(players=players)
        performance.take(Started(2.0, beat, 2.0))
        resets = {name: call for name, _, call in sink.calls if isinstance(call, Reset)}
        windows = {name: call.window for name, _, call in sink.calls if isinstance(call, Generate)}
        assert {(name, Anticipate(resets[name], windows[name])) for name in resets} <= anticipated


def test_a_setting_that_is_turned_while_the_transport_stands_is_anticipated_anew() -> None:
    performance, sink = make()

    def check(now: float) -> list[type]:
        for name, number, _ in list(sink.calls):
            performance.answer(now, name, number, [], True)
        sink.calls.clear()
        performance.check_players(now)
        return [type(call) for _, _, call in sink.calls]

    assert [check(moment) for moment in (1.0, 1.2)] == [[Anticipate], [Ping]]
    performance.take(Commanded(1.3, ChangeSetting("choir", "temperature", 1.0), 1.3))
    assert [check(moment) for moment in (1.4, 1.6)] == [[Anticipate], [Ping]]
    performance.take(Started(2.0, 0.0, 2.0))
    assert Anticipate not in check(2.2)
