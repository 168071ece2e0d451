"""The grid of 16ths: which 16ths a window requests, and their positions in beat and bar."""

from __future__ import annotations

import math
from dataclasses import dataclass

from daemon.engines.shared.line import EPSILON, STEP
from daemon.music.events import Window

STEPS_PER_BEAT = round(1 / STEP)
# 16ths. A window that starts this far before the end of the last one is a jump, a nearer one a repeat; a 16th that lies
# farther than this after the last one is a jump, too.
JUMP = 16
# Beats, for engines that play ahead: a window that starts less than this before the end of the last one is a repeat,
# one that starts earlier a jump.
REPEAT_BEATS = 16.0
MAX_WINDOW = 64  # 16ths filled of one window, whatever its length


@dataclass(slots=True)
class Grid:
    """The 16ths, numbered from beat 0, and their bars as the last window gave them; later bars are assumed equal."""

    bar_start: float = 0.0
    meter: float = 4.0  # beats per bar
    tempo: float = 120.0  # beats per minute
    until: float = -math.inf  # end of the last window; −∞: no window yet, the transport is stopped

    @property
    def runs(self) -> bool:
        """Whether a window was requested since the start."""
        return self.until > -math.inf

    @property
    def bar(self) -> int:
        """16ths per bar, at least one."""
        return max(round(self.meter / STEP), 1)

    def fill(self, window: Window) -> range:
        """The numbers of the 16ths to fill: those of the window that were not requested before."""
        start = window.start
        if self.until - JUMP * STEP < start < self.until:
            start = min(self.until, window.end)
        self.until = max(start, window.end)
        self.bar_start, self.meter, self.tempo = window.bar_start, max(window.meter, STEP), window.tempo
        first, last = math.ceil(start / STEP - EPSILON), math.ceil(window.end / STEP - EPSILON)
        return range(max(first, last - MAX_WINDOW), last)

    def position(self, frame: int) -> float:
        """Beats from the bar line to 16th number `frame`."""
        position = round((frame * STEP - self.bar_start) % self.meter, 6)
        return position if position < self.meter - EPSILON else 0.0

    def on_beat(self, frame: int) -> bool:
        """Whether 16th number `frame` is the first one at or after a beat of its bar, bar lines included."""
        return self.position(frame) % 1.0 < STEP - EPSILON

    def on_bar(self, frame: int) -> bool:
        """Whether 16th number `frame` is the first one at or after a bar line."""
        return self.position(frame) < STEP - EPSILON

    def beat_after(self, beat: float) -> int:
        """The number of the first 16th at or after `beat` that is on a beat."""
        frame = math.ceil(beat / STEP - EPSILON)
        while not self.on_beat(frame):
            frame += 1
        return frame
