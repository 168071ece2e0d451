"""Audio in shared memory: a ring of stereo frames that are addressed by their numbers.

One process writes, any number read, and none waits for another: a reader that asks for frames that are not there yet,
or no longer, is told so.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daemon.shared_memory import map_file

CHANNELS = 2
CAPACITY = 1 << 14  # frames of an instrument's ring
MIX_CAPACITY = 1 << 19  # frames of the ring with the mix, which the recording reads: 11 s at 48,000 Hz
_HEADER = 64  # bytes: the numbers of the first frame and of the one after the last
Frames = NDArray[np.float32]


def mix_path(folder: Path) -> Path:
    """Of the ring with the mix, in the runtime folder; the desk makes the files of rings."""
    return folder / "audio.mix"


def ring_path(folder: Path, instrument: str) -> Path:
    """Of any name, also one that is no file name."""
    return folder / f"audio-{blake2b(instrument.encode(errors='backslashreplace'), digest_size=8).hexdigest()}.ring"


class Ring:
    """A ring of `capacity` frames, float32 of shape (frames, 2), in the file at `path`."""

    def __init__(self, path: Path, capacity: int = CAPACITY, create: bool = False) -> None:
        """Raises OSError, or ValueError for a file of another size."""
        memory = map_file(path, _HEADER + capacity * CHANNELS * 4, create)
        self._bounds: NDArray[np.int64] = np.frombuffer(memory, np.int64, 2)
        self._frames: Frames = np.frombuffer(memory, np.float32, capacity * CHANNELS, _HEADER).reshape(-1, CHANNELS)
        self._capacity = capacity

    @property
    def first(self) -> int:
        """The number of the first frame that is there."""
        return int(self._bounds[0])

    @property
    def end(self) -> int:
        """The number of the frame after the last one written."""
        return int(self._bounds[1])

    def write(self, first: int, frames: Frames) -> None:
        """Write at most `capacity` frames from number `first` on. Frames that do not follow the last ones replace
        all that was written."""
        end = first + len(frames)
        start = self._bounds[0] if first == self._bounds[1] else first
        self._bounds[0] = max(start, end - self._capacity)  # before frames are overwritten
        at = first % self._capacity
        part = min(len(frames), self._capacity - at)
        self._frames[at : at + part] = frames[:part]
        self._frames[: len(frames) - part] = frames[part:]
        self._bounds[1] = end

    def read(self, first: int, out: Frames) -> bool:
        """Copy the frames from number `first` on into `out`. False: they are not all there, and `out` is undefined."""
        end = first + len(out)
        if not (self._bounds[0] <= first and end <= self._bounds[1]):
            return False
        at = first % self._capacity
        part = min(len(out), self._capacity - at)
        out[:part] = self._frames[at : at + part]
        out[part:] = self._frames[: len(out) - part]
        return bool(self._bounds[0] <= first)  # not overwritten meanwhile
