"""A PortAudio stream to a device, and why there is none."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from typing import Any

from daemon import realtime
from daemon.audio.ring import CHANNELS, Frames
from daemon.errors import AudioError
from daemon.speaker.converter import resampling_library
from daemon.speaker.devices import AudioDevice, audio_devices, choose_device, portaudio
from daemon.speaker.playback import Playback

START_TIMEOUT = 5.0  # seconds until a device asks for the first frames; a headset without wires may take two
_START_STEP = 0.005  # seconds
_UNAVAILABLE = -9985  # paDeviceUnavailable
_REFUSED_FORMATS = (-9997, -9998)  # paInvalidSampleRate, paInvalidChannelCount


class Stream:
    """A stream that runs. The device takes as many frames at once as suits it: JACK's server decides on its period, and
    any other number would only be put together in PortAudio, in bursts and later."""

    def __init__(self, device: AudioDevice, rate: int, block: int) -> None:
        """With the band's `rate` and two channels, or else with what the device has. Raises AudioError."""
        self.name = str(device)
        self._open(device, rate, block)
        realtime.raise_priority(realtime.ordinary_threads(), realtime.SPEAKER_PRIORITY)  # ALSA's, which PortAudio made

    def _open(self, device: AudioDevice, rate: int, block: int) -> None:
        library, refused = portaudio(), "it has no format"
        for device_rate, channels in _formats(device, rate):
            if device_rate != rate:
                resampling_library()
            self.playback = Playback(device_rate, channels, math.ceil(block * device_rate / rate))
            try:
                self._stream = library.OutputStream(
                    samplerate=device_rate,
                    blocksize=0,
                    device=device.index,
                    channels=channels,
                    dtype="float32",
                    latency=2 * block / rate,
                    callback=self._callback,
                )
                self._stream.start()
                return self._await_first_call(device)
            except library.PortAudioError as error:
                refused, code = str(error.args[0]), error.args[1] if len(error.args) > 1 else 0
                if code not in _REFUSED_FORMATS:
                    raise AudioError(_explained(device, refused, code)) from None
        raise AudioError(_explained(device, refused, 0))

    def _await_first_call(self, device: AudioDevice) -> None:
        end = time.monotonic() + START_TIMEOUT
        while not self.playback.taken:
            if time.monotonic() > end:
                self.close()
                raise AudioError(_explained(device, "it takes no sound", 0))
            time.sleep(_START_STEP)

    def _callback(self, out: Frames, _frames: int, times: Any, status: Any) -> None:
        latency = times.outputBufferDacTime - times.currentTime
        self.playback.take(out, latency, bool(status) and bool(status.output_underflow))

    @property
    def active(self) -> bool:
        """False when the audio server is gone."""
        try:
            return bool(self._stream.active)
        except portaudio().PortAudioError:
            return False

    def close(self) -> None:
        """May hang for good when the audio server is gone."""
        with contextlib.suppress(portaudio().PortAudioError):
            self._stream.close()


def open_stream(wanted: str, rate: int, block: int) -> Stream:
    """To the device that is `wanted` (choose_device), among those that there are now. Raises AudioError."""
    realtime.raise_priority([0], realtime.SPEAKER_PRIORITY)
    stream = Stream(choose_device(audio_devices(again=True), wanted), rate, block)
    realtime.release_jack_memory()
    return stream


def _formats(device: AudioDevice, rate: int) -> Iterator[tuple[float, int]]:
    """Rates and channels to try: a device may offer only all its channels, or only its own rate."""
    channels = [min(CHANNELS, device.channels)]
    if device.channels > CHANNELS:
        channels.append(device.channels)
    for number in channels:
        for device_rate in dict.fromkeys((float(rate), device.rate)):
            yield device_rate, number


def _explained(device: AudioDevice, text: str, code: int) -> str:
    """What PortAudio says, and a remedy."""
    if code == _UNAVAILABLE or "busy" in text:
        reason = "is busy: another program has it for itself; end that program, or choose a device that programs share"
    else:
        reason = f"cannot be used ({text.removeprefix('Error opening OutputStream: ')}); choose another one"
    return f"no sound: the audio device {device} {reason} (audio.device; `jamd ports` lists them)"
