"""Who still owes a note-off.

The counts live in memory that outlives the stage: the desk holds the file, a new stage pays what is owed.
"""

from __future__ import annotations

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

Send = Callable[[bytes], None]


class Ledger:
    """Holders of every sounding note: a byte per output, channel and pitch. `memory` is SIZE bytes, zeros at first."""

    def __init__(self, memory: bytearray | mmap.mmap | None = None) -> None:
        self._memory = memory if memory is not None else bytearray(SIZE)
        self._slots: dict[str, int] = {}
        for slot in range(SLOTS):
            at = slot * (_NAME + _COUNTS)
            if name := bytes(self._memory[at : at + _NAME]).rstrip(b"\0"):
                self._slots[name.decode(errors="replace")] = at + _NAME

    def transmit(self, port: str, message: bytes, send: Send) -> None:
        """Send `message`; a note-on is entered before it is sent, a note-off after.

        So a crash in between owes one note-off too many, never one too few.
        A sounding pitch that is struck again is sent off, then on; only the last holder's note-off is sent.
        """
        if is_note_on(message):
            at = self._at(port, message)
            if self._memory[at]:
                send(note_off((message[0] & 15) + 1, message[1]))
            self._memory[at] = min(self._memory[at] + 1, 255)
            send(message)
        elif is_note_off(message):
            at = self._at(port, message)
            if self._memory[at] <= 1:
                send(message)
            self._memory[at] = max(self._memory[at] - 1, 0)
        else:
            send(message)

    def sounding(self, port: str) -> list[tuple[int, int]]:
        """(channel 1–16, pitch) of what sounds on `port`."""
        base = self._slot(port)
        counts = self._memory[base : base + _COUNTS]
        return [(i // 128 + 1, i % 128) for i, count in enumerate(counts) if count]

    def release(self, port: str, send: Send) -> int:
        """Pay every note-off that `port` is owed; returns how many."""
        sounding = self.sounding(port)
        for channel, pitch in sounding:
            send(note_off(channel, pitch))
            self._memory[self._slot(port) + (channel - 1) * 128 + pitch] = 0
        return len(sounding)

    def ports(self) -> Iterable[str]:
        """Every output that ever sent a note."""
        return tuple(self._slots)

    def _at(self, port: str, message: bytes) -> int:
        return self._slot(port) + (message[0] & 15) * 128 + message[1]

    def _slot(self, port: str) -> int:
        if (base := self._slots.get(port)) is None:
            taken = set(self._slots.values())
            base = next(b for b in range(_NAME, SIZE, _NAME + _COUNTS) if b not in taken)
            name = port.encode()[:_NAME]
            self._memory[base - _NAME : base] = name.ljust(_NAME, b"\0")
            self._slots[port] = base
        return base


def open_ledger(path: Path, create: bool = False) -> mmap.mmap:
    """Map the ledger's file. The desk creates it (in memory-backed storage where there is one) and removes it."""
    if create:
        path.write_bytes(bytes(SIZE))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), SIZE)


def silence(channels: Iterable[int] = range(1, 17)) -> list[bytes]:
    """What panic sends after the ledger's note-offs: sustain up, all notes off, all sound off."""
    return [control_change(c, number, 0) for c in channels for number in (SUSTAIN, ALL_NOTES_OFF, ALL_SOUND_OFF)]
