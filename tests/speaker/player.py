"""An instrument for tests of the speaker: a sine whose phase follows from the frame's number."""

import threading
import time
from typing import Self

import numpy as np

from daemon.audio.clock import ClockPage
from daemon.audio.ring import CAPACITY, Frames, Ring
from tests.tools.sine import cosine

RATE = 48_000


def sine(first: int, count: int) -> Frames:
    """440 Hz, the same again after 1,200 frames."""
    return np.repeat((0.5 * cosine(69, RATE, first, count)).astype(np.float32)[:, None], 2, axis=1)


class Player:
    """Fills its ring well ahead of the clock, from each moment at which there is one."""

    def __init__(self, ring: Ring, page: ClockPage, block: int) -> None:
        self.ring = ring
        self._page, self._block, self._playing = page, block, True
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        end = 0
        while self._playing:
            clock = self._page.read()
            if clock is not None:
                present = clock.first_block(time.perf_counter())
                end = max(end, present)
                while end < present + CAPACITY // 2:
                    self.ring.write(end, sine(end, self._block))
                    end += self._block
            time.sleep(0.02)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._playing = False
        self._thread.join()
