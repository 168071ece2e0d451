"""How loud each channel of a MIDI file is on a General MIDI synthesiser: `python -m tests.tools.loudness FILE.mid`.

Needs fluidsynth, and one of the sets of sounds below.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np

SOUNDS = [Path("/usr/share/sounds/sf2") / name for name in ("TimGM6mb.sf2", "FluidR3_GM.sf2")]  # Debian's
GAIN = 0.6  # as in README.md
RATE = 48_000  # samples a second
BLOCK = RATE * 2 // 5  # samples: 0.4 s


class Loudness(NamedTuple):
    """In decibels below full scale: the peak, and the root mean square of the blocks that are not 20 dB softer."""

    peak: float
    rms: float


def available() -> bool:
    return shutil.which("fluidsynth") is not None and any(path.exists() for path in SOUNDS)


def loudness(file: mido.MidiFile, sounds: Path, channels: Collection[int] = range(1, 17)) -> Loudness:
    """Of the channels (1–16) of a file."""
    with tempfile.TemporaryDirectory() as folder:
        midi, audio = Path(folder) / "part.mid", Path(folder) / "part.raw"
        _part(file, channels).save(midi)
        command = [
            "fluidsynth",
            "-n",
            "-i",
            "-g",
            str(GAIN),
            "-r",
            str(RATE),
            "-T",
            "raw",
            "-O",
            "float",
            "-E",
            "little",
        ]
        subprocess.run([*command, "-F", audio, sounds, midi], check=True, capture_output=True)
        samples = np.fromfile(audio, "<f4").reshape(-1, 2).astype(float)
    blocks = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK, 2)
    powers = (blocks**2).mean(axis=(1, 2))
    return Loudness(20 * np.log10(np.abs(samples).max()), 10 * np.log10(powers[powers > powers.max() / 100].mean()))


def _part(file: mido.MidiFile, channels: Collection[int]) -> mido.MidiFile:
    part = mido.MidiFile(ticks_per_beat=file.ticks_per_beat)
    for track in file.tracks:
        kept, waited = mido.MidiTrack(), 0
        for message in track:
            waited += message.time
            if message.is_meta or message.channel + 1 in channels:
                kept.append(message.copy(time=waited))
                waited = 0
        part.tracks.append(kept)
    return part


def main() -> None:
    file = mido.MidiFile(sys.argv[1])
    found = {message.channel + 1 for track in file.tracks for message in track if message.type == "note_on"}
    for sounds in filter(Path.exists, SOUNDS):
        print(f"{sounds.name}, gain {GAIN}: peak and root mean square in dB below full scale")
        for name, channels in [*((f"channel {channel}", {channel}) for channel in sorted(found)), ("all", found)]:
            level = loudness(file, sounds, channels)
            print(f"  {name:12}{level.peak:8.1f}{level.rms:8.1f}")


if __name__ == "__main__":
    main()
