"""What the stage tells the desk: never waiting for it, in batches, and nothing twice a minute."""

from __future__ import annotations

import time
from typing import Any

from daemon.entries import Entry, encode_entry
from daemon.stage.connection import Connection

LIMIT = 64 << 20  # bytes that may wait: an hour of the journal
POST, BATCH = 0.1, 64  # the journal goes out after so many seconds, or entries
HUSH = 60.0  # seconds between two lines of one cause
NEVER = float("inf")


class DeskConnection:
    """The link to the desk, and the journal on its way there."""

    def __init__(self, link: Connection) -> None:
        self.link = link
        self._journal: list[list[Any]] = []
        self._post_at = NEVER
        self._said: dict[str, float] = {}

    def tell(self, *message: Any) -> None:
        self.link.send([message])

    def say(self, level: str, cause: str, text: str) -> None:
        """A line for people: once a minute for one cause."""
        now = time.perf_counter()
        if now - self._said.get(cause, -HUSH) >= HUSH:
            self._said[cause] = now
            self.tell("log", level, cause, text)

    def record(self, entry: Entry) -> None:
        """Keep for the journal, until the next `post`."""
        if not self._journal:
            self._post_at = time.perf_counter() + POST
        self._journal.append(encode_entry(entry))

    def next_deadline(self) -> float:
        """When `post` has something to do."""
        return self._post_at

    def post(self, now: float = NEVER) -> None:
        """Send the journal's batch, if it is time."""
        if self._journal and (now >= self._post_at or len(self._journal) >= BATCH):
            entries, self._journal, self._post_at = self._journal, [], NEVER
            self.tell("journal", entries)

    def close(self) -> None:
        """See that everything is sent, if anybody reads."""
        self.post()
        self.link.drain()
        self.link.close()
