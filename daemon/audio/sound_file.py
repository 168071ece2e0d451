"""Frames as a WAV or FLAC file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from daemon.audio.ring import CHANNELS, Frames
from daemon.errors import AudioError

MAX_WAV_BYTES = 0xFFFFFFFF - 4096  # of a file, whose chunks have sizes of 32 bits
_FRAME_BYTES = CHANNELS * 3
_FULL_SCALE = 1 << 23


def sound_library() -> Any:
    """The package `soundfile`. Raises AudioError where it, or its library, is missing."""
    try:
        import soundfile
    except (ImportError, OSError) as error:
        remedy = "install the package libsndfile1 (Debian, Ubuntu; Fedora, Arch: libsndfile)"
        raise AudioError(f"sound files need libsndfile, which cannot be loaded ({error}): {remedy}") from None
    return soundfile


class TooLong(ValueError):
    """More frames than the format holds."""


def quantised(frames: Frames) -> NDArray[np.int32]:
    """Frames of −1 … 1 as the nearest integers of 24 bits, in the upper bits of 32."""
    rounded = np.rint(frames * np.float32(_FULL_SCALE))
    samples: NDArray[np.int32] = np.clip(rounded, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int32) << 8
    return samples


class SoundFile:
    """A file of 24 bits per sample in `file`, which stays open. `format`: WAV or FLAC; `rate`: frames per second.

    Methods raise OSError if `file` cannot be written, and TooLong; the first one AudioError (`sound_library`).
    """

    def __init__(self, file: BinaryIO, format: str, rate: int) -> None:
        library = sound_library()
        self._guard, self._format = _Guard(file), format
        self.frames = 0  # written
        self._file = library.SoundFile(self._guard, "w", rate, CHANNELS, "PCM_24", format=format)
        self._guard.check()

    def write(self, frames: NDArray[np.int32]) -> None:
        """Write `quantised` frames."""
        if self._format == "WAV" and (self.frames + len(frames)) * _FRAME_BYTES > MAX_WAV_BYTES:
            raise TooLong
        self._file.write(frames)
        self.frames += len(frames)
        self._guard.check()

    def close(self) -> None:
        """Write what is buffered, and the header."""
        self._file.close()
        self._guard.check()


class _Guard:
    """The file as libsndfile sees it, whose callbacks must not raise: after the first error it swallows everything."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._error: OSError | ValueError | None = None

    def check(self) -> None:
        if self._error is not None:
            raise self._error

    def write(self, data: bytes) -> int:
        self._attempt(self._file.write, data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._attempt(self._file.seek, offset, whence) or 0

    def tell(self) -> int:
        return self._attempt(self._file.tell) or 0

    def read(self, size: int) -> bytes:
        return self._attempt(self._file.read, size) or b""

    def _attempt(self, work: Callable[..., Any], *arguments: Any) -> Any:
        if self._error is None:
            try:
                return work(*arguments)
            except (OSError, ValueError) as error:  # ValueError: closed, as after Ctrl-C
                self._error = error
        return None
