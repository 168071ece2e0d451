"""The player process, with the test in place of desk and stage; the host around an engine."""

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
from daemon.sockets import serve
from daemon.wire import Call, Control, Generate, Listen, Ping, Reset, Unpacker, encode_call, pack
from tests.desk.engines import CRASH, HANG, Echo
from tests.dice import Dice
from tests.player.peer import Peer

MEMBER = {"engine": "echo", "model": None, "options": {}, "settings": {}, "listen": ["keys"], "melodies": []}
CODE = "import sys; from daemon.player import process; sys.exit(process.main())"
STRIKE = Listen(MidiEvent(1.5, "keys", note_on(1, 60, 70)))


class PlayerProcess:
    """A player process that has got `member` from the desk, and waits for `play`."""

    def __init__(self, folder: Path, member: dict[str, Any], code: str = CODE) -> None:
        self.desk_socket, self.stage_socket = serve(folder / "desk.sock"), serve(folder / "stage.sock")
        command = [sys.executable, "-c", code, str(folder), "echo"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)
        assert self.process.stdin is not None
        with self.process.stdin as stdin:
            stdin.write(b"secret\n")
        self.desk = Peer(self.desk_socket)
        assert self.desk.read() == ["hello", "secret", "player", "echo", self.process.pid]
        self.desk.write("member", member)

    def start_playing(self) -> Peer:
        assert self.desk.read() == ["ready"]
        self.desk.write("play")
        return self.accept_stage_connection()

    def accept_stage_connection(self) -> Peer:
        stage = Peer(self.stage_socket)
        assert stage.read() == ["hello", "secret", "echo", self.process.pid]
        return stage

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for socket in (self.desk_socket, self.stage_socket, self.desk.socket):
            socket.close()


@pytest.fixture
def player(tmp_path: Path, echo_engine: Path) -> Iterator[PlayerProcess]:
    player = PlayerProcess(tmp_path, MEMBER)
    yield player
    player.close()


def test_the_host_passes_every_call_to_the_engine(echo_engine: Path) -> None:
    host = make_host(MEMBER)
    assert list(host.handle(Reset(0.0, 1))) == []
    assert list(host.handle(STRIKE)) == [Play(1.5, 72, 70, "echo")]
    assert list(host.handle(Control("shift", 7, 1.75))) == []
    assert list(host.handle(STRIKE)) == [Play(1.5, 67, 70, "echo")]
    assert list(host.handle(Listen(MidiEvent(2.0, "keys", note_off(1, 60))))) == [Stop(2.0, "echo")]
    assert list(host.handle(Generate(Window(4.0, 4.25, 4.0, 4.0, 96)))) == [Play(4.0, 48, 80, "beat", 0.5)]
    assert list(host.handle(Ping())) == []


def test_absent_options_and_settings_of_a_member_have_their_defaults(dice: None) -> None:
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


def test_a_reset_has_the_known_melodies_and_the_seed() -> None:
    class RecordingEcho(Echo):
        def reset(self, known: Any, beat: float, seed: int) -> None:
            self.reset_with = known, beat, seed

    engine = RecordingEcho(Setup(Echo.Options()))
    list(Host(engine, {}).handle(Reset(3.0, 42)))
    assert engine.reset_with == ({}, 3.0, 42)


def test_every_action_is_sent_as_it_is_yielded_then_the_end_of_the_answer(player: PlayerProcess) -> None:
    with player.start_playing().socket as socket:
        socket.sendall(pack([[7, *encode_call(STRIKE)]]))
        data = b""
        while data.count(b"\n") < 2:
            data += socket.recv(1 << 16)
        assert Unpacker().feed(data) == [[7, [["echo", 1.5, 72, 70, None]], False], [7, [], True]]


def test_the_player_connects_to_the_stage_only_after_play(player: PlayerProcess) -> None:
    assert player.desk.read() == ["ready"]
    time.sleep(0.2)
    assert player.stage_socket.accept() is None
    player.desk.write("play")
    player.accept_stage_connection().socket.close()


def test_the_player_connects_again_to_the_next_stage(player: PlayerProcess) -> None:
    player.start_playing().socket.close()
    stage = player.accept_stage_connection()
    stage.send_call(1, Ping())
    assert stage.read() == [1, [], True]
    stage.socket.close()


@pytest.mark.parametrize("call", [Ping(), Listen(MidiEvent(1.0, "keys", note_on(1, HANG, 70)))], ids=["idle", "hung"])
def test_the_player_ends_with_the_desk(player: PlayerProcess, call: Call) -> None:
    stage = player.start_playing()
    stage.send_call(1, call)
    time.sleep(0.2)
    player.desk.socket.close()
    assert player.process.wait(5) == 0
    stage.socket.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_signals_to_the_desk_are_ignored(player: PlayerProcess) -> None:
    stage = player.start_playing()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        player.process.send_signal(number)
    time.sleep(0.1)
    stage.send_call(1, Ping())
    assert stage.read() == [1, [], True]
    stage.socket.close()


def test_an_exception_of_the_engine_is_reported_and_ends_the_process(player: PlayerProcess) -> None:
    stage = player.start_playing()
    stage.send_call(1, Listen(MidiEvent(1.0, "keys", note_on(1, CRASH, 70))))
    kind, text = player.desk.read()
    assert kind == "crashed"
    assert "a note that the engine fails on" in text
    assert stage.read() is None
    assert player.process.wait(5) == 1
    stage.socket.close()


@pytest.mark.parametrize(
    ("member", "kind", "status"),
    [
        ({"options": {"trouble": "refuse"}}, "failed", 2),
        ({"engine": "unknown"}, "failed", 2),
        ({"options": {"trouble": "crash"}}, "crashed", 1),
    ],
)
def test_a_player_that_cannot_start_reports_the_reason(
    tmp_path: Path, echo_engine: Path, member: dict[str, Any], kind: str, status: int
) -> None:
    player = PlayerProcess(tmp_path, MEMBER | member)
    assert player.desk.read()[0] == kind
    assert player.process.wait(5) == status
    player.close()


def test_without_a_desk_the_player_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "daemon.player.process", str(tmp_path), "echo"]
    assert subprocess.run(command, check=False, timeout=10).returncode == 0
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("value", "shift"), [(7.0, 7), (-3.0, 0), (99.0, 24)])
def test_the_host_limits_a_setting_to_its_range(value: float, shift: int) -> None:
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


def test_a_model_that_never_gets_ready_is_refused_with_its_name(tmp_path: Path, echo_engine: Path) -> None:
    member = MEMBER | {"model": "/models/endless.onnx", "options": {"trouble": "slow"}}
    player = PlayerProcess(tmp_path, member, f"from daemon.models import limits; limits.LOAD_TIMEOUT = 0.2; {CODE}")
    assert player.desk.read() == [
        "failed",
        "/models/endless.onnx: the model is not ready after 0.2 s (does its graph end?): choose another model",
    ]
    assert player.process.wait(5) == 2
    player.close()


def test_a_model_that_an_engine_fails_on_is_refused_and_not_tried_for_ever(tmp_path: Path, echo_engine: Path) -> None:
    player = PlayerProcess(tmp_path, MEMBER | {"model": "/models/odd.onnx", "options": {"trouble": "crash"}})
    assert player.desk.read() == [
        "failed",
        "/models/odd.onnx: the engine cannot play this model (RuntimeError: failed on demand): choose another model",
    ]
    assert player.process.wait(5) == 2
    player.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_a_player_with_a_model_cannot_fill_the_memory_later_either(tmp_path: Path, echo_engine: Path) -> None:
    import resource

    player = PlayerProcess(tmp_path, MEMBER | {"model": str(tmp_path / "none.onnx")})
    assert player.desk.read() == ["ready"]
    soft, _ = resource.prlimit(player.process.pid, resource.RLIMIT_DATA)
    assert 1 << 30 < soft < 2 << 30
    player.close()
