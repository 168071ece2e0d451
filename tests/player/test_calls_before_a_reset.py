"""Resets do not queue up in a player: what was asked for before the last one is left out."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from daemon.music.events import MidiEvent, Window, note_on
from daemon.player.process import _calls, _StageGone
from daemon.wire import Call, Control, Generate, Listen, Ping, Reset, encode_call, pack

KEY = Listen(MidiEvent(1.5, "keys", note_on(1, 60, 70)))
WINDOW = Generate(Window(0.0, 0.25, 0.0, 4.0, 120.0))

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    stage, player = socket.socketpair()
    yield stage, player
    stage.close()
    player.close()


def ask(stage: socket.socket, *calls: Call, first: int = 1) -> None:
    stage.sendall(pack([number, *encode_call(call)] for number, call in enumerate(calls, first)))


def test_only_what_follows_the_last_reset_is_carried_out(pair: Pair) -> None:
    stage, player = pair
    reset = [Reset(0.0, 1), Control("temperature", 0.5, 0.0), WINDOW]
    ask(stage, KEY, *reset, *reset, Reset(0.0, 2), WINDOW, KEY)
    calls = _calls(player)
    assert [next(calls) for _ in range(3)] == [(8, Reset(0.0, 2)), (9, WINDOW), (10, KEY)]


def test_a_reset_that_comes_while_the_engine_is_busy_replaces_what_waits(pair: Pair) -> None:
    stage, player = pair
    ask(stage, Reset(0.0, 1), WINDOW, KEY)
    calls = _calls(player)
    assert next(calls) == (1, Reset(0.0, 1))
    ask(stage, Reset(0.0, 2), Ping(), first=4)
    assert [next(calls), next(calls)] == [(4, Reset(0.0, 2)), (5, Ping())]
    ask(stage, KEY, first=6)
    assert next(calls) == (6, KEY)


def test_the_end_of_the_stage_is_noticed_at_once(pair: Pair) -> None:
    stage, player = pair
    ask(stage, KEY, KEY)
    calls = _calls(player)
    next(calls)
    stage.close()
    with pytest.raises(_StageGone):
        next(calls)
