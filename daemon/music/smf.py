"""Standard MIDI Files of format 1, written with 960 ticks per quarter."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import mido

from daemon.music.events import is_note_off, is_note_on, note_off

TICKS = 960  # per quarter note, so per beat


@dataclass(slots=True)
class Track:
    """Messages with their ticks, in any order; at one tick they keep it."""

    name: str
    events: list[tuple[int, bytes]] = field(default_factory=list)


def sounded(events: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """What an instrument is sent, in order of time: a sounding pitch that is struck again is let go first, and only its
    last holder's note-off counts."""
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


def fraction(meter: float) -> tuple[int, int]:
    """The time signature of a bar of `meter` quarter notes: 3.0 → (3, 4), 3.5 → (7, 8)."""
    for denominator in (4, 8, 16, 32):
        numerator = meter * denominator / 4
        if numerator == int(numerator) and 1 <= numerator <= 255:
            return int(numerator), denominator
    return max(round(meter), 1), 4


def to_bytes(
    tracks: Iterable[Track], tempi: Sequence[tuple[int, int]], meters: Sequence[tuple[int, tuple[int, int]]]
) -> bytes:
    """A file of a tempo track and `tracks`. Tempi are (tick, microseconds per quarter), meters (tick, signature)."""
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS, charset="utf-8")
    conductor = [
        *((tick, mido.MetaMessage("time_signature", numerator=n, denominator=d)) for tick, (n, d) in meters),
        *((tick, mido.MetaMessage("set_tempo", tempo=min(max(tempo, 1), 0xFFFFFF))) for tick, tempo in tempi),
    ]
    file.tracks.append(_deltas("tempo", conductor))
    for track in tracks:
        messages = [(tick, mido.Message.from_bytes(data)) for tick, data in track.events if _belongs(data)]
        file.tracks.append(_deltas(track.name, messages))
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def _belongs(message: bytes) -> bool:
    """A file holds channel messages and system exclusive ones; 0xF1–0xFF mean something else there."""
    return message[0] <= 0xF0


def _deltas(name: str, events: list[tuple[int, mido.Message]]) -> mido.MidiTrack:
    track, last = mido.MidiTrack([mido.MetaMessage("track_name", name=name)]), 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        message.time = tick - last
        track.append(message)
        last = tick
    return track


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that there is never a part of it."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
