"""Messages from rtmidi's callback threads to the stage's thread: stamp, queue, wake, return."""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from daemon.music.events import CLOCK_TICK

INBOX_LIMIT = 1 << 16  # queued messages; beyond that the newest are lost, which `take` reports after the rest
YIELD_EVERY = 8  # messages taken between two pauses in which callbacks can run
YIELD_SLEEP = 0.00005  # seconds without a new message that end a pause
YIELD_LIMIT = 50  # times YIELD_SLEEP: the longest pause
REAL_TIME = CLOCK_TICK  # status bytes from here on are system real-time: clock, start, stop, …
LONE_EOX = [0xF7]  # an end of exclusive by itself is no message: see Systems.end_exclusive
CALLBACK_TIME = 0.001  # seconds in which a callback that has begun ends

Event = tuple[list[int], float]  # from rtmidi: a message, and the seconds since the one before


class Waker:
    """Wakes a `select` from any thread. A pair of sockets, because on Windows `select` takes nothing else."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        return self._reader.fileno()

    def wake(self) -> None:
        try:  # noqa: SIM105 (a context manager costs more, and this runs in a real-time thread of the MIDI system)
            self._writer.send(b"\0")
        except OSError:  # the socket's buffer is full, so `select` wakes anyway
            pass

    def clear(self) -> None:
        """Discard the wake-up bytes."""
        with contextlib.suppress(OSError):
            self._reader.recv(1 << 16)

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


class InputPort:
    """The state of one open input.

    Once `is_open` is False its messages are dropped, queued ones included: nothing would end their notes.
    """

    __slots__ = (
        "callback",
        "handle",
        "has_leftovers",
        "is_open",
        "last_data_at",
        "last_message_at",
        "probed_at",
        "released_at",
        "source",
        "splitter",
    )

    def __init__(self, source: str, handle: Any) -> None:
        self.source, self.handle = source, handle
        self.callback: Callable[[Event, object], None]
        self.splitter = Splitter()
        self.is_open = True
        self.has_leftovers = False  # rtmidi's queue may hold a message: see Inbox.discard_leftovers
        self.last_data_at = self.last_message_at = time.perf_counter()  # the first counts lone ends of exclusive too
        self.probed_at = self.last_message_at  # when `Systems.end_exclusive` last made sure that messages get through
        self.released_at = self.last_message_at  # when its held notes were last released because a sender is gone


class Inbox:
    """Received messages in order of arrival: (stamp in seconds, source, message).

    An empty message means that some were lost; None, that a port which was connected to the source no longer is.
    """

    def __init__(self, waker: Waker) -> None:
        self._waker = waker
        self.wake = waker.wake
        self._queue: deque[tuple[float, InputPort, bytes | None]] = deque()
        self._ports: list[InputPort] = []
        self._is_woken = False  # the stage was woken and has not called `take` since
        self._overflowed: set[InputPort] = set()  # ports of which messages were lost because the queue was full
        self.lost = 0

    def listen(self, handle: Any, source: str) -> InputPort:
        """Queue everything that rtmidi's `handle` receives; rtmidi keeps the callback as long as the handle lives."""
        port = InputPort(source, handle)
        port.callback = self._callback(port)
        self._ports = [*(other for other in self._ports if other.is_open), port]
        handle.ignore_types(sysex=False, timing=False, active_sense=True)
        handle.set_callback(port.callback)
        handle.set_error_callback(lambda *_: self.post(port, b""))  # a queue of the MIDI system overflowed
        return port

    @contextlib.contextmanager
    def buffered_by_rtmidi(self) -> Iterator[None]:
        """For calls that lock the interpreter for long, as opening and closing ports does in rtmidi.

        A JACK thread whose callback had to wait for the interpreter would miss the messages of the next cycles,
        note-offs included. So rtmidi keeps incoming messages in its own queue, from which they are taken afterwards.
        """
        ports = [port for port in self._ports if port.is_open]
        for port in ports:
            port.handle.cancel_callback()
        if ports:
            time.sleep(CALLBACK_TIME)
        try:
            yield
        finally:
            for port in ports:
                stamp = port.last_data_at
                while event := port.handle.get_message():
                    stamp += event[1]  # seconds since the message before
                    port.callback(event, min(stamp, time.perf_counter()))
                port.handle.set_callback(port.callback)
                port.has_leftovers = True

    def discard_leftovers(self, port: InputPort) -> None:
        """Empty rtmidi's queue; what is found there counts as lost. To be called while no message comes in.

        A message that arrives between the last two steps of `buffered_by_rtmidi`, a microsecond, stays in that queue,
        out of order.
        """
        if not port.has_leftovers:
            return
        port.has_leftovers = False
        port.handle.cancel_callback()
        found = 0
        while port.handle.get_message():
            found += 1
        port.handle.set_callback(port.callback)
        if found:
            self.post(port, b"")

    def post(self, port: InputPort, message: bytes | None) -> None:
        """Queue a notice (see the class) behind all messages received so far. From any thread."""
        self._queue.append((time.perf_counter(), port, message))
        self._waker.wake()

    def take(self, limit: int = 32) -> Iterator[tuple[float, str, bytes | None]]:
        """At most `limit` entries, so that a flood does not keep the stage from sending what is due."""
        self._is_woken = False
        for number in range(limit):
            if not self._queue:
                while self._overflowed:
                    if (port := self._overflowed.pop()).is_open:
                        yield time.perf_counter(), port.source, b""
                return
            stamp, port, data = self._queue.popleft()
            if port.is_open:
                for message in port.splitter.feed(data) if data else (data,):
                    yield stamp, port.source, message
            if number % YIELD_EVERY == 0:
                self._yield_to_callbacks()

    def __bool__(self) -> bool:
        return bool(self._queue or self._overflowed)

    def _yield_to_callbacks(self) -> None:
        """Release the interpreter until callbacks bring no more.

        A callback that had to wait for the interpreter at every message of a burst would hold up JACK, which reuses the
        messages' memory after ten periods: they would be read wrong.
        """
        for _ in range(YIELD_LIMIT):
            queued = len(self._queue)
            if not queued:
                return
            time.sleep(YIELD_SLEEP)
            if len(self._queue) == queued:
                return

    def _callback(self, port: InputPort) -> Callable[[Event, object], None]:
        queue, wake, now = self._queue, self._waker.wake, time.perf_counter

        def receive(event: Event, arrived_at: object) -> None:
            port.last_data_at = stamp = arrived_at if isinstance(arrived_at, float) else now()
            if event[0] == LONE_EOX:
                return
            port.last_message_at = stamp
            if len(queue) < INBOX_LIMIT:
                queue.append((stamp, port, bytes(event[0])))
                if not self._is_woken:
                    self._is_woken = True
                    wake()
            else:
                self.lost += 1
                self._overflowed.add(port)

        return receive


class Splitter:
    """Splits what rtmidi hands over as one message of an input.

    Real-time messages may interrupt a system exclusive one. On ALSA rtmidi then hands over the beginning with that byte
    at its end, and the rest later. On JACK it takes everything after the start of an exclusive message for its
    continuation, up to an end of exclusive, even if the start was garbage: note-offs in there are recovered here.
    """

    def __init__(self) -> None:
        self._partial = b""  # an exclusive message that a real-time one has interrupted

    def feed(self, data: bytes) -> list[bytes]:
        """The messages in `data`. Bytes that are no message are passed on as they are."""
        if not self._partial and (data[:1] != b"\xf0" or not any(byte >= 0x80 and byte != 0xF7 for byte in data[1:])):
            return [data]
        real_time = [bytes((byte,)) for byte in data if byte >= REAL_TIME]
        rest = bytes(byte for byte in data if byte < REAL_TIME)
        if not rest:
            return real_time
        whole, self._partial = self._partial + rest, b""
        messages = _split_at_status(whole)
        if data[-1] >= REAL_TIME and messages[-1][0] == 0xF0 and messages[-1][-1] != 0xF7:
            self._partial = messages.pop()
        return real_time + messages


def _split_at_status(data: bytes) -> list[bytes]:
    """Split at every status byte; an end of exclusive belongs to the exclusive message before it."""
    messages: list[bytearray] = []
    for byte in data:
        if byte == 0xF7:
            if messages and messages[-1][0] == 0xF0:
                messages[-1].append(byte)
        elif byte >= 0x80 or not messages:
            messages.append(bytearray((byte,)))
        else:
            messages[-1].append(byte)
    return [bytes(message) for message in messages]
