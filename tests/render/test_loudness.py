"""The shipped bands on a General MIDI synthesiser, with the gain that README.md names: neither faint nor distorted, and
balanced. `python -m tests.tools.loudness FILE.mid` prints the figures of a rendered file."""

from __future__ import annotations

import io
from pathlib import Path

import mido
import pytest

from daemon import config
from daemon.paths import resources
from daemon.render.offline import render
from tests.tools.loudness import SOUNDS, available, loudness

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not available(), reason="fluidsynth and timgm6mb-soundfont are not installed"),
]


def rendered(band: str, melody: str) -> mido.MidiFile:
    return mido.MidiFile(
        file=io.BytesIO(render(config.load(resources() / band), resources() / "melodies" / melody).data)
    )


@pytest.mark.parametrize("sounds", [path for path in SOUNDS if path.exists()], ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("band", "melody"), [("config.yaml", "twinkle.mid"), ("bands/quartet.yaml", "ode_in_calls.mid")]
)
def test_a_shipped_band_is_loud_enough_and_balanced(band: str, melody: str, sounds: Path) -> None:
    file = rendered(band, melody)
    assert -13 < loudness(file, sounds).peak < -3  # room for whoever plays louder
    soprano, alto, tenor, bass = (loudness(file, sounds, {channel}).rms for channel in range(1, 5))
    assert all(soprano - 7 < inner < soprano - 1 for inner in (alto, tenor))
    assert soprano - 6 < bass < soprano + 3
    if "quartet" in band:
        choir, soloist, drums = (loudness(file, sounds, channels).rms for channels in ({1, 2, 3, 4}, {5}, {10}))
        assert choir - 5 < soloist < choir + 2
        assert choir - 10 < drums < choir
