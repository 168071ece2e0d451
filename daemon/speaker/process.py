"""The process with the audio stream: `python -m daemon.speaker.process RUNTIME_FOLDER`.

The desk sends the settings, and again at a reload that changes them. PortAudio hangs for good when the audio server
dies, so the process ends then (`outputs.DEVICE_LOST`), and the desk starts the next one.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from pathlib import Path
from typing import Any

from daemon import held_signals, realtime
from daemon.audio.clock import ClockPage, clock_path
from daemon.audio.ring import MIX_CAPACITY, Ring, mix_path, ring_path
from daemon.sockets import connect, read_secret
from daemon.speaker.devices import silence_libraries
from daemon.speaker.outputs import Outputs, Settings
from daemon.wire import Unpacker, pack

STEP = 0.1  # seconds between two looks at the device
STEP_AT_START = 0.01  # … until it runs


class Speaker:
    """The connection to the desk, and what the desk asks for."""

    def __init__(self, folder: Path, secret: str) -> None:
        self._folder = folder
        self._desk = connect(folder / "desk.sock")
        self._unpacker = Unpacker()
        self._tell(["hello", secret, "speaker", os.getpid()])
        page, mix = ClockPage(clock_path(folder)), Ring(mix_path(folder), MIX_CAPACITY)
        self._outputs = Outputs(page, mix, self._tell)
        self._counted_at, self._counted = time.perf_counter(), time.process_time()

    def run(self) -> None:
        """Until the desk hangs up."""
        realtime.freeze_objects()
        while True:
            step = STEP if self._outputs.is_settled else STEP_AT_START
            if select.select([self._desk], [], [], step)[0]:
                if not (data := self._desk.recv(1 << 16)):
                    return self._outputs.close()
                for message in self._unpacker.feed(data):
                    self._take(message)
            self._outputs.look()

    def _take(self, message: list[Any]) -> None:
        match message:
            case ["audio", settings]:
                rings = {name: Ring(ring_path(self._folder, name)) for name in settings["instruments"]}
                self._outputs.take(Settings(settings["device"], settings["rate"], settings["block"]), rings)
            case ["ping", number]:
                self._tell(["pong", number, self._outputs.figures() | {"load": self._load()}])
            case ["alive"]:
                self._tell(["alive"])

    def _load(self) -> float:
        """The share of one core since the last call."""
        now, used = time.perf_counter(), time.process_time()
        load = (used - self._counted) / (now - self._counted_at)
        self._counted_at, self._counted = now, used
        return round(load, 4)

    def _tell(self, message: list[Any]) -> None:
        self._desk.sendall(pack([message]))


def main() -> None:
    held_signals.leave_to_desk()
    realtime.die_with_parent()
    realtime.request_real_time(realtime.SPEAKER_PRIORITY)  # every thread: one may wait for another's interpreter
    silence_libraries()
    with contextlib.suppress(OSError):  # the desk is gone
        Speaker(Path(sys.argv[1]), read_secret()).run()


if __name__ == "__main__":
    main()
    os._exit(0)  # PortAudio may hang at its end
