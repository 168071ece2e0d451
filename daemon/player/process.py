"""The process of one player: `python -m daemon.player.process RUNTIME_FOLDER NAME`.

The desk sends the description of the player, then the message `play`, upon which the process connects to the stage.
Calls and answers pass over the socket of the stage. The process ends with the desk.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from daemon import realtime
from daemon.errors import JamdError, ModelError
from daemon.models.limits import limit_memory
from daemon.player.failure import EngineFailure, trace_of
from daemon.player.host import Host, make_host
from daemon.sockets import connect, read_secret
from daemon.wire import Call, Reset, Unpacker, decode_call, encode_answer, pack

CONNECT_RETRY_INTERVAL = 0.05  # seconds between attempts to connect to the stage


class _StageGone(Exception):
    """The connection to the stage has ended."""


class Player:
    """The connections of a player process to the desk and to the stage."""

    def __init__(self, folder: Path, name: str, secret: str) -> None:
        self._folder, self._name, self._secret = folder, name, secret
        self._desk = connect(folder / "desk.sock")
        self._unpacker = Unpacker()
        self._play_ordered = threading.Event()

    def run(self) -> int:
        self._send_to_desk(["hello", self._secret, "player", self._name, os.getpid()])
        member = self._await_member()
        threading.Thread(target=self._follow_desk, daemon=True).start()
        try:
            host = make_host(member, self._give_up)
        except EngineFailure as error:
            return self._crashed(error)
        except JamdError as error:
            self._send_to_desk(["failed", str(error)])
            return error.exit_code
        except Exception as error:
            return self._crashed(error)
        _freeze_memory()
        if member["model"]:
            limit_memory(Path(member["model"]))
        self._send_to_desk(["ready"])
        self._play_ordered.wait()
        try:
            while True:
                self._answer(host)
        except Exception as error:
            return self._crashed(error)

    def _answer(self, host: Host) -> None:
        """Connect to the stage and answer its calls until the connection ends."""
        try:
            stage = connect(self._folder / "stage.sock")
        except (OSError, ValueError):
            time.sleep(CONNECT_RETRY_INTERVAL)
            return
        with stage:
            try:
                _send(stage, ["hello", self._secret, self._name, os.getpid()])
                for number, call in _calls(stage):
                    for item in host.handle(call):
                        _send(stage, [number, [encode_answer(item)], False])
                    _send(stage, [number, [], True])
            except _StageGone:
                time.sleep(CONNECT_RETRY_INTERVAL)

    def _await_member(self) -> Mapping[str, Any]:
        while data := self._desk.recv(1 << 16):
            for message in self._unpacker.feed(data):
                if message[0] == "member":
                    member: Mapping[str, Any] = message[1]
                    return member
        raise SystemExit(0)

    def _follow_desk(self) -> None:
        """Read the desk's messages even while the engine computes; end the process when the desk is gone."""
        try:
            while data := self._desk.recv(1 << 16):
                if ["play"] in self._unpacker.feed(data):
                    self._play_ordered.set()
        except OSError:
            pass
        os._exit(0)

    def _send_to_desk(self, message: list[Any]) -> None:
        self._desk.sendall(pack([message]))

    def _give_up(self, text: str) -> None:
        """End the process, whatever the engine does."""
        self._send_to_desk(["failed", text])
        os._exit(ModelError.exit_code)

    def _crashed(self, error: Exception) -> int:
        """Report the error with the engine's part of its traceback: a log may be all that its reader gets."""
        self._send_to_desk(["crashed", f"{error}\n{trace_of(error)}".rstrip()])
        return 1


def _send(stage: socket.socket, message: list[Any]) -> None:
    try:
        stage.sendall(pack([message]))
    except OSError:
        raise _StageGone from None


def _calls(stage: socket.socket) -> Iterator[tuple[int, Call]]:
    """The stage's calls with their numbers, in order. Calls before a reset that has come in are left out: no answer to
    them would count. Raises _StageGone at the end of the connection."""
    unpacker, calls = Unpacker(), deque[tuple[int, Call]]()
    while True:
        while not calls or select.select([stage], [], [], 0)[0]:
            try:
                data = stage.recv(1 << 16)
            except OSError:
                data = b""
            if not data:
                raise _StageGone
            for number, *message in unpacker.feed(data):
                call = decode_call(message)
                if isinstance(call, Reset):
                    calls.clear()
                calls.append((number, call))
        yield calls.popleft()


def main() -> int:
    folder, name = sys.argv[1:]
    for signal_name in (
        "SIGINT",
        "SIGTERM",
        "SIGHUP",
        "SIGUSR1",
    ):  # a terminal sends them to all processes; the desk handles them
        if (number := getattr(signal, signal_name, None)) is not None:
            signal.signal(number, signal.SIG_IGN)
    realtime.die_with_parent()
    try:
        return Player(Path(folder), name, read_secret()).run()
    except OSError:  # the desk is gone
        return 0


def _freeze_memory() -> None:
    """Exempt all present objects from garbage collection, and return memory freed after loading to the system."""
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(AttributeError):  # the C library is not glibc
            ctypes.CDLL(None).malloc_trim(0)


if __name__ == "__main__":
    sys.exit(main())
