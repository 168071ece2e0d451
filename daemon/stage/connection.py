"""A connection to another process of jamd that never blocks the stage."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from typing import Any

from daemon.wire import MESSAGE_LIMIT, Unpacker, pack

CHUNK = 1 << 16  # bytes read at once; of more, the C library would map and unmap the memory each time


class Connection:
    """Messages to and from `sock`. What cannot be sent at once is buffered; beyond `limit` bytes that breaks it.

    A received message of more than `message_limit` bytes breaks it too (`is_invalid`), and no more than that is read at
    once, until `trust`.
    """

    def __init__(self, sock: socket.socket, limit: int, message_limit: int = MESSAGE_LIMIT) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._unpacker = Unpacker(message_limit)
        self._unsent = bytearray()
        self._limit = limit
        self.broken = self.is_full = self.is_invalid = False

    def fileno(self) -> int:
        return self._socket.fileno()

    def trust(self) -> None:
        """The other end has said hello: its messages may be long."""
        self._unpacker.limit = MESSAGE_LIMIT

    @property
    def has_part(self) -> bool:
        """Whether a message has begun to come in and not ended."""
        return self._unpacker.has_part

    @property
    def has_unsent(self) -> bool:
        """Whether bytes are buffered: `flush` is to be called when the socket can be written to."""
        return bool(self._unsent) and not self.broken

    def send(self, messages: Iterable[Any]) -> None:
        if self.broken:
            return
        self._unsent += pack(messages)
        self.flush()
        if len(self._unsent) > self._limit:
            self.broken = self.is_full = True

    def flush(self) -> None:
        """Send as many buffered bytes as the socket takes."""
        try:
            while self._unsent and not self.broken:
                del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self.broken = True

    def drain(self, seconds: float = 1.0) -> None:
        """Wait until everything is sent, for at most `seconds`. Only before `close`."""
        if not self.broken:
            self._socket.settimeout(seconds)
            with contextlib.suppress(OSError):
                self._socket.sendall(self._unsent)
            self._unsent.clear()

    def receive(self) -> list[Any]:
        """The messages that came in. Sets `broken` if the other end is closed or sends something else."""
        messages: list[Any] = []
        at_once = min(CHUNK, self._unpacker.limit)
        try:
            while True:
                data = self._socket.recv(at_once)
                if not data:
                    self.broken = True
                    break
                messages += self._unpacker.feed(data)
                if len(data) < CHUNK:
                    break
        except BlockingIOError:
            pass
        except OSError:
            self.broken = True
        except ValueError:
            self.broken = self.is_invalid = True
        return messages

    def close(self) -> None:
        self._socket.close()
