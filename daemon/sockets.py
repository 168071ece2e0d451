"""Local streams between jamd's own processes, named by a path in a folder that only their user can read.

AF_UNIX where the platform has it; elsewhere (Windows) loopback TCP: the file at the path holds the port and a token,
which a client must send first.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import socket
import sys
from pathlib import Path

HAS_UNIX = sys.platform != "win32"
_TOKEN = 32  # characters
_TOKEN_TIMEOUT = 0.05  # seconds; a client sends the token as soon as it is connected


class Listener:
    """Waits for connections at `path`. Give it to `select`, or to asyncio's `add_reader`; then `accept`."""

    def __init__(self, path: Path, unix: bool = HAS_UNIX) -> None:
        self._path = path
        self._token = ""
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
            self._token = secrets.token_hex(_TOKEN // 2)
        self._socket.listen(64)
        self._socket.setblocking(False)
        if self._token:
            _write_atomically(path, f"{self._socket.getsockname()[1]} {self._token}")

    def fileno(self) -> int:
        return self._socket.fileno()

    def accept(self) -> socket.socket | None:
        """A blocking socket; None if no client is waiting (any more), or if the client sent a wrong token."""
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return None
        if self._token:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(_TOKEN_TIMEOUT)
            if not _sends_token(connection, self._token):
                connection.close()
                return None
        connection.settimeout(None)
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
    port, token = path.read_text().split()
    connection = socket.create_connection(("127.0.0.1", int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(token.encode())
    return connection


def _sends_token(connection: socket.socket, token: str) -> bool:
    received = b""
    with contextlib.suppress(OSError):
        while len(received) < _TOKEN and (data := connection.recv(_TOKEN - len(received))):
            received += data
    return hmac.compare_digest(received, token.encode())


def _write_atomically(path: Path, text: str) -> None:
    """Whole or not at all: a client may read the file at any moment."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(text)
    os.replace(temporary, path)
