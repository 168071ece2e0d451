"""A line to another process of ours that is never waited for."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from typing import Any

from daemon.wire import Unpacker, pack

CHUNK = 1 << 18


class Connection:
    """Messages to and from `connection`. What cannot be sent at once waits, up to `limit` bytes; then it is broken."""

    def __init__(self, connection: socket.socket, limit: int) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._unpacker = Unpacker()
        self._waiting = bytearray()
        self._limit = limit
        self.broken = self.is_full = False

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def is_waiting(self) -> bool:
        """Whether `flush` is to be called when it can be written to."""
        return bool(self._waiting) and not self.broken

    def send(self, messages: Iterable[Any]) -> None:
        if self.broken:
            return
        self._waiting += pack(messages)
        self.flush()
        if len(self._waiting) > self._limit:
            self.broken = self.is_full = True

    def flush(self) -> None:
        try:
            while self._waiting and not self.broken:
                del self._waiting[: self._socket.send(self._waiting)]
        except BlockingIOError:
            pass
        except OSError:
            self.broken = True

    def drain(self, seconds: float = 1.0) -> None:
        """Wait until everything is sent, but no longer than that. For the end only."""
        if not self.broken:
            self._socket.settimeout(seconds)
            with contextlib.suppress(OSError):
                self._socket.sendall(self._waiting)
            self._waiting.clear()

    def receive(self) -> list[Any]:
        """What came; `broken` when the other end is closed, or does not speak as we do."""
        messages: list[Any] = []
        try:
            while True:
                data = self._socket.recv(CHUNK)
                if not data:
                    self.broken = True
                    break
                messages += self._unpacker.feed(data)
                if len(data) < CHUNK:
                    break
        except BlockingIOError:
            pass
        except (OSError, ValueError):
            self.broken = True
        return messages

    def close(self) -> None:
        self._socket.close()
