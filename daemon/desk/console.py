"""What is printed while music plays.

By a thread of its own: a terminal that is stopped (Ctrl-S), or a pipe that nobody reads, holds up whoever writes to it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from types import TracebackType
from typing import Any, Self, TextIO

MOST = 1000  # texts that wait; those that come then are dropped
FAREWELL = 1.0  # seconds that what waits at the end is given
BUSY = 0.05  # seconds between attempts where somebody else has made the stream non-blocking


class ConsoleWriter:
    """In the order in which it is given, to whichever stream. Never blocks, never raises; the `with` block ends it."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[TextIO, str]] = deque()
        self._news = threading.Condition()
        self._ending = False
        self._dropped = 0
        self._busy = False  # a text is on its way
        self._thread = threading.Thread(target=self._work, name="output", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Everything that was given is out."""
        with self._news:
            return not self._waiting and not self._busy

    def put(self, stream: TextIO, text: str) -> None:
        with self._news:
            if len(self._waiting) >= MOST:
                self._dropped += 1
                return
            if self._dropped:
                self._waiting.append((stream, f"({self._dropped} lines are missing here: nobody read them)\n"))
                self._dropped = 0
            self._waiting.append((stream, text))
            self._news.notify()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._news:
            self._ending = True
            self._news.notify()
        self._thread.join(FAREWELL)

    def _work(self) -> None:
        while True:
            with self._news:
                self._busy = False
                while not self._waiting and not self._ending:
                    self._news.wait()
                if not self._waiting:
                    return
                stream, text = self._waiting.popleft()
                self._busy = True
            with contextlib.suppress(OSError, ValueError, AttributeError):  # the terminal is gone, or there is none
                _write(stream, text)


def _write(stream: TextIO, text: str) -> None:
    """Past the stream's buffer, whose lock, held by a thread that waits, would be fatal at the interpreter's end."""
    buffer: Any = stream.buffer
    raw = getattr(buffer, "raw", buffer)
    data = memoryview(text.encode(stream.encoding or "utf-8", "replace"))
    while data:
        written = raw.write(data)
        if written is None:
            time.sleep(BUSY)
        data = data[written or 0 :]
