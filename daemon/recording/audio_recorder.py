"""The desk's side of the recording of the sound, which a process of its own writes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon.recording.child import RecordingChild
from daemon.wire import pack

RESTART_PAUSE = 2.0  # seconds until a process that ended is started again
HANG_TIME = 8.0  # seconds without an answer after which the disk counts as hung: the mix is kept for 11 s
COMMAND = [sys.executable, "-P", "-m", "daemon.recording.audio_process"]
_ALIVE = pack([["alive"]])


class AudioRecorder:
    """Tells the process in which sessions to record. `folder`: the runtime folder; `warn` logs a line."""

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        self._folder, self._warn = folder, warn
        self._child: RecordingChild | None = None
        self._session = b""  # the message with which the present session began
        self._ticker: asyncio.Task[None] | None = None
        self._asked_at: float | None = None  # when the question was asked that is not answered yet
        self._hangs = self._closing = False

    def start(self) -> None:
        self._start()
        self._ticker = asyncio.create_task(self._watch())

    def begin(self, journal: str, start: float) -> None:
        """A session begins; the sound of its first frame is heard at `start` (seconds)."""
        self._session = pack([["session", journal, start]])
        self._send(self._session)

    def end(self, seconds: float) -> None:
        """The session ends then."""
        self._session = b""
        self._send(pack([["end", seconds]]))

    async def close(self, timeout: float) -> bool:
        """End the recording. False: its end may be missing, which is logged."""
        if self._ticker is None:
            return True
        self._closing = True
        self._ticker.cancel()
        problem = "no process wrote it"
        if self._child is not None:
            self._child.finish()
            try:
                async with asyncio.timeout(timeout / 2 if self._hangs else timeout):
                    status = await self._child.ended
            except TimeoutError:
                problem = "its disk does not answer"
            else:
                problem = f"not everything could be written (status {status})" if status else ""
        if problem:
            self._warn(f"the recording of the sound may lack its end: {problem}")
        return not problem

    def _send(self, message: bytes) -> None:
        if self._child is not None:
            self._child.send(message)

    def _start(self) -> None:
        if self._closing:
            return
        self._asked_at = None
        loop = asyncio.get_running_loop()
        try:
            self._child = RecordingChild([*COMMAND, str(self._folder)], self._session or _ALIVE, self._hear)
        except OSError as error:
            self._warn(f"no sound is recorded: no process can be started ({error.strerror or error}); jamd tries again")
            loop.call_later(RESTART_PAUSE, self._start)
        else:
            self._child.ended.add_done_callback(self._child_ended)

    def _child_ended(self, ended: asyncio.Future[int]) -> None:
        if self._closing:
            return
        self._child = None
        self._warn(
            f"the process that records the sound ended (status {ended.result()}); another one continues the recording"
        )
        asyncio.get_running_loop().call_later(RESTART_PAUSE, self._start)

    async def _watch(self) -> None:
        """Tell when the disk does not answer, and when it does again."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1.0)
            if self._asked_at is None:
                self._asked_at = loop.time()
                self._send(_ALIVE)
            elif loop.time() > self._asked_at + HANG_TIME and not self._hangs and self._child is not None:
                self._hangs = True
                self._warn(
                    "the recording of the sound is interrupted: its folder does not answer; check the disk, or the "
                    "network"
                )

    def _hear(self, message: list[Any]) -> None:
        match message:
            case ["say", text]:
                self._warn(text)
            case ["alive"]:
                self._asked_at = None
                if self._hangs:
                    self._hangs = False
                    self._warn("the recording of the sound continues")
