"""The process that records the sound, and the desk's side of it: real processes, real time."""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from daemon.entries import Sent, StateSaved, TempoChanged
from daemon.music.events import note_off, note_on
from daemon.recording import audio_recorder
from daemon.recording.audio_process import AudioProcess
from daemon.recording.flac_file import seconds_in
from daemon.recording.recorder import Recorder
from daemon.wire import pack
from tests.recording.test_journal import HEADER
from tests.tools.mix import Speaker
from tests.tools.notes_in_sound import notes_in

LENGTH, PERIOD = 0.1, 0.25  # seconds: of a note, from one to the next
SPEAKER_STEP = 0.01  # seconds


def tone(_: NDArray[Any], seconds: NDArray[Any]) -> NDArray[Any]:
    """A note begins at every multiple of PERIOD, each a semitone above the one before, over an octave."""
    age, pitch = seconds % PERIOD, 69 + seconds // PERIOD % 12
    return 0.5 * np.cos(2 * math.pi * 440 * 2 ** ((pitch - 69) / 12) * age) * (age < LENGTH)


@pytest.fixture
def speaker(tmp_path: Path) -> Iterator[Speaker]:
    """Plays in real time, in a thread."""
    speaker = Speaker(tmp_path / "run", sound=tone, rate=48_000)
    speaker.start(time.perf_counter())
    stopped = threading.Event()

    def play() -> None:
        while not stopped.wait(SPEAKER_STEP):
            speaker.play(time.perf_counter())

    thread = threading.Thread(target=play)
    thread.start()
    yield speaker
    stopped.set()
    thread.join()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


@contextlib.contextmanager
def process(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "daemon.recording.audio_process", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        yield running
        running.kill()


def begin(running: subprocess.Popen[bytes], journal: Path, start: float) -> None:
    journal.touch()
    assert running.stdin is not None
    running.stdin.write(pack([["session", str(journal), start]]))
    running.stdin.flush()


def wait_for(path: Path, seconds: float) -> None:
    """Until so much is in the file."""
    end = time.monotonic() + 20
    while seconds_in(path) < seconds:
        assert time.monotonic() < end
        time.sleep(0.05)


def assert_in_time(path: Path, start: float) -> int:
    """Every note is where it was heard; returns how many there are."""
    frames, rate = soundfile.read(path)
    notes = notes_in(frames, rate)[1:-1]
    for note in notes:
        assert abs((start + note.start + PERIOD / 2) % PERIOD - PERIOD / 2) < 0.001
        assert abs(note.pitch - 69 - (start + note.start + PERIOD / 2) // PERIOD % 12) < 0.1
    return len(notes)


def test_a_desk_that_is_killed_leaves_a_whole_file(speaker: Speaker, tmp_path: Path) -> None:
    start = time.perf_counter() - 0.5
    with process(tmp_path / "run") as running:
        begin(running, tmp_path / "a.journal", start)
        wait_for(tmp_path / "a.flac", 1.5)
        assert running.stdin is not None
        running.stdin.write(b'["clo')
        running.stdin.close()
        assert running.wait(10) == 0
        ended = time.perf_counter()
    assert soundfile.info(tmp_path / "a.flac").duration > ended - start - 1
    assert assert_in_time(tmp_path / "a.flac", start) > 2


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_what_a_killed_process_leaves_can_be_played(speaker: Speaker, tmp_path: Path) -> None:
    start = time.perf_counter() - 0.5
    with process(tmp_path / "run") as running:
        begin(running, tmp_path / "a.journal", start)
        wait_for(tmp_path / "a.flac", 2.0)
        running.send_signal(signal.SIGKILL)
    assert assert_in_time(tmp_path / "a.flac", start) > 2


def test_whatever_fails_is_told_and_the_recording_goes_on() -> None:
    class Fails:
        def fail(self, *_: Any) -> None:
            raise KeyError("x")

        begin = end = close = tick = sync = fail

    told: list[Any] = []
    process = AudioProcess(Fails(), told.append)  # type: ignore[arg-type]
    for message in (["session", "a", 0.0], ["end", 1.0], ["close"], ["alive"]):
        process.hear(message)
    process.tick(1.0)
    assert [message[0] for message in told] == ["say", "say", "say", "alive", "say", "say"]
    assert not process.complete


class Desk:
    """A recorder, the second at which the song began, and its first beat."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        say = lambda level, cause, text: self.said.append(text)  # noqa: E731
        self.recorder = Recorder(folder / "sessions", say, lambda: None, folder / "run")
        self.recorder.begin(HEADER)

    def play(self, first: int, count: int) -> None:
        """Notes that are heard at these multiples of PERIOD, as entries of the stage."""
        entries: list[Any] = []
        for at in range(first, first + count):
            pitch = 69 + at % 12
            entries.append(Sent(at * PERIOD, "choir", "soprano", "out", note_on(1, pitch, 80)))
            entries.append(Sent(at * PERIOD + LENGTH, "choir", "soprano", "out", note_off(1, pitch)))
        self.recorder.entries(entries)


def test_the_midi_file_and_the_sound_of_each_session_lie_side_by_side(speaker: Speaker, tmp_path: Path) -> None:
    """Within a millisecond, over a rotation, at which the sound goes on without a gap."""

    async def record() -> None:
        desk = Desk(tmp_path)
        first = math.ceil(time.perf_counter() / PERIOD)
        await asyncio.sleep(max((first + 2) * PERIOD - time.perf_counter(), 0))
        tempo = TempoChanged((first - 1) * PERIOD, 0.0, 120.0)
        desk.recorder.entries([tempo])
        desk.play(first, 3)
        await until(lambda: time.perf_counter() > (first + 6.5) * PERIOD)
        saved = StateSaved(time.perf_counter(), {"running": True, "tempo": [0.0, tempo.seconds, 120.0]})
        desk.recorder.entries([saved])
        await until(lambda: time.perf_counter() > (first + 8.5) * PERIOD)
        desk.play(first + 8, 1)
        await until(lambda: time.perf_counter() > (first + 12) * PERIOD)
        desk.play(first + 10, 2)
        await desk.recorder.close()
        assert desk.said == [] and desk.recorder.complete

    asyncio.run(record())
    midi = sorted((tmp_path / "sessions").glob("*.mid"))
    assert len(midi) == 2
    for path, count in zip(midi, (3, 3), strict=True):
        written, seconds = [], 0.0
        for message in mido.MidiFile(file=io.BytesIO(path.read_bytes())):
            seconds += message.time
            written += [(seconds, message.note)] if message.type == "note_on" else []
        assert len(written) == count
        frames, rate = soundfile.read(path.with_suffix(".flac"))
        found = notes_in(frames, rate)
        for at, pitch in written:
            note = min(found, key=lambda note: abs(note.start - at))
            assert abs(note.start - at) < 0.001 and abs(note.pitch - pitch) < 0.1


def test_a_process_that_was_killed_is_replaced_and_continues_the_session(
    speaker: Speaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_recorder, "RESTART_PAUSE", 0.1)

    async def record() -> None:
        desk = Desk(tmp_path)
        first = math.floor(time.perf_counter() / PERIOD)
        desk.play(first, 1)
        folder = tmp_path / "sessions"
        await until(lambda: any(map(seconds_in, folder.glob("*.flac"))))
        audio = desk.recorder._audio
        assert audio is not None and audio._child is not None
        os.kill(audio._child._process.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        await until(lambda: any(map(seconds_in, folder.glob("* part 2.flac"))))
        await desk.recorder.close()
        assert len(desk.said) == 1 and "another one continues" in desk.said[0]

    asyncio.run(record())
    (second,) = (tmp_path / "sessions").glob("* part 2.flac")
    first = second.with_name(second.name.replace(" part 2", ""))
    frames, rate = soundfile.read(second)
    length = soundfile.info(first).frames
    assert not frames[:length].any() and frames[length : length + round(PERIOD * rate)].any()


def test_a_disk_that_does_not_answer_is_told_and_does_not_delay_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_recorder, "HANG_TIME", 0.1)
    monkeypatch.setattr(audio_recorder, "COMMAND", [sys.executable, "-c", "import time; time.sleep(60)"])
    said: list[str] = []

    async def record() -> None:
        audio = audio_recorder.AudioRecorder(tmp_path, said.append)
        audio.start()
        await until(lambda: said)
        assert not await audio.close(0.2)
        assert audio._child is not None
        audio._child._process.kill()

    asyncio.run(record())
    assert "does not answer" in said[0] and "may lack its end: its disk does not answer" in said[1]
