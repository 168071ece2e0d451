"""From rtmidi's threads to the stage's: stamp, queue, wake, return."""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

LIMIT = 1 << 16  # messages that wait: a stage that cannot keep up loses the newest, and counts them
GIVE_WAY = 8  # after so many messages, see whether more is coming in
CALM = 0.00005  # seconds without a message that end a burst
BURST = 50  # times CALM: a burst is waited for no longer


class Waker:
    """Wakes a `select` from any thread. A pair of sockets, because Windows selects nothing else."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        return self._reader.fileno()

    def wake(self) -> None:
        try:  # noqa: SIM105 (a context manager costs more, in another's real-time thread)
            self._writer.send(b"\0")
        except OSError:  # it is full: then it wakes anyway
            pass

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

    def rest(self) -> None:
        with contextlib.suppress(OSError):
            self._reader.recv(1 << 16)


class Inbox:
    """What was heard and when, in order: (stamp, source, message). No message: some were lost."""

    def __init__(self, waker: Waker) -> None:
        self._waker = waker
        self._heard: deque[tuple[float, str, bytes]] = deque()
        self._called = False  # the stage knows that there is something
        self.lost = 0

    def listen(self, handle: Any, source: str) -> None:
        """Take everything that rtmidi's `handle` receives; rtmidi holds on to the callback as long as it lives."""
        handle.ignore_types(sysex=False, timing=False, active_sense=True)
        handle.set_callback(self._callback(source))
        handle.set_error_callback(self._error_callback(source))

    def take(self, most: int = 32) -> Iterator[tuple[float, str, bytes]]:
        """At most so many at a time, so that a flood does not keep the stage from what is due."""
        self._called = False
        for number in range(most):
            if not self._heard:
                return
            yield self._heard.popleft()
            if number % GIVE_WAY == 0:
                self._give_way()

    def __bool__(self) -> bool:
        return bool(self._heard)

    def _error_callback(self, source: str) -> Callable[..., None]:
        """rtmidi calls it when a queue of the system overflows: who knows which keys were released meanwhile."""

        def fail(*_: object) -> None:
            self._heard.append((time.perf_counter(), source, b""))
            self._waker.wake()

        return fail

    def _give_way(self) -> None:
        """Leave the interpreter to those who bring more, until there is no more.

        A callback that had to wait for it at every message of a burst would hold up JACK, which reuses the messages'
        memory after ten periods: then they would be read wrong.
        """
        for _ in range(BURST):
            waiting = len(self._heard)
            if not waiting:
                return
            time.sleep(CALM)
            if len(self._heard) == waiting:
                return

    def _callback(self, source: str) -> Callable[[tuple[list[int], float], object], None]:
        heard, wake, now = self._heard, self._waker.wake, time.perf_counter

        def receive(event: tuple[list[int], float], _data: object) -> None:
            stamp = now()
            if len(heard) < LIMIT:
                heard.append((stamp, source, bytes(event[0])))
                if not self._called:
                    self._called = True
                    wake()
            else:
                self.lost += 1

        return receive


def split_messages(data: bytes) -> list[bytes]:
    """The messages in a piece of a MIDI stream.

    rtmidi's JACK input takes everything after the start of a system exclusive message for its continuation, up to
    its end, even if that start was garbage; note-offs that were swallowed so are found again here.
    """
    if data[:1] != b"\xf0" or not any(0x80 <= byte < 0xF7 for byte in data[1:]):
        return [data]
    messages: list[bytearray] = []
    for byte in data:
        if byte >= 0xF8:
            continue
        if byte == 0xF7:
            if messages and messages[-1][0] == 0xF0:
                messages[-1].append(byte)
        elif byte >= 0x80 or not messages:
            messages.append(bytearray([byte]))
        else:
            messages[-1].append(byte)
    return [bytes(message) for message in messages]
