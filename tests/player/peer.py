"""The test's end of a connection of a player's or instrument's process."""

import time
from typing import Any

from daemon.sockets import Listener
from daemon.wire import Call, Unpacker, encode_call, pack


class Peer:
    """Waits 10 s at most."""

    def __init__(self, listener: Listener) -> None:
        deadline = time.monotonic() + 10
        while (socket := listener.accept()) is None:
            assert time.monotonic() < deadline, "no connection"
            time.sleep(0.01)
        socket.settimeout(10)
        self.socket = socket
        self._unpacker = Unpacker()
        self._messages: list[Any] = []

    def read(self) -> Any:
        """The next message; None at the end of the connection."""
        while not self._messages:
            if not (data := self.socket.recv(1 << 16)):
                return None
            self._messages += self._unpacker.feed(data)
        return self._messages.pop(0)

    def write(self, *message: Any) -> None:
        self.socket.sendall(pack([message]))

    def send_call(self, number: int, call: Call) -> None:
        self.write(number, *encode_call(call))
