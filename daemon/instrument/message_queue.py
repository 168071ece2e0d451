"""MIDI messages that wait for their frames."""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from heapq import heappop, heappush
from operator import attrgetter

from daemon.music.events import ends_notes, is_note_off, is_note_on, note_off

Key = tuple[int, int]  # channel, from 0, and pitch
_frame = attrgetter("frame")


@dataclass(order=True, slots=True)
class _Entry:
    frame: int
    number: int  # of its arrival
    message: bytes = field(compare=False)  # empty if it was withdrawn


class MessageQueue:
    """A heap of messages by frame; messages of one frame keep their order of arrival.

    The notes of a key keep their order of arrival in any case. A note-off withdraws the note-ons that arrived before
    it for later frames; a note-on moves the note-offs that arrived before it for later frames forward to its own. A
    control change that ends the notes of its channel withdraws those that were to begin or end later.
    """

    def __init__(self, tolerance: int) -> None:
        """`tolerance`: frames; a note-on that is later is left out."""
        self._tolerance = tolerance
        self._heap: list[_Entry] = []
        self._keys: dict[Key, list[_Entry]] = {}  # notes that wait, in the order of the heap
        self._arrived = 0
        self.late = 0  # note-ons whose frame was over

    def push(self, frame: int, message: bytes) -> None:
        if is_note_on(message) or is_note_off(message):
            self._push_note(frame, message)
            return
        if ends_notes(message):
            for key in [each for each in self._keys if each[0] == message[0] & 0x0F]:
                for entry in [each for each in self._keys[key] if each.frame >= frame]:
                    self._withdraw(entry, key)
        self._add(frame, message)

    def next_frame(self) -> int | None:
        """The frame of the first message."""
        while self._heap and not self._heap[0].message:
            heappop(self._heap)
        return self._heap[0].frame if self._heap else None

    def pop(self) -> bytes:
        """Take the first message, which `next_frame` has found."""
        entry = heappop(self._heap)
        if is_note_on(entry.message) or is_note_off(entry.message):
            self._forget(entry, _key(entry.message))
        return entry.message

    def pop_before(self, frame: int) -> list[bytes]:
        """Take the messages whose frames are over: without notes that are over too, and without note-ons that are
        later than the tolerance."""
        messages: list[bytes] = []
        began: dict[Key, int] = {}  # places in `messages`
        while (first := self.next_frame()) is not None and first < frame:
            message = self.pop()
            if is_note_on(message):
                self.late += 1
                if frame - first > self._tolerance:
                    continue
                began[_key(message)] = len(messages)
            elif is_note_off(message) and (place := began.pop(_key(message), None)) is not None:
                messages[place] = b""
                continue
            messages.append(message)
        return [message for message in messages if message]

    def _push_note(self, frame: int, message: bytes) -> None:
        key = _key(message)
        waiting = self._keys.get(key, [])
        later = waiting[bisect_right(waiting, frame, key=_frame) :]
        overtaken = [entry for entry in later if is_note_on(entry.message) != is_note_on(message)]
        for entry in overtaken:
            self._withdraw(entry, key)
        if overtaken and is_note_on(message):
            self._add_note(frame, note_off(key[0] + 1, key[1]), key)
        self._add_note(frame, message, key)

    def _add_note(self, frame: int, message: bytes, key: Key) -> None:
        insort(self._keys.setdefault(key, []), self._add(frame, message))

    def _add(self, frame: int, message: bytes) -> _Entry:
        entry = _Entry(frame, self._arrived, message)
        self._arrived += 1
        heappush(self._heap, entry)
        return entry

    def _withdraw(self, entry: _Entry, key: Key) -> None:
        self._forget(entry, key)
        entry.message = b""

    def _forget(self, entry: _Entry, key: Key) -> None:
        entries = self._keys[key]
        entries.remove(entry)
        if not entries:
            del self._keys[key]


def _key(note: bytes) -> Key:
    return note[0] & 0x0F, note[1]
