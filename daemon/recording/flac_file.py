"""A FLAC file that grows while jamd plays, and can be played at any moment, also after a kill or a power cut."""

from __future__ import annotations

import os
from collections import deque
from io import FileIO
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from daemon.audio.ring import CHANNELS, Frames
from daemon.audio.sound_file import SoundFile, quantised

MAX_UNWRITTEN = 4 << 20  # bytes that are kept while the disk is full: half a minute of music
SILENCE_AT_ONCE = 1 << 16  # frames
_BLOCK_SIZE, _LENGTH = 8, 18  # the bytes of STREAMINFO with the frames per block, and with rate, format and length


class FlacFile:
    """`frames` are those of the file, its silent end included, which is written once sound follows.

    libsndfile writes the length when the file is closed; here the header tells the length that is on the disk.
    """

    def __init__(self, path: Path, rate: int) -> None:
        """Make the file. Raises OSError, and AudioError."""
        self.path, self.rate = path, rate
        self.frames = 0
        self._unwritten = _Unwritten()
        self._sound = SoundFile(cast(BinaryIO, self._unwritten), "FLAC", rate)
        self._file = FileIO(path, "xb+")

    def write(self, frames: Frames) -> None:
        """Add frames. While more than MAX_UNWRITTEN bytes cannot be written, silence is added instead."""
        samples = quantised(frames)
        if samples.any() and self._unwritten.size <= MAX_UNWRITTEN:
            self._write_silence()
            self._sound.write(samples)
        self.frames += len(frames)

    def skip(self, count: int) -> None:
        """Add silent frames."""
        self.frames += count

    def sync(self) -> None:
        """Put on the disk what can be. Raises OSError; then the rest waits."""
        self._unwritten.flush(self._file)
        os.fsync(self._file.fileno())
        self._file.seek(_BLOCK_SIZE)
        block = int.from_bytes(self._file.read(2))
        if block and (length := (self._sound.frames - 1) // block * block):  # libFLAC keeps a block and a frame
            self._file.seek(_LENGTH)  # not before the frames are there: libsndfile reads no file that is too short
            self._file.write((self.rate << 44 | CHANNELS - 1 << 41 | 24 - 1 << 36 | length).to_bytes(8))

    def close(self, whole: bool = False) -> None:
        """End the file; `whole`: with its silent end. Raises OSError; then the file can be played up to there."""
        try:
            if whole:
                self._write_silence()
            self._sound.close()
            self._unwritten.flush(self._file)
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    @property
    def is_gone(self) -> bool:
        """Whether the file is no longer at its path: it, or its folder, was removed, renamed or unmounted."""
        try:
            return not os.path.samestat(self.path.stat(), os.fstat(self._file.fileno()))
        except OSError:
            return True

    def _write_silence(self) -> None:
        while (count := min(self.frames - self._sound.frames, SILENCE_AT_ONCE)) > 0:
            self._sound.write(np.zeros((count, CHANNELS), np.int32))


def seconds_in(path: Path) -> float:
    """The length of a file, perhaps of a process that was killed; 0 if it cannot be read."""
    try:
        with path.open("rb") as file:
            fields = int.from_bytes(file.read(_LENGTH + 8)[_LENGTH:])
    except OSError:
        return 0.0
    return (fields & (1 << 36) - 1) / ((fields >> 44) or 1)


class _Unwritten:
    """What libsndfile writes, until it is on the disk: an encoder that could not write would be of no use any more."""

    def __init__(self) -> None:
        self._parts: deque[tuple[int, bytes]] = deque()  # with their places
        self._at = self._end = 0
        self.size = 0  # bytes

    def flush(self, file: FileIO) -> None:
        """Raises OSError."""
        while self._parts:
            place, data = self._parts.popleft()
            done = 0
            try:
                file.seek(place)
                done = file.write(data)
            finally:
                self.size -= done
                if done < len(data):
                    self._parts.appendleft((place + done, data[done:]))

    def write(self, data: bytes) -> int:
        self._parts.append((self._at, bytes(data)))
        self.size += len(data)
        self._at += len(data)
        self._end = max(self._end, self._at)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._end)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int) -> bytes:
        return b""
