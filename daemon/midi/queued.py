"""The entries of an output's queue."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from daemon.metrics import Cause
from daemon.music.events import is_note_on

# How an entry is sent: through the ledger, past the ledger, as the note-off that ends a note for all its holders, or as
# a repeated note-off that a receiver may have missed.
NORMAL, RAW, END, REPEAT = range(4)
# Entries that are replaced by messages when their turn comes: the note-off of every sounding note; repeated note-offs,
# and a panic if no note sounds; repeated note-offs alone; the sounds of silent channels.
END_ALL, REPEAT_AND_PANIC, REPEAT_ALL, SOUNDS = range(4, 8)


class Queued(NamedTuple):
    message: bytes
    due: float
    cause: Cause
    mark: int  # NORMAL … SOUNDS
    since: float  # seconds at which it was queued


def withdraw(queue: deque[Queued], message: bytes, due: float) -> bool:
    """Drop the note-on of this note-off, which is queued for a later moment; False: it was sent."""
    key = message[0] & 15, message[1]
    for place, entry in enumerate(queue):
        if entry.due > due and is_note_on(entry.message) and (entry.message[0] & 15, entry.message[1]) == key:
            del queue[place]
            return True
    return False


def is_urgent(message: bytes) -> bool:
    """Whether this is clock, transport, song position or another system message, but not an exclusive one.

    Urgent messages keep their order: a Continue that overtook its song position would start at the wrong bar.
    """
    return message[0] > 0xF0 and message[0] != 0xF7
