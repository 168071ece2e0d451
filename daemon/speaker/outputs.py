"""The output of the moment: the audio device, or the null output until there is one."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from daemon import realtime
from daemon.audio.clock import ClockPage
from daemon.audio.ring import CHANNELS, Ring
from daemon.futures import in_thread
from daemon.speaker.fade import FADE
from daemon.speaker.feeder import Feeder
from daemon.speaker.mixer import Mixer
from daemon.speaker.null_output import NullOutput
from daemon.speaker.playback import Playback
from daemon.speaker.stream import Stream, open_stream

FAILED, DEVICE_LOST = 1, 3  # exit statuses: a fault of jamd; the audio device or its server is gone
STARTING = 3.0  # seconds of an output in which gaps are not logged: the band's other processes start, too
SILENT = 0.5  # seconds without a call after which a device is gone
PATIENCE = 1.0  # seconds that a device has to open before the null output begins
LOOK_INTERVAL = 1.0  # seconds between two looks for a device …
LOOK_SHARE = 0.05  # … and more where a look takes more than this share of a core
CLOSE_TIMEOUT = 0.5  # seconds
_STEP = 0.2  # seconds: a longer time between two looks counts as this; the machine, or this process, stood still
_DELAY_STEP = 0.001  # seconds
Tell = Callable[[list[Any]], None]  # the desk
Output = Stream | NullOutput  # what takes frames: a device, or none


@dataclass(frozen=True, slots=True)
class Settings:
    """`device`: a part of a name, or "default"; None: the null output."""

    device: str | None
    rate: int
    block: int


class Outputs:
    """`look`, called a few times a second, opens, watches and replaces the output."""

    def __init__(self, page: ClockPage, mix: Ring, tell: Tell) -> None:
        self._page, self._mix, self._tell = page, mix, tell
        self._settings: Settings | None = None
        self._mixer: Mixer | None = None
        self._output: Output | None = None
        self._feeder: Feeder | None = None
        self._search: Future[Output] | None = None
        self._is_outdated = False  # the search is one for other settings
        self._search_began = self._next_search = 0.0
        self._reason = ""  # why there is no device
        self._told: tuple[str | None, float] | None = None  # the device and its delay, as the desk knows them
        self._is_ready = False
        self._taken, self._silent, self._looked_at = -1, 0.0, time.perf_counter()
        self._used_since = 0.0
        self._under_runs = 0  # of the outputs before
        self._told_under_runs = 0

    @property
    def is_settled(self) -> bool:
        """Whether the output runs and the desk knows it."""
        return self._is_ready

    def take(self, settings: Settings, rings: Mapping[str, Ring]) -> None:
        """Use these settings and instruments from now on."""
        self._is_ready = False
        if settings != self._settings:
            self._settings, self._mixer = settings, Mixer(settings.rate, settings.block)
            self._is_outdated = self._search is not None
            self.close()
            self._reason = ""
            if self._search is None:
                self._begin_search()
        assert self._mixer is not None
        self._mixer.listen_to(rings)

    def figures(self) -> dict[str, Any]:
        return {
            "device": self._output.name if self._output is not None else None,
            "under_runs": self._count_under_runs(),
            **(self._mixer.figures() if self._mixer is not None else {}),
        }

    def look(self) -> None:
        now = time.perf_counter()
        elapsed, self._looked_at = min(now - self._looked_at, _STEP), now
        if self._search is not None:
            self._follow_search(self._search, now)
        elif self._output is not None and self._output.name is None and now >= self._next_search:
            realtime.freeze_objects()  # collects what the last search left: a halt of all threads, the shorter for that
            self._begin_search()
        if self._output is not None:
            self._watch(self._output, elapsed)
            self._tell_desk(self._output)

    def _begin_search(self) -> None:
        assert self._settings is not None
        device, rate, block = self._settings.device, self._settings.rate, self._settings.block
        self._search_began = time.perf_counter()
        if device is None:
            self._next_search = math.inf
            self._use(self._null_output())
        else:
            self._search = in_thread(lambda: self._look_for(device, rate, block), "device")

    def _look_for(self, device: str, rate: int, block: int) -> Output:
        """In a thread. Raises AudioError."""
        try:
            return open_stream(device, rate, block)
        finally:
            self._next_search = time.perf_counter() + max(LOOK_INTERVAL, time.thread_time() / LOOK_SHARE)

    def _follow_search(self, search: Future[Output], now: float) -> None:
        if not search.done():
            if self._output is None and now > self._search_began + PATIENCE:
                self._use_none("no sound: the audio device, or its server, does not answer yet")
            return
        self._search = None
        try:
            output = search.result()
        except Exception as error:  # an AudioError, or one of PortAudio that nobody has seen yet
            if not self._is_outdated:
                self._use_none(str(error))
        else:
            if not self._is_outdated:
                self._use(output)
            else:
                _close_in_time(output)
        if self._is_outdated:
            self._is_outdated = False
            self._begin_search()

    def _use_none(self, reason: str) -> None:
        """The null output, unless it runs, because of `reason`, which is logged once."""
        if reason != self._reason:
            self._reason = reason
            self._log("warning", f"{reason}; jamd plays on without, and goes on looking")
        if self._output is None:
            self._use(self._null_output())

    def _null_output(self) -> NullOutput:
        assert self._settings is not None
        return NullOutput(Playback(self._settings.rate, CHANNELS), self._settings.block)

    def _use(self, output: Output) -> None:
        assert self._mixer is not None
        self.close()
        self._output, self._taken, self._silent, self._used_since = output, -1, 0.0, time.perf_counter()
        self._feeder = Feeder(self._mixer, output.playback, self._page, self._mix)
        self._feeder.start()
        if output.name is not None:
            self._reason = ""

    def close(self) -> None:
        """End the output, or the process with it where that hangs."""
        output, feeder = self._output, self._feeder
        self._output = self._feeder = None
        if output is not None and feeder is not None:
            self._under_runs += _under_runs(output)
            feeder.stop()
            output.playback.end()
            time.sleep(FADE)
            _close_in_time(output)

    def _watch(self, output: Output, elapsed: float) -> None:
        """End the process if the device is gone: PortAudio cannot be used in it any more."""
        taken = output.playback.taken
        self._silent = self._silent + elapsed if taken == self._taken else 0.0
        self._taken = taken
        if self._feeder is not None and self._feeder.failure:
            self._log("error", f"the mixer failed ({self._feeder.failure}); the speaker starts again")
            os._exit(FAILED)
        if not output.active or self._silent > SILENT:
            if output.name is not None:
                text = f"the audio device {output.name} is gone; jamd is heard again as soon as it is back"
                self._log("warning", text)
            os._exit(DEVICE_LOST)

    def _tell_desk(self, output: Output) -> None:
        clock = self._feeder.clock if self._feeder is not None else None
        if clock is None:
            return
        told = (output.name, clock.delay)
        if self._told is None or told[0] != self._told[0] or abs(told[1] - self._told[1]) > _DELAY_STEP:
            self._told = told
            self._tell(["device", *told])
        if not self._is_ready:
            self._is_ready = True
            self._tell(["ready"])
        if (count := self._count_under_runs()) > self._told_under_runs:
            self._told_under_runs = count
            if time.perf_counter() > self._used_since + STARTING:
                times = "once" if count == 1 else f"{count} times so far"
                text = f"the sound was interrupted {times}: the machine is too busy; a larger audio.block helps, or a "
                self._log("warning", f"{text}larger buffer of the audio server", False)

    def _count_under_runs(self) -> int:
        return self._under_runs + _under_runs(self._output)

    def _log(self, level: str, text: str, is_change: bool = True) -> None:
        self._tell(["log", level, "audio device" if is_change else "under-runs", text, is_change])


def _under_runs(output: Output | None) -> int:
    """Of a device: nobody hears those of the null output."""
    return output.playback.under_runs if output is not None and output.name is not None else 0


def _close_in_time(output: Output) -> None:
    """Or end the process: PortAudio hangs when the audio server is gone."""
    closing = in_thread(output.close, "close")
    try:
        closing.result(CLOSE_TIMEOUT)
    except TimeoutError:
        os._exit(DEVICE_LOST)
