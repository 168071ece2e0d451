"""Audio devices are chosen by a part of their name, on every host API."""

import subprocess
import sys

import pytest

from daemon.errors import AudioError
from daemon.speaker import devices
from daemon.speaker.devices import JACK, AudioDevice, choose_device

CARD = AudioDevice("HDA Intel PCH: ALC257 Analog (hw:0,0)", "ALSA", 2, 48_000.0, index=0)
SYSTEM = AudioDevice("default", "ALSA", 32, 44_100.0, True, index=3)
USB = AudioDevice("USB Audio: - (hw:1,0)", "ALSA", 1, 44_100.0, index=4)
SERVER = AudioDevice("system", JACK, 2, 48_000.0, index=7)
ALL = [CARD, SYSTEM, USB, SERVER]


@pytest.mark.parametrize(
    ("wanted", "device"),
    [
        ("HDA", CARD),
        ("usb audio", USB),
        ("hw:1,0", USB),
        ("jack", SERVER),
        ("System", SERVER),
        ("system, JACK", SERVER),
        ("default", SYSTEM),
        ("alsa", CARD),
    ],
)
def test_a_device_is_chosen_by_a_part_of_its_name_and_api(wanted: str, device: AudioDevice) -> None:
    assert choose_device(ALL, wanted) == device


def test_a_whole_name_comes_before_a_part_and_a_low_latency_api_before_others() -> None:
    longer = AudioDevice("Speakers (2)", "MME", 2, 44_100.0)
    slow = AudioDevice("Speakers", "MME", 2, 44_100.0)
    fast = AudioDevice("Speakers", "Windows WASAPI", 2, 48_000.0)
    assert choose_device([longer, slow, fast], "speakers") == fast
    assert choose_device([longer, slow], "speakers") == slow
    assert choose_device([longer], "speakers") == longer


def test_the_jack_server_comes_before_alsas_plug_in_of_that_name() -> None:
    plug_in = AudioDevice("jack", "ALSA", 2, 48_000.0)
    assert choose_device([CARD, plug_in, SERVER], "JACK") == SERVER
    assert choose_device([CARD, plug_in, SERVER], "jack, ALSA") == plug_in
    assert choose_device([CARD, plug_in], "jack") == plug_in


def test_the_error_names_what_is_meant_and_what_there_is() -> None:
    with pytest.raises(AudioError) as error:
        choose_device([CARD, USB, SERVER], "sytem")
    text = str(error.value)
    assert text.startswith("audio.device: no device has 'sytem' in its name; did you mean 'system'?")
    assert all(str(device) in text for device in (CARD, USB, SERVER)) and "\n" not in text


def test_without_devices_the_error_says_so() -> None:
    with pytest.raises(AudioError, match="there is no audio device; "):
        choose_device([], "default")


def test_a_foreign_name_cannot_control_the_terminal() -> None:
    assert str(AudioDevice("a\x1b[2Jb", "ALSA", 2, 48_000.0)) == "a\\x1b[2Jb, ALSA"


def found(*names: str, channels: int = 2, api: int = 0) -> list[dict[str, object]]:
    rate = {"default_samplerate": 44_100.0, "hostapi": api, "max_output_channels": channels}
    return [{"name": name, **rate} for name in names]


def test_a_running_jack_server_is_the_default_and_inputs_are_left_out() -> None:
    apis = [
        {"name": "ALSA", "default_output_device": 1},
        {"name": "JACK Audio Connection Kit", "default_output_device": 2},
    ]
    listed = devices._devices([*found("mic", channels=0), *found("card"), *found("system", api=1)], apis, 1)
    assert [(device.name, device.is_default, device.index) for device in listed] == [
        ("card", False, 1),
        ("system", True, 2),
    ]
    apis[1]["default_output_device"] = -1
    assert devices._devices(found("mic", "card"), apis, 1)[1].is_default


def test_without_portaudio_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing()])
    with pytest.raises(AudioError, match="libportaudio2"):
        devices.audio_devices()


def test_what_libraries_print_is_discarded_and_what_python_prints_is_not() -> None:
    script = """
import os, sys
from daemon.speaker.devices import silence_libraries
silence_libraries()
os.write(1, b"chatter"); os.write(2, b"chatter")
print("said")
raise SystemExit("failed")
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("said\n", "failed\n", 1)
