"""The clock of the audio device in `perf_counter` seconds, as the speaker estimates and publishes it."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path

from daemon.shared_memory import map_file

RATE = 48_000  # frames per second, unless the configuration says otherwise
MIXING_TIME = 0.002  # seconds that the speaker takes to mix a block, at most
RENDERING_TIME = 0.003  # seconds that an instrument takes to render a block, at most, unless one needed more
_FORMAT = struct.Struct("<qqqqdddddd")
_SEQUENCE = struct.Struct("<q")
_ATTEMPTS = 100  # to read what is not being written


@dataclass(frozen=True, slots=True)
class FrameClock:
    """Which frame is heard when. Numbers of frames grow from stream to stream, over the whole run of jamd.

    `epoch`: the number of the audio stream, from 1. `frame` is taken by the device at `seconds`, and a frame later
    every `seconds_per_frame`, `block` frames at once. `advance`: seconds before that by which the device may take
    frames early. `latency`: seconds from when the device takes a frame until the frame is heard.
    `rendering`: seconds before a block is mixed at which instruments begin to render the block.
    """

    epoch: int
    block: int
    frame: int
    rate: float  # nominal frames per second
    seconds: float
    seconds_per_frame: float
    advance: float
    latency: float
    rendering: float = RENDERING_TIME

    def mixed_at(self, frame: int) -> float:
        """The seconds at which the speaker mixes `frame`: an instrument must have written the frame by then."""
        return self.seconds + (frame - self.frame) * self.seconds_per_frame - self.advance - MIXING_TIME

    def heard_at(self, frame: int) -> float:
        return self.seconds + (frame - self.frame) * self.seconds_per_frame + self.latency

    def frame_heard_at(self, seconds: float) -> int:
        """The nearest frame."""
        return self.frame + round((seconds - self.latency - self.seconds) / self.seconds_per_frame)

    @property
    def delay(self) -> float:
        """Seconds from a message to its sound, the same for all: the least in which every frame can be rendered."""
        block = self.block * self.seconds_per_frame
        return self.rendering + MIXING_TIME + self.advance + block + self.latency

    def first_block(self, now: float) -> int:
        """The first frame of the first block that an instrument can still render in time."""
        ahead = now + self.rendering + MIXING_TIME + self.advance - self.seconds
        return self.frame + math.ceil(ahead / self.seconds_per_frame / self.block) * self.block


def clock_path(folder: Path) -> Path:
    """Of the page, in the runtime folder; the desk makes the file."""
    return folder / "audio.clock"


class ClockPage:
    """The published clock, in the file at `path`: written by the speaker, read by instruments and the desk."""

    def __init__(self, path: Path, create: bool = False) -> None:
        """Raises OSError."""
        self._memory = map_file(path, _FORMAT.size, create)

    def write(self, clock: FrameClock) -> None:
        (sequence,) = _SEQUENCE.unpack_from(self._memory)
        odd = sequence + 1 + sequence % 2  # is odd while the page is being written, also by a process that has died
        _SEQUENCE.pack_into(self._memory, 0, odd)
        c = clock
        numbers = (c.rate, c.seconds, c.seconds_per_frame, c.advance, c.latency, c.rendering)
        _FORMAT.pack_into(self._memory, 0, odd, c.epoch, c.block, c.frame, *numbers)
        _SEQUENCE.pack_into(self._memory, 0, odd + 1)

    @property
    def epoch(self) -> int:
        """Of the last stream, 0 before the first; also while a speaker that has died left the page half written."""
        return int(_FORMAT.unpack_from(self._memory)[1])

    def read(self) -> FrameClock | None:
        """None before the first stream, and while a speaker that has died left the page half written."""
        for _ in range(_ATTEMPTS):
            sequence, epoch, block, frame, *numbers = _FORMAT.unpack_from(self._memory)
            if sequence % 2 == 0 and _SEQUENCE.unpack_from(self._memory) == (sequence,):
                return FrameClock(epoch, block, frame, *numbers) if epoch else None
        return None
