"""Accepts players: a process that connects must name its player before it takes part."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from daemon.sockets import Listener, serve
from daemon.stage.connection import Connection

PLAYER_BACKLOG = 1 << 20  # bytes that may be unsent: some seconds of a flood; beyond that the player counts as hung


class PlayerListener:
    """The stage's socket at `path`, and the connections that have not yet named their player."""

    def __init__(self, path: Path) -> None:
        self._listener = serve(path)
        self._unnamed: list[Connection] = []

    def sockets(self) -> list[Listener | Connection]:
        """The sockets to `select` for reading."""
        return [self._listener, *self._unnamed]

    def arrivals(self, readable: Collection[object], expected: Collection[str]) -> Iterator[tuple[str, Connection]]:
        """Connections that have named one of the `expected` players. Others are closed: a player tries again."""
        for connection in [connection for connection in self._unnamed if connection in readable]:
            match connection.receive():
                case [["hello", str(name), _]] if name in expected:
                    self._unnamed.remove(connection)
                    yield name, connection
                case [] if not connection.broken:
                    continue
                case _:
                    self._unnamed.remove(connection)
                    connection.close()
        if self._listener in readable and (accepted := self._listener.accept()) is not None:
            self._unnamed.append(Connection(accepted, PLAYER_BACKLOG))

    def close(self) -> None:
        for connection in self._unnamed:
            connection.close()
        self._listener.close()
