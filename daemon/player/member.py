"""What the processes of all band members have in common, players and instruments: the connection to the desk.

The desk sends the description of the member, then the message `play`. The process ends with the desk.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from daemon import held_signals, realtime
from daemon.errors import JamdError, ModelError
from daemon.models.limits import limit_memory
from daemon.player.failure import EngineFailure, trace_of
from daemon.sockets import connect, read_secret
from daemon.wire import Unpacker, pack

T = TypeVar("T")
GiveUp = Callable[[str], object]  # ends the process with a message for the desk
CONNECT_RETRY_INTERVAL = 0.05  # seconds between attempts to connect to the stage


class Member:
    """A process of the band member `name`, a "player" or an "instrument" (`kind`)."""

    def __init__(self, kind: str, folder: Path, name: str, secret: str) -> None:
        self.folder, self.name, self.secret = folder, name, secret
        self._kind = kind
        self._desk = connect(folder / "desk.sock")
        self._unpacker = Unpacker()
        self._play_ordered = threading.Event()

    def run(self, make: Callable[[Mapping[str, Any], GiveUp], T], play: Callable[[T], object]) -> int:
        """Get what `make` makes of the member's description, and `play` for ever, upon the desk's order. Returns the
        exit status."""
        self.tell("hello", self.secret, self._kind, self.name, os.getpid())
        description = self._await_description()
        threading.Thread(target=self._follow_desk, daemon=True).start()
        try:
            made = make(description, self._give_up)
        except EngineFailure as error:
            return self._crashed(error)
        except JamdError as error:
            self.tell("failed", str(error))
            return error.exit_code
        except Exception as error:
            return self._crashed(error)
        _freeze_memory()
        if description["model"]:
            limit_memory(Path(description["model"]))
        self.tell("ready")
        self._play_ordered.wait()
        try:
            play(made)
        except Exception as error:
            return self._crashed(error)
        return 0

    def tell(self, *message: Any) -> None:
        """Send a message to the desk."""
        self._desk.sendall(pack([message]))

    def connect_to_stage(self) -> socket.socket | None:
        """A connection on which the process has said hello; None if there is no stage yet."""
        try:
            stage = connect(self.folder / "stage.sock")
        except (OSError, ValueError):
            return None
        with contextlib.suppress(OSError):  # the stage is gone again, as is found when the connection is read
            stage.sendall(pack([["hello", self.secret, self.name, os.getpid()]]))
        return stage

    def _await_description(self) -> Mapping[str, Any]:
        while data := self._desk.recv(1 << 16):
            for message in self._unpacker.feed(data):
                if message[0] == "member":
                    description: Mapping[str, Any] = message[1]
                    return description
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

    def _give_up(self, text: str) -> None:
        """End the process, whatever the engine does."""
        self.tell("failed", text)
        os._exit(ModelError.exit_code)

    def _crashed(self, error: Exception) -> int:
        """Report the error with the engine's part of its traceback: a log may be all that its reader gets."""
        self.tell("crashed", f"{error}\n{trace_of(error)}".rstrip())
        return 1


def main(run: Callable[[Path, str, str], int]) -> int:
    """Run the process with the arguments RUNTIME_FOLDER NAME: `run` gets these and the secret of this start, and
    returns the exit status."""
    folder, name = sys.argv[1:]
    held_signals.leave_to_desk()
    realtime.die_with_parent()
    try:
        return run(Path(folder), name, read_secret())
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
