"""Our connection to the JACK server: found again after a restart of the server, and its death noticed."""

from __future__ import annotations

import time
from typing import Any

from daemon.midi.connection_changes import ConnectionChanges
from daemon.midi.port_names import NotThere

SEARCH_GAP, SEARCH_GAP_MOST = 0.1, 1.0  # seconds between searches for a server, for all ports together; each takes 5 ms
SEARCH_GAP_GROWTH = 1.2  # … per search: the shorter a server was away, the sooner its return is noticed
THREADS_END = 0.25  # seconds after a server's death in which JACK threads that were in a callback have left it


class JackServer:
    """`client` is the JackClient of the last server that was found; None before the first one.

    Its notices that connections changed go to `changes`.
    """

    def __init__(self, changes: ConnectionChanges) -> None:
        self.client: Any = None
        self._changes = changes
        self._search_at, self._search_gap = 0.0, SEARCH_GAP  # monotonic seconds of the next search
        self._died_at = 0.0  # monotonic seconds at which the server's death was noticed; 0: it lives

    @property
    def is_alive(self) -> bool:
        return self.client is not None and bool(self.client.alive)

    @property
    def has_died(self) -> bool:
        """Whether there was a server that is gone, and no other was found yet."""
        if self.client is None or self.client.alive:
            self._died_at = 0.0
            return False
        self._died_at = self._died_at or time.monotonic()
        return True

    def is_running(self) -> bool:
        """Whether the server's cycles go on, so that it may be asked."""
        return self.client is not None and bool(self.client.is_running())

    def has_port(self, name: str) -> bool:
        return self.client is not None and bool(self.client.has_port(name))

    def find(self) -> None:
        """Become a client of a server, or raise NotThere.

        After a death that waits for THREADS_END: the next client that is opened ends the threads of the dead one, and
        one that is ended in a callback takes the interpreter's lock with it (see JackClient).
        """
        from daemon.midi.jack import open_client  # here, because that needs python-rtmidi

        now = time.monotonic()
        if self.has_died and now < self._died_at + THREADS_END:
            raise NotThere("the server has just died")
        if self.client is not None:
            self._search_at, self._search_gap = 0.0, SEARCH_GAP
        if now >= self._search_at:
            self.client = open_client(self._changes.watch_jack())
        if self.client is None:
            if now >= self._search_at:
                self._search_at = now + self._search_gap
                self._search_gap = min(self._search_gap * SEARCH_GAP_GROWTH, SEARCH_GAP_MOST)
            raise NotThere("no server is running")

    def close(self) -> None:
        if self.client is not None:
            self.client.close()
