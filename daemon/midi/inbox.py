"""From rtmidi's threads to the stage's: stamp, queue, wake, return."""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from daemon.music.events import TICK

LIMIT = 1 << 16  # messages that wait: a stage that cannot keep up loses the newest, and is told when it has caught up
GIVE_WAY = 8  # after so many messages, see whether more is coming in
CALM = 0.00005  # seconds without a message that end a burst
BURST = 50  # times CALM: a burst is waited for no longer
REAL_TIME = TICK  # status bytes from here on: clock, start, stop, …
END_OF_EXCLUSIVE = [0xF7]  # a lone one is no message: see Systems.end_exclusive
CALLED = 0.001  # seconds in which callbacks that have begun will have ended

Event = tuple[list[int], float]  # of rtmidi: a message, and the seconds since the one before


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


class InputPort:
    """What one open input needs. Closed, it hears nothing more, not even what waits: nobody would end those notes."""

    __slots__ = (
        "came_at",
        "handle",
        "heard_at",
        "is_open",
        "is_swept",
        "probed_at",
        "receive",
        "released_at",
        "source",
        "splitter",
    )

    def __init__(self, source: str, handle: Any) -> None:
        self.source, self.handle = source, handle
        self.receive: Callable[[Event, object], None]
        self.splitter = Splitter()
        self.is_open = self.is_swept = True
        self.came_at = self.heard_at = time.perf_counter()  # when anything last came in, and when a message did
        self.probed_at = self.heard_at  # when it was last made sure that it hears
        self.released_at = self.heard_at  # when it was last said that nobody is left who could end notes


class Inbox:
    """What was heard and when, in order: (stamp, source, message).

    An empty message: some were lost. None: somebody who was connected to the source is not any more.
    """

    def __init__(self, waker: Waker) -> None:
        self._waker = waker
        self._heard: deque[tuple[float, InputPort, bytes | None]] = deque()
        self._ears: list[InputPort] = []
        self._called = False  # the stage knows that there is something
        self._short: set[InputPort] = set()  # some of what these heard was lost, because too much was waiting
        self.lost = 0

    def listen(self, handle: Any, source: str) -> InputPort:
        """Take everything that rtmidi's `handle` receives; rtmidi holds on to the callback as long as it lives."""
        ear = InputPort(source, handle)
        ear.receive = self._callback(ear)
        self._ears = [*(other for other in self._ears if other.is_open), ear]
        handle.ignore_types(sysex=False, timing=False, active_sense=True)
        handle.set_callback(ear.receive)
        handle.set_error_callback(lambda *_: self.post(ear, b""))  # a queue of the system overflowed
        return ear

    @contextlib.contextmanager
    def by_queue(self) -> Iterator[None]:
        """For what keeps the interpreter locked for long, as opening and closing ports does in rtmidi.

        A thread of JACK's that had to wait for it meanwhile would miss what the next cycles bring: note-offs, too. So
        rtmidi keeps in its own queue what comes in, and we get it afterwards.
        """
        ears = [ear for ear in self._ears if ear.is_open]
        for ear in ears:
            ear.handle.cancel_callback()
        if ears:
            time.sleep(CALLED)
        try:
            yield
        finally:
            for ear in ears:
                stamp = ear.came_at
                while event := ear.handle.get_message():
                    stamp += event[1]  # each tells the seconds since the one before
                    ear.receive(event, min(stamp, time.perf_counter()))
                ear.handle.set_callback(ear.receive)
                ear.is_swept = False

    def sweep(self, ear: InputPort) -> None:
        """A message that came in between those last two lines, a microsecond, is in rtmidi's queue still, and out of
        order. For a moment in which nothing comes in.
        """
        if ear.is_swept:
            return
        ear.is_swept = True
        ear.handle.cancel_callback()
        found = 0
        while ear.handle.get_message():
            found += 1
        ear.handle.set_callback(ear.receive)
        if found:
            self.post(ear, b"")

    def post(self, ear: InputPort, message: bytes | None) -> None:
        """Something that the stage is to know after all that was heard before. From any thread."""
        self._heard.append((time.perf_counter(), ear, message))
        self._waker.wake()

    def take(self, most: int = 32) -> Iterator[tuple[float, str, bytes | None]]:
        """At most so many at a time, so that a flood does not keep the stage from what is due."""
        self._called = False
        for number in range(most):
            if not self._heard:
                while self._short:
                    if (ear := self._short.pop()).is_open:
                        yield time.perf_counter(), ear.source, b""
                return
            stamp, ear, data = self._heard.popleft()
            if ear.is_open:
                for message in ear.splitter.feed(data) if data else (data,):
                    yield stamp, ear.source, message
            if number % GIVE_WAY == 0:
                self._give_way()

    def __bool__(self) -> bool:
        return bool(self._heard or self._short)

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

    def _callback(self, ear: InputPort) -> Callable[[Event, object], None]:
        heard, wake, now = self._heard, self._waker.wake, time.perf_counter

        def receive(event: Event, came_at: object) -> None:
            ear.came_at = stamp = came_at if isinstance(came_at, float) else now()
            if event[0] == END_OF_EXCLUSIVE:
                return
            ear.heard_at = stamp
            if len(heard) < LIMIT:
                heard.append((stamp, ear, bytes(event[0])))
                if not self._called:
                    self._called = True
                    wake()
            else:
                self.lost += 1
                self._short.add(ear)

        return receive


class Splitter:
    """Cuts what rtmidi takes for one message of an input.

    Real-time messages may come in the midst of a system exclusive one. On ALSA rtmidi hands over the beginning with
    that byte at its end, and later the rest. On JACK it takes everything after such a start for its continuation, up to
    its end, even if the start was garbage: note-offs that were swallowed so are found again here.
    """

    def __init__(self) -> None:
        self._begun = b""  # an exclusive message that a real-time one has interrupted

    def feed(self, data: bytes) -> list[bytes]:
        """Its messages. What is none is passed on as it is."""
        if not self._begun and (data[:1] != b"\xf0" or not any(byte >= 0x80 and byte != 0xF7 for byte in data[1:])):
            return [data]
        real_time = [bytes((byte,)) for byte in data if byte >= REAL_TIME]
        rest = bytes(byte for byte in data if byte < REAL_TIME)
        if not rest:
            return real_time
        whole, self._begun = self._begun + rest, b""
        messages = _cut(whole)
        if data[-1] >= REAL_TIME and messages[-1][0] == 0xF0 and messages[-1][-1] != 0xF7:
            self._begun = messages.pop()
        return real_time + messages


def _cut(data: bytes) -> list[bytes]:
    """At every status byte; an end of exclusive belongs to what it ends."""
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
