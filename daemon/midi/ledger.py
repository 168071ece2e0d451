"""Who still owes a note-off, and which ones somebody may have missed.

It lives in memory that outlives the stage: the desk holds the file, a new stage pays what is owed.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable, Iterable
from pathlib import Path

from daemon.music.events import (
    ALL_NOTES_OFF,
    ALL_SOUND_OFF,
    SUSTAIN,
    control_change,
    is_note_off,
    is_note_on,
    note_off,
)

SLOTS = 64  # outputs
_NAME, _COUNTS = 64, 16 * 128
_SLOT = _NAME + 2 * _COUNTS  # a name, the holders' counts, the debts
SIZE = SLOTS * _SLOT
_ENDED, _OWED = 1, 2  # a debt: the note-off was sent of late and may have been missed; it was missed

Key = tuple[int, int]  # channel 1–16, pitch
Send = Callable[[bytes], object]  # False: it could not be sent


class Ledger:
    """Holders of every sounding note, and debts: a byte each per output, channel and pitch.

    `memory` is SIZE bytes, zeros at first. A debt is a note-off that somebody did not hear who was away, or may not
    have heard; it is no holder.
    """

    def __init__(self, memory: bytearray | mmap.mmap | None = None) -> None:
        self._memory = memoryview(memory if memory is not None else bytearray(SIZE))
        self._slots: dict[bytes, memoryview] = {}  # by encoded name: the counts, then the debts
        for at in range(0, SIZE, _SLOT):
            if name := bytes(self._memory[at : at + _NAME]).rstrip(b"\0"):
                self._slots[name] = self._bytes(at)

    def transmit(self, port: str, message: bytes, send: Send) -> None:
        """Send `message`; a note-on is entered before it is sent, a note-off after.

        So a crash in between owes one note-off too many, never one too few.
        A sounding pitch that is struck again is sent off, then on, as is one that may sound where its note-off was
        missed; only the last holder's note-off is sent.
        """
        if is_note_on(message):
            counts, at = self._slot(port), _at(message)
            if counts[at] or counts[_COUNTS + at] == _OWED:
                send(note_off((message[0] & 15) + 1, message[1]))
            counts[at] = min(counts[at] + 1, 255)
            send(message)
        elif is_note_off(message):
            counts, at = self._slot(port), _at(message)
            if counts[at] <= 1 and send(message) is False:
                return
            counts[at] = max(counts[at] - 1, 0)
        else:
            send(message)

    def hold(self, port: str, message: bytes) -> None:
        """A note-on that is not sent, though its note-off will come: it must not end what somebody else holds."""
        counts, at = self._slot(port), _at(message)
        counts[at] = min(counts[at] + 1, 255)

    def sounding(self, port: str) -> list[Key]:
        """What sounds on `port`."""
        return [_key(i) for i, count in enumerate(bytes(self._slot(port)[:_COUNTS])) if count]

    def owed(self, port: str) -> list[Key]:
        """Debts: note-offs that somebody missed."""
        debts = bytes(self._slot(port)[_COUNTS:])
        return [_key(i) for i, debt in enumerate(debts) if debt == _OWED] if _OWED in debts else []

    def ended(self, port: str, message: bytes) -> None:
        """This note-off is about to be sent. Nobody knows for a while whether everyone was there."""
        slot, at = self._slot(port), _COUNTS + _at(message)
        slot[at] = slot[at] or _ENDED

    def arrived(self, port: str, keys: Iterable[Key]) -> None:
        """Those that were sent of late did; a debt stays one."""
        slot = self._slot(port)
        for channel, pitch in keys:
            if slot[at := _COUNTS + (channel - 1) * 128 + pitch] == _ENDED:
                slot[at] = 0

    def owe(self, port: str) -> None:
        """Somebody is away: he missed what was sent of late, and is to get the note-off of whatever sounds."""
        slot = self._slot(port)
        for at in range(_COUNTS):
            if slot[at] or slot[_COUNTS + at]:
                slot[_COUNTS + at] = _OWED

    def inherit(self, port: str) -> None:
        """The output is new: what it owes has no holder any more, whoever began it."""
        self.owe(port)
        self._slot(port)[:_COUNTS] = bytes(_COUNTS)

    def settle(self, port: str, channel: int, pitch: int) -> None:
        """This debt is none any more."""
        self._slot(port)[_COUNTS + (channel - 1) * 128 + pitch] = 0

    def pay(self, port: str, message: bytes, send: Send) -> None:
        """Send a note-off that ends a note for all its holders. What cannot be sent stays owed."""
        if send(message) is not False:
            self._slot(port)[_at(message)] = 0

    def knows(self, port: str) -> bool:
        """Whether this output ever sent a note."""
        return _encoded(port) in self._slots

    def _slot(self, port: str) -> memoryview:
        name = _encoded(port)
        if (counts := self._slots.get(name)) is None:
            counts = self._slots[name] = self._new_slot(name)
        return counts

    def _new_slot(self, name: bytes) -> memoryview:
        """A free slot, or one of an output that owes nothing, or else of one where nothing sounds.

        An output is found by its name whenever it is used again.
        """

        def worth(at: int) -> int:
            if not self._memory[at]:
                return 0
            slot = self._bytes(at)
            return 3 if any(slot[:_COUNTS]) else 2 if _OWED in bytes(slot[_COUNTS:]) else 1

        at = min(range(0, SIZE, _SLOT), key=worth)
        if worth(at) == 3:
            return memoryview(bytearray(2 * _COUNTS))  # 64 others sound: what this one owes dies with the stage
        self._slots.pop(bytes(self._memory[at : at + _NAME]).rstrip(b"\0"), None)
        self._bytes(at)[:] = bytes(2 * _COUNTS)
        self._memory[at : at + _NAME] = name.ljust(_NAME, b"\0")
        return self._bytes(at)

    def _bytes(self, at: int) -> memoryview:
        return self._memory[at + _NAME : at + _SLOT]


def _key(at: int) -> Key:
    return at // 128 + 1, at % 128


def _at(message: bytes) -> int:
    return (message[0] & 15) * 128 + message[1]


def _encoded(port: str) -> bytes:
    """What stands for a name in the memory: itself, or its beginning and a digest where it is too long."""
    name = port.encode(errors="backslashreplace")
    if len(name) <= _NAME:
        return name
    return name[: _NAME - 16] + hashlib.blake2b(name, digest_size=8).hexdigest().encode()


def open_ledger(path: Path, create: bool = False) -> mmap.mmap:
    """Map the ledger's file. The desk creates it (in memory-backed storage where there is one) and removes it."""
    if create:
        path.write_bytes(bytes(SIZE))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), SIZE)


def silence(channels: Iterable[int] = range(1, 17)) -> list[bytes]:
    """What panic sends after the ledger's note-offs: sustain up, all notes off, all sound off."""
    return [control_change(c, number, 0) for c in channels for number in (SUSTAIN, ALL_NOTES_OFF, ALL_SOUND_OFF)]
