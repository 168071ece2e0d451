"""The mix as it is heard: the speaker's ring read along a timeline of `perf_counter` seconds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from daemon.audio.clock import ClockPage, FrameClock
from daemon.audio.ring import CHANNELS, Frames, Ring

BLOCK = 4096  # frames that are read at once, at most
TOLERANCE = 0.0005  # seconds by which a frame may be misplaced
JUMP = 0.05  # seconds beyond which the device stood still: what was heard then is silence
SLEW = 5e-4  # the share by which the mix is sped up or slowed down to be in time: 0.9 cents
_STEP = 64  # frames that are slewed at once
_TAPS = 16  # frames before and after one that is interpolated


class MixReader:
    """Frame n of the timeline is the one that is heard `n / rate` seconds after `origin`.

    The clock of an audio device is not `perf_counter`: when they have drifted apart by TOLERANCE, the mix is resampled
    for a second or so. Otherwise its frames are passed on as they are. Where there is no mix, as while a speaker is
    being replaced, the timeline has silence.
    """

    def __init__(self, page: ClockPage, ring: Ring) -> None:
        self._page, self._ring = page, ring
        self.origin, self.rate = 0.0, 0
        self.at = 0  # the number of the next frame of the timeline
        self._epoch = 0  # of the stream that is read; 0: the place in the ring is not known
        self._source = 0  # the frame of the ring that is next
        self._shift = 0.0  # frames after `_source` at which the next frame really lies
        self._slew = 0.0  # frames by which to move that

    def begin(self, origin: float) -> bool:
        """Begin a timeline, which may lie some seconds in the past. False: there is no clock yet."""
        clock = self._page.read()
        if clock is None:
            return False
        self.origin, self.rate = origin, round(clock.rate)
        self.at = self._epoch = self._source = 0
        return True

    @property
    def has_other_rate(self) -> bool:
        """Whether the mix now has another rate than this timeline, so that there is nothing to be read."""
        clock = self._page.read()
        return clock is not None and round(clock.rate) != self.rate

    def read(self) -> Iterator[Frames]:
        """The frames that there are from `at` on, in blocks, silence included."""
        while (clock := self._page.read()) is not None and round(clock.rate) == self.rate:
            if clock.epoch != self._epoch:
                if self._epoch and (rest := self._ring.end - self._source) > 0 and self._ring.first <= self._source:
                    yield from self._copy(min(rest, BLOCK))  # of the stream before, which is still there
                    continue
                if (silence := self._find(clock)) is None:
                    return
                yield from self._silence(silence)
                continue
            error = self._place_of(self.at, clock) - self._source - self._shift
            if error < -JUMP * self.rate:
                yield from self._silence(round(-error))
            elif error > JUMP * self.rate:
                self._epoch = 0
                continue
            elif not self._slew and abs(error) > TOLERANCE * self.rate:
                self._slew = float(round(error))
            there = self._ring.end - self._source
            if self._slew:
                if there < _STEP + 2 * _TAPS:
                    return
                yield from self._slewed()
            elif there > 0:
                yield from self._copy(min(there, BLOCK))
            else:
                return

    def _place_of(self, at: int, clock: FrameClock) -> float:
        """The frame of the ring that is heard at frame `at` of the timeline."""
        seconds = self.origin + at / self.rate - clock.latency - clock.seconds
        return clock.frame + seconds / clock.seconds_per_frame

    def _find(self, clock: FrameClock) -> int | None:
        """Find the place of frame `at` in the ring; returns how many frames are missing before the first one there.
        None: there are none yet. What was read is not read again."""
        place = round(self._place_of(self.at, clock))
        source = max(place, self._ring.first, self._source)
        if source >= self._ring.end:
            return None
        self._epoch, self._source = clock.epoch, source
        self._shift = self._slew = 0.0
        return source - place

    def _silence(self, count: int) -> Iterator[Frames]:
        self.at += count
        if count:
            yield np.broadcast_to(np.zeros((1, CHANNELS), np.float32), (count, CHANNELS))  # needs no memory

    def _copy(self, count: int) -> Iterator[Frames]:
        frames = np.empty((count, CHANNELS), np.float32)
        if self._ring.read(self._source, frames):
            self._source += count
            self.at += count
            yield frames
        else:  # the process was too slow, or the stream is a new one
            self._epoch = 0

    def _slewed(self) -> Iterator[Frames]:
        """_STEP frames, of which the first is interpolated at `_shift`, the last one a little before or after."""
        window = np.empty((_STEP + 2 * _TAPS, CHANNELS), np.float32)
        if not self._ring.read(self._source - _TAPS, window):
            self._epoch = 0
            return
        step = min(max(self._slew, -SLEW * _STEP), SLEW * _STEP)
        share = (np.arange(_STEP) / _STEP)[:, None]
        frames = _interpolated(window, self._shift) * (1 - share) + _interpolated(window, self._shift + step) * share
        self._slew -= step
        shift = self._shift + step
        whole = round(shift) if not self._slew else int(np.floor(shift))
        self._source, self._shift = self._source + _STEP + whole, shift - whole if self._slew else 0.0
        self.at += _STEP
        yield frames.astype(np.float32)


def _interpolated(window: Frames, shift: float) -> NDArray[np.float64]:
    """_STEP frames, the first of which lies `shift` frames after frame _TAPS of `window`: by a windowed sinc."""
    distance = np.arange(-_TAPS + 1, _TAPS + 1) - shift
    kernel = np.sinc(distance) * np.interp(distance, _WINDOW_AT, _WINDOW, 0.0, 0.0)
    columns = [np.convolve(window[1:, channel], kernel[::-1], "valid")[:_STEP] for channel in range(CHANNELS)]
    return np.stack(columns, axis=1)


_WINDOW_AT = np.linspace(-_TAPS, _TAPS, 2049)
_WINDOW = np.kaiser(2049, 8.0)
