"""The audio device's side: a bounded queue of frames, from which the device's callback copies."""

from __future__ import annotations

import time
from collections import deque

import numpy as np

from daemon.audio.ring import Frames
from daemon.speaker.fade import Fade

CAPACITY = 1 << 15  # frames, unless the blocks are long
_BLOCKS = 4  # that the queue holds at least: a device may take two at once
_CALLS = 1024  # that are kept for the clock


class Playback:
    """Frames by their number since the stream's start, in the device's rate and channels.

    One thread writes, the device's thread takes; neither waits. `calls`: (first frame, frames, seconds, latency) of
    the device's latest calls. `taken`: frames that the device has taken. `under_runs`: gaps in what it took.
    """

    def __init__(self, rate: float, channels: int, block: int = 0) -> None:
        """`block`: the most frames that are written at once."""
        self.rate, self.channels = rate, channels
        self._capacity = max(CAPACITY, _BLOCKS * block)
        self.taken = 0
        self.under_runs = 0
        self.calls: deque[tuple[int, int, float, float]] = deque(maxlen=_CALLS)
        self._frames: Frames = np.zeros((self._capacity, channels), np.float32)
        self._start = self._end = 0  # the frames that are there
        self._fade = Fade(rate, channels)

    def write(self, first: int, frames: Frames) -> None:
        """Frames that do not follow the last ones replace all that was written."""
        end = first + len(frames)
        if first != self._end:
            self._start = first
        at = first % self._capacity
        part = min(len(frames), self._capacity - at)
        self._frames[at : at + part] = frames[:part]
        self._frames[: len(frames) - part] = frames[part:]
        self._end = end

    def begin(self, first: int) -> None:
        """The first frame to be written: what comes before it is silence, and is no under-run."""
        self._start = self._end = first

    def end(self) -> None:
        """Fade out."""
        self._start = self._end = 0

    def take(self, out: Frames, latency: float, has_missed: bool) -> None:
        """The device's callback: fill `out`. `latency`: seconds until its first frame is heard. `has_missed`: a gap was
        heard since the last call, because this thread was late."""
        now = time.perf_counter()
        first, frames = self.taken, len(out)
        self.taken = first + frames
        self.calls.append((first, frames, now, latency))
        begin, end = max(first, self._start), min(first + frames, self._end)
        if begin >= end:
            has_missed |= self._fade.missing(out)
        else:
            if begin > first:
                has_missed |= self._fade.missing(out[: begin - first])
            part = out[begin - first : end - first]
            self._copy(begin, part)
            self._fade.present(part)
            if end < first + frames:
                has_missed |= self._fade.missing(out[end - first :])
        self.under_runs += has_missed and self._end > 0

    def _copy(self, first: int, out: Frames) -> None:
        at = first % self._capacity
        part = min(len(out), self._capacity - at)
        out[:part] = self._frames[at : at + part]
        out[part:] = self._frames[: len(out) - part]
