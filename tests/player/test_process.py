"""The process around an engine, with the test as its desk and its stage."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.engines.base import Setup
from daemon.errors import JamdError
from daemon.music.events import MidiEvent, Play, Stop, Window, note_off, note_on
from daemon.player.host import Host, make_host
from daemon.sockets import Listener, serve
from daemon.wire import Call, Control, Generate, Listen, Ping, Reset, Unpacker, encode_call, pack
from tests.desk.engines import CRASH, HANG, Echo
from tests.dice import Dice

MEMBER = {"engine": "echo", "model": None, "options": {}, "settings": {}, "listen": ["keys"], "melodies": []}
STRIKE = Listen(MidiEvent(1.5, "keys", note_on(1, 60, 70)))


class Line:
    """One end of a connection: what comes in time, or a failure."""

    def __init__(self, listener: Listener) -> None:
        listener_deadline = time.monotonic() + 10
        while (socket := listener.accept()) is None:
            assert time.monotonic() < listener_deadline, "nobody connected"
            time.sleep(0.01)
        socket.settimeout(10)
        self.socket = socket
        self._unpacker = Unpacker()
        self._messages: list[Any] = []

    def read(self) -> Any:
        """The next message; None at the end."""
        while not self._messages:
            if not (data := self.socket.recv(1 << 16)):
                return None
            self._messages += self._unpacker.feed(data)
        return self._messages.pop(0)

    def write(self, *message: Any) -> None:
        self.socket.sendall(pack([message]))

    def ask(self, number: int, call: Call) -> None:
        self.write(number, *encode_call(call))


class Box:
    """A player process, as far as `member` and no further."""

    def __init__(self, folder: Path, member: dict[str, Any]) -> None:
        self.desk_socket, self.stage_socket = serve(folder / "desk.sock"), serve(folder / "stage.sock")
        self.process = subprocess.Popen([sys.executable, "-m", "daemon.player.process", str(folder), "echo"])
        self.desk = Line(self.desk_socket)
        assert self.desk.read() == ["hello", "player", "echo", self.process.pid]
        self.desk.write("member", member)

    def enter(self) -> Line:
        assert self.desk.read() == ["ready"]
        self.desk.write("play")
        return self.meet()

    def meet(self) -> Line:
        stage = Line(self.stage_socket)
        assert stage.read() == ["hello", "echo", self.process.pid]
        return stage

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for socket in (self.desk_socket, self.stage_socket, self.desk.socket):
            socket.close()


@pytest.fixture
def box(tmp_path: Path, echo_engine: Path) -> Iterator[Box]:
    box = Box(tmp_path, MEMBER)
    yield box
    box.close()


def test_host_hands_every_call_to_the_engine(echo_engine: Path) -> None:
    host = make_host(MEMBER)
    assert list(host.handle(Reset(0.0, 1))) == []
    assert list(host.handle(STRIKE)) == [Play(1.5, 72, 70, "echo")]
    assert list(host.handle(Control("shift", 7, 1.75))) == []
    assert list(host.handle(STRIKE)) == [Play(1.5, 67, 70, "echo")]
    assert list(host.handle(Listen(MidiEvent(2.0, "keys", note_off(1, 60))))) == [Stop(2.0, "echo")]
    assert list(host.handle(Generate(Window(4.0, 4.25, 4.0, 4.0, 96)))) == [Play(4.0, 48, 80, "beat", 0.5)]
    assert list(host.handle(Ping())) == []


def test_a_member_of_an_older_journal_has_defaults_for_what_it_lacks(dice: None) -> None:
    member = MEMBER | {"engine": "dice", "options": {"modes": ["lydian", "none"], "width": 3}, "settings": {"often": 1}}
    engine = make_host(member)._engine
    assert engine.options == Dice.Options(modes=("lydian", "none"), width=3.0)
    assert engine.values == {"often": 1.0}
    assert make_host(member | {"settings": {"gone": 2}})._engine.values == {"often": 0.3}


@pytest.mark.parametrize(
    ("options", "text"),
    [({"mood": "blue"}, "unknown option 'mood'"), ({"width": "wide"}, "option 'width' is 'wide': give a number")],
)
def test_options_that_the_engine_does_not_have_are_refused(dice: None, options: dict[str, Any], text: str) -> None:
    with pytest.raises(JamdError, match=text):
        make_host(MEMBER | {"engine": "dice", "options": options})


def test_host_passes_on_what_is_known_and_the_seed() -> None:
    class Curious(Echo):
        def reset(self, known: Any, beat: float, seed: int) -> None:
            self.heard = known, beat, seed

    engine = Curious(Setup(Echo.Options()))
    list(Host(engine, {}).handle(Reset(3.0, 42)))
    assert engine.heard == ({}, 3.0, 42)


def test_every_action_is_sent_as_it_is_yielded_then_the_last(box: Box) -> None:
    with box.enter().socket as socket:
        socket.sendall(pack([[7, *encode_call(STRIKE)]]))
        data = b""
        while data.count(b"\n") < 2:
            data += socket.recv(1 << 16)
        assert Unpacker().feed(data) == [[7, [["echo", 1.5, 72, 70, None]], False], [7, [], True]]


def test_it_does_not_go_to_the_stage_before_it_may(box: Box) -> None:
    assert box.desk.read() == ["ready"]
    time.sleep(0.2)
    assert box.stage_socket.accept() is None
    box.desk.write("play")
    box.meet().socket.close()


def test_it_comes_back_when_the_stage_does(box: Box) -> None:
    box.enter().socket.close()
    stage = box.meet()
    stage.ask(1, Ping())
    assert stage.read() == [1, [], True]
    stage.socket.close()


@pytest.mark.parametrize("call", [Ping(), Listen(MidiEvent(1.0, "keys", note_on(1, HANG, 70)))], ids=["idle", "hung"])
def test_it_ends_with_the_desk(box: Box, call: Call) -> None:
    stage = box.enter()
    stage.ask(1, call)
    time.sleep(0.2)
    box.desk.socket.close()
    assert box.process.wait(5) == 0
    stage.socket.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_signals_are_the_desks_business(box: Box) -> None:
    stage = box.enter()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        box.process.send_signal(number)
    time.sleep(0.1)
    stage.ask(1, Ping())
    assert stage.read() == [1, [], True]
    stage.socket.close()


def test_a_failing_engine_is_told_and_ends_the_process(box: Box) -> None:
    stage = box.enter()
    stage.ask(1, Listen(MidiEvent(1.0, "keys", note_on(1, CRASH, 70))))
    kind, text = box.desk.read()
    assert kind == "crashed"
    assert "a note that the engine fails on" in text
    assert stage.read() is None
    assert box.process.wait(5) == 1
    stage.socket.close()


@pytest.mark.parametrize(
    ("member", "kind", "status"),
    [
        ({"options": {"trouble": "refuse"}}, "failed", 2),
        ({"engine": "nobody"}, "failed", 2),
        ({"options": {"trouble": "crash"}}, "crashed", 1),
    ],
)
def test_what_cannot_start_says_why(
    tmp_path: Path, echo_engine: Path, member: dict[str, Any], kind: str, status: int
) -> None:
    box = Box(tmp_path, MEMBER | member)
    assert box.desk.read()[0] == kind
    assert box.process.wait(5) == status
    box.close()


def test_without_a_desk_there_is_no_player(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "daemon.player.process", str(tmp_path), "echo"]
    assert subprocess.run(command, check=False, timeout=10).returncode == 0
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("value", "shift"), [(7.0, 7), (-3.0, 0), (99.0, 24)])
def test_a_setting_is_turned_within_its_range(value: float, shift: int) -> None:
    host = Host(Echo(Setup(Echo.Options())), {})
    assert list(host.handle(Control("shift", value, 0.0))) == []
    (play,) = host.handle(Listen(MidiEvent(1.0, "keys", note_on(1, 60, 70))))
    assert play == Play(1.0, 60 + shift, 70, "echo")


def test_a_setting_that_is_not_declared_never_reaches_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage repeats settings after every reset: an engine that fails on one would fail for ever."""

    def fail(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr(Echo, "control", fail)
    assert list(Host(Echo(Setup(Echo.Options())), {}).handle(Control("colour", 1.0, 0.0))) == []
