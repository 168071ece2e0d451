"""Spectra, and the tables of samples that are made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Numbers = NDArray[np.float64]

CYCLE = 2048  # samples of a table with one cycle
ENSEMBLE = 1 << 15  # samples of a table with an ensemble, which repeats after 0.7 s at 48,000 frames per second
HARMONICS = 256
_TOP = 0.42  # of the rate: no partial is higher, so that none is mirrored, not even two semitones higher
_K = np.arange(1, HARMONICS + 1, dtype=float)


@dataclass(frozen=True)
class Spectrum:
    """How loud the harmonics of a tone are.

    `slope`: dB per octave. `rise`: by how much that changes per octave above middle C. `even`: level of the even
    harmonics. `struck`: where on the string it is struck or plucked, as a part of its length. `drawbars`: the levels of
    the first harmonics, the only ones. `formants`: (Hz, width in Hz, dB), resonances that stay where they are when the
    pitch changes; there is little sound between them.
    """

    slope: float = -6.0
    rise: float = 0.0
    even: float = 1.0
    struck: float = 0.0
    drawbars: tuple[float, ...] = ()
    formants: tuple[tuple[float, float, float], ...] = ()

    def levels(self, hz: float, rate: int) -> Numbers:
        """Amplitudes of harmonics 1 … HARMONICS of a tone of that pitch: together as loud as a sine of amplitude 1."""
        slope = self.slope + self.rise * np.log2(hz / 261.63)
        levels: Numbers = _K ** (min(slope, 0.0) / 6.0206)
        levels[1::2] *= self.even
        if self.struck:
            levels *= np.abs(np.sin(np.pi * self.struck * _K)) + 0.03
        if self.drawbars:
            levels = np.zeros(HARMONICS)
            levels[: len(self.drawbars)] = self.drawbars
        if self.formants:
            f, resonance = _K * hz, np.full(HARMONICS, 0.02)
            for centre, width, decibels in self.formants:
                resonance += 10 ** (decibels / 20) / (1 + ((f - centre) / (width / 2)) ** 2)
            levels *= resonance
        levels[_K * hz > _TOP * rate] = 0.0
        return levels / max(float(np.sqrt((levels**2).sum())), 1e-9)


def cycle(amplitudes: Numbers) -> Samples:
    """One cycle with these amplitudes of its harmonics: CYCLE + 1 samples, of which the last one is the first one."""
    bins = np.zeros(CYCLE // 2 + 1, complex)
    bins[1 : HARMONICS + 1] = amplitudes * (-0.5j * CYCLE)
    table = np.fft.irfft(bins, CYCLE)
    return np.append(table, table[0]).astype(np.float32)


def noise(frames: int, low: float, high: float, rate: int, random: np.random.Generator, clang: float = 0.0) -> Numbers:
    """Noise between two frequencies in Hz, with soft edges, as loud as a sine; `clang`: the level of seven partials."""
    size = 1 << (frames - 1).bit_length()
    hz = np.fft.rfftfreq(size, 1 / rate)[: int(size * min(3.0 * high / rate, 0.48))]
    bins = random.standard_normal(2 * len(hz)).view(complex)
    bins *= 1 / np.sqrt((1 + (low / np.maximum(hz, 1.0)) ** 6) * (1 + (hz / high) ** 6))
    pitches = low + (min(high, 0.4 * rate) - low) * random.random(7)
    inside = np.count_nonzero((hz > low) & (hz < high))
    bins[(pitches * size / rate).astype(int) % len(bins)] *= 1 + clang * (inside / 7) ** 0.5
    samples: Numbers = np.fft.irfft(bins, size)[:frames]
    samples /= np.sqrt((samples**2).mean() * 2) + 1e-12
    return samples


def ensemble(spectrum: Spectrum, hz: float, rate: int, spread: float, seed: int) -> tuple[Samples, float]:
    """Many voices in unison, as a table of ENSEMBLE + 1 samples, and their exact pitch.

    Each harmonic is a narrow band of noise, `spread` cents wide (the PADsynth algorithm of Paul Nasca), around a voice
    that is as loud as the others together.
    """
    bin_hz = rate / ENSEMBLE
    pitch = max(1, round(hz / bin_hz)) * bin_hz
    levels = spectrum.levels(pitch, rate)
    spread *= min(1.0, (400 / pitch) ** 0.5)  # cents of high tones are more hertz, which beat faster
    bins = np.zeros(ENSEMBLE // 2 + 1)
    for k in np.flatnonzero(levels > 3e-4):
        centre = round((k + 1) * pitch / bin_hz)
        width = (k + 1) * pitch * spread / 1731 / bin_hz  # 1731: cents that make the pitch e times as high
        reach = min(int(4 * width) + 1, centre - 1)
        band = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(width, 0.3)) ** 2)
        part = bins[centre - reach : centre + reach + 1]
        band[reach] += np.sqrt((band**2).sum())
        part += (levels[k] * band / np.sqrt((band**2).sum()))[: len(part)]
    bins = np.trim_zeros(bins, "b")
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(bins))
    table = np.fft.irfft(bins * np.exp(1j * phases) * (ENSEMBLE / 2), ENSEMBLE)
    return np.append(table, table[0]).astype(np.float32), pitch
