"""A look at the audio devices, and a trial of one, in a process of its own, which can be killed: PortAudio may hang or
crash, and keeps a sound card open.

`python -m daemon.speaker.probe REQUEST` prints a JSON object per line, each as soon as it is known.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from daemon.errors import AudioError
from daemon.speaker.devices import AudioDevice, audio_devices, choose_device, portaudio, silence_libraries
from daemon.subprocesses import run_module

TIMEOUT = 10.0  # seconds; an audio server that stands still never answers
TRIAL = 0.1  # seconds of silence that a device has to take
START = 2.0  # seconds in which it has to
BUSY, INVALID_RATE = -9985, -9997  # PortAudio's paDeviceUnavailable, paInvalidSampleRate


@dataclass(frozen=True, slots=True)
class Trial:
    """A device that was opened. `rate`: of its stream; `took`: the frames that it took."""

    rate: int
    took: int


@dataclass(frozen=True, slots=True)
class Look:
    """`problem`: why `devices` are not known, none was `chosen`, or there was no `trial` of it; `is_busy`: because
    another program has it for itself."""

    devices: tuple[AudioDevice, ...] = ()
    chosen: AudioDevice | None = None
    trial: Trial | None = None
    problem: str = ""
    is_busy: bool = False


def look(device: str | None = None, rate: int = 0, block: int = 0, seconds: float = TIMEOUT) -> Look:
    """The devices. `device`: the configuration's, to be chosen from them; with a `rate`, it is also tried."""
    request = json.dumps([device, rate, block])
    ended = run_module("daemon.speaker.probe", request, seconds=seconds)
    found: dict[str, Any] = {}
    for line in ended.output.split(b"\n")[:-1]:  # whole lines
        found |= json.loads(line)
    if ended.status is None:
        found["problem"] = f"the audio system gave no answer within {seconds:g} s"
    elif ended.status:
        found["problem"] = f"the look at the audio devices crashed ({ended.reason})"
    return Look(
        tuple(AudioDevice(**each) for each in found.get("devices", ())),
        AudioDevice(**found["chosen"]) if "chosen" in found else None,
        Trial(**found["trial"]) if "trial" in found else None,
        found.get("problem", ""),
        found.get("is_busy", False),
    )


def main(device: str | None, rate: int, block: int) -> None:
    """Print the fields of a Look."""
    silence_libraries()
    try:
        devices = audio_devices()
        _print(devices=[asdict(each) for each in devices])
        if device is not None:
            chosen = choose_device(devices, device)
            _print(chosen=asdict(chosen))
            if rate:
                _try(chosen, rate, block)
    except AudioError as error:
        _print(problem=str(error))


def _try(device: AudioDevice, rate: int, block: int) -> None:
    """Play silence at `rate`, or at the device's own where it has not that one. Raises AudioError."""
    library = portaudio()
    try:
        try:
            _play(library, device, rate, block)
        except library.PortAudioError as error:
            if _code(error) != INVALID_RATE or round(device.rate) == rate:
                raise
            _play(library, device, round(device.rate), block)
    except library.PortAudioError as error:
        if _code(error) == BUSY:
            _print(is_busy=True)
        raise AudioError(f"{device} does not open: {error}") from None


def _play(library: Any, device: AudioDevice, rate: int, block: int) -> None:
    taken = [0]

    def take(out: Any, frames: int, _time: object, _status: object) -> None:
        out.fill(0)
        taken[0] += frames

    channels = min(device.channels, 2)
    with library.OutputStream(rate, block, device.index, channels, "float32", latency="low", callback=take):
        end = time.perf_counter() + START
        while taken[0] <= rate * TRIAL and time.perf_counter() < end:
            time.sleep(0.01)
        _print(trial=asdict(Trial(rate, taken[0])))  # before the stream is closed, which may hang


def _code(error: Exception) -> int:
    return int(error.args[1]) if len(error.args) > 1 else 0


def _print(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


if __name__ == "__main__":
    main(*json.loads(sys.argv[1]))
    os._exit(0)  # PortAudio's end may hang
