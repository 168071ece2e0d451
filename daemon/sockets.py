"""Local streams between jamd's own processes, named by a path in a folder that only their user can read.

AF_UNIX where the platform has it; elsewhere (Windows) loopback TCP: the file at the path holds the port.

Other programs of the user (on loopback: of any user) can connect too. So the first message of a connection is its
hello, `["hello", SECRET, …]`, with the secret of this start of jamd, which its processes read from standard input.
Until then a listener reads HELLO_LIMIT bytes at most, and waits HELLO_TIMEOUT.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import socket
import sys
from pathlib import Path

HAS_UNIX = sys.platform != "win32"
HELLO_LIMIT = 1024  # bytes
HELLO_TIMEOUT = 2.0  # seconds; a process of jamd says hello as soon as it is connected
REFUSAL_PAUSE = 0.01  # seconds in which a listener accepts nothing after a stranger: a flood of them costs little
MOST_UNNAMED = 16  # connections without a hello; a further one ends the oldest
REFUSED = "a program that is not part of this jamd connected to its socket {socket}, and was disconnected"


class Listener:
    """Waits for connections at `path`. Give it to `select`, or to asyncio's `add_reader`; then `accept`."""

    def __init__(self, path: Path, unix: bool = HAS_UNIX) -> None:
        self._path = path
        self._is_unix = unix
        with contextlib.suppress(FileNotFoundError):
            path.unlink()  # left by a process that was killed
        if sys.platform != "win32" and unix:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self._socket.bind(str(path))
            except OSError:
                self._socket.close()
                raise
        else:
            self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.listen(64)
        self._socket.setblocking(False)
        if not unix:
            _write_atomically(path, f"{self._socket.getsockname()[1]}")

    def fileno(self) -> int:
        return self._socket.fileno()

    def accept(self) -> socket.socket | None:
        """A blocking socket; None if no client is waiting (any more)."""
        try:
            connection, _ = self._socket.accept()
            if not self._is_unix:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(None)
        except OSError:
            return None
        return connection

    def close(self) -> None:
        self._socket.close()
        with contextlib.suppress(OSError):
            self._path.unlink()


def serve(path: Path) -> Listener:
    """Listen at `path`; what a process that died left there is replaced."""
    return Listener(path)


def connect(path: Path) -> socket.socket:
    """A blocking socket to the listener at `path`. Raises OSError if there is none (yet)."""
    if sys.platform != "win32" and not path.is_file():
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(path))
        except OSError:
            connection.close()
            raise
        return connection
    connection = socket.create_connection(("127.0.0.1", int(path.read_text())))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def read_secret() -> str:
    """The secret of this start of jamd, which the desk has written to this process's standard input (then empty)."""
    if sys.stdin is None:
        return ""
    secret = sys.stdin.readline().strip()
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    return secret


def is_secret(given: object, secret: str) -> bool:
    """Whether the value from a hello is the secret."""
    return (
        isinstance(given, str)
        and bool(secret)
        and hmac.compare_digest(given.encode(errors="replace"), secret.encode(errors="replace"))
    )


def _write_atomically(path: Path, text: str) -> None:
    """Whole or not at all: a client may read the file at any moment."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(text)
    os.replace(temporary, path)
