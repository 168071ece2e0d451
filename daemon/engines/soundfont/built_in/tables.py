"""All samples that are played, in one array: single cycles, made for each note, and ensembles, noise and drums."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from daemon.engines.soundfont.built_in.drums import KIT
from daemon.engines.soundfont.built_in.oscillators import FRAMES
from daemon.engines.soundfont.built_in.timbres import SPECTRA, Ensemble
from daemon.engines.soundfont.built_in.waves import CYCLE, ENSEMBLE, Samples, ensemble, noise

_ZONES = range(33, 98, 5)  # the keys for which there are tables of an ensemble; the nearest one is played


class Table(NamedTuple):
    """`size`: 0 if the table is not repeated. `pitch`: in Hz where one sample is played per frame."""

    begin: int
    size: int
    end: int = 0
    pitch: float = 0.0


class Tables:
    """`samples`: first a single cycle for each of `cycles` oscillators. `drums`: by key, dark and bright."""

    def __init__(self, rate: int, cycles: int) -> None:
        self._rate = rate
        self._end = cycles * (CYCLE + 1)
        self._parts: list[Samples] = [np.zeros(self._end, np.float32)]
        hiss = noise(ENSEMBLE, 250, 7000, rate, np.random.default_rng(35)).astype(np.float32)
        self.noise = self._repeated(np.append(hiss, hiss[0]), rate)
        self._ensembles: dict[Ensemble, list[Table]] = {
            name: [
                self._repeated(*ensemble(spectrum, 440 * 2 ** ((key - 69) / 12), rate, spread, key)) for key in _ZONES
            ]
            for name, (spectrum, spread) in SPECTRA.items()
        }
        self.drums = {key: [self._once(part) for part in drum.samples(rate)] for key, drum in KIT.items()}
        self.samples: Samples = np.concatenate(self._parts)
        self._parts.clear()

    def ensemble(self, name: Ensemble, key: int) -> Table:
        zone = round((key - _ZONES.start) / _ZONES.step)
        return self._ensembles[name][min(max(zone, 0), len(_ZONES) - 1)]

    def cycle(self, oscillator: int, samples: Samples) -> Table:
        """The table of that oscillator alone, filled with these samples."""
        begin = oscillator * (CYCLE + 1)
        self.samples[begin : begin + CYCLE + 1] = samples
        return Table(begin, CYCLE, pitch=self._rate / CYCLE)

    def _repeated(self, samples: Samples, pitch: float) -> Table:
        """Of a table whose last sample is its first one."""
        return Table(self._add(samples), len(samples) - 1, pitch=pitch)

    def _once(self, samples: Samples) -> Table:
        begin = self._add(np.append(samples, np.zeros(FRAMES + 2, np.float32)))  # it may be read beyond its end
        return Table(begin, 0, len(samples), self._rate)

    def _add(self, samples: Samples) -> int:
        begin = self._end
        self._end += len(samples)
        self._parts.append(samples)
        return begin
