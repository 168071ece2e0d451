"""The mixer: the sum of the instruments' rings, limited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from daemon.audio.limiter import Limiter, peak
from daemon.audio.ring import CHANNELS, Frames, Ring
from daemon.speaker.fade import Fade

_LONGEST_GAP = 1.0  # seconds of which missing blocks are counted: an instrument that is being replaced is no fault
_LATE = 0.1  # seconds by which an instrument is late at most: one that wrote nothing for longer is gone
_SILENCE = 1e-6  # −120 dB: the least peak that is told


class _Track:
    """One instrument."""

    def __init__(self, ring: Ring, rate: int, block: int) -> None:
        self.missing = 0  # blocks
        self._ring = ring
        self._fade = Fade(rate, CHANNELS)
        self._frames: Frames = np.zeros((block, CHANNELS), np.float32)
        self._late = round(_LATE * rate)
        self._in_gap = self._longest_gap = round(_LONGEST_GAP * rate / block)  # blocks; none was there yet

    def add(self, first: int, mix: Frames) -> bool:
        """Whether the block is missing though the instrument renders: it is late."""
        if self._ring.read(first, self._frames):
            self._fade.present(self._frames)
            self._in_gap = 0
        else:
            self._fade.missing(self._frames)
            if self._in_gap < self._longest_gap:
                self._in_gap += 1
                self.missing += 1
        mix += self._frames
        return bool(self._in_gap) and self._ring.end > max(first - self._late, 0)


class Mixer:
    """Mixes blocks of `block` frames at `rate`, one after the other."""

    def __init__(self, rate: int, block: int) -> None:
        self.rate, self.block = rate, block
        self.limited = 0  # blocks
        self.has_late = False  # whether an instrument was late for the last mix
        self._limiter = Limiter(rate)
        self._mix: Frames = np.zeros((block, CHANNELS), np.float32)
        self._tracks: dict[str, _Track] = {}
        self._peak = 0.0
        Limiter(rate).process(np.ones((block, CHANNELS), np.float32))  # the first time takes longest

    def listen_to(self, rings: Mapping[str, Ring]) -> None:
        """From now on these instruments; those that stay are not interrupted."""
        tracks = {name: _Track(ring, self.rate, self.block) for name, ring in rings.items() if name not in self._tracks}
        self._tracks = {name: self._tracks.get(name) or tracks[name] for name in rings}

    def mix(self, first: int) -> Frames:
        """The block that begins at frame `first`; valid until the next call."""
        self._mix[:] = 0
        self.has_late = False
        for track in self._tracks.values():
            self.has_late |= track.add(first, self._mix)
        self._limiter.process(self._mix)
        self.limited += self._limiter.gain < 1
        self._peak = max(self._peak, peak(self._mix))
        return self._mix

    def figures(self) -> dict[str, Any]:
        """The peak is that of the time since the last call."""
        peak, self._peak = max(self._peak, _SILENCE), 0.0
        missing = {name: track.missing for name, track in self._tracks.items()}
        return {"missing": missing, "peak_db": round(20 * float(np.log10(peak)), 1), "limited": self.limited}
