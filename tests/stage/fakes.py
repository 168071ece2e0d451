"""Fakes around a real stage process: a desk, players, and a MIDI client as a peer."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from daemon.midi.ledger import open_ledger
from daemon.sockets import connect, serve
from daemon.spec import StageSpec
from daemon.wire import Call, PlayMessage, Unpacker, decode_call, encode_action, pack

SECRET = "of a start in the tests"
PATIENCE = 10.0  # seconds: long enough for a busy machine; time limits are tested separately

Behaviour = Callable[[Call], Iterator[Any]]


def until(condition: Callable[[], Any], goal: str, seconds: float | None = None) -> Any:
    """Wait for the first true value of `condition` and return it. `goal`: its name in the failure message."""
    seconds = seconds or PATIENCE
    end = time.perf_counter() + seconds
    while not (value := condition()):
        assert time.perf_counter() < end, f"waited {seconds:g} s for {goal}"
        time.sleep(0.005)
    return value


def at_best(attempt: Callable[[], float], limit: float, attempts: int = 3) -> None:
    """`attempt` returns the seconds that it took; one of a few attempts must stay within the limit, as the machine may
    be busy."""
    took = []
    while not took or min(took) >= limit:
        assert len(took) < attempts, f"{limit:g} s is the limit; it took {', '.join(f'{s:.3f}' for s in took)} s"
        took.append(attempt())


def end_process(process: subprocess.Popen[str]) -> None:
    """Close the standard input of a process that ends with it; kill the process if it does not end in 5 s."""
    assert process.stdin is not None and process.stdout is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


class Desk:
    """Owns the runtime folder, starts the stage process and records its messages in `received`."""

    def __init__(self) -> None:
        # /tmp itself: the path of a socket has about 100 characters.
        self._temporary = tempfile.TemporaryDirectory(prefix="jamd-test-")
        self.folder = Path(self._temporary.name)
        self._ledger = open_ledger(self.folder / "ledger", create=True)
        self._listener = serve(self.folder / "desk.sock")
        self.received: list[tuple[float, list[Any]]] = []
        self.stage: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._open: list[socket.socket] = []
        self._number = 0

    def start_stage(self, spec: StageSpec | None = None, clock: bool = False) -> dict[str, str | None]:
        """Start the stage process and wait until it is ready for `spec`; returns the MIDI system of each port."""
        self.stage = subprocess.Popen(
            [sys.executable, "-m", "daemon.stage.process", str(self.folder)], stdin=subprocess.PIPE
        )
        assert self.stage.stdin is not None
        with self.stage.stdin as stdin:
            stdin.write(f"{SECRET}\n".encode())
        self.accept()
        if spec is None:
            return {}
        before = len(self.received)
        self.send((self.messages("connections") or [["connections", [], []]])[-1])
        self.send(["spec", spec.to_json()])
        ready = self.expect(lambda m: m[0] in ("ready", "failed"), "the stage to be ready", before)
        assert ready[0] == "ready", ready
        if clock:
            self.send(["start"])
        ports: dict[str, str | None] = ready[1]
        return ports

    def accept(self) -> None:
        """Wait for the connection of a stage process."""
        self._connection = until(self._listener.accept, "the stage to connect")
        assert self._connection is not None
        self._open.append(self._connection)
        threading.Thread(target=self._read, args=(self._connection,), daemon=True).start()

    def connect_player(self, name: str, secret: str = SECRET) -> socket.socket:
        """A connection to the stage that introduces itself as the player `name`."""
        connection = connect(self.folder / "stage.sock")
        connection.sendall(pack([["hello", secret, name, os.getpid()]]))
        self._open.append(connection)
        return connection

    def send(self, message: list[Any]) -> None:
        assert self._connection is not None
        self._connection.sendall(pack([message]))

    def expect(
        self, matches: Callable[[list[Any]], bool], goal: str, since: int = 0, seconds: float | None = None
    ) -> list[Any]:
        """Wait for the first message from number `since` on that matches."""
        found = until(lambda: [m for _, m in self.received[since:] if matches(m)], goal, seconds)
        message: list[Any] = found[0]
        return message

    def messages(self, kind: str) -> list[list[Any]]:
        return [message for _, message in self.received if message[0] == kind]

    def connections(self) -> list[Any]:
        """The connections of ports in the stage's last message about them."""
        found: list[Any] = (self.messages("connections") or [["connections", []]])[-1][1]
        return found

    def metrics(self) -> dict[str, Any]:
        self._number += 1
        number = self._number
        self.send(["ping", number])
        figures: dict[str, Any] = self.expect(lambda m: m[:2] == ["pong", number], "a pong")[2]
        return figures

    def player(self, name: str, behave: Behaviour = lambda call: iter(())) -> Player:
        """A player in a thread of this process, once the stage reports it up."""
        before = len(self.received)
        player = Player(self.folder, name, behave)
        self._open.append(player.connection)
        self.expect(lambda m: m == ["player", name, "up"], f"{name} to be up", before)
        return player

    def disconnect(self) -> None:
        """Close the connection to the stage, as when the desk is killed."""
        assert self._connection is not None
        self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def kill_stage(self) -> None:
        assert self.stage is not None
        self.stage.kill()
        self.stage.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.stage is not None and self.stage.poll() is None:
            with contextlib.suppress(OSError, AssertionError):
                self.send(["stop"])
            try:
                self.stage.wait(5)
            except subprocess.TimeoutExpired:
                self.stage.kill()
                self.stage.wait()
        for connection in self._open:
            connection.close()
        self._listener.close()
        self._ledger.close()
        self._temporary.cleanup()

    def _read(self, connection: socket.socket) -> None:
        unpacker = Unpacker()
        with contextlib.suppress(OSError):
            while data := connection.recv(1 << 16):
                self.received += [(time.perf_counter(), message) for message in unpacker.feed(data)]


class Player:
    """A player in a thread of the test: `behave` maps a call to actions."""

    def __init__(self, folder: Path, name: str, behave: Behaviour = lambda call: iter(())) -> None:
        self.calls: list[Call] = []
        self.number = 0  # of the last call
        self.silent = False
        self._behave = behave
        self.connection = connect(folder / "stage.sock")
        self.connection.sendall(pack([["hello", SECRET, name, os.getpid()]]))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        unpacker = Unpacker()
        with contextlib.suppress(OSError):
            while data := self.connection.recv(1 << 16):
                for number, *call in unpacker.feed(data):
                    self._answer(number, decode_call(call))

    def _answer(self, number: int, call: Call) -> None:
        self.calls.append(call)
        self.number = number
        if not self.silent and not isinstance(call, PlayMessage):
            actions = [encode_action(action) for action in self._behave(call)]
            with contextlib.suppress(OSError):  # what the stage sent before it hung up is still read
                self.connection.sendall(pack([[number, actions, True]]))

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)


class Peer:
    """Controls a process of tests.stage.jack_peer."""

    def __init__(self, name: str = "peer") -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.stage.jack_peer", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._read()
        self.kept: list[tuple[float, bytes]] = []

    def connect(self, into: str | None = None, out: str | None = None) -> None:
        """Connect the peer's output to jamd's port `into`, and jamd's port `out` to the peer's input."""
        if into is not None:
            until(lambda: self._ask("connect", f"{self.name} out:midi", f"jamd {into}:midi") is None, f"port {into}")
        if out is not None:
            until(lambda: self._ask("connect", f"jamd {out}:midi", f"{self.name} in:midi") is None, f"port {out}")

    def connections(self, port: str) -> list[str]:
        return self._ask("connections", port) or []

    def has_port(self, port: str) -> bool:
        return self._ask("connections", port) is not None

    def connect_ports(self, source: str, target: str) -> None:
        """Connect two ports of other clients."""
        until(lambda: self._ask("connect", source, target) is None, f"{source} to {target}")

    def disconnect(self, source: str, target: str) -> None:
        self._ask("disconnect", source, target)

    def send(self, *messages: bytes, gap: float = 0.0) -> float:
        """Send all messages at once, or one every `gap` seconds; returns the time of the first one."""
        began: float = self._ask("send", [message.hex() for message in messages], gap)
        return began

    def heard(self) -> list[tuple[float, bytes]]:
        """(stamp, message) of all messages since the start."""
        self.kept += [(stamp, bytes.fromhex(message)) for stamp, message in self._ask("heard")]
        return self.kept

    def messages(self) -> list[bytes]:
        return [message for _, message in self.heard()]

    def stamp(self, message: bytes, seconds: float | None = None, after: float = 0.0) -> float:
        """The stamp of the first `message` that is heard at or after the time `after`."""
        stamps = until(
            lambda: [s for s, m in self.heard() if m == message and s >= after],
            f"{message.hex(' ')} to be heard",
            seconds,
        )
        return float(stamps[0])

    def close(self) -> None:
        end_process(self._process)

    def kill(self) -> None:
        self._process.kill()
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def post(self, command: list[Any]) -> None:
        """Send a command without waiting for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def _ask(self, *command: Any) -> Any:
        self.post(list(command))
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())
