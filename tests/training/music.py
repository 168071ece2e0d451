"""Tiny training data: tunes and grooves as MIDI files, and the output of prepare.py."""

import sys
from pathlib import Path

import numpy as np
import pytest

from daemon.encodings.drums.hits import INSTRUMENTS
from daemon.music import smf
from daemon.music.events import note_off, note_on

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
STYLES = ("jazz", "rock")
TICKS = [0, 1, 4, 60, 120, 240, 480]


def write(path: Path, notes, channel=1, meter=(4, 4)) -> Path:
    """A MIDI file of notes (onset in beats, duration, pitch, velocity); returns its path."""
    track = smf.Track(path.stem)
    for onset, duration, pitch, velocity in notes:
        track.events.append((round(onset * smf.FILE_TICKS), note_on(channel, pitch, velocity)))
        track.events.append((round((onset + duration) * smf.FILE_TICKS), note_off(channel, pitch)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(smf.to_bytes([track], [(0, 500_000)], [(0, meter)]))
    return path


def walk(seed: int, count: int = 16) -> list[tuple[float, float, int, int]]:
    """Quarter notes and eighths up and down a scale."""
    rng = np.random.default_rng(seed)
    place, onset, notes = 3, 0.0, []
    for _ in range(count):
        place = int(np.clip(place + rng.choice([-2, -1, 1, 2]), 0, 7))
        length = float(rng.choice([0.5, 1.0]))
        notes.append((onset, length, SCALE[place], 80))
        onset += length
    return notes


def beat(seed: int, bars: int = 3) -> list[tuple[float, float, int, int]]:
    """Bass drum, snare and hi-hat, a little late or early, some hits left out."""
    rng = np.random.default_rng(seed)
    notes = []
    for eighth in range(8 * bars):
        struck = [42] if rng.random() < 0.9 else []
        struck += [38 if eighth % 4 == 2 else 36] if eighth % 2 == 0 else []
        for note in struck:
            late = max(0.0, eighth / 2 + rng.normal(0, 0.02))
            notes.append((late, 0.1, note, int(rng.integers(60, 100))))
    return notes


def run(main, *arguments: object) -> object:
    """A module's main() with this command line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["command", *map(str, arguments)])
        return main()


def tunes(folder: Path, count: int = 20) -> Path:
    """tunes.npz of `count` tunes, and the other files of prepare.py."""
    from export_tools.melody import prepare

    for number in range(count):
        write(folder / "tunes" / f"{number}.mid", walk(number), meter=((4, 4), (3, 4))[number % 2])
    assert run(prepare.main, folder / "tunes", folder / "tunes.npz") == 0
    return folder / "tunes.npz"


def grooves(folder: Path, count: int = 8) -> Path:
    """drums.npz of `count` performances, one in four for validation; the MIDI files and info.csv beside it."""
    from export_tools.drums import prepare

    table = ["midi_filename,split,style,beat_type"]
    for number in range(count):
        write(folder / f"{number}.mid", beat(number, bars=2 + number % 2), channel=10)
        split = "validation" if number % 4 == 3 else "train"
        table.append(f"{number}.mid,{split},{STYLES[number // 2 % 2]}/swing,{('beat', 'fill')[number // 4]}")
    (folder / "info.csv").write_text("\n".join(table) + "\n")
    (folder / "tables.json").write_text(f'{{"notes": {list(INSTRUMENTS)}, "ticks": {TICKS}}}')
    run(prepare.main, folder, folder / "tables.json", folder / "drums.npz")
    return folder / "drums.npz"
