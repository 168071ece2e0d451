"""Reads Standard MIDI Files (Standard MIDI Files 1.0, RP-001), also those that break the standard.

Parts that jamd does not need or cannot read are passed over and counted in a warning. Refused are files without a
header or a time division, and files beyond the limits below. (mido refuses files that break the standard anywhere.)
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

from daemon.errors import MelodyError
from daemon.input_files import read_input
from daemon.music.events import CONTROL_CHANGE, NOTE_OFF, NOTE_ON, is_note_on
from daemon.music.midi_tracks import MidiFile, MidiTrack
from daemon.paths import find_file, unreadable

MAX_FILE_BYTES = 8 << 20  # bytes of a file
MAX_MESSAGES = 500_000  # notes, note-offs, control changes, tempi, signatures and texts of a file, together
MIN_FILE_BPM, MAX_FILE_BPM = 4, 2000
DRUM_CHANNEL = 9  # the channel of drums in General MIDI, counted from 0
LONGEST_TEXT = 256  # bytes that are kept of a text

TEXT, TRACK_NAME, LYRIC, MARKER, END_OF_TRACK = 0x01, 0x03, 0x05, 0x06, 0x2F  # meta events
TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 0x51, 0x58, 0x59  # more of them
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2, 0xF1: 1, 0xF2: 2, 0xF3: 1}
_CHUNK_NAME = re.compile(rb"[A-Za-z0-9_ ]{4}")


def find_midi_file(path: Path) -> Path:
    """`path`; if there is no such file, the one of that name that ships with jamd, such as melodies/twinkle.mid.

    Raises MelodyError.
    """
    try:
        return find_file(str(path))
    except ValueError as error:
        raise MelodyError(f"{path}: {error}") from None


def read_midi_file(path: Path) -> MidiFile:
    """Read the file at `path`. Raises MelodyError for a missing, too large or other file, or one without time."""
    try:
        data = read_input(path, MAX_FILE_BYTES)
    except OSError as error:
        raise MelodyError(unreadable(path, error, "name a Standard MIDI File")) from None
    return parse_midi_file(data, path)


def parse_midi_file(data: bytes, path: Path = Path()) -> MidiFile:
    """The MIDI file with this content. Raises MelodyError, which names `path`."""
    return _Reader(data, path).read()


class _Reader:
    def __init__(self, data: bytes, path: Path) -> None:
        self._data, self._path = data, path
        self._room = MAX_MESSAGES
        self._passed: dict[str, tuple[int, int]] = {}  # kind of part → how often, the first byte

    def read(self) -> MidiFile:
        start = self._data.find(b"MThd")
        if start < 0 or len(self._data) < start + 14:
            raise MelodyError(f"{self._path}: not a Standard MIDI File (no header): export the file again")
        if self._data[:4] == b"RIFF" and self._data[start - 8 : start - 4] == b"data":  # .rmi (RP-029)
            size = int.from_bytes(self._data[start - 4 : start], "little")
            self._data = self._data[: start + size] if size > 14 else self._data
        elif start:
            self._pass("bytes before the header", 0, start)
        length, form, count, division = struct.unpack_from(">IHHH", self._data, start + 4)
        if not division & 0x7FFF or (division & 0x8000 and not division & 0xFF):
            raise MelodyError(f"{self._path}: the time division is 0: export the file again")
        tracks = self._tracks(start + 8 + length if self._is_chunk(start + 8 + length) else start + 14)
        if len(tracks) != count:
            self._pass(f"a header that counts {count} tracks, not {len(tracks)}", start + 10)
        if form == 2:
            tracks = self._first_sequence(tracks, start + 8)
        if division < 0x8000:
            return MidiFile(self._path, division, tracks, self._warning())
        return MidiFile(self._path, self._from_frames(division, tracks, start + 12), tracks, self._warning())

    # Chunks

    def _tracks(self, at: int) -> list[MidiTrack]:
        """The tracks of the chunks from `at` on."""
        data, tracks = self._data, list[MidiTrack]()
        while at < len(data):
            name, end = data[at : at + 4], self._declared_end(at)
            if name == b"MThd":
                self._pass("another file after the first", at)
                break
            if name == b"MTrk":
                is_whole = end == len(data) or self._is_chunk(end)
                track, at = self._track(at, end if is_whole else self._next_track(at + 8))
                tracks.append(track)
            elif self._is_chunk(at):
                self._pass("unknown chunks", at)
                at = end
            else:
                following = self._next_track(at)
                self._pass("bytes between or after the tracks", at, following - at)
                at = following
        return tracks

    def _declared_end(self, chunk: int) -> int:
        return chunk + 8 + int.from_bytes(self._data[chunk + 4 : chunk + 8], "big")

    def _is_chunk(self, at: int) -> bool:
        """Whether a chunk begins at `at`: one of a known name, or a whole one."""
        if self._data.startswith((b"MTrk", b"MThd"), at):
            return True
        return _CHUNK_NAME.match(self._data, at) is not None and at + 8 <= self._declared_end(at) <= len(self._data)

    def _next_track(self, at: int) -> int:
        following = self._data.find(b"MTrk", at)
        return len(self._data) if following < 0 else following

    def _track(self, chunk: int, end: int) -> tuple[MidiTrack, int]:
        """The track of the chunk at `chunk`, which reaches `end` at most; and where the next chunk begins."""
        track = MidiTrack()
        at = self._events(min(chunk + 8, end), end, track)
        self._room -= track.size
        if at != self._declared_end(chunk):
            self._pass("wrong lengths of tracks", chunk + 4)
        if at < end and not self._is_chunk(at):
            self._pass("bytes after the end of a track", at, end - at)
            at = end
        return track, at

    # Events

    def _events(self, at: int, end: int, track: MidiTrack) -> int:
        """Take the events between `at` and `end` into `track`. Returns where they end."""
        data, messages = self._data, track.messages
        tick = running = kind = 0  # `running`: the status of messages without one
        began = at
        try:
            while at < end and kind != END_OF_TRACK:
                began = at
                delta, at = _variable(data, at)
                status, kind = data[at], 0
                if status >= 0x80:
                    at += 1
                elif not (status := running):
                    raise IndexError
                if status in (0xF0, 0xF7):
                    at = self._exclusive_end(status, at, end)
                elif status == 0xFF:
                    kind = data[at]
                    length, begin = _variable(data, at + 1)
                    at = begin + length
                else:
                    at += _DATA_BYTES.get(status if status > 0xF0 else status & 0xF0, 0)
                if at > end:
                    raise IndexError
                track.end = tick = tick + delta
                if status == 0xFF:
                    self._take_meta(kind, data[begin:at], track, began)
                elif status < 0xF0:
                    running = status
                    if status & 0xF0 in (NOTE_ON, NOTE_OFF, CONTROL_CHANGE):
                        number, value = data[at - 2], data[at - 1]
                        if number > 127 or value > 127:
                            self._pass("values above 127", at - 2)
                        if number <= 127:
                            messages.append((tick, bytes((status, number, min(value, 127)))))
                elif status != 0xF0:
                    self._pass("F7 packets" if status == 0xF7 else "system messages", began)
                if track.size > self._room:
                    raise MelodyError(
                        f"{self._path}: more than {MAX_MESSAGES:,} notes, note-offs, control changes, tempi, "
                        "signatures and texts: split the file"
                    )
        except IndexError:
            self._pass("the rest of a track that cannot be read", began)
            at = end
        return at

    def _exclusive_end(self, status: int, at: int, end: int) -> int:
        """Where the exclusive message or the F7 packet ends whose length, or whose content without one, is at `at`."""
        length, begin = _variable(self._data, at)
        closing = self._data.find(b"\xf7", at, min(begin + length - 1, end)) if status == 0xF0 else -1
        if closing >= 0 and max(self._data[at:closing], default=0) < 0x80:  # as on a cable, without a length
            return closing + 1
        return begin + length

    def _take_meta(self, kind: int, data: bytes, track: MidiTrack, at: int) -> None:
        if kind == TRACK_NAME:
            track.name = track.name or _text(data)
        elif kind == TEMPO:
            tempo = int.from_bytes(data[:3], "big")
            if len(data) >= 3 and MIN_FILE_BPM <= 60e6 / max(tempo, 1) <= MAX_FILE_BPM:
                track.tempi.append((track.end, tempo))
            else:
                self._pass(f"tempi outside {MIN_FILE_BPM}–{MAX_FILE_BPM} per minute", at)
        elif kind == TIME_SIGNATURE:
            if len(data) >= 2 and data[0] and data[1] <= 7:
                track.meters.append((track.end, (data[0], 1 << data[1])))
            else:
                self._pass("impossible time signatures", at)
        elif kind == KEY_SIGNATURE:
            sharps = int.from_bytes(data[:1], "big", signed=True)
            if len(data) == 2 and data[1] <= 1 and -7 <= sharps <= 7:
                track.keys.append((track.end, sharps, bool(data[1])))
            else:
                self._pass("impossible key signatures", at)
        elif kind in (TEXT, LYRIC, MARKER):
            track.texts.append((track.end, kind, _text(data[:LONGEST_TEXT])))

    # Unusual kinds of files

    def _first_sequence(self, tracks: list[MidiTrack], at: int) -> list[MidiTrack]:
        """The first track with notes of a melody, else of drums: in format 2 each track is a piece of its own."""
        playing = [track for track in tracks if any(is_note_on(message) for _, message in track.messages)]
        if len(playing) > 1:
            self._pass("pieces after the first in a file of format 2", at, len(playing) - 1)
        melodic = (t for t in playing if any(is_note_on(m) and m[0] & 15 != DRUM_CHANNEL for _, m in t.messages))
        return [next(melodic, playing[0])] if playing else []

    def _from_frames(self, division: int, tracks: list[MidiTrack], at: int) -> float:
        """Ticks per quarter note at the tempo of the start, where a file counts SMPTE frames; later tempi go."""
        rate, ticks = 256 - (division >> 8), division & 0xFF
        tempo = next((tempo for track in tracks for tick, tempo in track.tempi if not tick), 500_000)
        for track in tracks:
            track.tempi = [(0, tempo)]
        self._pass(f"a time in SMPTE frames, read at {60e6 / tempo:.4g} beats per minute", at)
        return (30_000 / 1001 if rate == 29 else rate) * ticks * tempo / 1e6

    def _pass(self, part: str, at: int, count: int = 1) -> None:
        before, first = self._passed.get(part, (0, at))
        self._passed[part] = before + count, first

    def _warning(self) -> str:
        found = (f"{part} ({f'{n}, from' if n > 1 else 'at'} byte {at})" for part, (n, at) in self._passed.items())
        return f"{self._path}: passed over or corrected: {', '.join(found)}" if self._passed else ""


def _variable(data: bytes, at: int) -> tuple[int, int]:
    """The variable-length quantity at `at`, and its end. Raises IndexError.

    Of four bytes at most (RP-001) after any number of leading zeros (bytes 80), which other readers take as well.
    """
    value = 0
    while data[at] == 0x80:
        at += 1
    for number in range(at, at + 4):
        value = value << 7 | data[number] & 0x7F
        if data[number] < 0x80:
            return value, number + 1
    raise IndexError


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
