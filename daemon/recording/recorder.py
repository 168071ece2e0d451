"""Writes the journal in a thread of its own, so that a slow or full disk delays no music."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from daemon.entries import Entry
from daemon.recording.journal import Journal
from daemon.recording.to_midi import convert, recover

SYNC_INTERVAL = 0.5  # seconds between syncs while there is something new

Say = Callable[[str, str, str], None]


def open_journal(
    directory: Path,
    header: dict[str, Any],
    say: Callable[[str], None] = lambda text: None,
    clock: Callable[[], float] = time.perf_counter,
) -> Journal:
    """A journal whose sessions become MIDI files as they end; those that a killed desk left do so at once."""
    recover(directory, say)
    return Journal(directory, header, say, clock, ended=lambda path: convert([path], say))


class Recorder:
    """Takes the entries of the stage. Without a directory nothing is recorded."""

    def __init__(self, directory: Path | None, say: Say, rotate: Callable[[], None]) -> None:
        self._directory, self._say, self._rotate = directory, say, rotate
        self._loop = asyncio.get_running_loop()
        self._writer = ThreadPoolExecutor(1, "recording")
        self._journal: Journal | None = None
        self._ticker = self._loop.create_task(self._tick())

    def begin(self, header: dict[str, Any]) -> None:
        """Close the session that is open, if any, and begin one."""
        if self._directory is not None:
            self._post(self._begin, self._directory, header)

    def entries(self, entries: list[Entry]) -> None:
        self._post(self._write, entries)

    async def close(self) -> None:
        self._ticker.cancel()
        self._post(self._close)
        await asyncio.to_thread(self._writer.shutdown)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(SYNC_INTERVAL)
            self._post(self._sync)

    def _post(self, work: Callable[..., None], *arguments: Any) -> None:
        self._writer.submit(self._attempt, work, *arguments)

    # In the thread

    def _attempt(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except OSError as error:
            self._warn(f"nothing is recorded: {error.filename or self._directory}: {error.strerror or error}")
        except Exception as error:  # whatever fails here, the music goes on
            self._warn(f"recording failed: {type(error).__name__}: {error}")

    def _warn(self, text: str) -> None:
        self._loop.call_soon_threadsafe(self._say, "warning", text, text)

    def _begin(self, directory: Path, header: dict[str, Any]) -> None:
        self._close()
        self._journal = open_journal(directory, header, self._warn)

    def _write(self, entries: list[Entry]) -> None:
        if self._journal is not None:
            self._journal.write(entries)

    def _sync(self) -> None:
        if self._journal is not None and (wait := self._journal.tick()) is not None:
            self._loop.call_soon_threadsafe(self._loop.call_later, wait, self._rotate)

    def _close(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()
