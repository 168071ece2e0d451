"""Writes Standard MIDI Files: format 1, with 960 ticks per quarter note."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from daemon.music.events import is_note_off, is_note_on, note_off

FILE_TICKS = 960  # per quarter note, in written files
MAX_WAIT = (1 << 28) - 1  # ticks from one event to the next: a variable-length quantity has four bytes at most


@dataclass(slots=True)
class Track:
    """(tick, message) in any order; messages at one tick keep their order."""

    name: str
    events: list[tuple[int, bytes]] = field(default_factory=list)


def as_sent(events: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """The messages as an output sends them (see Ledger.transmit), in order of time.

    A sounding pitch gets a note-off before its next note-on; of the note-offs of all its note-ons only the last is
    sent.
    """
    holders: dict[tuple[int, int], int] = {}
    for tick, message in sorted(events, key=lambda event: event[0]):
        if is_note_on(message) or is_note_off(message):
            key = message[0] & 15, message[1]
            held = holders.get(key, 0)
            if is_note_on(message):
                holders[key] = held + 1
                if held:
                    yield tick, note_off(key[0] + 1, key[1])
            else:
                holders[key] = max(held - 1, 0)
                if held > 1:
                    continue
        yield tick, message


def time_signature(meter: float) -> tuple[int, int]:
    """The time signature of a bar of `meter` quarter notes: 3.0 → (3, 4), 3.5 → (7, 8); else the nearest quarters."""
    for denominator in (4, 8, 16, 32):
        numerator = meter * denominator / 4
        if numerator == int(numerator) and 1 <= numerator <= 255:
            return int(numerator), denominator
    return max(round(meter), 1), 4


def to_bytes(
    tracks: Iterable[Track], tempi: Sequence[tuple[int, int]], meters: Sequence[tuple[int, tuple[int, int]]]
) -> bytes:
    """A file of a tempo track and `tracks` (Standard MIDI Files 1.0, RP-001).

    `tempi`: (tick, microseconds per quarter note); `meters`: (tick, time signature).
    """
    tempo_track = Track("tempo")
    tempo_track.events += [(tick, _time_signature_event(*signature)) for tick, signature in meters]
    tempo_track.events += [(tick, _meta_event(0x51, min(max(t, 1), 0xFFFFFF).to_bytes(3, "big"))) for tick, t in tempi]
    chunks = [_track_chunk(track) for track in (tempo_track, *tracks)]
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(chunks), FILE_TICKS) + b"".join(chunks)


def _track_chunk(track: Track) -> bytes:
    data, last = bytearray(b"\0" + _meta_event(0x03, track.name.encode())), 0
    for tick, message in sorted(track.events, key=lambda event: event[0]):
        if 0xF0 < message[0] < 0xFF:  # system common and real-time: in a file these bytes mean something else
            continue
        while tick - last > MAX_WAIT:
            data += _variable_length(MAX_WAIT) + _meta_event(0x01, b"")  # an empty text
            last += MAX_WAIT
        data += _variable_length(tick - last)
        data += message if message[0] != 0xF0 else b"\xf0" + _variable_length(len(message) - 1) + message[1:]
        last = tick
    data += b"\0" + _meta_event(0x2F, b"")
    return b"MTrk" + struct.pack(">I", len(data)) + bytes(data)


def _meta_event(kind: int, data: bytes) -> bytes:
    return bytes((0xFF, kind)) + _variable_length(len(data)) + data


def _time_signature_event(numerator: int, denominator: int) -> bytes:
    """With the usual 24 MIDI clocks per click and eight 32nds per quarter note."""
    return _meta_event(0x58, bytes((min(numerator, 255), denominator.bit_length() - 1, 24, 8)))


def _variable_length(value: int) -> bytes:
    """A variable-length quantity: seven bits per byte, the highest first; all bytes but the last have bit 7 set."""
    data = [value & 0x7F]
    while value := value >> 7:
        data.append(value & 0x7F | 0x80)
    return bytes(reversed(data))
