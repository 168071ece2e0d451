"""An output: its queue of messages, sent through the ledger at a pace that the MIDI system can take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from daemon.metrics import OTHER, STRAY, WITHDRAWAL, Cause, Metrics
from daemon.midi.ledger import Key, Ledger, panic_messages
from daemon.midi.pace import Pace, Unlimited
from daemon.midi.queued import (
    END,
    END_ALL,
    NORMAL,
    RAW,
    REPEAT,
    REPEAT_ALL,
    REPEAT_AND_PANIC,
    SOUNDS,
    Queued,
    is_urgent,
    withdraw,
)
from daemon.midi.sounds import PendingSounds
from daemon.music.events import is_note_off, is_note_on, note_off
from daemon.music.sound import Sound

CHECK_EVERY = 500  # messages after which the port's existence is checked
QUEUE_LIMIT = 10_000  # messages
MAX_STANDSTILL = 0.2  # seconds that a note-on may wait for a MIDI system that takes nothing
NEVER = float("inf")
REPEAT_AFTER = (0.25, 0.5, 1.0, 2.0, 3.0)  # seconds after opening at which owed note-offs are repeated for receivers
URGENT_ROOM = 20  # urgent messages sent beyond the pace's room: clock and transport wait for no burst of notes
DETECTION_TIME = 1.0  # seconds that a receiver may be gone before that is noticed


class Output:
    """One output's queue: first in, first out, and nothing before it is due.

    Clock and transport overtake what is queued: a tick behind 500 notes would be late by all of them. While the output
    is closed nothing is sent, and notes that sound stay owed.
    """

    def __init__(self, name: str, ledger: Ledger, metrics: Metrics) -> None:
        self.name = name
        self._ledger, self._metrics = ledger, metrics
        self.has_receiver = True  # False: all remembered receivers are away, so what is sent reaches none
        self._queue: deque[Queued] = deque()
        self._urgent: deque[tuple[bytes, float, Cause]] = deque(maxlen=QUEUE_LIMIT)  # clock, transport
        self._transmit: Callable[[Any], None] | None = None
        self._pace: Pace = Unlimited()
        self._port_works: Callable[[], bool] = lambda: True
        self._is_complete: Callable[[], bool] = lambda: True
        self._sent = 0  # messages since the last check of the port
        self._progress_at = 0.0  # when an entry last left the queue, or entered it empty
        self._drop_before = 0.0  # note-ons that were queued before are dropped
        self._recent_note_offs: dict[Key, float] = {}  # that a receiver may have missed, and when they were sent
        self._repeat_at: list[float] = []
        self._sounds = PendingSounds()

    def open(
        self,
        transmit: Callable[[Any], None],
        pace: Pace,
        port_works: Callable[[], bool],
        now: float,
        is_complete: Callable[[], bool] = lambda: True,
    ) -> None:
        """Send through `transmit` from now on, owed note-offs first. Each channel's sound is sent before its first
        note, or by `repeat_sounds` as soon as there is a receiver.

        `port_works`: whether the port still exists. `is_complete`: whether receivers are connected, all that ever were.
        """
        self._transmit, self._pace, self._port_works, self._is_complete = transmit, pace, port_works, is_complete
        self._clear()
        self._sounds.repeat()
        self._repeat_at = []
        if self._ledger.knows(self.name):
            self._ledger.end_holders(self.name)
            self.repeat_note_offs()
            self._repeat_at = [now + seconds for seconds in REPEAT_AFTER]

    def close(self) -> None:
        """The port is gone: the queue is dropped.

        Owed stay the note-offs of sounding notes, those that were queued, and recent ones that may not have arrived.
        """
        self._transmit = None
        self._clear()
        self.receiver_lost()

    def send(self, message: bytes, due: float, cause: Cause) -> None:
        if self._transmit is None:
            self._metrics.unsent += 1
            return
        now = time.perf_counter()
        if is_urgent(message):
            self._urgent.append((message, due, cause))
            self._pump_urgent(now)
            return
        if cause is WITHDRAWAL and withdraw(self._queue, message, due):
            return
        if not self._queue and due <= now and self._sent < CHECK_EVERY and self._pace.room(now) > 0:  # the fast path
            self._progress_at = now
            self._send_counted(message, due, cause)
            return
        if len(self._queue) >= QUEUE_LIMIT:  # the MIDI system stands still: end all notes as soon as it goes on
            self._metrics.unsent += len(self._queue)
            self.silence()
        self._append(message, due, cause)
        self.pump(now)

    def silence(self) -> None:
        """Panic: drop the queue, end every sounding note, then send the panic messages."""
        self._queue.clear()
        self.release()
        for message in panic_messages():
            self._append(message, mark=RAW)

    def release(self) -> None:
        """End every sounding note, after what is queued."""
        self._append(b"", mark=END_ALL)

    def repeat_note_offs(self) -> None:
        """Send owed note-offs again, except those of notes that sound again: a receiver may be connected only now."""
        if self._transmit is not None:
            self._append(b"", mark=REPEAT_AND_PANIC)

    def repeat_owed(self) -> None:
        """Send owed note-offs again for a receiver that was not connected before."""
        if self._transmit is not None:
            self._append(b"", mark=REPEAT_ALL)

    def repeat_sent(self, since: float, until: float) -> None:
        """Send again the note-offs sent in between (seconds): a receiver may have been disconnected for a moment."""
        sent = [key for key, stamp in self._recent_note_offs.items() if since <= stamp <= until]
        if sent and self._transmit is not None:
            self._ledger.owe(self.name, sent)
            self.repeat_owed()

    def set_sounds(self, sounds: Iterable[Sound]) -> None:
        """Send what is new in these sounds: of a silent channel now, else before its next note. (See `open`.)"""
        if self._sounds.change(sounds) and self._transmit is not None:
            self._append(b"", mark=SOUNDS)

    def repeat_sounds(self) -> None:
        """Send all sounds again for a receiver that was not connected before."""
        if self._sounds.repeat() and self._transmit is not None:
            self._append(b"", mark=SOUNDS)

    def receiver_lost(self) -> None:
        """A receiver is gone: recent note-offs (it may have missed them) and those to come are repeated later."""
        self._recent_note_offs.clear()
        if self._ledger.knows(self.name):
            self._ledger.owe_all(self.name)

    def confirm_note_offs(self, now: float) -> None:
        """The connections were looked at, and every loss reported: note-offs older than DETECTION_TIME have arrived.

        Note-offs owed to a receiver that was forgotten since are sent to the remaining ones and then no longer owed.
        """
        arrived = [key for key, stamp in self._recent_note_offs.items() if stamp < now - DETECTION_TIME]
        for key in arrived:
            del self._recent_note_offs[key]
        if arrived:
            self._ledger.confirm(self.name, arrived)
        if self._may_settle() and not self._queue and self._ledger.knows(self.name) and self._ledger.owed(self.name):
            self._append(b"", mark=REPEAT_ALL)

    def next_deadline(self) -> float:
        """When `pump` has something to do."""
        if self._transmit is None:
            return NEVER
        now = time.perf_counter()
        deadline = self._repeat_at[0] if self._repeat_at else NEVER
        if self._queue:
            due = self._queue[0].due
            deadline = due if due > now or self._pace.room(now) > 0 else self._pace.room_at(now)
        if self._urgent:
            due = self._urgent[0][1]
            urgent = due if due > now or self._pace.room(now) > -URGENT_ROOM else self._pace.room_at(now)
            deadline = min(deadline, urgent)
        return deadline

    def pump(self, now: float) -> None:
        """Send what may be sent now."""
        while self._repeat_at and self._repeat_at[0] <= now:
            del self._repeat_at[0]
            self.repeat_note_offs()
        self._pump_urgent(now)
        while self._queue and self._transmit is not None and self._pace.room(time.perf_counter()) > 0:
            if not self._is_there():
                return
            if now - self._progress_at > MAX_STANDSTILL:
                self._drop_before = now - MAX_STANDSTILL
            self._progress_at = now
            if self._queue[0].due > now:
                return
            message, due, cause, mark, since = self._queue.popleft()
            if mark >= END_ALL:
                self._queue.extendleft(Queued(m, 0.0, OTHER, k, now) for m, k in reversed(self._expand(mark)))
            elif mark == RAW:
                self._send(message)
            elif mark == REPEAT:
                self._send_again(message)
            elif mark == END:
                self._ledger.end(self.name, message, self._send)
            elif is_note_on(message) and since < self._drop_before:
                self._metrics.late += 1
                self._ledger.hold(self.name, message)
            else:
                self._send_counted(message, due, cause)

    @property
    def is_idle(self) -> bool:
        return not (self._queue or self._urgent) or self._transmit is None

    def _send_counted(self, message: bytes, due: float, cause: Cause) -> None:
        if cause is not STRAY or not self._ledger.is_held(self.name, message):
            self._ledger.transmit(self.name, message, self._send)
            self._metrics.measure(message, due, cause, time.perf_counter())

    def _pump_urgent(self, now: float) -> None:
        while self._urgent and self._urgent[0][1] <= now and self._transmit is not None:
            if self._pace.room(time.perf_counter()) <= -URGENT_ROOM or not self._is_there():
                return
            message, due, cause = self._urgent.popleft()
            self._send(message)
            self._metrics.measure(message, due, cause, time.perf_counter())

    def _is_there(self) -> bool:
        """Whether the port works; checked every CHECK_EVERY messages."""
        if self._sent >= CHECK_EVERY:
            if not self._port_works():
                return False
            self._sent = 0
        return True

    def _clear(self) -> None:
        self._queue.clear()
        self._urgent.clear()

    def _expand(self, mark: int) -> list[tuple[bytes, int]]:
        """The messages that an entry stands for now, each with its mark."""
        sounding = self._ledger.sounding(self.name)
        if mark == SOUNDS:
            return [(m, RAW) for m in self._sounds.of_silent({channel for channel, _ in sounding})]
        if mark == END_ALL:
            return [(note_off(channel, pitch), END) for channel, pitch in sounding]
        owed = self._ledger.owed(self.name)
        repeated = [(note_off(channel, pitch), REPEAT) for channel, pitch in owed if (channel, pitch) not in sounding]
        if self._may_settle():  # the note-offs of sounding notes are still to come, and all receivers will get them
            for key in sounding:
                self._ledger.settle(self.name, *key)
        if sounding or mark == REPEAT_ALL:
            return repeated
        return repeated + [(message, RAW) for message in panic_messages()]

    def _may_settle(self) -> bool:
        """Whether a note-off that is repeated now is no longer owed: all known receivers are connected.

        Not before the last of REPEAT_AFTER: until then a receiver may return that came back later than the port.
        """
        return not self._repeat_at and self._is_complete()

    def _send_again(self, message: bytes) -> None:
        """Repeat an owed note-off; for a while it counts as one that may have been missed."""
        if self._send(message) and self._may_settle():
            self._ledger.settle(self.name, (message[0] & 15) + 1, message[1])
            self._ledger.note_off_sent(self.name, message)

    def _send(self, message: bytes) -> bool:
        if self._transmit is None:
            return False
        for first in self._sounds.before(message):
            self._send(first)
        if is_note_off(message):
            self._ledger.note_off_sent(self.name, message)
            self._recent_note_offs[(message[0] & 15) + 1, message[1]] = time.perf_counter()
        try:
            self._transmit(message)
        except (OSError, RuntimeError, ValueError):  # rtmidi's errors; whether the port is gone is checked elsewhere
            self._metrics.unsent += 1
            return False
        finally:
            self._pace.sent(time.perf_counter())
            self._sent += 1
        if self.has_receiver:
            self._metrics.sent += 1
        else:
            self._metrics.unsent += 1
        return True

    def _append(self, message: bytes, due: float = 0.0, cause: Cause = OTHER, mark: int = NORMAL) -> None:
        now = time.perf_counter()
        if not self._queue:
            self._progress_at = now
        self._queue.append(Queued(message, due, cause, mark, now))
