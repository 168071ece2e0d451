"""Which frame of the band the device takes when: from the calls of its callback to the published clock."""

from __future__ import annotations

import math
from collections import Counter

from daemon.audio.clock import RENDERING_TIME, FrameClock
from daemon.audio.clock_filter import ClockFilter
from daemon.speaker.playback import Playback

CALLS_AT_START = 8  # after which the clock is known
_LONGEST_LATENCY = 1.0  # seconds; a device that tells a longer one, or none, is not believed
_LATENCY_STEP = 0.001  # seconds: a smaller change is not published, because everything depends on it
_MEAN_OF = 64  # calls
LONGEST_BURST = 1.0  # seconds of frames; a device that takes more at once skips them, as while JACK freewheels
LONGEST_STANDSTILL = 0.1  # seconds; instruments leave out what was to be heard in a longer one
MOST = 0.02  # seconds, of a reserve
STEP = 0.002  # seconds by which a reserve changes at least: the delay of all instruments does, too
CALM = 60.0  # seconds without late work, at first, after which a step is taken back


class Reserve:
    """Seconds of reserve: more after work that was late, and less again after a while without."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._calm, self._relax_at, self._has_relaxed = CALM, math.inf, False

    def grow(self, shortage: float, now: float) -> bool:
        """Work was `shortage` seconds late: have that much more, if that is reasonable."""
        seconds = self.seconds + max(shortage, STEP)
        if seconds > MOST:
            return False
        if self._has_relaxed:
            self._calm *= 2  # what was taken back is needed
        self.seconds, self._has_relaxed, self._relax_at = seconds, False, now + self._calm
        return True

    def relax(self, now: float) -> None:
        """Take a step of that back, if no work was late for a while."""
        if self.seconds and now > self._relax_at:
            self.seconds = max(0.0, self.seconds - STEP)
            self._has_relaxed, self._relax_at = True, now + self._calm


class Timekeeper:
    """`update` takes the device's latest calls in; `clock` is what they say, once it `is_known`.

    A burst, calls that follow each other at once, counts as one call: the device takes that much at once. Frame numbers
    of the band begin at `begin`. `mixing` and `rendering` are the reserves that grow when mixing, or an instrument, was
    late. `has_jumped`: the device skipped frames, or stood still, and this clock is of no use any more.
    """

    def __init__(self, playback: Playback, rate: int, block: int, epoch: int, delay: float) -> None:
        """`delay`: the seconds between a frame of the band and its frame of the device."""
        self._playback = playback
        self._rate, self._block, self._epoch, self._delay = rate, block, epoch, delay
        self._filter = ClockFilter(playback.rate)
        self._bursts: Counter[int] = Counter()  # frames taken at once → how often
        self._burst_at = 0  # the first frame of the latest burst
        self._burst_since = -math.inf  # seconds
        self._latency: float | None = None
        self._mean_latency = 0.0
        self.mixing, self.rendering = Reserve(), Reserve()
        self._frame = self._device_frame = 0  # one that are the same
        self._begun = self.has_jumped = False
        self._at_once = 0

    @property
    def is_known(self) -> bool:
        return self._filter.count >= CALLS_AT_START

    def update(self) -> None:
        calls = self._playback.calls
        while calls:
            first, _, seconds, latency = calls.popleft()
            since = (first - self._burst_at) / self._playback.rate
            if seconds - self._burst_since < since / 2:
                self.has_jumped |= since > LONGEST_BURST
                continue
            self.has_jumped |= self._begun and seconds > self._filter.seconds_of(first) + LONGEST_STANDSTILL
            if self._filter.count:
                self._bursts[first - self._burst_at] += 1
            self._burst_at, self._burst_since = first, seconds
            self._filter.add(first, seconds)
            self._follow_latency(latency)

    def _follow_latency(self, latency: float) -> None:
        if not 0 < latency < _LONGEST_LATENCY:
            return
        if self._latency is None:
            self._latency = self._mean_latency = latency
        weight = 1 / min(self._filter.count, _MEAN_OF)
        self._mean_latency += (latency - self._mean_latency) * weight
        if not self._begun or abs(self._mean_latency - self._latency) > _LATENCY_STEP:
            self._latency = self._mean_latency

    def begin(self, frame: int, now: float) -> int:
        """Let the band's frames begin with `frame`: returns its number in the device. Nothing before it is heard."""
        self._at_once, _ = self._bursts.most_common(1)[0]
        self._begun = True
        self._frame, self._device_frame = frame, self._burst_at
        ahead = self.clock.first_block(now) - frame  # frames of the band
        bursts = math.ceil(ahead * self._playback.rate / self._rate / self._at_once)
        self._device_frame += max(0, bursts) * self._at_once
        return self._device_frame

    @property
    def clock(self) -> FrameClock:
        """A device that takes more than a block at once takes the last block in it early. `frame` is the first one of
        a block."""
        f = self._filter
        ratio = self._playback.rate / self._rate  # frames of the device in one of the band
        exact = self._frame + (f.frame - self._device_frame) / ratio
        frame = math.floor(exact)
        frame -= (frame - self._frame) % self._block  # of a block's beginning: all count blocks from there
        per_frame = f.seconds_per_frame * ratio
        block = self._block * ratio
        step = math.gcd(self._at_once, round(block)) if block == round(block) else 1
        return FrameClock(
            epoch=self._epoch,
            block=self._block,
            frame=frame,
            rate=float(self._rate),
            seconds=f.seconds - (exact - frame) * per_frame,
            seconds_per_frame=per_frame,
            advance=max(0, self._at_once - step) / self._playback.rate + self.mixing.seconds,
            latency=(self._latency or 0.0) + self._delay,
            rendering=RENDERING_TIME + self.rendering.seconds,
        )
