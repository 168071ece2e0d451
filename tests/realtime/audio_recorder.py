"""An independent JACK client in a process of its own, which records what a client plays.

`python -m tests.realtime.audio_recorder CLIENT SECONDS FILE` writes `audio`, of shape (frames, 2), and `seconds`, the
`time.perf_counter()` at which each frame is heard.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from pathlib import Path

import jack
import numpy as np
from numpy.typing import NDArray

from daemon.audio.ring import Frames


def record(client: str, seconds: float, path: Path) -> tuple[Frames, NDArray[np.float64]]:
    """Audio and seconds of that time, which begins now."""
    command = [sys.executable, "-m", "tests.realtime.audio_recorder", client, str(seconds), str(path)]
    subprocess.run(command, check=True, timeout=60)
    with np.load(path) as file:
        return file["audio"], file["seconds"]


def main() -> None:
    name, seconds, path = sys.argv[1:]
    sys.setswitchinterval(0.0001)  # seconds: a server whose client waits for its own interpreter loses time
    client = jack.Client("recorder", no_start_server=True)
    inputs = [client.inports.register(side) for side in ("left", "right")]
    rate = client.samplerate
    audio = np.zeros((round(float(seconds) * rate), 2), np.float32)
    begins: list[tuple[int, float]] = []  # frames recorded, seconds at which the period began
    at = 0

    def process(frames: int) -> None:
        nonlocal at
        count = min(frames, len(audio) - at)
        begins.append((at, time.perf_counter()))
        for side, port in enumerate(inputs):
            audio[at : at + count, side] = port.get_array()[:count]
        at += count

    gc.disable()
    client.set_process_callback(process)
    client.activate()
    outputs = client.get_ports(f"{name}:", is_audio=True, is_output=True)
    for source, target in zip(outputs, inputs, strict=True):
        client.connect(source, target)
    latency = client.blocksize / rate  # of the dummy driver
    while at < len(audio):
        time.sleep(0.01)
    client.deactivate()
    client.close()
    slope, begin = np.polyfit(*np.array(begins).T, 1)
    np.savez(path, audio=audio, seconds=begin + slope * np.arange(len(audio)) + latency)


if __name__ == "__main__":
    main()
