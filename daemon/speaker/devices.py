"""Audio devices: what PortAudio lists, and the choice of one by a part of its name.

PortAudio may hang, and writes to the terminal: these functions are for the speaker's process, or for a probe's.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from daemon.errors import AudioError, printable_name
from daemon.suggestions import MAX_NAMES, nearest

DEFAULT = "default"  # the configuration's name of the system's device
JACK = "JACK"
_NAMES = {"JACK Audio Connection Kit": JACK}  # of APIs whose name in PortAudio is another one
_BEST_APIS = (JACK, "Windows WASAPI")  # a JACK server holds the card; PortAudio's own choice on Windows takes 0.1 s
_CLIENT = ctypes.c_char_p(b"jamd speaker")  # PortAudio keeps the pointer
_PACKAGE = (
    "no sound: the PortAudio library is missing; install the package libportaudio2 (Debian, Ubuntu: sudo apt-get "
    "install libportaudio2; Fedora: portaudio; Arch: portaudio)"
)


@dataclass(frozen=True, slots=True)
class AudioDevice:
    """A device that plays. `rate`: its own frames per second. `index`: PortAudio's, until it looks again."""

    name: str
    api: str
    channels: int
    rate: float
    is_default: bool = False
    index: int = -1

    def __str__(self) -> str:
        return printable_name(f"{self.name}, {self.api}")


def portaudio() -> Any:
    """The module `sounddevice`. Raises AudioError where there is no PortAudio, or none that works."""
    os.environ["JACK_NO_START_SERVER"] = "1"  # to look for a server must not start one
    try:
        import sounddevice
    except OSError:
        raise AudioError(_PACKAGE) from None
    except Exception as error:
        raise AudioError(f"no sound: PortAudio does not start ({error})") from None
    return sounddevice


def audio_devices(again: bool = False) -> list[AudioDevice]:
    """All devices that play. `again`: with those that came since the first look; no stream may be open then.

    Raises AudioError.
    """
    library = portaudio()
    try:
        if again:
            _name_client(library)
            library._terminate()
            library._initialize()
        return _devices(library.query_devices(), library.query_hostapis(), library.default.device[1])
    except library.PortAudioError as error:
        raise AudioError(f"no sound: PortAudio lists no devices ({error})") from None


def _name_client(library: Any) -> None:
    """The name under which JACK's patch bays show this process, where PortAudio has JACK."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(library._libname).PaJack_SetClientName(_CLIENT)


def _devices(found: Sequence[Any], apis: Sequence[Any], default: int) -> list[AudioDevice]:
    """PortAudio's devices (numbered in order) and host APIs as values."""
    for wanted in reversed(_BEST_APIS):
        for api in apis:
            if _api_name(api) == wanted and api["default_output_device"] >= 0:
                default = api["default_output_device"]
    devices = []
    for index, device in enumerate(found):
        channels, api = device["max_output_channels"], _api_name(apis[device["hostapi"]])
        if channels > 0:
            rate = device["default_samplerate"]
            devices.append(AudioDevice(device["name"], api, channels, rate, index == default, index))
    return devices


def _api_name(api: Any) -> str:
    name: str = api["name"]
    return _NAMES.get(name, name)


def choose_device(devices: Sequence[AudioDevice], wanted: str) -> AudioDevice:
    """A device with the name or API `wanted`, or else the first one with that part in `NAME, API` (case is ignored).

    Raises AudioError with what there is.
    """
    if not devices:
        raise AudioError(f"no sound: there is no audio device; connect one, or start the audio server{_hidden()}")
    if wanted == DEFAULT:
        return next((device for device in devices if device.is_default), devices[0])
    part = wanted.casefold()
    matches = [device for device in devices if part in f"{device.name}, {device.api}".casefold()]
    named = [device for device in matches if part in (device.name.casefold(), device.api.casefold())]
    for device in sorted(named or matches, key=lambda device: device.api not in _BEST_APIS):
        return device
    near = nearest(part, [device.name.casefold() for device in devices])
    meant = f"; did you mean {near!r}?" if near else ""
    names = "; ".join(map(str, devices[:MAX_NAMES]))
    raise AudioError(f"audio.device: no device has {wanted!r} in its name{meant}; there are: {names}{_hidden()}")


def _hidden() -> str:
    """What ALSA does not list."""
    if not os.path.isdir("/dev/snd"):
        return ""
    return "; a card that this user may not use, or that another program holds, is not listed: see `jamd doctor`"


def silence_libraries() -> None:
    """Discard what PortAudio, ALSA and JACK print in this process from now on; Python's own output goes on.

    They write to the terminal at every look for a device or server that is not there.
    """
    for number, name, stream in ((1, "stdout", sys.stdout), (2, "stderr", sys.stderr)):
        if stream is None:
            continue
        stream.flush()
        kept = os.fdopen(os.dup(number), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), number)
        setattr(sys, name, kept)
