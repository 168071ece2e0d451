"""Messages from the stage to the desk: the journal in batches, most log lines at most once a minute for each cause."""

from __future__ import annotations

import time
from typing import Any

from daemon.entries import Entry, Reconfigured, encode_entry
from daemon.midi.output import NEVER
from daemon.stage.connection import Connection

DESK_BACKLOG = 64 << 20  # bytes that may be unsent: an hour of the journal
BATCH_SECONDS, BATCH_ENTRIES = 0.1, 64  # the journal is sent after so long, or so many entries
LOG_INTERVAL = 60.0  # seconds between two log lines of one cause


class DeskConnection:
    """The connection to the desk, and the journal entries that are to be sent there."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._entries: list[Entry | list[Any]] = []  # what is in a list is encoded
        self._post_at = NEVER
        self._logged_at: dict[str, float] = {}  # by cause

    def send(self, *message: Any) -> None:
        self.connection.send([message])

    def log(self, level: str, cause: str, text: str, is_change: bool = False) -> None:
        """A log line; unless `is_change`, ignored within LOG_INTERVAL of one with the same cause."""
        now = time.perf_counter()
        if is_change or now - self._logged_at.get(cause, -LOG_INTERVAL) >= LOG_INTERVAL:
            self._logged_at[cause] = now
            self.send("log", level, cause, text, is_change)

    def record(self, entry: Entry) -> None:
        """Add to the journal, which the next `post` encodes and sends: here a note may be about to sound."""
        if not self._entries:
            self._post_at = time.perf_counter() + BATCH_SECONDS
        # The desk knows what it sent: melodies may have megabytes, which would delay the music here.
        self._entries.append(["configured", entry.seconds] if isinstance(entry, Reconfigured) else entry)

    def next_deadline(self) -> float:
        """When `post` has something to do."""
        return self._post_at

    def post(self, now: float = NEVER) -> bool:
        """Send the journal's entries if it is time, or if there are enough for a batch. Returns whether some were."""
        if self._entries and (now >= self._post_at or len(self._entries) >= BATCH_ENTRIES):
            entries, self._entries, self._post_at = self._entries, [], NEVER
            self.send("journal", [entry if isinstance(entry, list) else encode_entry(entry) for entry in entries])
            return True
        return False

    def close(self) -> None:
        """Send everything, if the desk still reads."""
        self.post()
        self.connection.drain()
        self.connection.close()
