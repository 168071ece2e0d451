"""Who still owes a note-off.

The counts live in memory that outlives the stage: the desk holds the file, a new stage pays what is owed.
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
SIZE = SLOTS * (_NAME + _COUNTS)

Send = Callable[[bytes], object]  # False: it could not be sent


class Ledger:
    """Holders of every sounding note: a byte per output, channel and pitch. `memory` is SIZE bytes, zeros at first."""

    def __init__(self, memory: bytearray | mmap.mmap | None = None) -> None:
        self._memory = memoryview(memory if memory is not None else bytearray(SIZE))
        self._slots: dict[bytes, memoryview] = {}  # by encoded name: the counts
        for at in range(0, SIZE, _NAME + _COUNTS):
            if name := bytes(self._memory[at : at + _NAME]).rstrip(b"\0"):
                self._slots[name] = self._counts(at)

    def transmit(self, port: str, message: bytes, send: Send) -> None:
        """Send `message`; a note-on is entered before it is sent, a note-off after.

        So a crash in between owes one note-off too many, never one too few.
        A sounding pitch that is struck again is sent off, then on; only the last holder's note-off is sent.
        """
        if is_note_on(message):
            counts, at = self._slot(port), _at(message)
            if counts[at]:
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

    def sounding(self, port: str) -> list[tuple[int, int]]:
        """(channel 1–16, pitch) of what sounds on `port`."""
        return [(i // 128 + 1, i % 128) for i, count in enumerate(bytes(self._slot(port))) if count]

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
        """A free slot, or one of an output that owes nothing: it is found by its name whenever it is used again."""
        places = [(at, bytes(self._memory[at : at + _NAME]).rstrip(b"\0")) for at in range(0, SIZE, _NAME + _COUNTS)]
        for at, owner in sorted(places, key=lambda place: bool(place[1])):
            if not owner or not any(self._counts(at)):
                self._slots.pop(owner, None)
                self._memory[at : at + _NAME] = name.ljust(_NAME, b"\0")
                return self._counts(at)
        return memoryview(bytearray(_COUNTS))  # 64 others owe something: this one's debts die with the stage

    def _counts(self, at: int) -> memoryview:
        return self._memory[at + _NAME : at + _NAME + _COUNTS]


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
