"""The desk's side of the recording: a process of its own writes the journal, so that no disk delays music or desk."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from daemon.entries import Entry, MembersChanged, Reconfigured, StageStarted, StateSaved, encode_entry
from daemon.recording.audio_recorder import AudioRecorder
from daemon.recording.child import MAX_QUEUED_SPECS, RecordingChild
from daemon.recording.journal import BEGINNING, Place
from daemon.wire import pack

SYNC_INTERVAL = 0.5  # seconds between syncs
HANG_TIME = 5.0  # seconds without an answer after which the disk counts as hung
CLOSE_TIMEOUT = 4.0  # seconds to write the rest of the session at the end; half of that for a disk that hangs already
RESTART_PAUSE = 2.0  # seconds until a recording process that ended within this time is started again; others: at once
MAX_UNWRITTEN = 20_000  # entries that are kept for another process, about as many as MAX_QUEUED_BYTES hold

COMMAND = [sys.executable, "-P", "-m", "daemon.recording.process"]

Say = Callable[[str, str, str], None]
_GAP, _SYNC = pack([["gap"]]), pack([["sync"]])


class Recorder:
    """Takes the entries of the stage. Without a directory nothing is recorded. `audio`: the runtime folder, if what is
    heard is to be recorded, too."""

    def __init__(self, directory: Path | None, say: Say, rotate: Callable[[], None], audio: Path | None = None) -> None:
        self._directory, self._say, self._rotate = directory, say, rotate
        self._audio = AudioRecorder(audio, self._warn) if audio is not None and directory is not None else None
        self._loop = asyncio.get_running_loop()
        self._unwritten = _Unwritten({})
        self._place = BEGINNING  # of the first unwritten entry
        self._started_at = 0.0
        self._process: RecordingChild | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._asked_at: float | None = None  # when the sync was asked for that is not answered yet
        self._hangs = self._closing = False
        self.complete = True
        self.files: list[Path] = []  # the MIDI files of the sessions that have ended

    def begin(self, header: dict[str, Any]) -> None:
        """Begin to record. `header` describes the beginning of the session."""
        self._unwritten = _Unwritten(header)
        if self._directory is not None:
            self._start()
            if self._audio is not None:
                self._audio.start()
            self._ticker = self._loop.create_task(self._tick())

    def entries(self, entries: list[Entry]) -> None:
        if self._ticker is None:
            return
        number = self._unwritten.add(entries)
        if self._process is not None:
            self._process.send(_packed(number, entries), any(map(_has_spec, entries)))
        if self._audio is not None and (saved := [entry for entry in entries if isinstance(entry, StateSaved)]):
            self._audio.end(saved[-1].seconds)

    async def close(self) -> None:
        """End the session. If its end cannot be written in time, that is logged, and `complete` is False."""
        self._closing = True
        if self._ticker is not None:
            self._ticker.cancel()
        audio = None if self._audio is None else asyncio.create_task(self._audio.close(CLOSE_TIMEOUT))
        await self._close_journal()
        if audio is not None:
            self.complete &= await audio

    async def _close_journal(self) -> None:
        if self._process is None:
            self.complete = self._ticker is None  # else the recording process ended, or never began
            if not self.complete:
                self._say("error", "", f"the recording in {self._directory} lacks its end: no process wrote it")
            return
        self._process.finish()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT / 2 if self._hangs else CLOSE_TIMEOUT):
                status = await self._process.ended
        except TimeoutError:
            problem = "its disk does not answer"
        else:
            problem = f"not everything could be written (status {status})" if status else ""
        self.complete = not problem
        if problem:
            self._say("error", "", f"the recording in {self._directory} may lack its end: {problem}")

    def _start(self) -> None:
        self._asked_at, self._started_at = None, self._loop.time()
        unwritten = self._unwritten
        place = replace(self._place, gap=self._place.gap or unwritten.gap)
        begin = pack([["begin", str(self._directory), unwritten.header, *astuple(place)]])
        if unwritten.gap:
            self._say("warning", "gap", "the session has a gap: while no process recorded, more came than is kept")
        if unwritten.entries:
            begin += _packed(unwritten.number, unwritten.entries)
        try:
            self._process = RecordingChild(COMMAND, begin, self._hear, (_GAP, _SYNC))
        except OSError as error:
            text = f"nothing is recorded: no process can be started ({error.strerror or error}); jamd tries again"
            self._say("warning", "recording process", text)
            self._loop.call_later(RESTART_PAUSE, self._restart)
        else:
            self._process.ended.add_done_callback(self._process_ended)

    def _restart(self) -> None:
        if not self._closing:
            self._start()

    def _process_ended(self, ended: asyncio.Future[int]) -> None:
        if self._closing:
            return
        self._process = None
        pause = 0.0 if self._loop.time() > self._started_at + RESTART_PAUSE else RESTART_PAUSE
        text = f"the recording process ended (status {ended.result()}); another one continues the session"
        self._say("error", "recording process", text)
        self._loop.call_later(pause, self._restart)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(SYNC_INTERVAL)
            if self._process is None:
                continue
            if self._asked_at is None:
                self._asked_at = self._loop.time()
                self._process.send(_SYNC)
            elif self._loop.time() > self._asked_at + HANG_TIME and not self._hangs:
                self._hangs = True
                remedy = "8 MB of music at most are kept until it does; check the disk, or the network"
                self._warn(
                    f"recording is interrupted, the music continues: {self._directory} does not answer; {remedy}"
                )

    def _hear(self, message: list[Any]) -> None:
        match message:
            case ["say", text]:
                self._warn(text)
            case ["ended", path]:
                if Path(path) not in self.files:  # else a process that was killed then had ended the session already
                    self.files.append(Path(path))
            case ["session", path, seconds] if self._audio is not None:
                self._audio.begin(path, seconds)
            case ["written", number, *place]:
                self._unwritten.drop(number)
                self._place = Place(*place)
            case ["synced", wait]:
                self._asked_at = None
                if self._hangs:
                    self._hangs = False
                    self._warn(f"recording continues: {self._directory}")
                if wait is not None:
                    self._loop.call_later(wait, self._rotate)

    def _warn(self, text: str) -> None:
        self._say("warning", text, text)


def _has_spec(entry: Entry) -> bool:
    return isinstance(entry, Reconfigured | StageStarted | MembersChanged)


def _packed(number: int, entries: Sequence[Entry]) -> bytes:
    """The message with entries of which the first has this number."""
    return pack([["entries", number, [*map(encode_entry, entries)]]])


class _Unwritten:
    """The entries that the recording process has not written yet, for another one: at most MAX_UNWRITTEN.

    `number`: of the first one; all have numbers in a row. `header`: as it is before the first one. `gap`: entries
    before the first one are missing, which the process had not written either.
    """

    def __init__(self, header: dict[str, Any]) -> None:
        self.header, self.number, self.gap = header, 0, False
        self.entries: deque[Entry] = deque()
        self._specs = 0  # entries with a configuration

    def add(self, entries: Sequence[Entry]) -> int:
        """Returns the number of the first of `entries`."""
        specs = sum(map(_has_spec, entries))
        if len(self.entries) + len(entries) > MAX_UNWRITTEN or self._specs + specs > MAX_QUEUED_SPECS:
            self.drop(self.number + len(self.entries))
            self.gap = True
        number = self.number + len(self.entries)
        self.entries.extend(entries)
        self._specs += specs
        return number

    def drop(self, number: int) -> None:
        """All entries before this number are written."""
        if number >= self.number:
            self.gap = False
        while self.entries and self.number < number:
            entry = self.entries.popleft()
            self.number += 1
            self._specs -= _has_spec(entry)
            if isinstance(entry, Reconfigured | StageStarted):
                self.header = {**self.header, "spec": entry.spec.to_json()}
            elif isinstance(entry, MembersChanged):
                self.header = {**self.header, "members": entry.members}
