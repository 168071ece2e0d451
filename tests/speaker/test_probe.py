"""The look at the audio devices in a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from daemon.speaker import probe
from daemon.speaker.devices import AudioDevice
from daemon.speaker.probe import Look, Trial, look

SPEAKERS = {"name": "Speakers", "api": "ALSA", "channels": 2, "rate": 44100.0, "is_default": True, "index": 3}
SOUNDDEVICE = """
import os, time
class PortAudioError(Exception): pass
class default: device = (-1, 0)
class OutputStream:
    def __init__(self, rate, block, device, channels, kind, latency, callback):
        os.write(1, b"ALSA lib: chatter")
        if os.environ["TROUBLE"] == "busy": raise PortAudioError("Error opening: Device unavailable", -9985)
        if os.environ["TROUBLE"] == "rate" and rate == 48000: raise PortAudioError("Invalid sample rate", -9997)
        self.callback = callback
    def __enter__(self):
        import numpy
        for _ in range(2 if os.environ["TROUBLE"] == "stands" else 100):
            self.callback(numpy.zeros((480, 2), numpy.float32), 480, None, None)
    def __exit__(self, *_):
        if os.environ["TROUBLE"] == "hangs": time.sleep(60)
def query_devices():
    return [{"name": "Speakers", "hostapi": 0, "max_output_channels": 2, "default_samplerate": 44100.0}]
def query_hostapis(): return [{"name": "ALSA", "default_output_device": 0}]
"""


@pytest.fixture
def portaudio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A PortAudio with one device, which fails as TROUBLE says."""
    (tmp_path / "sounddevice.py").write_text(SOUNDDEVICE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2]}")
    monkeypatch.setattr(probe, "START", 0.1)
    monkeypatch.setenv("TROUBLE", "")
    return monkeypatch


DEVICE = AudioDevice("Speakers", "ALSA", 2, 44100.0, True, 0)


def test_the_devices_alone(portaudio: pytest.MonkeyPatch) -> None:
    assert look() == Look((DEVICE,))
    assert look("speak") == Look((DEVICE,), DEVICE)


def test_a_trial(portaudio: pytest.MonkeyPatch) -> None:
    assert look("default", 48_000, 480) == Look((DEVICE,), DEVICE, Trial(48_000, 48_000))
    portaudio.setenv("TROUBLE", "rate")
    assert look("default", 48_000, 480).trial == Trial(44_100, 48_000)
    portaudio.setenv("TROUBLE", "busy")
    found = look("default", 48_000, 480)
    assert (found.trial, found.is_busy) == (None, True)
    assert found.problem.startswith("Speakers, ALSA does not open: ") and "Device unavailable" in found.problem


def test_what_is_known_before_portaudio_hangs_is_kept(portaudio: pytest.MonkeyPatch) -> None:
    portaudio.setenv("TROUBLE", "hangs")
    found = look("default", 48_000, 480, seconds=1)
    assert (found.chosen, found.trial) == (DEVICE, Trial(48_000, 48_000))
    assert found.problem == "the audio system gave no answer within 1 s"


def test_an_unknown_device_and_no_portaudio(portaudio: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = look("headphones")
    assert (found.devices, found.chosen) == ((DEVICE,), None) and "no device has 'headphones'" in found.problem
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    assert look() == Look(problem=look().problem) and "libportaudio2" in look().problem


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\necho '{json.dumps({'devices': [SPEAKERS]})}'; echo torn >&2; kill -SEGV $$\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))
    found = look("default", 48_000, 480)
    assert found.devices == (AudioDevice(**SPEAKERS),)  # type: ignore[arg-type]
    assert found.problem == "the look at the audio devices crashed (SIGSEGV: torn)"
