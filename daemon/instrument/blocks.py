"""The instrument's time: messages are placed at frames, and block after block is rendered when due."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from daemon.audio.clock import ClockPage, FrameClock
from daemon.audio.ring import CHANNELS, Ring
from daemon.instrument.renderer import Renderer
from daemon.metrics import Histogram
from daemon.midi.ledger import panic_messages
from daemon.music.events import is_note_on
from daemon.wire import PlayMessage

STEP = 256  # frames rendered at once, at most: what is rendered within the clock's `rendering`
CLOCK_INTERVAL = 0.02  # seconds between looks at the clock's page while nothing is due
REST = 0.25  # of the time by which an engine was busy for longer than a step lasts; other processes have that time
MOST_WAITING = 4096  # messages kept before the first audio stream


class Blocks:
    """Renders into `ring` what is played, in time with the clock of `page`. `seconds`: the time.

    A block of the clock is rendered in steps, each as soon as every message for its frames has come. Frames that cannot
    be rendered in time are skipped. Methods raise EngineFailure.
    """

    def __init__(
        self, renderer: Renderer, page: ClockPage, ring: Ring, seconds: Callable[[], float] = time.perf_counter
    ) -> None:
        self._renderer, self._page, self._ring, self._seconds = renderer, page, ring, seconds
        self._look_ahead = renderer.look_ahead / renderer.rate
        self._clock: FrameClock | None = None
        self._block = self._next = 0  # the first frame of the present block, and the first that is not rendered
        self._waiting = deque[PlayMessage](maxlen=MOST_WAITING)
        self._rest_until = 0.0
        self._out = np.zeros((STEP, CHANNELS), np.float32)
        self._skipped = 0.0
        self._latency = Histogram()
        self._busy, self._measured_from = 0.0, seconds()

    def play(self, call: PlayMessage) -> None:
        """Have the message heard at its time, or the constant delay after it was sent. A message waits for the first
        audio stream."""
        if (clock := self._clock) is None:
            self._waiting.append(call)
            return
        frame = clock.frame_heard_at(max(call.at, call.sent + clock.delay + self._look_ahead))
        self._renderer.schedule(frame, call.message)
        if is_note_on(call.message):
            self._latency.add(clock.heard_at(max(frame, self._next)) - call.sent)

    def silence(self) -> None:
        """End every note now."""
        self._waiting.clear()
        for message in panic_messages():
            self._renderer.schedule(self._next, message)

    def next_deadline(self) -> float:
        """The seconds at which `advance` is to be called again."""
        look = self._seconds() + CLOCK_INTERVAL
        return look if self._clock is None else min(look, max(self._begin(self._clock), self._rest_until))

    def advance(self) -> None:
        """Render a step, if one is due."""
        clock = self._page.read() or self._clock
        if clock is None:
            return
        now = max(self._seconds(), self._rest_until)
        if self._clock is None or (clock.epoch, clock.block) != (self._clock.epoch, self._clock.block):
            self._begin_stream(clock, now)
        self._clock = clock
        if now > clock.mixed_at(self._block):
            self._skip_to(clock.first_block(now))
        if self._seconds() >= max(self._begin(clock), self._rest_until):
            self._render(clock)

    def figures(self) -> dict[str, Any]:
        """The load is that since the last call; the latency that of the present audio stream."""
        now = self._seconds()
        load = self._busy / max(now - self._measured_from, 1e-9)
        self._busy, self._measured_from = 0.0, now
        latency = [round(self._latency.percentile(share), 4) for share in (0.5, 0.99)]
        return {
            "late": self._renderer.late,
            "skipped": round(self._skipped),
            "load": round(load, 2),
            "latency": latency,
        }

    def _begin_stream(self, clock: FrameClock, now: float) -> None:
        self._clock = clock
        self._block = self._next = clock.first_block(now)
        self._latency = Histogram()
        waiting, self._waiting = self._waiting, deque(maxlen=MOST_WAITING)
        for call in waiting:
            self.play(call)

    def _skip_to(self, block: int) -> None:
        assert self._clock is not None
        self._skipped += (block - self._next) / self._clock.block
        self._block = self._next = block

    def _step_end(self, clock: FrameClock) -> int:
        return min(self._next + STEP, self._block + clock.block)

    def _begin(self, clock: FrameClock) -> float:
        """The seconds at which the next step is rendered: then all messages for it have come."""
        left = self._block + clock.block - self._step_end(clock)
        return clock.mixed_at(self._block) - clock.rendering - left * clock.seconds_per_frame

    def _render(self, clock: FrameClock) -> None:
        first, end, begun = self._next, self._step_end(clock), self._seconds()
        out = self._out[: end - first]
        self._renderer.render(first, out)
        self._ring.write(first, out)
        done = self._seconds()
        busy, lasts = done - begun, len(out) * clock.seconds_per_frame
        self._busy += busy
        if busy > lasts:
            self._rest_until = done + REST * busy
        if done > clock.mixed_at(self._block):
            self._skipped += len(out) / clock.block
        self._next = end
        if end == self._block + clock.block:
            self._block = end
