"""The ledger of sounding notes, and of note-offs that a receiver may have missed.

Its memory outlives the stage process: the desk holds the file, and the next stage process sends the note-offs owed.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable, Iterable
from pathlib import Path

from daemon.music.events import ALL_NOTES_OFF, ALL_SOUND_OFF, SUSTAIN, control_change, is_note_off, is_note_on, note_off
from daemon.shared_memory import map_file

SLOTS = 64  # outputs
_NAME, _COUNTS = 64, 16 * 128
_SLOT = _NAME + 2 * _COUNTS  # a name, the number of holders of each note, the state of each note-off
SIZE = SLOTS * _SLOT
_UNCONFIRMED, _OWED = 1, 2  # of a note-off: it was sent recently and may have been missed; it was missed

Key = tuple[int, int]  # channel 1–16, pitch
Send = Callable[[bytes], object]  # False: it could not be sent


class Ledger:
    """The number of holders of every note, and the state of its note-off: a byte each per output, channel and pitch.

    `memory` is SIZE bytes, zeros at first. A note-off is owed if a receiver was away when it was sent, or may have
    been; that is independent of the note's holders.
    """

    def __init__(self, memory: bytearray | mmap.mmap | None = None) -> None:
        self._memory = memoryview(memory if memory is not None else bytearray(SIZE))
        self._slots: dict[bytes, memoryview] = {}  # by encoded name: holders, then note-offs
        for at in range(0, SIZE, _SLOT):
            if name := bytes(self._memory[at : at + _NAME]).rstrip(b"\0"):
                self._slots[name] = self._bytes(at)

    def transmit(self, port: str, message: bytes, send: Send) -> None:
        """Send `message`; a note-on is entered before it is sent, a note-off after.

        So after a crash in between one note-off too many is owed, never one too few.
        Before the note-on of a sounding pitch its note-off is sent, as before that of a pitch whose note-off is owed
        and which may still sound at a receiver; only the last holder's note-off is sent.
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
        """Count a note-on that is not sent: the note-off that follows must not end the note for another holder."""
        counts, at = self._slot(port), _at(message)
        counts[at] = min(counts[at] + 1, 255)

    def is_held(self, port: str, message: bytes) -> bool:
        """Whether the note of this note-off has a holder."""
        return self._slot(port)[_at(message)] > 0

    def sounding(self, port: str) -> list[Key]:
        """The notes that sound on `port`."""
        return [_key(i) for i, count in enumerate(bytes(self._slot(port)[:_COUNTS])) if count]

    def owed(self, port: str) -> list[Key]:
        """The note-offs that a receiver missed."""
        states = bytes(self._slot(port)[_COUNTS:])
        return [_key(i) for i, state in enumerate(states) if state == _OWED] if _OWED in states else []

    def note_off_sent(self, port: str, message: bytes) -> None:
        """This note-off is about to be sent. Until `confirm` it is unknown whether all receivers were connected."""
        slot, at = self._slot(port), _COUNTS + _at(message)
        slot[at] = slot[at] or _UNCONFIRMED

    def confirm(self, port: str, keys: Iterable[Key]) -> None:
        """These note-offs have arrived; one that is owed stays owed."""
        slot = self._slot(port)
        for channel, pitch in keys:
            if slot[at := _COUNTS + (channel - 1) * 128 + pitch] == _UNCONFIRMED:
                slot[at] = 0

    def owe(self, port: str, keys: Iterable[Key]) -> None:
        """A receiver may have missed these note-offs."""
        slot = self._slot(port)
        for channel, pitch in keys:
            slot[_COUNTS + (channel - 1) * 128 + pitch] = _OWED

    def owe_all(self, port: str) -> None:
        """A receiver is gone: the unconfirmed note-offs, and those of all sounding notes, are owed to it."""
        slot = self._slot(port)
        for at in range(_COUNTS):
            if slot[at] or slot[_COUNTS + at]:
                slot[_COUNTS + at] = _OWED

    def end_holders(self, port: str) -> None:
        """The output was opened anew: the notes that sounded have no holders now, but their note-offs are owed."""
        self.owe_all(port)
        self._slot(port)[:_COUNTS] = bytes(_COUNTS)

    def forget(self, port: str) -> None:
        """Nothing sounds on this output, and nothing is owed."""
        self._slot(port)[:] = bytes(2 * _COUNTS)

    def settle(self, port: str, channel: int, pitch: int) -> None:
        """The note-off is no longer owed."""
        self._slot(port)[_COUNTS + (channel - 1) * 128 + pitch] = 0

    def end(self, port: str, message: bytes, send: Send) -> None:
        """Send a note-off that ends a note for all its holders. If that fails, the note keeps them."""
        if send(message) is not False:
            self._slot(port)[_at(message)] = 0

    def knows(self, port: str) -> bool:
        """Whether this output ever sent a note (and its slot was not given to another one)."""
        return _encoded(port) in self._slots

    def _slot(self, port: str) -> memoryview:
        name = _encoded(port)
        if (counts := self._slots.get(name)) is None:
            counts = self._slots[name] = self._new_slot(name)
        return counts

    def _new_slot(self, name: bytes) -> memoryview:
        """A free slot, or that of an output that owes nothing, or else of one where nothing sounds.

        A slot in use keeps its name, so that an output finds it again.
        """

        def value(at: int) -> int:
            if not self._memory[at]:
                return 0
            slot = self._bytes(at)
            return 3 if any(slot[:_COUNTS]) else 2 if _OWED in bytes(slot[_COUNTS:]) else 1

        at = min(range(0, SIZE, _SLOT), key=value)
        if value(at) == 3:
            return memoryview(bytearray(2 * _COUNTS))  # 64 others sound: this one's slot is lost with the stage process
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
    """A name as stored: itself, or its beginning and a digest where it is too long."""
    name = port.encode(errors="backslashreplace")
    if len(name) <= _NAME:
        return name
    return name[: _NAME - 16] + hashlib.blake2b(name, digest_size=8).hexdigest().encode()


def open_ledger(path: Path, create: bool = False) -> mmap.mmap:
    """Map the ledger's file. Raises what `map_file` raises."""
    return map_file(path, SIZE, create)


def panic_messages() -> list[bytes]:
    """Sustain up, all notes off, all sound off, for each channel: sent by a panic after the ledger's note-offs."""
    return [control_change(c, number, 0) for c in range(1, 17) for number in (SUSTAIN, ALL_NOTES_OFF, ALL_SOUND_OFF)]
