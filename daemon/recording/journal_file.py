"""The file of a journal: its format, and its entries as far as they can be read.

A file is MAGIC and then records: length and CRC-32 (little-endian, 32 bits each), then as many bytes of JSON. The first
record is a SessionBegan entry, the last one a SessionEnded entry, unless jamd was killed.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from daemon.entries import Entry, SessionBegan, SessionEnded, decode_entry, encode_entry
from daemon.errors import JamdError
from daemon.input_files import read_input
from daemon.music.events import is_well_formed

MAGIC = b"jamd journal 1\n"
MAX_RECORD_BYTES = 64 << 20
MAX_JOURNAL_BYTES = 1 << 30  # of a journal that is read; a session ends far earlier (rotation.py)
MAX_INTERVAL = 7 * 86400.0  # seconds that may lie between two entries
_ANOTHER_MAGIC = re.compile(rb"jamd journal \d+\n")
_FRAME = struct.Struct("<II")
_BEGINNING = re.compile(rb'\["[a-z]+",')  # of every payload


class NoSession(JamdError):
    """What was read is not the journal of a session, or one that this jamd cannot read."""

    def __init__(
        self, problem: str = "not the journal of a session", remedy: str = "name a file that `jamd run` wrote"
    ) -> None:
        super().__init__(f"{problem}: {remedy}")
        self.problem = problem


def frame(entry: Entry) -> bytes:
    payload = json.dumps(encode_entry(entry), separators=(",", ":")).encode()
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


@dataclass(frozen=True, slots=True)
class Damage(Entry):
    """In the place of `unread` bytes, from byte `at` on, that are no entry, or one that cannot be used.

    `is_hole`: the bytes are no entry, so any number of entries may be missing.
    """

    at: int
    unread: int
    problem: str
    is_hole: bool = False


class JournalReader(Iterator[Entry]):
    """The entries of a journal in order, with a Damage for each place that cannot be read.

    None of a file that is no journal. `at`: the byte at which the latest entry begins. `complete`: the latest entry is
    a SessionEnded; if it never comes, the journal was cut off, perhaps in an entry, of which there are `unread` bytes.
    The iteration raises OSError if the file cannot be read, and NoSession if another version of jamd wrote the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.at = self.size = self.unread = 0
        self.complete = False
        self.damages: list[Damage] = []
        self.elapsed = 0.0  # seconds from the first entry to the latest
        self._seconds = 0.0  # of the latest entry that can be used
        self._latest: list[float] = []  # seconds of the last two records, of which one may be damaged
        self._entries = self._read()

    def __next__(self) -> Entry:
        return next(self._entries)

    def _read(self) -> Iterator[Entry]:
        data = read_input(self._path, MAX_JOURNAL_BYTES)
        self.size = len(data)
        if not data.startswith(MAGIC) and _ANOTHER_MAGIC.match(data):
            raise NoSession("written by another version of jamd", "replay the session with that version")
        self._effort = 16 * self.size  # bytes of wrong checksums: a crafted file could take hours
        began: float | None = None
        place: int | None = len(MAGIC) if data.startswith(MAGIC) else 0
        while place is not None and place < len(data):
            self.at = place
            payload = _payload(data, place)
            if payload is None:
                place = self._next_record(data, place + 1)
                if place is not None:
                    yield self._damage(place - self.at, "bytes that are no entry", is_hole=True)
                continue
            place += _FRAME.size + len(payload)
            try:
                entry = decode_entry(json.loads(payload))
                self._check_times(entry)
                _check_values(entry)
            except (JamdError, RecursionError, ValueError) as error:
                entry = self._damage(place - self.at, str(error) or type(error).__name__)
            self.complete, self._seconds = isinstance(entry, SessionEnded), entry.seconds
            if began is None:
                began = entry.seconds
                if not isinstance(entry, SessionBegan | Damage) and not self.damages:
                    yield self._damage(0, "the first entries are missing", is_hole=True)
            self.elapsed = max(entry.seconds - began, 0.0)
            yield entry
        self.unread = 0 if place is not None else len(data) - self.at

    def _next_record(self, data: bytes, place: int) -> int | None:
        """The byte from `place` on at which the next whole record begins."""
        for found in _BEGINNING.finditer(data, place + _FRAME.size):
            begin = found.start() - _FRAME.size
            length, _ = _FRAME.unpack_from(data, begin)
            if length <= min(MAX_RECORD_BYTES, len(data) - found.start()) and data[found.start() + length - 1] == ord(
                "]"
            ):
                if _payload(data, begin) is not None:
                    return begin
                self._effort -= length
                if self._effort < 0:
                    break
        return None

    def _damage(self, unread: int, problem: str, is_hole: bool = False) -> Damage:
        damage = Damage(self._seconds, self.at, unread, problem, is_hole)
        self.damages.append(damage)
        return damage

    def _check_times(self, entry: Entry) -> None:
        """Raises ValueError."""
        latest, self._latest = self._latest, [*self._latest[-1:], entry.seconds]
        if latest and all(abs(entry.seconds - before) > MAX_INTERVAL for before in latest):
            raise ValueError(f"an entry at {entry.seconds:g} s after one at {latest[-1]:g} s")
        for other in (getattr(entry, "stamp", None), getattr(entry, "at", None)):
            if other is not None and abs(other - entry.seconds) > MAX_INTERVAL:
                raise ValueError(f"an entry with a time of {other:g} s at {entry.seconds:g} s")


def _check_values(entry: Entry) -> None:
    """Raises ValueError for a value of the right type that no performance has recorded."""
    for each in fields(entry):
        match getattr(entry, each.name):
            case bool():
                pass
            case int(value) | float(value) if each.name == "bpm" and not 0.1 <= value <= 1e5:
                raise ValueError(f"an entry with {value:g} bpm")
            case int(value) | float(value) if not abs(value) <= 1e9:  # a year in beats, 30 in seconds
                raise ValueError(f"an entry with the number {value:g}")
            case str(text):
                text.encode()  # half a surrogate pair can neither be printed nor written
            case bytes(message) if not is_well_formed(message):
                raise ValueError(f"an entry with {message[:8].hex(' ')}, which is no MIDI message")


def _payload(data: bytes, place: int) -> bytes | None:
    """The payload of a whole record at byte `place`."""
    begin = place + _FRAME.size
    if begin > len(data):
        return None
    length, checksum = _FRAME.unpack_from(data, place)
    if not 0 < length <= min(MAX_RECORD_BYTES, len(data) - begin):  # a power cut may leave zeros
        return None
    payload = data[begin : begin + length]
    return payload if zlib.crc32(payload) == checksum else None
