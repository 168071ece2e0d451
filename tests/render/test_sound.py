"""`jamd render` to WAV and FLAC: what the instruments of the band play."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile

from daemon import config
from daemon.audio import sound_file
from daemon.audio.ring import Frames
from daemon.audio.sound_file import SoundFile, TooLong, quantised
from daemon.config import Config
from daemon.music import smf
from daemon.music.events import control_change, note_off, note_on
from daemon.render import instruments
from daemon.render.offline import Rendering, render
from tests.tools import sine
from tests.tools.notes_in_sound import notes_in

RATE = 48_000
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
SCALE_NOTES = [(480 * at, 480 * at + 400, pitch) for at, pitch in enumerate(SCALE)]
BAND = """
ports: {keys: {direction: in}, out: {direction: out}}
melodies: {tune: {file: scale.mid}}
band:
  dice: {engine: dice, listen: [tune, keys], play: {port: out, channels: {high: 1}}, options: {often: 0}}
  synth: {engine: sine, listen: [out]}
"""


@pytest.fixture
def load(dice: None, sine_engine: None, tmp_path: Path) -> Callable[[str], Config]:
    """Loads a configuration beside scale.mid, half a second per note."""
    write_notes(tmp_path / "scale.mid", SCALE_NOTES)

    def load(text: str) -> Config:
        (tmp_path / "config.yaml").write_text(text)
        return config.load(tmp_path / "config.yaml")

    return load


def write_notes(path: Path, notes: list[tuple[int, int, int]], *others: tuple[int, bytes]) -> None:
    events = [(start, note_on(1, pitch, 100)) for start, _, pitch in notes] + list(others)
    events += [(end, note_off(1, pitch)) for _, end, pitch in notes]
    path.write_bytes(smf.to_bytes([smf.Track("m", events)], [(0, 1_000_000)], []))


def sound_of(loaded: Config, path: Path, live: bool = False) -> tuple[Frames, Rendering]:
    frames = list[Any]()
    rendering = render(loaded, path, live, write=lambda block: frames.append(block.copy()))
    return np.concatenate(frames), rendering


def onsets(midi: bytes) -> list[tuple[float, int]]:
    """(seconds, pitch) of the notes of a voice, as another reader of MIDI files counts them."""
    seconds, found = 0.0, []
    for message in mido.MidiFile(file=io.BytesIO(midi)):
        seconds += message.time
        if message.type == "note_on" and message.velocity:
            found.append((seconds, message.note))
    return list(dict.fromkeys(found))  # one that is struck by a key and by the tune is one


def test_a_scale_has_its_pitches_at_the_times_of_the_midi_file(load: Any, tmp_path: Path) -> None:
    frames, rendering = sound_of(load(BAND), tmp_path / "scale.mid")
    found, written = notes_in(frames, RATE), onsets(rendering.data)
    assert [round(note.pitch, 1) for note in found] == list(SCALE) == [pitch for _, pitch in written]
    assert max(abs(note.start - at) for note, (at, _) in zip(found, written, strict=True)) < 0.0001
    assert [round(note.end - note.start, 2) for note in found] == [0.42] * 8
    assert rendering.seconds == len(frames) / RATE and 3.9 < rendering.seconds < 4.5
    assert rendering.peak == pytest.approx(np.abs(frames).max()) and rendering.peak > 0.1


def test_the_midi_file_is_the_same_with_sound_and_without(load: Any, tmp_path: Path) -> None:
    loaded, path = load(BAND), tmp_path / "scale.mid"
    for live in (False, True):
        first, second = (sound_of(loaded, path, live) for _ in range(2))
        assert first[1].data == second[1].data == render(loaded, path, live).data
        assert np.array_equal(first[0], second[0])


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("heard", ["tune", "keys"])
def test_the_file_is_heard_itself_by_instruments_that_play_a_melody_or_keys(
    load: Any, tmp_path: Path, live: bool, heard: str
) -> None:
    text = BAND.replace("listen: [out]", f"listen: [{heard}]").replace(
        "keys: {dir", "other: {direction: in}, keys: {dir"
    )
    found = notes_in(sound_of(load(text), tmp_path / "scale.mid", live)[0], RATE)
    assert [round(note.pitch) for note in found] == list(SCALE)
    assert [round(note.start, 3) for note in found] == [0.5 * at for at in range(8)]


def test_a_band_without_instruments_gets_one_that_plays_all_outputs(
    load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instruments, "DEFAULT_ENGINE", "sine")
    silent, path = load(BAND.partition("  synth")[0]), tmp_path / "scale.mid"
    alone = load(BAND + "audio: {device: null}\n")
    for other in (silent, alone):
        assert np.array_equal(sound_of(load(BAND), path)[0], sound_of(other, path)[0])


def test_a_panic_silences_the_instruments(load: Any, tmp_path: Path) -> None:
    controls = "controls: {keys: {cc 120: panic}}\n"
    write_notes(tmp_path / "held.mid", [(0, 4800, 60)], (960, control_change(1, 120, 0)))
    (note,) = notes_in(sound_of(load(BAND.replace("[out]", "[keys]") + controls), tmp_path / "held.mid", True)[0], RATE)
    assert (round(note.start, 4), round(note.end, 2)) == (0, 1)


def test_the_settings_of_an_instrument_can_be_turned_by_the_file(load: Any, tmp_path: Path) -> None:
    controls = "controls: {keys: {cc 10: synth.pan}}\n"
    loaded = load(BAND.replace("[out]", "[keys]") + controls)
    write_notes(tmp_path / "panned.mid", [(0, 1920, 60)], (960, control_change(1, 10, 127)))
    frames, _ = sound_of(loaded, tmp_path / "panned.mid", live=True)
    before, after = (np.abs(frames[at : at + RATE // 2]).max(axis=0) for at in (RATE // 4, RATE * 5 // 4))
    assert before[0] == before[1] > 0.1 and after[0] < 1e-6 < 0.1 < after[1]


def test_the_rendering_goes_on_until_nothing_is_heard(
    load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For ten seconds at most."""
    loaded, ends, plain = load(BAND), [], sine.Sine.render
    for seconds in (0.0, 2.0, 60.0):
        rests = [0]

        def ring(self: sine.Sine, out: Frames, seconds: float = seconds, rests: list[int] = rests) -> None:
            plain(self, out)
            rests.append(0 if self.notes else rests[-1] + len(out))
            if rests[-1] < seconds * RATE:
                out += 0.01

        monkeypatch.setattr(sine.Sine, "render", ring)
        ends.append(sound_of(loaded, tmp_path / "scale.mid")[1].seconds)
    assert ends == pytest.approx([4.2, 6.2, 13.9], abs=0.1)


@pytest.mark.parametrize("format", ["WAV", "FLAC"])
def test_a_sound_file_holds_the_frames_to_24_bits(format: str) -> None:
    data, rate = io.BytesIO(), 44_100
    frames = (np.random.default_rng(0).uniform(-0.9, 0.9, (10_000, 2))).astype(np.float32)
    file = SoundFile(data, format, rate)
    for at in range(0, 10_000, 1024):
        file.write(quantised(frames[at : at + 1024]))
    file.close()
    data.seek(0)
    read, found = soundfile.read(data, dtype="float32")
    assert (found, len(read)) == (rate, 10_000)
    assert np.abs(read - frames).max() <= 2**-24


def test_a_wav_file_is_not_longer_than_the_format_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_file, "MAX_WAV_BYTES", 6 * 1000)
    file = SoundFile(io.BytesIO(), "WAV", RATE)
    file.write(np.zeros((1000, 2), np.int32))
    with pytest.raises(TooLong):
        file.write(np.zeros((1, 2), np.int32))


# The command


Jamd = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def jamd(load: Any, tmp_path: Path) -> Jamd:
    load(BAND)

    def run(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
        """`before`: Python code that runs first in the process."""
        code = f"import sys\n{before}\nfrom daemon.__main__ import main\nsys.argv[1:] = {list(arguments)!r}\nmain()"
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert "Traceback" not in done.stderr
        assert not list(tmp_path.glob(".*.part"))
        return done

    return run


def test_one_command_writes_midi_wav_and_flac(jamd: Jamd, tmp_path: Path) -> None:
    done = jamd("render", "scale.mid", "-o", "a.wav", "-o", "b.FLAC", "-o", "c.mid", "-o", "d")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "a.wav: 0:04, peak -14.1 dBFS\nb.FLAC: 0:04, peak -14.1 dBFS\nc.mid: 16 notes\nd: 16 notes\n"
    wav, flac = (soundfile.read(tmp_path / name, dtype="int32")[0] for name in ("a.wav", "b.FLAC"))
    assert np.array_equal(wav, flac) and len(wav) > 4 * RATE
    assert soundfile.info(tmp_path / "a.wav").subtype == soundfile.info(tmp_path / "b.FLAC").subtype == "PCM_24"
    assert onsets((tmp_path / "c.mid").read_bytes()) == [(at / 2, pitch) for at, pitch in enumerate(SCALE)]
    assert (tmp_path / "c.mid").read_bytes() == (tmp_path / "d").read_bytes()


def test_a_pipe_gets_a_whole_file(jamd: Jamd, tmp_path: Path) -> None:
    jamd("render", "scale.mid", "-o", "a.wav")
    (tmp_path / "pipe.wav").symlink_to("/dev/stdout")
    code = "from daemon.__main__ import main; main()"
    command = [sys.executable, "-c", code, "render", "scale.mid", "-o", "pipe.wav"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert done.stdout == (tmp_path / "a.wav").read_bytes()
    assert done.stderr == b"pipe.wav: 0:04, peak -14.1 dBFS\n"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.mp3", "MIDI, WAV or FLAC is written: name a file that ends in .mid or"),
        ("folder.wav", "a folder: name a file in it"),
        ("no/folder/a.wav", "cannot be written (No such file or directory): choose another place"),
        ("b.flac", "this is b.flac, the input or another output of the command"),
        ("config.yaml", "MIDI, WAV or FLAC is written"),
    ],
)
def test_an_output_that_cannot_be_is_told_before_anything_is_rendered(
    jamd: Jamd, tmp_path: Path, name: str, told: str
) -> None:
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "b.flac").write_bytes(b"old")
    done = jamd("render", "scale.mid", "-o", "b.flac", "-o", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"jamd: {name}: {told}") and done.stderr.count("\n") == 1
    assert (tmp_path / "b.flac").read_bytes() == b"old"


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_full_disk_leaves_every_file_as_it_was(jamd: Jamd, tmp_path: Path, suffix: str) -> None:
    """The MIDI file, which would have had room, too."""
    (tmp_path / f"a.{suffix}").write_bytes(b"old")
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    done = jamd("render", "scale.mid", "-o", "c.mid", "-o", f"a.{suffix}", before=limit)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"jamd: a.{suffix}: cannot be written (File too large): choose another place with -o\n"
    assert (tmp_path / f"a.{suffix}").read_bytes() == b"old" and not (tmp_path / "c.mid").exists()


def test_an_instrument_that_fails_is_named_and_leaves_no_file(jamd: Jamd, tmp_path: Path) -> None:
    fails = "from tests.tools.sine import Sine\ndef fail(self, out): raise RuntimeError('no')\nSine.render = fail"
    done = jamd("render", "scale.mid", "-o", "a.wav", before=fails)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("jamd: synth: the engine Sine failed in render: RuntimeError: no")
    assert not (tmp_path / "a.wav").exists()


def test_what_an_instrument_does_without_is_told(jamd: Jamd) -> None:
    done = jamd(
        "render", "scale.mid", "-o", "a.wav", before="from tests.tools.sine import Sine\nSine.notice = 'no reverb'"
    )
    assert (done.returncode, done.stderr) == (0, "jamd: warning: synth: no reverb\n")


def test_more_than_a_wav_file_holds(jamd: Jamd, tmp_path: Path) -> None:
    small = "from daemon.audio import sound_file\nsound_file.MAX_WAV_BYTES = 6 * 48_000"
    done = jamd("render", "scale.mid", "-o", "a.wav", before=small)
    told = "jamd: a.wav: the music is longer than a WAV file can be (4 GB): name a .flac with -o\n"
    assert (done.returncode, done.stderr) == (1, told)
    assert not (tmp_path / "a.wav").exists()


def test_frames_are_limited_and_not_clipped(load: Any, tmp_path: Path) -> None:
    loaded = load(BAND)
    loud = replace(loaded, band=(*loaded.band[:-1], replace(loaded.band[-1], settings={"gain": 12.0, "pan": 0.5})))
    frames, rendering = sound_of(loud, tmp_path / "scale.mid")
    assert rendering.peak == pytest.approx(10 ** (-1 / 20), abs=0.01)
    assert 0.001 < np.abs(frames[:, 0]).max() < np.abs(frames[:, 1]).max() <= 10 ** (-1 / 20)
