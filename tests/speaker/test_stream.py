"""A stream to a device, over a double of PortAudio: the formats that are tried, and why there is none."""

import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from daemon import realtime
from daemon.errors import AudioError
from daemon.speaker import stream
from daemon.speaker.devices import AudioDevice
from daemon.speaker.stream import Stream

INVALID_RATE, INVALID_CHANNELS, UNAVAILABLE, HOST_ERROR = -9997, -9998, -9985, -9999
CARD = AudioDevice("card", "ALSA", 2, 44_100.0, index=5)


class PortAudioError(Exception):
    pass


class PortAudio:
    """Opens streams of the formats for which `refusal` gives nothing; a stream calls once, unless it is `dumb`."""

    PortAudioError = PortAudioError

    def __init__(self, refusal: Callable[[float, int], tuple[str, int] | None] = lambda rate, channels: None) -> None:
        self.refusal, self.dumb = refusal, False
        self.asked: list[dict[str, Any]] = []
        self.closed = 0
        self.heard: list[np.ndarray] = []

    def OutputStream(self, **options: Any) -> Any:
        self.asked.append(options)
        if (refused := self.refusal(options["samplerate"], options["channels"])) is not None:
            raise PortAudioError(*refused)
        return SimpleNamespace(start=lambda: self._start(options), close=self._close, active=True)

    def _close(self) -> None:
        self.closed += 1

    def _start(self, options: dict[str, Any]) -> None:
        def call() -> None:
            out = np.ones((64, options["channels"]), np.float32)
            times = SimpleNamespace(currentTime=10.0, outputBufferDacTime=10.02)
            options["callback"](out, 64, times, SimpleNamespace(output_underflow=False))
            self.heard.append(out)

        if not self.dumb:
            threading.Thread(target=call).start()


def opened(monkeypatch: pytest.MonkeyPatch, library: PortAudio, device: AudioDevice = CARD, block: int = 256) -> Stream:
    monkeypatch.setattr(stream, "portaudio", lambda: library)
    monkeypatch.setattr(realtime, "raise_priority", lambda threads, priority: True)  # not of the tests' own threads
    return Stream(device, 48_000, block)


def test_without_the_library_that_converts_rates_a_device_of_another_rate_is_not_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    library = PortAudio(lambda rate, channels: ("Invalid sample rate", INVALID_RATE) if rate == 48_000 else None)
    with pytest.raises(AudioError, match=r"^no sound: soxr.*set audio\.rate to the rate of the device$"):
        opened(monkeypatch, library)
    assert [asked["samplerate"] for asked in library.asked] == [48_000]
    assert opened(monkeypatch, PortAudio()).active, "one of the band's rate is"


def test_the_device_decides_how_much_it_takes_at_once_and_how_long_that_takes_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = PortAudio()
    open_stream = opened(monkeypatch, library)
    (asked,) = library.asked
    assert (asked["samplerate"], asked["channels"], asked["device"], asked["blocksize"]) == (48_000, 2, 5, 0)
    assert open_stream.active and open_stream.name == "card, ALSA"
    assert open_stream.playback.taken == 64
    (_, _, _, latency) = open_stream.playback.calls[0]
    assert latency == pytest.approx(0.02)
    open_stream.close()
    assert library.closed == 1


@pytest.mark.parametrize(
    ("channels", "rates", "offered", "expected"),
    [
        (2, [44_100.0], [2], (44_100, 2)),
        (1, [48_000.0], [1], (48_000, 1)),
        (8, [48_000.0], [8], (48_000, 8)),
        (32, [44_100.0], [2], (44_100, 2)),
    ],
)
def test_a_device_gets_a_format_that_it_offers(
    channels: int, rates: list[float], offered: list[int], expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusal(rate: float, count: int) -> tuple[str, int] | None:
        if count not in offered:
            return "Error opening OutputStream: Invalid number of channels", INVALID_CHANNELS
        return None if rate in rates else ("Error opening OutputStream: Invalid sample rate", INVALID_RATE)

    device = AudioDevice("card", "ALSA", channels, 44_100.0)
    playback = opened(monkeypatch, PortAudio(refusal), device).playback
    assert (playback.rate, playback.channels) == expected


def test_a_device_of_a_high_rate_has_room_for_the_longest_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusal(rate: float, count: int) -> tuple[str, int] | None:
        return None if rate == 192_000 else ("Error opening OutputStream: Invalid sample rate", INVALID_RATE)

    playback = opened(monkeypatch, PortAudio(refusal), AudioDevice("card", "ALSA", 2, 192_000.0), 8_192).playback
    playback.write(0, np.zeros((8_192 * 4, 2), np.float32))
    playback.write(8_192 * 4, np.zeros((8_192 * 4, 2), np.float32))


@pytest.mark.parametrize(
    ("text", "code", "tries", "part"),
    [
        (
            "Error opening OutputStream: Device unavailable",
            UNAVAILABLE,
            1,
            "card, ALSA is busy: another program has it",
        ),
        ("Unanticipated host error: 'Device or resource busy'", HOST_ERROR, 1, "is busy: another program has it"),
        ("Error opening OutputStream: Internal PortAudio error", -9986, 1, "cannot be used (Internal PortAudio error)"),
        ("Error opening OutputStream: Invalid sample rate", INVALID_RATE, 2, "cannot be used (Invalid sample rate)"),
    ],
)
def test_the_error_names_device_reason_and_remedy(
    text: str, code: int, tries: int, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = PortAudio(lambda rate, channels: (text, code))
    with pytest.raises(AudioError) as error:
        opened(monkeypatch, library)
    assert part in str(error.value) and "audio.device" in str(error.value) and "\n" not in str(error.value)
    assert len(library.asked) == tries


def test_a_device_that_never_asks_for_frames_is_closed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    library = PortAudio()
    library.dumb = True
    monkeypatch.setattr(stream, "START_TIMEOUT", 0.05)
    with pytest.raises(AudioError, match="it takes no sound"):
        opened(monkeypatch, library)
    assert library.closed == 1
