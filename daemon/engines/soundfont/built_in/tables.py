"""All samples that are played, in one array: single cycles, made for each note, and ensembles, noise and drums."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from daemon.engines.soundfont.built_in.drum_sounds import DrumSounds
from daemon.engines.soundfont.built_in.drums import make_kit
from daemon.engines.soundfont.built_in.layers import Ensemble
from daemon.engines.soundfont.built_in.oscillators import FRAMES
from daemon.engines.soundfont.built_in.timbres import SPECTRA
from daemon.engines.soundfont.built_in.waves import CYCLE, ENSEMBLE, Samples, ensemble

_ZONES = range(33, 98, 5)  # the keys for which there are tables of an ensemble; the nearest one is played
_ROOM = 80  # seconds of samples of drums, at most; what is not used takes no memory


class Table(NamedTuple):
    """`size`: 0 if the table is not repeated. `pitch`: in Hz where one sample is played per frame."""

    begin: int
    size: int
    end: int
    pitch: float = 0.0


class Stroke(NamedTuple):
    """A drum's dark and bright parts; `level` in dB; `group`: see `Drum`."""

    parts: tuple[Table, Table]
    level: float
    pan: float
    group: str


class Tables:
    """`samples`: first a single cycle for each of `cycles` oscillators."""

    def __init__(self, rate: int, cycles: int) -> None:
        self._rate = rate
        self._end = cycles * (CYCLE + 1)
        self.samples: Samples = np.zeros(
            self._end + (len(SPECTRA) * len(_ZONES) + 1) * (ENSEMBLE + 1) + _ROOM * rate, np.float32
        )
        noise = DrumSounds(rate).band(ENSEMBLE, 250, 7000).astype(np.float32)
        self.noise = self._repeated(np.append(noise, noise[0]), rate)
        self._ensembles: dict[Ensemble, list[Table]] = {
            name: [
                self._repeated(*ensemble(spectrum, 440 * 2 ** ((key - 69) / 12), rate, spread, key)) for key in _ZONES
            ]
            for name, (spectrum, spread) in SPECTRA.items()
        }
        self.drums = {
            key: Stroke((self._once(drum.dark), self._once(drum.bright)), drum.level, drum.pan, drum.group)
            for key, drum in make_kit(rate)
        }

    def ensemble(self, name: Ensemble, key: int) -> Table:
        zone = round((key - _ZONES.start) / _ZONES.step)
        return self._ensembles[name][min(max(zone, 0), len(_ZONES) - 1)]

    def cycle(self, oscillator: int) -> Table:
        """The table of that oscillator alone."""
        return Table(oscillator * (CYCLE + 1), CYCLE, 0, self._rate / CYCLE)

    def _repeated(self, samples: Samples, pitch: float) -> Table:
        """Of a table whose last sample is its first one."""
        return Table(self._add(samples), len(samples) - 1, 0, pitch)

    def _once(self, samples: Samples) -> Table:
        begin = self._add(np.append(samples, np.zeros(FRAMES + 2, np.float32)))  # it may be read beyond its end
        return Table(begin, 0, len(samples), self._rate)

    def _add(self, samples: Samples) -> int:
        begin = self._end
        self._end += len(samples)
        self.samples[begin : self._end] = samples
        return begin
