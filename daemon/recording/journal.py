"""The journal of a session: every entry of the stage, on disk within half a second.

A cut at any byte leaves all whole records before it readable (see journal_file.py).
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Any

from daemon.entries import (
    Audible,
    Entry,
    Gap,
    MembersChanged,
    Reconfigured,
    SessionBegan,
    SessionEnded,
    StageStarted,
    StateSaved,
)
from daemon.locks import lock
from daemon.recording.journal_file import MAGIC, frame
from daemon.recording.origin import hashes, versions
from daemon.recording.rotation import Rotation
from daemon.spec import StageSpec

MAX_BUFFERED_BYTES = 4 << 20  # bytes kept in memory while they cannot, or need not yet, be written


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next entries of a journal belong, for another process that is to continue it."""

    path: str = ""  # of the session's file, once there is one
    size: int = 0  # bytes of whole records in the file
    start: int = 0  # bytes of its beginning
    gap: bool = False  # entries are missing before the next ones
    waiting: bool = False  # entries are left out until the next rotation


BEGINNING = Place()


class Journal:
    """Sessions in `directory`, one after the other; used by one thread.

    `ended` is called with the path of each complete session. A journal at another `place` continues what a process that
    was killed left. Where that cannot be, it begins with the next rotation, because entries from the middle of a
    session cannot be replayed. Nothing is written before the first audible entry, and other entries wait for the next
    audible one. An error of the disk is logged once and never raised: what could not be written is tried again at the
    next tick.
    """

    def __init__(
        self,
        directory: Path,
        header: dict[str, Any],
        say: Callable[[str], None] = lambda text: None,
        clock: Callable[[], float] = time.perf_counter,
        ended: Callable[[Path], None] = lambda path: None,
        place: Place = BEGINNING,
    ) -> None:
        self._directory, self._say, self._clock, self._ended = directory, say, clock, ended
        self._header = {**header, "versions": versions(), "models": hashes(header.get("members", {}))}  # current
        self._session = self._header  # when the session began
        self._file: FileIO | None = None
        self._path = directory
        self._good = 0  # bytes of whole records in the file
        self._start = 0  # bytes of the beginning, which contains the melodies
        self._dirty = False
        self._pending: list[bytes] = []
        self._size = 0  # bytes pending
        self._audible_pending = False  # whether an audible entry is pending
        self._gap, self._trouble = place.gap, False
        self._rotation = Rotation(StageSpec.from_json(header["spec"]), clock)
        self._waiting = False  # entries are left out until the next rotation
        if place.path:
            self._continue(place)
        elif place.waiting:
            self._await_rotation()

    @property
    def place(self) -> Place:
        path = str(self._path) if self._file is not None else ""
        return Place(path, self._good, self._start, self._gap, self._waiting)

    @property
    def unwritten(self) -> int:
        """How many of the latest entries are not in the file yet."""
        return len(self._pending)

    def write(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            match entry:
                case StateSaved():
                    self._finish()
                    self._session, self._waiting = self._header, False
                case Reconfigured() | StageStarted():
                    self._header = {**self._header, "spec": entry.spec.to_json()}
                case MembersChanged():
                    self._header = {**self._header, "members": entry.members, "models": hashes(entry.members)}
            self._rotation.follow(entry)
            if self._waiting:
                continue
            self._audible_pending = self._audible_pending or isinstance(entry, Audible)
            self._keep(frame(entry))
        if self._audible_pending:
            self._attempt(self._flush)

    def tick(self) -> float | None:
        """Sync new records to the disk; to be called twice a second.

        Returns the seconds until the stage should rotate the session, if that is soon.
        """
        if self._file is not None and self._is_gone(self._file):
            self._say(f"recording: {self._path} was removed or renamed; a new session begins in {self._directory}")
            self._finish(whole=False)
            self._await_rotation()
        elif self._audible_pending:
            self._attempt(self._save)
        elif self._dirty:
            self._attempt(self._sync)
        return self._rotation.due((self._good - self._start if self._file else 0) + self._size)

    def close(self) -> bool:
        """End the session. False if something could not be written."""
        was_waiting = self._waiting
        self._finish()
        return not (self._trouble or was_waiting)

    def leave_gap(self) -> None:
        """Entries are missing from here on."""
        self._forget()
        self._gap = True

    def _await_rotation(self) -> None:
        self._waiting = True
        self._rotation.ask_now()

    # On disk

    def _keep(self, record: bytes) -> None:
        self._pending.append(record)
        self._size += len(record)
        if self._size > MAX_BUFFERED_BYTES:  # long melodies of a reload, or a disk that is full
            self._attempt(self._flush)
        if self._size > MAX_BUFFERED_BYTES:
            self.leave_gap()

    def _forget(self) -> None:
        self._pending.clear()
        self._size, self._audible_pending, self._gap = 0, False, False

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            if not self._trouble:
                self._say(
                    f"recording is interrupted, the music continues: {error.strerror or error} "
                    f"({error.filename or self._path}); free disk space or correct the permissions to resume recording"
                )
            self._trouble = True
        else:
            if self._trouble:
                self._say(f"recording continues: {self._path}")
            self._trouble = False

    def _flush(self) -> None:
        """Hand pending records to the operating system."""
        if self._file is None:
            self._open()
        assert self._file is not None
        gap = frame(Gap(self._clock())) if self._gap else b""
        data = memoryview(gap + b"".join(self._pending))
        self._file.seek(self._good)
        self._file.truncate()  # a partly written record
        while data:
            data = data[self._file.write(data) :]
        self._good = self._file.tell()
        self._dirty = True
        self._forget()

    def _open(self) -> None:
        # A new folder is private. In a folder that exists, files follow the umask as all others there do.
        self._directory.mkdir(0o700, parents=True, exist_ok=True)
        path, file = _new_file(self._directory)
        try:
            lock(file)
            header = {**self._session, "began": datetime.now().astimezone().isoformat()}
            start = MAGIC + frame(SessionBegan(self._clock(), header))
            if file.write(start) < len(start):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        except BaseException:
            file.close()
            path.unlink()
            raise
        self._path, self._file, self._good = path, file, len(start)
        self._start = len(start)
        if sys.platform != "win32":  # so that the file name survives a power cut
            folder = os.open(self._directory, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _continue(self, place: Place) -> None:
        """Write at `place` from now on."""
        path = Path(place.path)
        try:
            file = FileIO(path, "rb+")
            if not lock(file) or os.fstat(file.fileno()).st_size < place.size:
                file.close()
                raise OSError(errno.EBUSY, "another program uses the file")
        except OSError as error:
            self._say(f"recording: {path} cannot be continued ({error.strerror or error}); a new session begins")
            self._gap = False
            self._await_rotation()
        else:
            self._path, self._file, self._good, self._start = path, file, place.size, place.start

    def _save(self) -> None:
        self._flush()
        self._sync()

    def _sync(self) -> None:
        if self._file is not None:
            os.fsync(self._file.fileno())
        self._dirty = False

    def _is_gone(self, file: FileIO) -> bool:
        """Whether the open file is no longer at its path: it, or its folder, was removed, renamed or unmounted."""
        try:
            found = self._path.stat()
        except OSError as error:
            return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)
        return not os.path.samestat(found, os.fstat(file.fileno()))

    def _finish(self, whole: bool = True) -> None:
        """End the session, if one is open. Entries after the last audible one are left out.

        Of a session that is not `whole`, there will be no MIDI file.
        """
        if not self._audible_pending:
            self._forget()
        if self._file is not None or self._audible_pending:
            self._keep(frame(SessionEnded(self._clock())))
            self._attempt(self._save)
        self._forget()
        if self._file is not None:
            file, self._file, self._dirty = self._file, None, False
            with contextlib.suppress(OSError):
                file.close()
            if whole:
                self._ended(self._path)


def _new_file(directory: Path) -> tuple[Path, FileIO]:
    """A new journal, named by the local time."""
    name = time.strftime("%Y-%m-%d %H-%M-%S")
    for number in itertools.count(1):  # a clock without a battery begins at the same time whenever it is switched on
        path = directory / f"{name}{f' ({number})' if number > 1 else ''}.journal"
        if path.with_suffix(".mid").exists():
            continue
        with contextlib.suppress(FileExistsError):
            return path, FileIO(path, "xb+")
    raise AssertionError
