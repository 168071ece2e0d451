"""The recording of what is heard, on an offline clock: where in the files which frame of the mix is."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from daemon.audio.clock import ClockPage, clock_path
from daemon.audio.ring import MIX_CAPACITY, Ring, mix_path
from daemon.recording import flac_file
from daemon.recording.audio_recording import HELD, LINGER, AudioRecording
from daemon.recording.mix_reader import MixReader
from tests.tools.mix import Speaker, numbered
from tests.tools.notes_in_sound import notes_in

RATE = 8000
STEP, SYNC = 0.05, 10  # seconds; steps


class Box:
    """A speaker and a recording, at the second `now`."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder, self.now, self.said = folder, 100.0, list[str]()
        self.speaker = Speaker(folder / "run", **options)
        self.speaks = True
        self.speaker.start(self.now)
        self._steps = 0
        self.new_recording()

    def new_recording(self) -> None:
        """As after a kill."""
        if hasattr(self, "recording"):
            track = self.recording._track
            assert track is not None and track._file is not None
            track._file._file.close()
        run = self.folder / "run"
        reader = MixReader(ClockPage(clock_path(run)), Ring(mix_path(run), MIX_CAPACITY))
        self.recording = AudioRecording(reader, self.said.append, lambda: self.now)

    def begin(self, name: str, start: float) -> Path:
        """A session begins, of which the journal was just made."""
        journal = self.folder / f"{name}.journal"
        journal.touch()
        self.recording.begin(journal, start)
        return journal.with_suffix(".flac")

    def run(self, until: float) -> None:
        while self.now < until - STEP / 2:
            self.now = round(self.now + STEP, 6)
            if self.speaks:
                self.speaker.play(self.now)
            self.recording.tick()
            self._steps += 1
            if self._steps % SYNC == 0:
                self.recording.sync()

    def heard_at(self, seconds: float) -> int:
        assert self.speaker.clock is not None
        return self.speaker.clock.frame_heard_at(seconds)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def numbers_in(path: Path) -> NDArray[np.int64]:
    """Of the frames in a file; 0: silence."""
    samples, _ = soundfile.read(path, dtype="int32")
    assert np.array_equal(samples[:, 0], samples[:, 1])
    return (samples[:, 0].astype(np.int64) >> 8) - 1 + (samples[:, 0] == 0)


def numbers(first: int, count: int) -> NDArray[np.int64]:
    return np.arange(first, first + count) % (1 << 22)


def test_the_sound_of_a_session_begins_at_the_first_tick_of_its_midi_file(box: Box) -> None:
    """Which may be a bar before the message with which the session begins."""
    box.run(110)
    path = box.begin("a", 106.3)
    box.run(120)
    assert box.recording.close()
    found = numbers_in(path)
    assert np.array_equal(found, numbers(box.heard_at(106.3), len(found)))
    assert 120 <= 106.3 + len(found) / RATE < 120.1
    assert box.said == []


def test_the_next_session_goes_on_at_the_frame_where_the_one_before_ends(box: Box) -> None:
    box.run(102)
    first = box.begin("a", 101.0)
    box.run(113)
    box.recording.end(112.9)
    box.run(114.2)
    second = box.begin("b", 113.05)
    box.run(120)
    box.recording.end(119)
    box.run(121)
    third = box.begin("c", 119.5)
    box.run(125)
    box.recording.close()
    found = [numbers_in(path) for path in (first, second, third)]
    assert [len(each) for each in found[:2]] == [round(12.05 * RATE), round(6.45 * RATE)]
    whole = np.concatenate(found)
    assert np.array_equal(whole, numbers(box.heard_at(101.0), len(whole)))


def test_a_silent_end_is_kept_where_the_next_session_goes_on(tmp_path: Path) -> None:
    box = Box(tmp_path, sound=lambda n, s: numbered(n, s) * ((s < 110) | (s >= 114)))
    box.run(102)
    first = box.begin("a", 101.0)
    box.run(112)
    box.recording.end(112)
    box.run(114.2)
    second = box.begin("b", 113.0)
    box.run(118)
    box.recording.close()
    assert len(numbers_in(first)) == 12 * RATE
    assert np.flatnonzero(numbers_in(second))[0] == RATE


def test_a_session_that_begins_in_the_last_bar_of_another_has_that_bar_too(box: Box) -> None:
    box.run(102)
    first = box.begin("a", 101.0)
    box.run(113)
    box.recording.end(112.9)
    box.run(113.2)
    second = box.begin("b", 111.0)
    box.run(115)
    box.recording.close()
    before, after = numbers_in(first), numbers_in(second)
    assert np.array_equal(before, numbers(box.heard_at(101.0), len(before))) and len(before) > 11.9 * RATE
    assert np.array_equal(after, numbers(box.heard_at(111.0), len(after))) and len(after) > 3.9 * RATE


def test_the_end_of_a_session_rings_on(tmp_path: Path) -> None:
    """And the next one, after a while, has nothing of that."""
    sounds = [(101, 115.5), (140, 150)]  # seconds
    box = Box(tmp_path, sound=lambda n, s: numbered(n, s) * sum((s >= a) & (s < b) for a, b in sounds))
    box.run(102)
    first = box.begin("a", 101.0)
    box.run(112)
    box.recording.end(112)
    box.run(112 + LINGER + 1)
    assert np.flatnonzero(numbers_in(first))[-1] == 14.5 * RATE - 1
    box.run(142)
    second = box.begin("b", 139.0)
    box.run(144)
    box.recording.close()
    found = numbers_in(second)
    assert not found[:RATE].any() and np.array_equal(found[RATE:], numbers(box.heard_at(140), len(found) - RATE))


def test_of_what_is_silent_no_file_is_made_and_a_silent_end_is_left_out(tmp_path: Path) -> None:
    box = Box(tmp_path, sound=lambda n, s: numbered(n, s) * ((s >= 130) & (s < 131)))
    path = box.begin("a", 100.0)
    box.run(129)
    assert not path.exists()
    box.run(500)
    box.recording.close()
    found = numbers_in(path)
    assert len(found) <= 31.1 * RATE and not found[: 30 * RATE].any() and found[30 * RATE : 31 * RATE].all()


def test_while_a_speaker_is_replaced_the_file_has_silence_and_stays_in_time(box: Box) -> None:
    path = box.begin("a", 101.0)
    box.run(105)
    before = box.speaker.clock
    box.speaks = False
    box.run(106.5)
    box.speaker.start(106.5)
    box.speaks = True
    box.run(110)
    box.recording.close()
    found = numbers_in(path)
    assert before is not None
    played = np.flatnonzero(found)
    (gap,) = np.flatnonzero(np.diff(played) > 1)
    first = numbers(before.frame_heard_at(101.0), gap + 1)
    assert np.array_equal(found[: gap + 1], first) and 3.9 * RATE < gap < 4.05 * RATE
    again = played[gap + 1]
    assert np.array_equal(found[again:], numbers(box.heard_at(101.0 + again / RATE), len(found) - again))
    assert 1.4 * RATE < again - gap < 1.6 * RATE


def test_a_device_that_stood_still_leaves_silence(box: Box) -> None:
    """The same stream goes on a second later."""
    path = box.begin("a", 101.0)
    box.run(105)
    box.speaks = False
    box.run(106)
    clock = box.speaker.clock
    assert clock is not None
    moved = type(clock)(
        clock.epoch, clock.block, clock.frame, clock.rate, clock.seconds + 1, 1 / RATE, 0.0, clock.latency
    )
    box.speaker.clock = moved
    box.speaker._page.write(moved)
    box.speaks = True
    box.run(110)
    box.recording.close()
    found = numbers_in(path)
    assert np.array_equal(found[-RATE:], numbers(moved.frame_heard_at(101.0 + (len(found) - RATE) / RATE), RATE))
    assert (found == 0).sum() == pytest.approx(RATE, abs=2)


@pytest.mark.parametrize("skew", [1e-4, -1e-4])
def test_a_device_that_runs_fast_or_slow_stays_in_time_and_sounds_pure(tmp_path: Path, skew: float) -> None:
    """100 ppm: 30 ms in five minutes. A note of a second begins every ten."""

    def sound(_: NDArray[Any], seconds: NDArray[Any]) -> NDArray[Any]:
        return 0.5 * np.cos(2 * math.pi * 440 * seconds) * (seconds % 10 < 1)

    box = Box(tmp_path, sound=sound, skew=skew)
    path = box.begin("a", 105.0)
    box.run(405)
    box.recording.close()
    frames, _ = soundfile.read(path)
    found = notes_in(frames, RATE)
    starts = np.array([note.start for note in found])
    assert len(starts) == 30
    assert np.abs(starts - (5 + 10 * np.arange(30))).max() < 0.0007
    assert max(abs(note.pitch - 69) for note in found) < 0.02


def test_what_is_slewed_sounds_as_before(tmp_path: Path) -> None:
    """A sine, and nothing else above −95 dB, except close to it: its pitch is half a cent higher for a second."""
    box = Box(tmp_path, sound=lambda _, s: 0.5 * np.sin(2 * math.pi * 1000 * s), rate=48_000, skew=3e-4)
    path = box.begin("a", 101.0)
    box.run(107)
    box.recording.close()
    frames, rate = soundfile.read(path)
    part = frames[rate : 4 * rate, 0] * np.blackman(3 * rate)
    spectrum = np.abs(np.fft.rfft(part))
    top = int(spectrum.argmax())
    assert top / 3 == pytest.approx(1000, abs=2)
    assert np.delete(spectrum, range(top - 300, top + 301)).max() < spectrum[top] * 10 ** (-95 / 20)


def test_a_copy_made_while_it_is_written_holds_all_but_the_last_seconds(box: Box, tmp_path: Path) -> None:
    """As what a kill or a power cut leaves."""
    path = box.begin("a", 101.0)
    for second in range(103, 110):
        box.run(second)
        shutil.copy(path, tmp_path / "copy.flac")
        found = numbers_in(tmp_path / "copy.flac")
        assert second - 101 - HELD - 1.1 < len(found) / RATE < second - 101
        assert np.array_equal(found, numbers(box.heard_at(101.0), len(found)))
    box.recording.close()


def test_another_process_continues_the_session_in_another_file(box: Box) -> None:
    """Which is silent as long as the first one lasts, so that both together are the session."""
    path = box.begin("a", 101.0)
    box.run(110)
    box.new_recording()
    box.run(112)
    box.begin("a", 101.0)
    box.run(120)
    box.recording.close()
    first, second = numbers_in(path), numbers_in(path.with_name("a part 2.flac"))
    assert not second[: len(first)].any() and len(first) > 7 * RATE
    second[: len(first)] = first
    assert np.array_equal(second, numbers(box.heard_at(101.0), len(second)))
    assert len(second) > 19 * RATE


def test_a_file_of_which_nothing_is_known_to_be_on_the_disk_is_made_anew(box: Box) -> None:
    """The process was killed while it wrote the first second."""
    path = box.begin("a", 101.0)
    box.run(102.3)
    path.write_bytes(b"fLaC")
    box.new_recording()
    box.run(104)
    box.begin("a", 101.0)
    box.run(110)
    box.recording.close()
    found = numbers_in(path)
    assert np.array_equal(found, numbers(box.heard_at(101.0), len(found))) and len(found) > 8.9 * RATE
    assert not path.with_name("a part 2.flac").exists()


def test_another_rate_continues_the_session_in_another_file(box: Box) -> None:
    path = box.begin("a", 101.0)
    box.run(110)
    box.speaker.start(110, rate=16_000)
    box.run(120)
    box.recording.close()
    second = path.with_name("a part 2.flac")
    assert (soundfile.info(path).samplerate, soundfile.info(second).samplerate) == (8000, 16_000)
    found = numbers_in(second)
    begin = int(np.flatnonzero(found)[0])
    assert begin / 16_000 == pytest.approx(9, abs=0.1)
    assert np.array_equal(found[begin:], numbers(box.heard_at(101.0 + begin / 16_000), len(found) - begin))


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """A disk, full while the list is not empty."""
    state: list[bool] = []

    class Full(flac_file.FileIO):
        def write(self, data: Any) -> int:
            if state:
                super().write(bytes(data)[: len(data) // 2])
                raise OSError(28, "No space left on device")
            return super().write(data)

    monkeypatch.setattr(flac_file, "FileIO", Full)
    yield state


def test_what_a_full_disk_did_not_take_is_written_when_there_is_room(box: Box, full: list[bool]) -> None:
    path = box.begin("a", 101.0)
    box.run(105)
    full.append(True)
    box.run(110)
    full.clear()
    box.run(112)
    assert box.recording.close()
    found = numbers_in(path)
    assert np.array_equal(found, numbers(box.heard_at(101.0), len(found))) and len(found) > 11 * RATE
    assert [text.split(":")[0] for text in box.said] == [
        "the recording of the sound is interrupted",
        "the recording of the sound continues",
    ]
    assert "No space left on device" in box.said[0]


def test_what_a_full_disk_cannot_take_for_long_becomes_silence(
    box: Box, full: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flac_file, "MAX_UNWRITTEN", 5000)
    path = box.begin("a", 101.0)
    box.run(105)
    full.append(True)
    box.run(125)
    full.clear()
    box.run(130)
    box.recording.close()
    found = numbers_in(path)
    expected = numbers(box.heard_at(101.0), len(found))
    assert len(found) > 28 * RATE and 5 * RATE < (found == 0).sum() < 20 * RATE
    assert np.array_equal(found[found > 0], expected[found > 0])


def test_a_disk_that_stays_full_is_told_at_the_end(box: Box, full: list[bool]) -> None:
    box.begin("a", 101.0)
    box.run(105)
    full.append(True)
    box.run(107)
    assert not box.recording.close()


def test_a_file_that_was_removed_is_followed_by_another_one(box: Box) -> None:
    path = box.begin("a", 101.0)
    box.run(105)
    path.unlink()
    box.run(110)
    box.recording.close()
    found = numbers_in(path)
    begin = int(np.flatnonzero(found)[0])
    assert begin < 5 * RATE
    assert np.array_equal(found[begin:], numbers(box.heard_at(101.0 + begin / RATE), len(found) - begin))


def test_in_a_folder_that_was_removed_nothing_is_made(box: Box, tmp_path: Path) -> None:
    """The journal makes the folder again, and begins another session there."""
    (tmp_path / "sessions").mkdir()
    box.begin("sessions/a", 101.0)
    box.run(105)
    shutil.rmtree(tmp_path / "sessions")
    box.run(108)
    assert not (tmp_path / "sessions").exists()
    (tmp_path / "sessions").mkdir()
    box.recording.end(108.2)
    box.run(108.5)
    path = box.begin("sessions/b", 108.0)
    box.run(110)
    box.recording.close()
    assert [each.name for each in (tmp_path / "sessions").glob("*.flac")] == ["b.flac"]
    found = numbers_in(path)
    assert np.array_equal(found, numbers(box.heard_at(108.0), len(found)))


def test_a_folder_in_which_nothing_may_be_made_is_told_once(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(flac_file, "FileIO", refuse)
    box.begin("a", 101.0)
    box.run(110)
    assert not box.recording.close()
    assert len(box.said) == 1 and "Permission denied" in box.said[0]
