"""The recording process: `python -m daemon.recording.process`. It writes the journal and the MIDI files.

A process of its own, because a disk may hang for any time, and then neither its threads nor the process can be ended.
It reads messages from stdin, a line of JSON each, until the desk closes the pipe or is killed; it answers on stdout.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

from daemon import held_signals
from daemon.entries import Entry, decode_entry
from daemon.recording.journal import BEGINNING, Journal, Place
from daemon.recording.session_start import SessionStart
from daemon.recording.to_midi import convert, recover
from daemon.wire import pack

UNWRITTEN = 3  # exit status: not everything could be written

Say = Callable[[str], None]


def open_journal(
    directory: Path,
    header: dict[str, Any],
    say: Say = lambda text: None,
    clock: Callable[[], float] = time.perf_counter,
    place: Place = BEGINNING,
    ended: Callable[[Path], None] = lambda path: None,
) -> Journal:
    """A journal whose sessions become MIDI files as they end; those that a killed jamd left do so at once. `ended` is
    called with the path of each MIDI file (a large one is complete a little later)."""

    def end(path: Path) -> None:
        convert([path], say)
        ended(path.with_suffix(".mid"))

    if not place.path:  # else a session without a MIDI file is the one to be continued
        recover(directory, say)
    return Journal(directory, header, say, clock, ended=end, place=place)


class RecordingProcess:
    """Carries out the desk's messages. Whatever fails is said, and the next message is carried out."""

    def __init__(self, tell: Callable[[list[Any]], None]) -> None:
        self._tell = tell
        self._journal: Journal | None = None
        self._start: SessionStart | None = None
        self._session = ""  # the path of the session's journal
        self._next = 0  # the number of the next entry
        self.complete = False  # the session has ended, and everything was written

    def hear(self, message: list[Any]) -> None:
        self._attempt(lambda: self._obey(message))
        if self._journal is not None and message[0] in ("entries", "sync"):
            self._tell(["written", self._next - self._journal.unwritten, *astuple(self._journal.place)])

    def _obey(self, message: list[Any]) -> None:
        match message:
            case ["begin", directory, header, *place]:
                self._start, self._session = SessionStart(header), Place(*place).path
                self._journal = open_journal(
                    Path(directory),
                    header,
                    self._say,
                    place=Place(*place),
                    ended=lambda path: self._tell(["ended", str(path)]),
                )
            case ["entries", number, batch] if self._journal is not None:
                self._next = number + len(batch)
                entries = [*map(decode_entry, batch)]
                try:
                    self._journal.write(entries)
                finally:
                    self._tell_session(entries, self._journal.place.path)
            case ["gap"] if self._journal is not None:
                self._journal.leave_gap()
            case ["close"] if self._journal is not None:
                self.complete = self._journal.close()
            case ["sync"]:
                wait = None
                try:
                    wait = self._journal.tick() if self._journal is not None else None
                finally:
                    self._tell(["synced", wait])

    def _tell_session(self, entries: list[Entry], path: str) -> None:
        """Tell the path of another session's journal, and the seconds at which its MIDI file begins."""
        assert self._start is not None
        for entry in entries:
            self._start.follow(entry)
        if path != self._session and path and self._start.seconds is not None:
            self._tell(["session", path, self._start.seconds])
        self._session = path

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self._say(f"nothing is recorded: {error.filename or 'the recording'}: {error.strerror or error}")
        except Exception as error:
            self._say(f"recording failed: {type(error).__name__}: {error}")

    def _say(self, text: str) -> None:
        self._tell(["say", text])


def main() -> int:
    held_signals.leave_to_desk()

    def tell(message: list[Any]) -> None:
        with contextlib.suppress(OSError):  # the desk is gone
            os.write(sys.stdout.fileno(), pack([message]))

    process = RecordingProcess(tell)
    for line in sys.stdin.buffer:
        if line.endswith(b"\n"):  # else the desk was killed
            process.hear(json.loads(line))
    if not process.complete:  # a session whose desk was killed has no end: the next start makes its MIDI file
        process.hear(["sync"])
    return 0 if process.complete else UNWRITTEN


if __name__ == "__main__":
    sys.exit(main())
