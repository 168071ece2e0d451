"""An instrument for measurements of sound, and a player of the same sound that is not jamd's.

    python -m daemon.bench.tone BLOCK NAME      # plays through PortAudio until standard input is closed

The sound is a quiet tone without an end, in which a gap or a repetition of frames is a jump of the phase, and a click
for every note-on. The player's clicks are for the notes that it receives at its JACK port `NAME:midi`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.audio.clock import RATE
from daemon.engines.audio import AudioEngine
from daemon.engines.base import Setup
from daemon.music.events import is_note_on

FREQUENCY = 23_011  # Hz: above what other instruments play; a block that is left out or repeated changes the phase
LEVEL = 0.01
CLICK: NDArray[np.float32] = (0.5 * np.sin(np.pi * np.arange(48) / 48) ** 2).astype(np.float32)  # too dull for a gap
ENGINE = "bench-tone"


def register(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Make a distribution in `folder` that provides the engine ENGINE. Returns `environment` with it."""
    info = folder / "jamd_bench-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: jamd-bench\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[jamd.engines]\n{ENGINE} = daemon.bench.tone:Tone\n")
    path = environment.get("PYTHONPATH")
    return {**environment, "PYTHONPATH": f"{folder}{os.pathsep}{path}" if path else str(folder)}


class Sound:
    """The next frames of the tone, and of a click that `click` begins."""

    def __init__(self, rate: int) -> None:
        self._step = 2 * np.pi * FREQUENCY / rate
        self._frame = 0
        self._rest: NDArray[np.float32] = CLICK[:0]

    def click(self) -> None:
        self._rest = CLICK

    def render(self, out: NDArray[np.float32]) -> None:
        out[:] = (LEVEL * np.sin(self._step * np.arange(self._frame, self._frame + len(out))))[:, None]
        self._frame += len(out)
        part = self._rest[: len(out)]
        out[: len(part)] += part[:, None]
        self._rest = self._rest[len(part) :]


class Tone(AudioEngine):
    def __init__(self, setup: Setup[Any]) -> None:
        super().__init__(setup)
        self._sound = Sound(setup.rate or RATE)

    def play(self, message: bytes) -> None:
        if is_note_on(message):
            self._sound.click()

    def render(self, out: NDArray[np.float32]) -> None:
        self._sound.render(out)


def play(block: int, name: str) -> None:
    import rtmidi

    from daemon.realtime import request_real_time
    from daemon.speaker.devices import audio_devices, choose_device, portaudio

    clicks: list[bytes] = []
    sound = Sound(RATE)

    def fill(out: Any, _frames: int, _time: object, _status: object) -> None:
        if clicks:
            clicks.clear()
            sound.click()
        sound.render(out)

    into = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name)
    into.set_callback(lambda event, _: clicks.append(event[0]) if is_note_on(bytes(event[0])) else None)
    into.open_virtual_port("midi")
    request_real_time()
    device = choose_device(audio_devices(), "default")
    with portaudio().OutputStream(RATE, block, device.index, 2, "float32", latency="low", callback=fill):
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    play(int(sys.argv[1]), sys.argv[2])
