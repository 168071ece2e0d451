"""The output of the moment: found, lost, replaced."""

import gc
import math
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon import realtime
from daemon.audio.clock import ClockPage
from daemon.audio.ring import Ring
from daemon.errors import AudioError
from daemon.speaker import outputs
from daemon.speaker.mixer import Mixer
from daemon.speaker.null_output import NullOutput
from daemon.speaker.outputs import DEVICE_LOST, FAILED, Outputs, Settings
from daemon.speaker.playback import Playback

SETTINGS = Settings("default", 48_000, 256)
TIMEOUT = 20.0  # seconds


class Device(NullOutput):
    """Lives until it is unplugged; a device that `hangs` never closes."""

    hangs = False

    def __init__(self, rate: int, block: int) -> None:
        super().__init__(Playback(rate, 2), block)
        self.name, self.active = "card", True

    def stand_still(self) -> None:
        super().close()

    def close(self) -> None:
        super().close()
        while self.hangs:
            time.sleep(0.1)


class Exited(Exception):
    pass


class World:
    """What is plugged in, and what the desk was told."""

    def __init__(self) -> None:
        self.error: str | None = "no sound: there is no audio device"
        self.devices: list[Device] = []
        self.opened: list[str] = []
        self.slow = 0.0  # seconds that a device takes to open
        self.told: list[list[Any]] = []
        self.raised: list[weakref.ref[AudioError]] = []

    def open(self, wanted: str, rate: int, block: int) -> Device:
        self.opened.append(wanted)
        time.sleep(self.slow)
        if self.error is not None:
            error = AudioError(self.error)
            self.raised.append(weakref.ref(error))
            raise error
        self.devices.append(Device(rate, block))
        return self.devices[-1]

    def heard(self, kind: str) -> list[list[Any]]:
        return [message[1:] for message in self.told if message[0] == kind]

    @property
    def names(self) -> list[str | None]:
        """Of the outputs, one after the other; on a busy machine one is told again with a longer delay."""
        told = [name for name, _ in self.heard("device")]
        return [name for number, name in enumerate(told) if number == 0 or name != told[number - 1]]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    def leave(status: int) -> None:
        raise Exited(status)

    world = World()
    monkeypatch.setattr(outputs, "open_stream", world.open)
    monkeypatch.setattr(outputs.os, "_exit", leave)
    monkeypatch.setattr(outputs, "LOOK_INTERVAL", 0.05)
    monkeypatch.setattr(outputs, "LOOK_SHARE", 1.0)
    return world


@pytest.fixture
def speaker(world: World, tmp_path: Path) -> Iterator[Outputs]:
    page, mix = ClockPage(tmp_path / "clock", create=True), Ring(tmp_path / "mix", 1 << 16, create=True)
    speaker = Outputs(page, mix, world.told.append)
    yield speaker
    Device.hangs = False
    speaker.close()


def look(speaker: Outputs, until: Callable[[], object]) -> None:
    end = time.monotonic() + TIMEOUT
    while not until():
        assert time.monotonic() < end
        speaker.look()
        time.sleep(0.01)


def test_a_device_is_used_as_soon_as_it_is_found_and_each_reason_is_logged_once(world: World, speaker: Outputs) -> None:
    speaker.take(SETTINGS, {})
    look(speaker, lambda: len(world.opened) > 3 and world.names)
    assert world.names == [None]
    assert len([text for _, _, text, is_change in world.heard("log") if is_change]) == len(world.heard("ready")) == 1
    world.error = None
    look(speaker, lambda: len(world.names) > 1)
    assert world.names == [None, "card"]
    assert speaker.figures()["device"] == "card"
    looks = len(world.opened)
    for _ in range(20):
        speaker.look()
        time.sleep(0.01)
    assert len(world.opened) == looks, "nothing is looked for while a device plays"


def test_looks_for_a_device_leave_no_memory_behind(
    world: World, speaker: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lives while objects are frozen is never collected, if it is part of a reference cycle."""
    frozen: list[int] = []

    def freeze() -> None:
        gc.collect()
        frozen.append(sum(error() is not None for error in world.raised))

    monkeypatch.setattr(realtime, "freeze_objects", freeze)
    speaker.take(SETTINGS, {})
    look(speaker, lambda: len(world.opened) > 5)
    assert frozen[:4] == [0] * 4


@pytest.mark.parametrize("notice", ["inactive", "no calls"])
def test_the_process_ends_when_the_device_is_gone(notice: str, world: World, speaker: Outputs) -> None:
    world.error = None
    speaker.take(SETTINGS, {})
    look(speaker, lambda: world.heard("device"))
    if notice == "inactive":
        world.devices[0].active = False
    else:
        world.devices[0].stand_still()
    with pytest.raises(Exited) as exit_:
        look(speaker, lambda: False)
    assert exit_.value.args == (DEVICE_LOST,)
    assert "card is gone" in world.heard("log")[-1][2]


def test_a_fault_of_the_mixer_is_logged_and_ends_the_process(
    world: World, speaker: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(mixer: Mixer, first: int) -> None:
        raise ValueError("a fault")

    world.error = None
    speaker.take(SETTINGS, {})
    look(speaker, lambda: world.heard("device"))
    monkeypatch.setattr(Mixer, "mix", fail)
    with pytest.raises(Exited) as exit_:
        look(speaker, lambda: False)
    assert exit_.value.args == (FAILED,)
    assert "the mixer failed (ValueError: a fault)" in world.heard("log")[-1][2]


def test_time_in_which_the_machine_stood_still_does_not_count(world: World, speaker: Outputs) -> None:
    world.error = None
    speaker.take(SETTINGS, {})
    look(speaker, lambda: world.heard("device"))
    world.devices[0].stand_still()
    time.sleep(0.01)
    speaker.look()
    time.sleep(outputs.SILENT + 0.1)
    speaker.look()


def test_while_a_device_takes_long_to_open_the_null_output_keeps_time(
    world: World, speaker: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "PATIENCE", 0.1)
    world.error, world.slow = None, 1.0
    speaker.take(SETTINGS, {})
    look(speaker, lambda: len(world.names) > 1)
    assert world.names == [None, "card"]
    assert any("does not answer yet" in text for _, _, text, _ in world.heard("log"))


def test_a_change_during_the_search_counts(world: World, speaker: Outputs) -> None:
    world.error, world.slow = None, 0.2
    speaker.take(SETTINGS, {})
    speaker.look()
    speaker.take(Settings("other", 48_000, 480), {})
    look(speaker, lambda: world.heard("device"))
    assert world.opened == ["default", "other"]
    assert not world.devices[0]._thread.is_alive(), "the first one was closed"
    speaker.take(Settings(None, 48_000, 480), {})
    look(speaker, lambda: len(world.names) > 1)
    assert world.names[-1] is None
    assert not any(is_change for *_, is_change in world.heard("log")), "it is what the user wants"


def test_a_device_that_hangs_while_it_is_closed_ends_the_process(world: World, speaker: Outputs) -> None:
    world.error = None
    speaker.take(SETTINGS, {})
    look(speaker, lambda: world.heard("device"))
    Device.hangs = True
    with pytest.raises(Exited):
        speaker.take(Settings("other", 48_000, 256), {})


def test_under_runs_are_counted_over_all_outputs_and_logged(
    world: World, speaker: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "STARTING", math.inf)
    world.error = None
    speaker.take(SETTINGS, {})
    look(speaker, lambda: world.heard("device"))
    world.devices[0].playback.under_runs += 100
    speaker.look()
    assert not world.heard("log"), "the other processes start at the same time"
    assert speaker.figures()["under_runs"] >= 100
    monkeypatch.setattr(outputs, "STARTING", 0.0)
    world.devices[0].playback.under_runs += 1
    speaker.look()
    assert "the sound was interrupted" in world.heard("log")[-1][2]
    speaker.take(Settings("other", 48_000, 480), {})
    look(speaker, lambda: len(world.heard("ready")) > 1)
    assert speaker.figures()["under_runs"] >= 100


def test_without_a_device_no_gap_is_counted(world: World, speaker: Outputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "STARTING", 0.0)
    speaker.take(SETTINGS, {})
    look(speaker, lambda: world.heard("ready"))
    assert speaker._output is not None
    speaker._output.playback.under_runs += 100
    speaker.look()
    speaker.take(Settings(None, 48_000, 480), {})
    look(speaker, lambda: len(world.heard("ready")) > 1)
    assert speaker.figures()["under_runs"] == 0
    assert not any("interrupted" in text for _, _, text, _ in world.heard("log"))
