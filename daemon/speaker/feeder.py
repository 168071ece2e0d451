"""The thread that mixes every block at its time, and hands it to the device's queue, the recording and the clock."""

from __future__ import annotations

import math
import threading
import time

from daemon import realtime
from daemon.audio.clock import ClockPage, FrameClock
from daemon.audio.ring import Ring
from daemon.speaker.converter import Converter
from daemon.speaker.mixer import Mixer
from daemon.speaker.playback import Playback
from daemon.speaker.timekeeper import Timekeeper

PUBLISH_INTERVAL = 0.05  # seconds
LONGEST_LAG = 0.5  # seconds: what the thread is later than that is left out
LONGEST_LEAD = 0.05  # seconds …
GROWTH_INTERVAL = 0.5  # seconds in which an instrument that has more time now is not given still more
_START = 0.3  # seconds in which late blocks are no reason to be earlier: much is done for the first time
_START_STEP = 0.005  # seconds between two looks at a device that is starting


class Feeder(threading.Thread):
    """Feeds one stream, from its start to `stop`. `mixer.rate` and `mixer.block` are the band's."""

    def __init__(self, mixer: Mixer, playback: Playback, page: ClockPage, mix: Ring) -> None:
        super().__init__(name="mixer", daemon=True)
        self.clock: FrameClock | None = None  # once it is published
        self.failure = ""  # what ended the thread before `stop`
        self._mixer, self._playback, self._page, self._mix = mixer, playback, page, mix
        self._converter = self._make_converter()
        self._timekeeper = self._make_timekeeper()
        self._written = 0  # the device's frame after the last one written
        self._most_ahead = 0  # frames that may be written before the device takes them
        self._published_at = self._grown_at = -math.inf
        self._strict_from = math.inf  # seconds
        self._stopping = False

    def _make_converter(self) -> Converter:
        mixer, playback = self._mixer, self._playback
        return Converter(mixer.rate, mixer.block, playback.rate, playback.channels)

    def _make_timekeeper(self) -> Timekeeper:
        mixer, epoch = self._mixer, self._page.epoch + 1
        return Timekeeper(self._playback, mixer.rate, mixer.block, epoch, self._converter.delay)

    def stop(self) -> None:
        """End after the present block."""
        self._stopping = True
        self.join(1)

    def run(self) -> None:
        try:
            self._feed_until_stopped()
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"

    def _feed_until_stopped(self) -> None:
        realtime.request_real_time(realtime.SPEAKER_PRIORITY)
        while not self._stopping:
            while not self._timekeeper.is_known and not self._timekeeper.has_jumped:
                if self._stopping:
                    return
                time.sleep(_START_STEP)
                self._timekeeper.update()
            if not self._timekeeper.has_jumped:
                self._feed_from_now()
                self._converter = self._make_converter()  # the next frames do not follow the last ones
            self._timekeeper = self._make_timekeeper()

    def _feed_from_now(self) -> None:
        """Feed until `stop`, or until the device has skipped frames or stood still: then the clock begins anew."""
        frame = self._first_frame(time.perf_counter())
        self._written = self._timekeeper.begin(frame, time.perf_counter()) + self._converter.lag
        self._most_ahead = 2 * (self._written - self._playback.taken) + round(LONGEST_LEAD * self._playback.rate)
        self._playback.begin(self._written)
        self._publish(time.perf_counter())
        self._strict_from = time.perf_counter() + _START
        while not self._stopping and not self._timekeeper.has_jumped:
            frame = self._wait_for(frame)
            self._feed(frame)
            frame += self._mixer.block

    def _first_frame(self, now: float) -> int:
        """After all frames of streams before this one."""
        before, present = self._page.read(), 0
        if before is not None:
            present = before.first_block(now) + before.block
        return max(present, self._mix.end)

    def _wait_for(self, frame: int) -> int:
        """Sleep until `frame` is to be mixed; returns a later frame after a standstill."""
        wait = self._timekeeper.clock.mixed_at(frame) - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        while self._written - self._playback.taken > self._most_ahead and not self._stopping:
            time.sleep(self._mixer.block / self._mixer.rate)  # the device stands still, and the clock went on
            self._timekeeper.update()
        self._timekeeper.update()
        behind = self._playback.taken - self._written
        if behind > LONGEST_LAG * self._playback.rate and not self._timekeeper.has_jumped:
            blocks = math.ceil(behind / self._converter.ratio / self._mixer.block)
            frame += blocks * self._mixer.block
            self._written += round(blocks * self._mixer.block * self._converter.ratio)
        return frame

    def _feed(self, frame: int) -> None:
        block = self._mixer.mix(frame)
        frames = self._converter.convert(block)
        self._playback.write(self._written, frames)
        now = time.perf_counter()
        is_late = self._playback.taken > self._written and len(frames) > 0
        self._written += len(frames)
        self._mix.write(frame, block)
        last_call = self._playback.calls[-1][2] if is_late and self._playback.calls else now
        self._timekeeper.update()
        has_grown = False
        if now > self._strict_from:
            has_grown = is_late and self._timekeeper.mixing.grow(now - last_call, now)
            if self._mixer.has_late and now > self._grown_at + GROWTH_INTERVAL:
                self._grown_at = now
                has_grown |= self._timekeeper.rendering.grow(0.0, now)
        if has_grown or now >= self._published_at + PUBLISH_INTERVAL:
            self._timekeeper.mixing.relax(now)
            self._timekeeper.rendering.relax(now)
            self._publish(now)

    def _publish(self, now: float) -> None:
        self.clock = self._timekeeper.clock
        self._page.write(self.clock)
        self._published_at = now
