"""An audio device that is none: it takes frames in time, so that the band plays on and is recorded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from daemon import realtime
from daemon.speaker.playback import Playback

_LOST = 0.2  # seconds: a device that is later than that has lost frames


class NullOutput:
    """Takes `period` frames at once, until it is closed. `skew`: how much faster than nominal it runs (1e-4: 100 ppm);
    `jitter` gives the seconds by which each call is late."""

    name: str | None = None
    active = True

    def __init__(
        self, playback: Playback, period: int, skew: float = 0.0, jitter: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.playback = playback
        self._period, self._jitter = period, jitter
        self._seconds = period / playback.rate / (1 + skew)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="null output", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        self._thread.join(1)

    def _run(self) -> None:
        realtime.request_real_time(realtime.SPEAKER_PRIORITY)
        out = np.zeros((self._period, self.playback.channels), np.float32)
        due = time.perf_counter()
        while not self._stopping.is_set():
            wait = due + self._jitter() - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            elif wait < -_LOST:
                due -= wait
            self.playback.take(out, 0.0, False)
            due += self._seconds
