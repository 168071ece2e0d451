"""The shipped bands, as they are heard with each soundfont that Debian has, and with the built-in sounds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from daemon import config
from daemon.audio.ring import Frames
from daemon.config.values import Config
from daemon.engines.soundfont.engine import Soundfont
from daemon.engines.soundfont.finding import general_midi
from daemon.engines.soundfont.synths import BUILT_IN
from daemon.paths import resources
from daemon.render.offline import render

BANDS = [Path("config.yaml"), Path("bands/quartet.yaml")]
SOFTEST, LOUDEST = -12.0, -1.0  # dB below full scale; the limiter lets nothing be louder
DEBIAN = ("FluidR3_GM.sf2", "TimGM6mb.sf2")


def with_soundfont(band: Config, soundfont: str) -> Config:
    members = []
    for member in band.band:
        is_ours = isinstance(member.options, Soundfont.Options)
        options = replace(member.options, soundfont=soundfont) if is_ours else member.options
        members.append(replace(member, options=options))
    return replace(band, band=tuple(members))


@pytest.mark.slow
@pytest.mark.parametrize("path", BANDS, ids=str)
@pytest.mark.parametrize("soundfont", [*DEBIAN, BUILT_IN])
def test_the_shipped_bands_are_neither_soft_nor_limited(path: Path, soundfont: str) -> None:
    if soundfont != BUILT_IN:
        found = [file.path for file in general_midi() if file.path.name == soundfont]
        if not found and soundfont == DEBIAN[0]:
            return  # 120 MB to download
        soundfont = str(found[0])
    peak = 0.0

    def write(frames: Frames) -> None:
        nonlocal peak
        peak = max(peak, float(np.abs(frames).max()))

    band = with_soundfont(config.load(resources() / path), soundfont)
    render(band, resources() / "melodies" / "twinkle.mid", write=write)
    assert SOFTEST < 20 * np.log10(peak) < LOUDEST - 0.05
