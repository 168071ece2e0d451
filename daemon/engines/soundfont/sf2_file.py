"""Soundfont files (SF2, and SF3, whose samples are compressed): what their headers say.

Source: SoundFont Technical Specification 2.04, E-mu Systems, 2006: RIFF chunks `LIST INFO`, `LIST sdta`, `LIST pdta`,
and in the last one `phdr`, a record of 38 bytes for each preset.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from daemon.errors import ModelError
from daemon.input_files import open_input
from daemon.paths import unreadable

DRUM_BANK = 128
MOST_BYTES = 1 << 32  # of a RIFF file
REMEDY = "choose a soundfont (SF2 or SF3)"
_PRESET = struct.Struct("<20sHH14x")  # name, program from 0, bank; the last record only ends the list
_MOST_PRESETS, _MOST_CHUNKS = 1 << 16, 64
_OTHERS = {b"DLS ": "a DLS collection", b"WAVE": "an audio file", b"RMID": "a MIDI file"}


@dataclass(frozen=True, slots=True)
class SoundfontFile:
    """`presets`: the banks (DRUM_BANK: drum kits) and the programs, from 0."""

    path: Path
    size: int
    is_compressed: bool
    presets: frozenset[tuple[int, int]]

    @property
    def is_general_midi(self) -> bool:
        """Whether it has the programs of General MIDI, and drums."""
        return (DRUM_BANK, 0) in self.presets and all((0, program) in self.presets for program in range(128))


def read_header(path: Path) -> SoundfontFile:
    """Reads no samples. Raises ModelError for a file that is missing, no soundfont, or cut off."""
    try:
        with open_input(path, MOST_BYTES) as file:
            return _read(file, path)
    except OSError as error:
        raise ModelError(unreadable(path, error, REMEDY)) from None


def _read(file: BufferedReader, path: Path) -> SoundfontFile:
    size = file.seek(0, 2)
    file.seek(0)
    tag, length, form = _header(file.read(12))
    if tag != b"RIFF" or form != b"sfbk":
        kind = _OTHERS.get(form) if tag == b"RIFF" else None
        raise ModelError(f"{path}: is {kind or 'no soundfont'}: {REMEDY}")
    if size < length + 8:
        text = f"the file has {size} of its {length + 8} bytes"
        raise ModelError(f"{path}: is cut off ({text}): copy or download the file again")
    chunks = _chunks(file, 12, length + 8)
    version = _content(file, _chunks(file, *chunks.get(b"INFO", (0, 0))), b"ifil", 4)
    records = _content(file, _chunks(file, *chunks.get(b"pdta", (0, 0))), b"phdr", _MOST_PRESETS * _PRESET.size)
    if not version or len(records) % _PRESET.size or len(records) <= _PRESET.size:
        raise ModelError(f"{path}: is damaged (no list of presets): {REMEDY}")
    presets = [(bank, program) for _, program, bank in _PRESET.iter_unpack(records)][:-1]
    return SoundfontFile(path, size, version[0] == 3, frozenset(presets))


def _header(data: bytes) -> tuple[bytes, int, bytes]:
    """The tag of a chunk, the length of its content, and the first four bytes of the content."""
    return data[:4], int.from_bytes(data[4:8], "little"), data[8:12]


def _chunks(file: BufferedReader, start: int, end: int) -> dict[bytes, tuple[int, int]]:
    """The content of each chunk between `start` and `end`, from where to where; of a list, by its type. As in
    FluidSynth, no byte follows a chunk of odd length: MuseScore's files have none."""
    found: dict[bytes, tuple[int, int]] = {}
    for _ in range(_MOST_CHUNKS):
        if start + 8 > end:
            break
        file.seek(start)
        tag, length, form = _header(file.read(12))
        content = (start + 12, start + 8 + length) if tag == b"LIST" else (start + 8, start + 8 + length)
        found.setdefault(form if tag == b"LIST" else tag, content)
        start += 8 + length
    return found


def _content(file: BufferedReader, chunks: dict[bytes, tuple[int, int]], tag: bytes, most: int) -> bytes:
    """The content of a chunk, or nothing if there is no such chunk, or a longer one."""
    start, end = chunks.get(tag, (0, 0))
    if not 0 < end - start <= most:
        return b""
    file.seek(start)
    data = file.read(end - start)
    return data if len(data) == end - start else b""
