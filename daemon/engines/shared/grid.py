"""Where the 16ths lie: which of them a window asks for, and their places in beat and bar."""

from __future__ import annotations

import math
from dataclasses import dataclass

from daemon.engines.shared.line import EPSILON, STEP
from daemon.music.events import Window

STEPS_PER_BEAT = round(1 / STEP)
JUMP = 16  # 16ths: a window less than this far back is requested again; one farther away is a jump
MAX_WINDOW = 64  # 16ths that are filled of one window, whatever its length


@dataclass(slots=True)
class Grid:
    """The 16ths as the last window told of them; they are numbered from beat 0. Bars go on as they are."""

    bar_start: float = 0.0
    meter: float = 4.0  # beats per bar
    tempo: float = 120.0  # beats per minute
    until: float = -math.inf  # end of the last window; before the first one the transport stands

    @property
    def runs(self) -> bool:
        return self.until > -math.inf

    @property
    def bar(self) -> int:
        """16ths per bar, at least one."""
        return max(round(self.meter / STEP), 1)

    def fill(self, window: Window) -> range:
        """The 16ths to be filled: those of the window that were not asked for before."""
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
        """Whether it is the first 16th at or after a beat of its bar (or the bar line)."""
        return self.position(frame) % 1.0 < STEP - EPSILON

    def on_bar(self, frame: int) -> bool:
        return self.position(frame) < STEP - EPSILON

    def beat_after(self, beat: float) -> int:
        """The first 16th on a beat that does not lie before `beat`."""
        frame = math.ceil(beat / STEP - EPSILON)
        while not self.on_beat(frame):
            frame += 1
        return frame
