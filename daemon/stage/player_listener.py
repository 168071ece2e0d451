"""Accepts players: a process that connects must name its player, and the secret of this start, before it takes part."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from daemon.midi.output import NEVER
from daemon.sockets import HELLO_LIMIT, HELLO_TIMEOUT, MOST_UNNAMED, REFUSAL_PAUSE, REFUSED, Listener, is_secret, serve
from daemon.stage.connection import Connection

PLAYER_BACKLOG = 1 << 20  # bytes that may be unsent: some seconds of a flood; beyond that the player counts as hung


class PlayerListener:
    """The stage's socket at `path`, and the connections that have not yet named their player.

    `refused` is called with a log line whenever a stranger was disconnected.
    """

    def __init__(
        self,
        path: Path,
        secret: str,
        refused: Callable[[str], object],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._listener = serve(path)
        self._secret, self._refused, self._clock = secret, refused, clock
        self._unnamed: dict[Connection, float] = {}  # → when its time is up
        self._accept_at = 0.0

    def sockets(self) -> list[Listener | Connection]:
        """The sockets to `select` for reading."""
        return [*([self._listener] if self._clock() >= self._accept_at else []), *self._unnamed]

    def next_deadline(self) -> float:
        """When `sockets` has the listener again after a pause."""
        return self._accept_at if self._clock() < self._accept_at else NEVER

    def arrivals(self, readable: Collection[object], expected: Collection[str]) -> Iterator[tuple[str, Connection]]:
        """Connections that have named one of the `expected` players. Others are closed: a player tries again."""
        now = self._clock()
        for connection, until in list(self._unnamed.items()):
            match connection.receive() if connection in readable else []:
                case [["hello", secret, str(name), _]] if is_secret(secret, self._secret):
                    del self._unnamed[connection]
                    if name not in expected:
                        connection.close()
                        continue
                    connection.trust()
                    yield name, connection
                case [] if not connection.broken and now < until:
                    continue
                case received:
                    has_spoken = bool(received) or connection.has_part or connection.is_invalid
                    self._end(connection, is_stranger=has_spoken or now >= until)
        if self._listener in readable and (accepted := self._listener.accept()) is not None:
            if len(self._unnamed) >= MOST_UNNAMED:
                self._end(next(iter(self._unnamed)), is_stranger=True)
            self._unnamed[Connection(accepted, PLAYER_BACKLOG, HELLO_LIMIT)] = now + HELLO_TIMEOUT

    def _end(self, connection: Connection, is_stranger: bool) -> None:
        del self._unnamed[connection]
        connection.close()
        if is_stranger:
            self._refused(REFUSED.format(socket="stage.sock"))
        self._accept_at = self._clock() + REFUSAL_PAUSE

    def close(self) -> None:
        for connection in self._unnamed:
            connection.close()
        self._listener.close()
