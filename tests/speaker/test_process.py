"""The speaker's process, as the desk sees it, where there is no audio device."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from daemon.audio.ring import Ring
from tests.speaker.speaker_process import SpeakerProcess


@pytest.fixture
def speaker(tmp_path: Path) -> Iterator[SpeakerProcess]:
    with SpeakerProcess(tmp_path) as speaker:
        yield speaker


def test_the_null_output_keeps_time_and_says_so(speaker: SpeakerProcess) -> None:
    speaker.send("alive")
    speaker.wait_for("alive")
    speaker.send("audio", {"device": None, "rate": 44_100, "block": 128, "instruments": []})
    _, name, delay = speaker.wait_for("device")
    speaker.wait_for("ready")
    clock = speaker.clock
    assert name is None and delay == pytest.approx(clock.delay, abs=0.001)
    assert (clock.rate, clock.block, clock.latency) == (44_100, 128, 0)
    figures = speaker.figures()
    assert figures.keys() == {"device", "under_runs", "missing", "peak_db", "limited", "load"}
    assert figures["device"] is None and figures["peak_db"] == -120


def test_an_instrument_is_heard_in_the_mix_and_one_without_frames_is_not_waited_for(speaker: SpeakerProcess) -> None:
    rings = {name: speaker.ring(name) for name in ("synth", "late")}
    speaker.play(instruments=rings)
    clock = speaker.clock
    first = clock.first_block(time.perf_counter() + 0.1)
    rings["synth"].write(first, np.full((8_192, 2), 0.5, np.float32))
    assert wait_for_mix(speaker.mix, first + 8_192)
    out = np.zeros((4_096, 2), np.float32)
    assert speaker.mix.read(first + 4_096, out) and (out == 0.5).all()
    assert speaker.figures()["missing"]["late"] == 0


def wait_for_mix(mix: Ring, end: int) -> bool:
    for _ in range(2_000):
        if mix.end >= end:
            return True
        time.sleep(0.01)
    return False


def test_a_device_that_is_not_there_is_named_with_the_remedy_and_time_goes_on(speaker: SpeakerProcess) -> None:
    speaker.send("audio", {"device": "Grand Piano", "rate": 48_000, "block": 256, "instruments": []})
    _, level, _, text, is_change = speaker.wait_for("log")
    assert (level, is_change) == ("warning", True)
    assert text.startswith(("no sound: ", "audio.device: no device has 'Grand Piano' in its name")) and "\n" not in text
    assert speaker.wait_for("device")[1] is None
    speaker.wait_for("ready")
    assert wait_for_mix(speaker.mix, speaker.mix.end + 48_000)
    assert speaker.figures()["device"] is None
    assert not [message for message in speaker.said if message[0] == "log"], "it is said once"


def test_other_settings_are_used_at_once_and_instruments_come_without_a_break(speaker: SpeakerProcess) -> None:
    speaker.play(block=256)
    ring, epoch = speaker.ring("synth"), speaker.clock.epoch
    speaker.play(block=256, instruments=["synth"])
    assert speaker.clock.epoch == epoch
    before = speaker.clock.frame
    speaker.play(block=480, rate=44_100, instruments=["synth"])
    clock = speaker.clock
    assert (clock.block, clock.rate, clock.epoch) == (480, 44_100, epoch + 1)
    assert clock.frame > before - 48_000, "frames of a new stream begin after those before"
    first = clock.first_block(time.perf_counter() + 0.1)
    ring.write(first, np.full((9_600, 2), 0.25, np.float32))
    assert wait_for_mix(speaker.mix, first + 9_600)
    out = np.zeros((4_800, 2), np.float32)
    assert speaker.mix.read(first + 4_800, out) and (out == 0.25).all()


def test_the_frames_of_the_next_process_follow_those_of_one_that_was_killed(
    speaker: SpeakerProcess, tmp_path: Path
) -> None:
    speaker.play()
    before = speaker.clock
    speaker.process.kill()
    with SpeakerProcess(tmp_path) as following:
        end = following.mix.end
        following.play()
        clock, now = following.clock, time.perf_counter()
        assert clock.epoch == before.epoch + 1
        assert wait_for_mix(following.mix, end + 1)
        assert clock.frame_heard_at(now) >= before.frame_heard_at(now), "no frame is heard twice"


def test_the_process_ends_with_the_desk(speaker: SpeakerProcess) -> None:
    speaker.play()
    speaker.hang_up()
    assert speaker.process.wait(10) == 0
