"""Where players come in: whoever connects says who it is before it plays."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from daemon.sockets import Listener, serve
from daemon.stage.connection import Connection

LIMIT = 1 << 20  # bytes that may wait for a player: some seconds of a flood; then it counts as hung


class PlayerListener:
    """The stage's socket at `path`, and those who have connected but are not yet known."""

    def __init__(self, path: Path) -> None:
        self._listener = serve(path)
        self._strangers: list[Connection] = []

    def sockets(self) -> list[Listener | Connection]:
        """What to wait for."""
        return [self._listener, *self._strangers]

    def arrivals(self, readable: Collection[object], expected: Collection[str]) -> Iterator[tuple[str, Connection]]:
        """Those of the `expected` who have said who they are. Others are sent away: a player tries again."""
        for link in [link for link in self._strangers if link in readable]:
            match link.receive():
                case [["hello", str(name), _]] if name in expected:
                    self._strangers.remove(link)
                    yield name, link
                case [] if not link.broken:
                    continue
                case _:
                    self._strangers.remove(link)
                    link.close()
        if self._listener in readable and (connection := self._listener.accept()) is not None:
            self._strangers.append(Connection(connection, LIMIT))

    def close(self) -> None:
        for link in self._strangers:
            link.close()
        self._listener.close()
