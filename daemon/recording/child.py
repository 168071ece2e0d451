"""A recording process, as the desk sees it."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from daemon.wire import Unpacker, pack

MAX_QUEUED_BYTES = 4 << 20  # bytes of messages to the process; further ones are dropped
MAX_QUEUED_SPECS = 4  # messages with a configuration, which may have megabytes of melodies: two reloads
CLOSE = pack([["close"]])


class RecordingChild:
    """A recording process, and the threads that write to it and read from it: on Windows, pipes need threads.

    `ended`: its exit status, after its last message. What it does not read waits, at most MAX_QUEUED_BYTES; in the
    place of more come the messages `overflow`.
    """

    def __init__(
        self, command: Sequence[str], begin: bytes, hear: Callable[[list[Any]], None], overflow: Sequence[bytes] = ()
    ) -> None:
        """To be called in the event loop in which `hear` is to be called. Raises OSError."""
        self._loop, self._hear, self._overflow = asyncio.get_running_loop(), hear, overflow
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self._condition = threading.Condition()
        self._queue: deque[bytes] = deque()
        self._size = self._specs = 0  # in the queue: bytes of messages without a configuration, messages with one
        self._finished = False
        # Its stderr is not the desk's: a process that hangs would keep that open when jamd is gone.
        self._process = subprocess.Popen(
            command,
            bufsize=0,  # no buffer, whose lock a blocked thread would hold when the interpreter ends
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        threading.Thread(target=self._write, args=(begin,), name="recording", daemon=True).start()
        threading.Thread(target=self._read, name="recording answers", daemon=True).start()

    def send(self, message: bytes, has_spec: bool = False) -> None:
        with self._condition:
            size = 0 if has_spec else len(message)
            if self._size + size > MAX_QUEUED_BYTES or self._specs + has_spec > MAX_QUEUED_SPECS:
                self._queue = deque(self._overflow)
                self._size = self._specs = 0
            self._queue.append(message)
            self._size += size
            self._specs += has_spec
            self._condition.notify()

    def finish(self) -> None:
        """Have the process end after what was sent."""
        with self._condition:
            self._queue.append(CLOSE)
            self._finished = True
            self._condition.notify()

    def _write(self, begin: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError), self._process.stdin as pipe:  # it ended: `_read` notices
            data = begin
            while data:
                rest = memoryview(data)
                while rest:
                    rest = rest[pipe.write(rest) :]
                with self._condition:
                    self._condition.wait_for(lambda: self._queue or self._finished)
                    data, self._size, self._specs = b"".join(self._queue), 0, 0
                    self._queue.clear()

    def _read(self) -> None:
        assert self._process.stdout is not None
        unpacker = Unpacker()
        with self._process.stdout as pipe:
            while data := pipe.read(1 << 16):
                for message in unpacker.feed(data):
                    self._call(self._hear, message)
        self._call(self._set_ended, self._process.wait())

    def _set_ended(self, status: int) -> None:
        if not self.ended.done():
            self.ended.set_result(status)

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(function, *arguments)
