"""Turns of the stage's loop in the process of the test, without MIDI, so that parts of the stage can be replaced."""

from __future__ import annotations

import dataclasses
import math
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from daemon import realtime
from daemon.music.events import control_change
from daemon.music.tempo import TempoMap
from daemon.performance.performance import Performance
from daemon.spec import ControlSpec, PlayerSpec, PortSpec, StageSpec
from daemon.stage.process import Stage
from daemon.wire import pack
from tests.stage.fakes import SECRET, Desk, until

SPEC = StageSpec(TempoMap(((0.0, 120.0),), ((0.0, 4.0),)), (PortSpec("keys", "in"), PortSpec("choir", "out")))
CHOIR = PlayerSpec("choir", ("keys",), "choir", {"low": 2}, True, 0.03, 0.1)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(realtime, "request_real_time", lambda: {"fifo": False, "memory": True})
    monkeypatch.setattr(realtime, "freeze_objects", lambda: None)
    with Desk() as desk:
        yield desk


def make_stage(desk: Desk) -> Stage:
    """A configured stage in this process; the test runs the turns of its loop."""
    stage = Stage(desk.folder, SECRET)
    desk.accept()
    desk.send(["spec", SPEC.to_json()])
    turn_until(stage, lambda: desk.messages("ready"))
    return stage


def turn_until(stage: Stage, condition: object) -> None:
    def turn() -> object:
        stage._turn()
        return condition()  # type: ignore[operator]

    until(turn, "the stage")


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(10) == b""
    except TimeoutError:
        return False


def test_after_a_suspend_notes_are_released_and_ports_reopened(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    suspended = [100.0]
    monkeypatch.setattr(realtime, "suspended_seconds", lambda: suspended[0])
    stage = make_stage(desk)
    reopened: list[float] = []
    monkeypatch.setattr(stage._ports, "reopen", reopened.append)
    end = time.perf_counter() + 0.5
    turn_until(stage, lambda: time.perf_counter() > end)
    assert not reopened
    suspended[0] += 3600
    turn_until(stage, lambda: reopened)
    turn_until(
        stage, lambda: [e for m in desk.messages("journal") for e in m[1] if e[0] == "command" and e[2] == ["panic"]]
    )
    assert len(reopened) == 1
    stage.close()


def test_refused_privileges_are_logged_once(desk: Desk) -> None:
    stage = make_stage(desk)
    logged = [message for message in desk.messages("log") if "real-time" in message[3]]
    assert len(logged) == 1 and logged[0][1] == "info" and "operations.md" in logged[0][3]
    assert not [message for message in desk.messages("log") if "locked" in message[3]]
    assert desk.messages("ready") == [["ready", {"keys": None, "choir": None}]]
    assert len([message for message in desk.messages("log") if "no MIDI system" in message[3]]) == 1
    stage.close()


def test_a_cause_is_logged_once_a_minute(desk: Desk) -> None:
    stage = make_stage(desk)
    before = len(desk.messages("log"))
    for number in range(100):
        stage.log("warning", "garbage keys", f"number {number}")
        stage.log("warning", "garbage pads", f"number {number}")
    until(lambda: len(desk.messages("log")) == before + 2, "two lines")
    stage.close()


def test_an_unknown_player_is_disconnected(desk: Desk) -> None:
    stage = make_stage(desk)
    unknown = desk.connect_player("unknown")
    unknown.settimeout(0.01)
    turn_until(stage, lambda: is_closed(unknown))
    stage.close()


def test_a_reload_does_not_freeze_objects_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[int] = []
    monkeypatch.setattr(realtime, "freeze_objects", lambda: frozen.append(1))
    stage = make_stage(desk)
    desk.send(["spec", SPEC.to_json()])
    turn_until(stage, lambda: len(desk.messages("ready")) == 2)
    assert frozen == [1]
    stage.close()


def test_an_answer_that_overflows_disconnects_the_player(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OverflowError

    monkeypatch.setattr(Performance, "answer", fail)
    stage = make_stage(desk)
    desk.send(["spec", dataclasses.replace(SPEC, players=(CHOIR,)).to_json()])
    turn_until(stage, lambda: len(desk.messages("ready")) == 2)
    player = desk.connect_player("choir")
    turn_until(stage, lambda: ["player", "choir", "up"] in desk.messages("player"))
    player.sendall(pack([[1, [], True]]))
    turn_until(stage, lambda: ["player", "choir", "down"] in desk.messages("player"))
    stage.close()


def test_an_invalid_command_is_logged_and_ignored(desk: Desk) -> None:
    stage = make_stage(desk)
    for command in (["dance"], ["tempo", math.nan], ["setting", "choir"], 7):
        desk.send(["command", command, 1.0])
    desk.send(["command", ["panic"], 1.0])
    turn_until(stage, lambda: [e for m in desk.messages("journal") for e in m[1] if e[0] == "command"])
    assert [e[2] for m in desk.messages("journal") for e in m[1] if e[0] == "command"] == [["panic"]]
    assert [m[1] for m in desk.messages("log") if "not a command: ['dance']" in m[3]] == ["error"]
    stage.close()


def test_the_desk_is_told_what_a_control_changed_once(desk: Desk) -> None:
    """Also by a controller, of which the journal has the message alone."""
    stage = make_stage(desk)
    choir = dataclasses.replace(CHOIR, settings={"temperature": 0.5})
    wheel, button = (ControlSpec("keys", 1, "setting", "choir", "temperature"), ControlSpec("keys", 2, "start"))
    desk.send(["spec", dataclasses.replace(SPEC, players=(choir,), controls=(wheel, button)).to_json()])
    turn_until(stage, lambda: len(desk.messages("ready")) == 2)
    desk.send(["start", 0.0])  # it stands

    def turn(number: int, value: int) -> None:
        assert stage._performance is not None
        stage._performance.hear(time.perf_counter(), "keys", time.perf_counter(), control_change(1, number, value))

    turn_until(stage, lambda: [[], {"choir": {"temperature": 0.5}}, False, 120.0, []] in told(desk))
    for _ in range(3):
        turn(1, 127)
    warm = ["setting", "choir", "temperature", 1.0]
    turn_until(stage, lambda: [[], {"choir": {"temperature": 1.0}}, False, 120.0, [warm]] in told(desk))
    assert len(told(desk)) == 2
    mute = ["mute", "choir", True]
    desk.send(["command", mute, time.perf_counter()])
    turn_until(stage, lambda: [["choir"], {"choir": {"temperature": 1.0}}, False, 120.0, [warm, mute]] in told(desk))
    places = len(desk.messages("place"))
    turn(2, 127)
    turn_until(stage, lambda: [len(place) for place in desk.messages("place")[places:]] == [4])  # before the next pong
    stage.close()


def test_the_desk_is_told_after_a_reload_what_is_left_of_what_was_turned(desk: Desk) -> None:
    stage = make_stage(desk)
    choir, mute = dataclasses.replace(CHOIR, settings={"temperature": 0.5}), ["mute", "choir", True]
    spec = dataclasses.replace(SPEC, players=(choir,))
    desk.send(["spec", spec.to_json()])
    for command in (mute, ["setting", "choir", "temperature", 0.7]):
        desk.send(["command", command, time.perf_counter()])
    turn_until(stage, lambda: len(told(desk)) == 1)
    desk.send(["spec", spec.to_json()])
    turn_until(stage, lambda: len(told(desk)) == 2)
    desk.send(["spec", dataclasses.replace(spec, players=(dataclasses.replace(choir, lead=1.0),)).to_json()])
    turn_until(stage, lambda: len(told(desk)) == 3)
    warm = ["setting", "choir", "temperature", 0.7]
    assert [message[-1] for message in told(desk)] == [[warm, mute], [warm, mute], [mute]]
    stage.close()


def test_the_desk_learns_at_once_that_a_controller_changed_the_tempo(desk: Desk) -> None:
    stage = make_stage(desk)
    desk.send(["spec", dataclasses.replace(SPEC, controls=(ControlSpec("keys", 1, "tempo", high=254.0),)).to_json()])
    desk.send(["start"])
    turn_until(stage, lambda: [message[3] for message in desk.messages("place")] == [120.0])
    assert stage._performance is not None
    stage._performance.hear(time.perf_counter(), "keys", time.perf_counter(), control_change(1, 1, 45))
    turn_until(stage, lambda: [message[3] for message in desk.messages("place")] == [120.0, 90.0])
    stage.close()


def told(desk: Desk) -> list[list[Any]]:
    return [message[1:] for message in desk.messages("turned")]


def journal(desk: Desk) -> list[list[Any]]:
    return [entry for message in desk.messages("journal") for entry in message[1]]


def test_an_answer_is_decoded_and_recorded_and_an_invalid_one_ends_the_connection(desk: Desk) -> None:
    stage = make_stage(desk)
    desk.send(["spec", dataclasses.replace(SPEC, players=(CHOIR,)).to_json()])
    turn_until(stage, lambda: len(desk.messages("ready")) == 2)
    player = desk.connect_player("choir")
    turn_until(stage, lambda: ["player", "choir", "up"] in desk.messages("player"))
    played = ["low", 0.0, 60, 90, None]  # far too late
    player.sendall(pack([[0, [played], True]]))
    turn_until(stage, lambda: [entry for entry in journal(desk) if entry[0] == "dropped"])
    assert [entry[2:] for entry in journal(desk) if entry[0] == "answer"] == [["choir", 0, [played], True]]
    player.sendall(pack([[0, [["low", "now"]], True]]))
    turn_until(stage, lambda: [entry for entry in journal(desk) if entry[0] == "down"])
    assert ["player", "choir", "down"] in desk.messages("player")
    assert [message[3] for message in desk.messages("log") if "invalid answer" in message[3]]
    stage.close()


def test_the_desk_learns_where_a_song_stands_and_missed_note_offs_are_repeated_at_the_start(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = make_stage(desk)
    repeated: list[bool] = []
    monkeypatch.setattr(stage._ports, "repeat_opening", lambda: repeated.append(True))
    desk.send(["start", 2.5])
    turn_until(stage, lambda: ["place", 2.5] in desk.messages("place"))
    assert repeated == [True]
    stage.close()


def test_notes_that_the_output_drops_as_late_are_counted(desk: Desk) -> None:
    stage = make_stage(desk)
    stage.metrics.late = 3
    assert stage._figures()["dropped"] == 3
    stage.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_signals_to_the_desk_are_ignored(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "jamd-none")
    desk.start_stage(SPEC)
    assert desk.stage is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGABRT):
        desk.stage.send_signal(number)
    assert desk.metrics() and desk.stage.poll() is None
