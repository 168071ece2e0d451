"""Console output while music plays, written by a thread of its own.

A stopped terminal (Ctrl-S) or a pipe that is not read blocks its writer, which must not be the desk.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from types import TracebackType
from typing import Any, Self, TextIO

MAX_WAITING = 1000  # texts in the queue; further ones are dropped and counted
CONSOLE_CLOSE_TIMEOUT = 1.0  # seconds to write the rest of the queue at the end
_PLAIN = str.maketrans({"→": "->", "♯": "#", "♭": "b", "“": '"', "”": '"', "…": "..."})
WRITE_RETRY_INTERVAL = 0.05  # seconds between attempts on a stream that another process has made non-blocking


class ConsoleWriter:
    """Writes texts to any stream, in the order of `put`, which never blocks or raises. Ends with the `with` block."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[TextIO, str]] = deque()
        self._condition = threading.Condition()
        self._ending = False
        self._dropped = 0
        self._busy = False  # a text is being written
        self._thread = threading.Thread(target=self._work, name="output", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Every text has been written."""
        with self._condition:
            return not self._waiting and not self._busy

    def put(self, stream: TextIO, text: str) -> None:
        with self._condition:
            if len(self._waiting) >= MAX_WAITING:
                self._dropped += 1
                return
            if self._dropped:
                self._waiting.append((stream, f"({self._dropped} lines were lost: the output was blocked)\n"))
                self._dropped = 0
            self._waiting.append((stream, text))
            self._condition.notify()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._condition:
            self._ending = True
            self._condition.notify()
        self._thread.join(CONSOLE_CLOSE_TIMEOUT)

    def _work(self) -> None:
        while True:
            with self._condition:
                self._busy = False
                while not self._waiting and not self._ending:
                    self._condition.wait()
                if not self._waiting:
                    return
                stream, text = self._waiting.popleft()
                self._busy = True
            with contextlib.suppress(OSError, ValueError, AttributeError):  # the terminal is gone, or there is none
                _write(stream, text)


def columns(stream: TextIO | None) -> int | None:
    """Of the terminal on which `stream` is shown; None if that is no terminal."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None if stream is not None else None
    except (OSError, ValueError):
        return None


def _write(stream: TextIO, text: str) -> None:
    """Write around the stream's buffer: if a blocked thread held its lock, the interpreter would abort at its end."""
    buffer: Any = stream.buffer
    raw = getattr(buffer, "raw", buffer)
    data = memoryview(_encode(text, stream.encoding or "utf-8"))
    while data:
        written = raw.write(data)
        if written is None:
            time.sleep(WRITE_RETRY_INTERVAL)
        data = data[written or 0 :]


def _encode(text: str, encoding: str) -> bytes:
    """With substitutes for characters that the encoding lacks."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(encoding, "replace")
