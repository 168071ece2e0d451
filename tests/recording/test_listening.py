"""`jamd replay --listen`: what reaches the audio device."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from daemon import __main__ as command_line
from daemon.commands import Panic
from daemon.entries import Commanded, Entry, Heard, Sent
from daemon.errors import AudioError, JamdError
from daemon.music.events import note_off, note_on
from daemon.music.tempo import TempoMap
from daemon.recording import listening, recorded_sound
from daemon.recording.journal import Journal
from daemon.recording.recorded_sound import Source
from daemon.speaker.playback import Playback
from daemon.spec import AUDIO, PlayerSpec, PortSpec, StageSpec
from tests.tools.notes_in_sound import notes_in

RATE = 48_000
SCALE = (60, 62, 64, 65, 67)
PLAYERS = (
    PlayerSpec("choir", (), "out", {"soprano": 1}, True, 0.03, 0.1, audio=("synth",)),
    PlayerSpec("synth", (), "", {}, False, 0.0, 0.0, is_instrument=True),
)
PORTS = (PortSpec("keys", "in", thru=("synth",)), PortSpec("out", "out", audio=("synth",)), PortSpec("synth", AUDIO))
SPEC = StageSpec(TempoMap(((0.0, 120.0),), ((0.0, 4.0),)), PORTS, players=PLAYERS)
SYNTH = {"engine": "sine", "model": None, "options": {}, "settings": {}, "listen": [], "melodies": [], "rate": 44_100}


class Device:
    """Takes frames five times as fast as a real one."""

    name = "card, ALSA"

    def __init__(self, rate: float = RATE, channels: int = 2, lasts: float = 1e9) -> None:
        self.playback, self._lasts = Playback(rate, channels), lasts
        self._heard: list[NDArray[Any]] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(0.002):
            out = np.zeros((480, self.playback.channels), np.float32)
            self.playback.take(out, 0.01, False)
            self._heard.append(out)

    @property
    def active(self) -> bool:
        return self.playback.taken < self._lasts * self.playback.rate

    def end(self) -> NDArray[Any]:
        """What was heard, from its first sound on."""
        self._stopped.set()
        self._thread.join()
        heard = np.concatenate(self._heard)
        loud = np.flatnonzero(np.abs(heard).max(axis=1))
        return heard[loud[0] :] if len(loud) else heard[:0]


Hear = Callable[..., NDArray[Any]]


@pytest.fixture
def hear(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hear]:
    """What a device gets from `listen`."""
    devices: list[Device] = []

    def listen(session: Path, **options: Any) -> NDArray[Any]:
        devices.append(device := Device(**options))
        monkeypatch.setattr(listening, "open_stream", lambda *_: device)
        monkeypatch.setattr(listening, "silence_libraries", lambda: None)
        listening.listen(session, "default", RATE, 256)
        return device.end()

    yield listen
    for device in devices:
        device.end()


def journal(folder: Path, *entries: Entry, spec: StageSpec = SPEC, **members: Any) -> Path:
    written = Journal(
        folder,
        {"jamd": "0", "members": {"choir": {"model": None}, **members}, "spec": spec.to_json()},
        clock=lambda: 0.0,
    )
    written.write(entries)
    written.close()
    return next(folder.glob("*.journal"))


def scale(start: float) -> list[Entry]:
    """A note every quarter of a second."""
    notes: list[Entry] = []
    for at, pitch in enumerate(SCALE):
        notes.append(Sent(start + at / 4, "choir", "soprano", "out", note_on(1, pitch, 100)))
        notes.append(Sent(start + at / 4 + 0.2, "choir", "soprano", "out", note_off(1, pitch)))
    return notes


def assert_is_scale(heard: NDArray[Any], rate: int = RATE) -> None:
    found = notes_in(heard, rate)
    assert [round(note.pitch, 1) for note in found] == list(SCALE)
    assert [round(note.start, 3) for note in found] == [at / 4 for at in range(len(SCALE))]


@pytest.mark.parametrize("suffix", ["", ".mid", ".journal", ".flac"])
def test_the_sound_that_was_recorded_is_heard_bit_by_bit(
    hear: Hear, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = np.random.default_rng(0).integers(1, 1 << 20, (90_000, 2)).astype(np.int32) << 8
    silence = np.zeros((1000, 2), np.int32)  # in which the device fades in and out
    soundfile.write(tmp_path / "a.flac", np.concatenate((silence, frames, silence)), RATE, "PCM_24")
    heard = hear(tmp_path / f"a{suffix}")
    assert np.array_equal(heard[:90_000], frames / np.float32(2**31)) and not heard[90_000:].any()
    assert capsys.readouterr().err == f"a{suffix} is heard through card, ALSA\n"


def test_all_parts_of_a_session_are_heard_as_one(hear: Hear, tmp_path: Path) -> None:
    frames = np.random.default_rng(0).uniform(0.1, 0.5, (30_000, 2))
    frames[-1000:] = 0
    frames[:1000] = 0
    soundfile.write(tmp_path / "a.flac", frames[:12_345], RATE, "PCM_24")
    second = np.concatenate((np.zeros((12_345, 2)), frames[12_345:]))
    soundfile.write(tmp_path / "a part 2.flac", second, RATE, "PCM_24")
    for name in ("a", "a part 2.flac"):
        assert np.abs(hear(tmp_path / name)[:28_000] - frames[1000:-1000]).max() < 2**-22


def test_a_part_of_another_rate_is_converted(hear: Hear, tmp_path: Path) -> None:
    seconds = np.arange(RATE) / RATE
    soundfile.write(tmp_path / "a.flac", 0.5 * np.cos(2764.6 * seconds), RATE)
    later = np.arange(88_200) / 44_100
    soundfile.write(tmp_path / "a part 2.flac", 0.5 * np.cos(2764.6 * later) * (later >= 1.5), 44_100)
    first, second = notes_in(hear(tmp_path / "a"), RATE)
    assert (round(first.pitch), round(second.pitch)) == (69, 69)
    assert (round(first.end, 2), round(second.start, 2), round(second.end, 2)) == (1, 1.5, 2)


def test_a_sound_file_that_is_cut_off_is_named_with_a_remedy(hear: Hear, tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, (RATE, 2)), RATE, "PCM_24")
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(JamdError, match=r"a\.flac: damaged \(.*\): move the file to hear the journal$"):
        hear(path)


@pytest.mark.parametrize(("rate", "channels"), [(44_100.0, 2), (48_000.0, 1), (48_000.0, 6)])
def test_the_device_may_have_another_rate_or_other_channels(
    hear: Hear, tmp_path: Path, rate: float, channels: int
) -> None:
    mono = 0.5 * np.cos(2764.6 * np.arange(RATE) / RATE)
    soundfile.write(tmp_path / "a.flac", np.stack([mono, mono], axis=1), RATE, "PCM_24")
    heard = hear(tmp_path / "a", rate=rate, channels=channels)
    assert heard.shape[1] == channels
    (note,) = notes_in(heard[:, 0], int(rate))
    assert round(note.pitch, 1) == 69 and note.end == pytest.approx(1, abs=0.01)


def test_without_recorded_sound_the_instruments_of_the_session_play_its_journal(
    hear: Hear, sine_engine: None, tmp_path: Path
) -> None:
    """From its first note on, at the rate of now; keys that they were sent, too."""
    path = journal(tmp_path, *scale(1000.3), synth=SYNTH)
    assert_is_scale(hear(path))


def test_keys_are_heard_as_they_were_sent_and_a_panic_silences(hear: Hear, sine_engine: None, tmp_path: Path) -> None:
    key, panic = Heard(5.01, "keys", 5.0, note_on(1, 60, 100)), Commanded(5.5, Panic(), 5.5)
    (note,) = notes_in(hear(journal(tmp_path, key, panic, *scale(6.0)[-1:], synth=SYNTH)), RATE)
    assert (round(note.pitch), round(note.end, 2)) == (60, 0.5)


def test_a_session_without_instruments_is_played_by_one_that_hears_all_outputs(
    hear: Hear, sine_engine: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_sound, "DEFAULT_ENGINE", "sine")
    bare = replace(SPEC, ports=(PortSpec("out", "out"),), players=(replace(PLAYERS[0], audio=()),))
    assert_is_scale(hear(journal(tmp_path, *scale(50.0), spec=bare)))


def test_a_long_session_is_heard_at_once(sine_engine: None, tmp_path: Path) -> None:
    """An hour: the first frames come before the last entries are looked at."""
    path = journal(tmp_path, *scale(0.0), *scale(3600.0), synth=SYNTH)
    heard: list[int] = []

    class Enough(Exception):
        pass

    def write(frames: NDArray[Any]) -> None:
        heard.append(len(frames))
        if sum(heard) > RATE:
            raise Enough

    began = time.process_time()
    with pytest.raises(Enough):
        Source(path, RATE).play(write)
    assert max(heard) <= 1024 and time.process_time() - began < 5


def test_a_device_that_is_gone_is_told(hear: Hear, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", np.ones((5 * RATE, 2)) / 2, RATE, "PCM_24")
    with pytest.raises(AudioError, match="is gone"):
        hear(tmp_path / "a", lasts=1.0)


def test_ctrl_c_fades_the_sound_out(hear: Hear, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.flac", np.ones((5 * RATE, 2)) / 2, RATE, "PCM_24")
    devices: list[Device] = []
    write = listening.Listening.write

    def interrupted(self: listening.Listening, frames: Any) -> None:
        if self._end > RATE:
            devices.append(self._stream)  # type: ignore[arg-type]
            raise KeyboardInterrupt
        write(self, frames)

    monkeypatch.setattr(listening.Listening, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hear(tmp_path / "a")
    heard = devices[0].end()
    assert heard.max() == 0.5 and not heard[-1].any() and np.abs(np.diff(heard, axis=0)).max() < 0.1


@pytest.mark.parametrize(
    ("name", "told"),
    [("none", "there is no such file"), ("folder", "a folder: name a session in it"), ("a.flac", "cannot be read")],
)
def test_what_is_no_session_is_told(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.flac").write_bytes(b"no sound")
    with pytest.raises(JamdError) as raised:
        Source(tmp_path / name, RATE)
    assert told in str(raised.value) and "\n" not in str(raised.value)


def test_a_journal_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.journal").write_bytes(b"no journal")
    with pytest.raises(JamdError, match="not the journal of a session"):
        Source(tmp_path / "a", RATE).play(lambda frames: None)


@pytest.mark.parametrize(
    ("options", "told"),
    [(["--listen", "-o", "b.mid"], "--listen writes no file"), (["-c", "a.yaml"], "--config chooses the device of")],
)
def test_options_that_do_not_fit_are_told(
    options: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line.sys, "argv", ["jamd", "replay", "a", *options])
    with pytest.raises(SystemExit) as raised:
        command_line.main()
    assert raised.value.code == 2 and told in capsys.readouterr().err
