"""The engine beside the command `fluidsynth`, which renders the same MIDI file by itself: level, time and pitch."""

import shutil
import subprocess
from pathlib import Path

import mido
import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.engines.base import Setup
from daemon.engines.soundfont.engine import Soundfont, SoundfontOptions
from daemon.engines.soundfont.finding import general_midi
from daemon.engines.soundfont.fluid_synth import GAIN
from tests.engines.soundfont.detector import level, onsets

RATE = 48_000
SECONDS = 5


@pytest.fixture
def song(tmp_path: Path) -> Path:
    file = mido.MidiFile(ticks_per_beat=480)  # 120 beats per minute
    track = mido.MidiTrack()
    file.tracks.append(track)
    for channel, program in ((0, 52), (1, 65)):
        track.append(mido.Message("program_change", channel=channel, program=program))
        track.append(mido.Message("control_change", channel=channel, control=91, value=0))
    for number, note in enumerate((60, 62, 64, 67)):
        for kind, time in (("note_on", 480 if number else 240), ("note_off", 480)):
            track.append(mido.Message(kind, channel=0, note=note, velocity=90, time=time))
            track.append(mido.Message(kind, channel=1, note=note + 7, velocity=70))
        track.append(mido.Message("note_on", channel=9, note=38, velocity=100))
    file.save(tmp_path / "song.mid")
    return tmp_path / "song.mid"


def by_command(song: Path, soundfont: Path) -> NDArray[np.float32]:
    audio = song.with_suffix(".raw")
    plain = ["-n", "-i", "-R", "0", "-C", "0", "-g", str(GAIN), "-r", str(RATE)]
    raw = ["-T", "raw", "-O", "float", "-E", "little", "-F", str(audio)]
    subprocess.run(["fluidsynth", *plain, *raw, str(soundfont), str(song)], check=True, capture_output=True)
    return np.fromfile(audio, "<f4").reshape(-1, 2)[: SECONDS * RATE]


def by_engine(song: Path, soundfont: Path) -> NDArray[np.float32]:
    engine = Soundfont(Setup(SoundfontOptions(str(soundfont)), {"reverb": 0.0}, rate=RATE))
    engine.prepare()
    out, at, seconds = np.zeros((SECONDS * RATE, 2), np.float32), 0, 0.0
    for message in mido.MidiFile(song):
        seconds += message.time
        engine.render(out[at : round(seconds * RATE)])
        at = round(seconds * RATE)
        if not message.is_meta:
            engine.play(bytes(message.bytes()))
    engine.render(out[at:])
    return out


@pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="needs the command fluidsynth")
def test_the_command_makes_the_same_sound(song: Path) -> None:
    found = general_midi()
    if not found:
        pytest.skip("needs a soundfont")
    expected, heard = (render(song, found[0].path)[:, 0] for render in (by_command, by_engine))
    assert level(heard) == pytest.approx(level(expected), abs=0.2)
    assert abs(onsets(heard, RATE)[0] - onsets(expected, RATE)[0]) <= 128
    spectrum = np.fft.rfft(heard, 2 * len(heard)) * np.conj(np.fft.rfft(expected, 2 * len(expected)))
    correlation = np.fft.irfft(spectrum)
    lag = (int(np.argmax(correlation)) + len(heard)) % (2 * len(heard)) - len(heard)
    assert abs(lag) <= 128  # each of the two plays a message at the next multiple of 64 frames
    assert correlation.max() > 0.9 * float((expected.astype(float) ** 2).sum())
