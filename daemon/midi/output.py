"""An output: what waits to be sent, at a pace that the MIDI system can take, through the ledger."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from daemon.metrics import OTHER, Cause, Metrics
from daemon.midi.ledger import Key, Ledger, silence
from daemon.midi.pace import Pace, Unlimited
from daemon.music.events import is_note_off, is_note_on, note_off

# How an entry of the queue is sent: through the ledger, past it, as a note-off that ends a note for all its holders, as
# one that a receiver missed; the last three become messages when their turn comes.
NORMAL, RAW, HELD, OWED, PAY, PAY_AGAIN, PAY_DEBTS = range(7)
LOOK_AFTER = 500  # messages after which it is seen whether the port is still there
LIMIT = 10_000  # messages that wait
LATE = 0.2  # seconds that a note-on may wait for a MIDI system that stands still
NEVER = float("inf")
AGAIN = (0.25, 0.5, 1.0, 2.0, 3.0)  # seconds after opening at which a debt is paid again: someone may listen by then
URGENT = 20  # messages that may be sent beyond what there is room for: clock and transport wait for no burst of notes
UNNOTICED = 1.0  # seconds that a receiver may be gone before it is noticed


class _Queued(NamedTuple):
    message: bytes
    due: float
    cause: Cause
    mark: int  # NORMAL … PAY_DEBTS
    since: float  # seconds at which it was queued


class Output:
    """One port's outbox: first in, first out, and nothing before it is due.

    Clock and transport overtake what waits: a tick that came after 500 notes would be late by all of them. It is silent
    while it is not open: notes that sound then stay owed.
    """

    def __init__(self, name: str, ledger: Ledger, metrics: Metrics) -> None:
        self.name = name
        self._ledger, self._metrics = ledger, metrics
        self.is_heard = True  # False: whoever was connected is away, so that what is sent gets nowhere
        self._queue: deque[_Queued] = deque()
        self._urgent: deque[tuple[bytes, float, Cause]] = deque(maxlen=LIMIT)  # clock, transport
        self._transmit: Callable[[Any], None] | None = None
        self._pace: Pace = Unlimited()
        self._look: Callable[[], bool] = lambda: True
        self._sent = 0  # since the last look
        self._went_on = 0.0  # when a message last went out, or began to wait behind none
        self._too_old = 0.0  # note-ons that wait since before are dropped
        self._ended: dict[Key, float] = {}  # the last note-offs that somebody may have missed, and when they were sent
        self._everyone: Callable[[], bool] = lambda: True
        self._pay_at: list[float] = []

    def open(
        self,
        transmit: Callable[[Any], None],
        pace: Pace,
        look: Callable[[], bool],
        now: float,
        everyone: Callable[[], bool] = lambda: True,
    ) -> None:
        """Send through `transmit` from now on, first of all what is owed.

        `look` tells whether the port is there, `everyone` whether all are connected who are remembered.
        """
        self._transmit, self._pace, self._look, self._everyone = transmit, pace, look, everyone
        self._forget()
        self._pay_at = []
        if self._ledger.knows(self.name):
            self._ledger.inherit(self.name)
            self.pay_again()
            self._pay_at = [now + seconds for seconds in AGAIN]

    def shut(self) -> None:
        """The port is gone: what waits is forgotten; what sounds stays owed, as does what was about to be paid, and
        what was sent of late and may not have arrived.
        """
        self._transmit = None
        self._forget()
        self.lost_a_receiver()

    def send(self, message: bytes, due: float, cause: Cause) -> None:
        if self._transmit is None:
            self._metrics.unsent += 1
            return
        now = time.perf_counter()
        if is_urgent(message):
            self._urgent.append((message, due, cause))
            self._pump_urgent(now)
            return
        if not self._queue and due <= now and self._sent < LOOK_AFTER and self._pace.room(now) > 0:  # made quick
            self._went_on = now
            self._ledger.transmit(self.name, message, self._send)
            self._metrics.measure(message, due, cause, time.perf_counter())
            return
        if len(self._queue) >= LIMIT:  # the MIDI system stands still: what sounds is to end, as soon as it goes on
            self._metrics.unsent += len(self._queue)
            self.silence()
        self._append(message, due, cause)
        self.pump(now)

    def silence(self) -> None:
        """Panic: forget what waits, pay what is owed, then say so in every way there is."""
        self._queue.clear()
        self.release()
        self._hush()

    def release(self) -> None:
        """Pay what is owed, after what waits."""
        self._append(b"", mark=PAY)

    def pay_again(self) -> None:
        """What somebody missed: he may have come back only now. What sounds anew is left alone."""
        if self._transmit is not None:
            self._append(b"", mark=PAY_AGAIN)

    def lost_a_receiver(self) -> None:
        """It may have missed the last note-offs. It is to get them, and those that are still to come, on its return."""
        self._ended.clear()
        if self._ledger.knows(self.name):
            self._ledger.owe(self.name)

    def nobody_missed(self, now: float) -> None:
        """After a look at who is connected: whoever is lost was told of. Debts to one who was forgotten meanwhile, for
        somebody cut his cable, are paid to those who are left, and so are none any more.
        """
        arrived = [key for key, stamp in self._ended.items() if stamp < now - UNNOTICED]
        for key in arrived:
            del self._ended[key]
        if arrived:
            self._ledger.arrived(self.name, arrived)
        if self._may_settle() and not self._queue and self._ledger.knows(self.name) and self._ledger.owed(self.name):
            self._append(b"", mark=PAY_DEBTS)

    def next_deadline(self) -> float:
        """When `pump` has something to do."""
        if self._transmit is None:
            return NEVER
        now = time.perf_counter()
        deadline = self._pay_at[0] if self._pay_at else NEVER
        if self._queue:
            due = self._queue[0].due
            deadline = due if due > now or self._pace.room(now) > 0 else self._pace.next(now)
        if self._urgent:
            due = self._urgent[0][1]
            urgent = due if due > now or self._pace.room(now) > -URGENT else self._pace.next(now)
            deadline = min(deadline, urgent)
        return deadline

    def pump(self, now: float) -> None:
        """Send what may be sent now."""
        while self._pay_at and self._pay_at[0] <= now:
            del self._pay_at[0]
            self.pay_again()
        self._pump_urgent(now)
        while self._queue and self._transmit is not None and self._pace.room(time.perf_counter()) > 0:
            if not self._is_there():
                return
            if now - self._went_on > LATE:
                self._too_old = now - LATE
            self._went_on = now
            if self._queue[0].due > now:
                return
            message, due, cause, mark, since = self._queue.popleft()
            if mark in (PAY, PAY_AGAIN, PAY_DEBTS):
                self._queue.extendleft(_Queued(m, 0.0, OTHER, k, now) for m, k in reversed(self._debts_now(mark)))
            elif mark == RAW:
                self._send(message)
            elif mark == OWED:
                self._send_again(message)
            elif mark == HELD:
                self._ledger.pay(self.name, message, self._send)
            elif is_note_on(message) and since < self._too_old:
                self._metrics.late += 1
                self._ledger.hold(self.name, message)
            else:
                self._ledger.transmit(self.name, message, self._send)
                self._metrics.measure(message, due, cause, time.perf_counter())

    @property
    def idle(self) -> bool:
        return not (self._queue or self._urgent) or self._transmit is None

    def _pump_urgent(self, now: float) -> None:
        while self._urgent and self._urgent[0][1] <= now and self._transmit is not None:
            if self._pace.room(time.perf_counter()) <= -URGENT or not self._is_there():
                return
            message, due, cause = self._urgent.popleft()
            self._send(message)
            self._metrics.measure(message, due, cause, time.perf_counter())

    def _is_there(self) -> bool:
        """Whether the port is; looked for now and then."""
        if self._sent >= LOOK_AFTER:
            if not self._look():
                return False
            self._sent = 0
        return True

    def _forget(self) -> None:
        self._queue.clear()
        self._urgent.clear()

    def _debts_now(self, mark: int) -> list[tuple[bytes, int]]:
        sounding = self._ledger.sounding(self.name)
        if mark == PAY:
            return [(note_off(channel, pitch), HELD) for channel, pitch in sounding]
        debts = self._ledger.owed(self.name)
        again = [(note_off(channel, pitch), OWED) for channel, pitch in debts if (channel, pitch) not in sounding]
        if self._may_settle():  # the note-off of what sounds is still to come, and everyone will hear it
            for key in sounding:
                self._ledger.settle(self.name, *key)
        return again if sounding or mark == PAY_DEBTS else again + [(message, RAW) for message in silence()]

    def _may_settle(self) -> bool:
        """Whether a debt that is paid now is none any more. Who comes back after the port did is waited for."""
        return not self._pay_at and self._everyone()

    def _send_again(self, message: bytes) -> None:
        """Pay a debt; for a while it counts as a note-off that may have been missed."""
        if self._send(message) and self._may_settle():
            self._ledger.settle(self.name, (message[0] & 15) + 1, message[1])
            self._ledger.ended(self.name, message)

    def _send(self, message: bytes) -> bool:
        if self._transmit is None:
            return False
        if is_note_off(message):
            self._ledger.ended(self.name, message)
            self._ended[(message[0] & 15) + 1, message[1]] = time.perf_counter()
        try:
            self._transmit(message)
        except (OSError, RuntimeError, ValueError):  # rtmidi's errors; whether the port is gone is found out apart
            self._metrics.unsent += 1
            return False
        finally:
            self._pace.spent(time.perf_counter())
            self._sent += 1
        if self.is_heard:
            self._metrics.sent += 1
        else:
            self._metrics.unsent += 1
        return True

    def _append(self, message: bytes, due: float = 0.0, cause: Cause = OTHER, mark: int = NORMAL) -> None:
        now = time.perf_counter()
        if not self._queue:
            self._went_on = now
        self._queue.append(_Queued(message, due, cause, mark, now))

    def _hush(self) -> None:
        for message in silence():
            self._append(message, mark=RAW)


def is_urgent(message: bytes) -> bool:
    """Clock, transport, song position and the like: all of the system's messages but exclusive ones. They keep their
    order among themselves: a Continue that overtook its song position would start at the wrong bar.
    """
    return message[0] > 0xF0 and message[0] != 0xF7
