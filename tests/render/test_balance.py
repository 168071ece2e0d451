"""The combo's balance as it is heard: velocity and channel volume of what is written, read by a library of others."""

from __future__ import annotations

import io
from collections import defaultdict
from functools import cache
from math import log10
from pathlib import Path
from statistics import mean, quantiles

import mido
import pytest

from daemon import config
from daemon.config import option_values
from daemon.paths import resources
from daemon.render.song import render_song

MELODY, PIANO, BASS, DRUMS = 0, 1, 2, 9  # channels of bands/combo.yaml
TUNES = {
    "4/4": "| G4 A4 B4 D5 | C5 - B4 A4 |",
    "3/4": "| G4 - B4 | D5 B4 A4 |",
    "6/8": "| G4 - B4 D5 - B4 | A4 - - B4 - - |",
}
BARS = 18  # of two choruses and an ending
MELODIES = [("swing", "4/4", 168), ("ballad", "4/4", 64), ("bossa", "4/4", 136), ("waltz", "3/4", 152),
            ("folk", "4/4", 100), ("folk", "3/4", 88), ("folk", "6/8", 108)]  # fmt: skip


@cache
def levels(folder: Path, feel: str, meter: str, tempo: int) -> dict[int, list[float]]:
    """Of each note in dB, by channel: amplitude goes with the square of velocity and of volume (GM level 1)."""
    song = folder / "song.yaml"
    chords = "| G | D7 | G | C | G | D7 | D7 | G |"
    melody = TUNES[meter] * 4
    song.write_text(
        f"key: G\nmeter: {meter}\ntempo: {tempo}\nfeel: {feel}\nchords: '{chords}'\n"
        f"melody: '{melody.replace('||', '|')}'\nchoruses: 2\nseed: 1\n"
    )
    given = option_values(song=song, seed="1")
    file = mido.MidiFile(
        file=io.BytesIO(render_song(config.load(resources() / "bands" / "combo.yaml", given=given)).data)
    )
    volumes, found = dict[int, int](), defaultdict[int, list[float]](list)
    for message in mido.merge_tracks(file.tracks):
        if message.type == "control_change" and message.control == 7:
            volumes[message.channel] = message.value
        elif message.type == "note_on" and message.velocity:
            found[message.channel].append(40 * log10(message.velocity * volumes[message.channel] / 127**2))
    return dict(found)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("balance")


@pytest.mark.parametrize(("feel", "meter", "tempo"), MELODIES)
def test_the_melody_is_the_loudest_part_and_the_chords_are_heard(
    folder: Path, feel: str, meter: str, tempo: int
) -> None:
    found = levels(folder, feel, meter, tempo)
    melody = mean(found[MELODY])
    assert mean(found[PIANO]) < melody - 1.5 and mean(found[BASS]) < melody + 1.2
    assert mean(found[PIANO]) > melody - 6


@pytest.mark.parametrize(("feel", "meter", "tempo"), MELODIES)
def test_the_drums_cover_no_other_part(folder: Path, feel: str, meter: str, tempo: int) -> None:
    found = levels(folder, feel, meter, tempo)
    assert quantiles(found[DRUMS], n=10)[-1] < mean(found[MELODY]) + 2.2, "nine strokes of ten"
    assert mean(found[DRUMS]) < mean(found[MELODY]) - 9


def test_a_ballad_has_fewer_strokes_than_sixteenths(folder: Path) -> None:
    found = levels(folder, "ballad", "4/4", 64)
    assert len(found[DRUMS]) / BARS < 16
