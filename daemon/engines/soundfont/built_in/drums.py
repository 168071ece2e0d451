"""The drum kit: the keys of General MIDI from 35 to 81, each a sum of tones and noises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from daemon.engines.soundfont.built_in.waves import Numbers, Samples, noise

_BRIGHT = 2500.0  # Hz: what is higher is in the bright part, which a soft stroke lacks


class Tone(NamedTuple):
    """A sine whose pitch goes from `start` to `end` Hz with the time constant `glide`. Here and below: times are in
    seconds, `decay` is the time in which the part loses 60 dB, `at` when it begins."""

    start: float
    end: float
    glide: float
    decay: float
    level: float = 1.0
    at: float = 0.0


class Noise(NamedTuple):
    """Noise between two frequencies in Hz, as loud as a sine; `clang`: the level of seven partials in it."""

    low: float
    high: float
    decay: float
    level: float = 1.0
    clang: float = 0.0
    rise: float = 0.0
    at: float = 0.0


Parts = tuple[Tone | Noise, ...]


class Drum(NamedTuple):
    """`level`: dB. `pan`: −1 … 1, as the audience sees the kit. A stroke ends the others of its `group`."""

    parts: Parts
    level: float
    pan: float = 0.0
    group: str = ""

    def samples(self, rate: int) -> tuple[Samples, Samples]:
        """The dark part and the bright one, which together are the sound. Ends are faded, and there is no DC."""
        random = np.random.default_rng(35)
        frames = max(int((part.at + part.decay) * rate) for part in self.parts)
        sound = np.zeros(frames)
        for part in self.parts:
            played = _rendered(part, rate, random)
            first = int(part.at * rate)
            sound[first : first + len(played)] += played[: frames - first]
        size = 1 << (frames + rate // 100).bit_length()
        hz = np.fft.rfftfreq(size, 1 / rate)
        bins = np.fft.rfft(sound, size) * (1j * hz / (20 + 1j * hz))
        whole, dark = (np.fft.irfft(each, size)[:frames] for each in (bins, bins / (1 + 1j * hz / _BRIGHT)))
        end = np.minimum(1.0, np.arange(frames, 0, -1) / (0.01 * rate))
        return (dark * end).astype(np.float32), ((whole - dark) * end).astype(np.float32)


def _rendered(part: Tone | Noise, rate: int, random: np.random.Generator) -> Numbers:
    t = np.arange(int(part.decay * rate)) / rate
    level: Numbers = part.level * np.exp(-6.9 * t / part.decay)
    if isinstance(part, Noise):
        rising = np.minimum(1.0, t / part.rise) if part.rise else 1.0
        return level * rising * noise(len(t), part.low, part.high, rate, random, part.clang)
    if max(part.start, part.end) > 0.45 * rate:
        return np.zeros(len(t))
    glided = (part.start - part.end) * part.glide * (1 - np.exp(-t / part.glide))
    return level * np.sin(2 * np.pi * (part.end * t + glided))


def _modes(*modes: tuple[float, float, float]) -> Parts:
    """Tones of (Hz, level, decay)."""
    return tuple(Tone(hz, hz, 1.0, decay, level) for hz, level, decay in modes)


def _metal(low: float, high: float, decay: float, bands: int = 6, clang: float = 0.5, level: float = 1.0) -> Parts:
    """A cymbal: bands of noise with clanging partials, of which the highest decay first."""
    edges = np.geomspace(low, high, bands + 1).tolist()
    level /= bands**0.5
    return tuple(
        Noise(edges[n], edges[n + 1], decay * (1 - 0.35 * n / bands), level, clang) for n in range(bands)
    )  # fmt: skip


def _again(parts: Parts, gap: float, levels: Sequence[float]) -> Parts:
    """The parts once for each level, `gap` seconds apart."""
    return tuple(
        part._replace(at=n * gap, level=part.level * level) for n, level in enumerate(levels) for part in parts
    )


def _tuned(parts: Parts, ratio: float, longer: float = 1.0) -> Parts:
    """With tones at other pitches that last longer; noises stay."""
    return tuple(
        part._replace(start=part.start * ratio, end=part.end * ratio, decay=part.decay * longer)
        if isinstance(part, Tone)
        else part
        for part in parts
    )


def _hat(decay: float) -> Parts:
    return *_metal(4500, 15000, decay, clang=0.35), Noise(2500, 9000, min(decay, 0.05), 0.5)


def _crash(low: float, decay: float) -> Parts:
    return *_metal(low, 13000, decay, 9, 0.35), Noise(3000, 7000, 0.7 * decay)


_KICK = Tone(184, 54, 0.018, 0.42), Tone(500, 120, 0.01, 0.08, 0.3), Noise(1200, 6000, 0.02, 0.35)
_SKIN = Tone(231, 185, 0.015, 0.18, 0.7), Tone(370, 324, 0.01, 0.14, 0.42)
_SNARE = *_SKIN, Noise(1300, 8000, 0.3, 0.6), Noise(2500, 10000, 0.05, 0.3)
_TOM = Tone(165, 110, 0.05, 1.05), Tone(264, 176, 0.04, 0.53, 0.35), Noise(300, 5000, 0.08, 0.3)
_STICK = *_modes((430, 0.4, 0.07), (1050, 0.5, 0.1), (1650, 0.8, 0.1), (2700, 0.5, 0.08)), Noise(2000, 9000, 0.02, 0.3)
_CLAP = *_again((Noise(900, 3500, 0.045),), 0.011, (0.8, 0.7, 0.9)), Noise(900, 3000, 0.3, 0.7, at=0.03)
_PING = _modes(*((hz, 0.45, 1.1) for hz in (1350, 1904, 2470, 3118, 4144)))
_RIDE = *_PING, *_metal(2500, 14000, 2.6, 7, 0.4, 0.45), Noise(4000, 14000, 0.04, 0.4)
_BELL = *_modes(*((hz, 0.5, 1.4) for hz in (810, 1460, 2230, 3120, 4380))), *_metal(3000, 12000, 1.5, level=0.2)
_COWBELL = (
    *_modes((562, 0.8, 0.3), (845, 0.8, 0.28), (1690, 0.35, 0.12), (2640, 0.3, 0.1)),
    Noise(1000, 6000, 0.02, 0.2),
)
_HAND = Tone(299, 260, 0.02, 0.3), Tone(494, 455, 0.02, 0.15, 0.4), Noise(800, 5000, 0.03, 0.25)
_TIMBALE = *_tuned(_HAND, 1.77, 1.33), *_modes((1058, 0.3, 0.3), (1564, 0.21, 0.25))
_AGOGO = _modes((910, 0.8, 0.6), (1374, 0.4, 0.5), (2512, 0.5, 0.4), (3731, 0.25, 0.2))
_WHISTLE = _modes((2310, 0.6, 0.09), (2640, 0.6, 0.09))  # the pea in it beats 28 times a second
_SCRAPE = (Noise(2500, 8000, 0.02),)
_CUICA = Tone(380, 560, 0.06, 0.35), Tone(760, 1120, 0.06, 0.35, 0.4)
_BLOCK = *_modes((1180, 1, 0.09), (1794, 0.4, 0.063)), Noise(1500, 8000, 0.012, 0.15)
_TRIANGLE = _modes(*((hz, 0.35, 2.2 - 0.22 * n) for n, hz in enumerate((1310, 2960, 4190, 5480, 6840, 9100))))

KIT = {
    35: Drum(_tuned(_KICK, 0.85, 1.2), 2),
    36: Drum(_KICK, 2.5),
    37: Drum(_STICK, 2, -0.15),
    38: Drum(_SNARE, 3, 0.05),
    39: Drum(_CLAP, 4.5, 0.1),
    40: Drum(_tuned(_SNARE, 1.16), 2, 0.05),
    41: Drum(_tuned(_TOM, 0.71, 1.19), 3, 0.5),
    42: Drum(_hat(0.15), -7, -0.3, "hat"),
    43: Drum(_tuned(_TOM, 0.84, 1.09), 3, 0.3),
    44: Drum(_hat(0.2), -7, -0.3, "hat"),
    45: Drum(_TOM, 3, 0.1),
    46: Drum(_hat(1.4), -11, -0.3, "hat"),
    47: Drum(_tuned(_TOM, 1.2, 0.91), 3, -0.1),
    48: Drum(_tuned(_TOM, 1.42, 0.84), 3, -0.3),
    49: Drum(_crash(700, 2.6), -6.5, -0.45),
    50: Drum(_tuned(_TOM, 1.67, 0.77), 3, -0.5),
    51: Drum(_RIDE, -8.5, 0.45),
    52: Drum(_crash(450, 1.8), -8, 0.5),
    53: Drum(_BELL, -7.5, 0.45),
    54: Drum(_again(_metal(5000, 14000, 0.14, 4, 0.8), 0.022, (0.7, 1, 0.5)), 3.5, 0.25),
    55: Drum(_crash(1100, 0.9), -9, -0.2),
    56: Drum(_COWBELL, 0, 0.15),
    57: Drum(_crash(850, 2.2), -7, 0.4),
    58: Drum(_again((Noise(1800, 6000, 0.03),), 0.028, [0.9**n for n in range(22)]), 5, -0.3),
    59: Drum(_tuned(_RIDE, 1.16), -9, 0.4),
    60: Drum(_tuned(_HAND, 1.58, 0.73), 1.5, 0.3),
    61: Drum(_tuned(_HAND, 1.12, 0.93), 2, 0.2),
    62: Drum((*_tuned(_HAND, 1.27, 0.33), Noise(800, 5000, 0.03, 0.35)), 1, -0.3),
    63: Drum(_tuned(_HAND, 0.9, 1.5), 1.5, -0.3),
    64: Drum(_tuned(_HAND, 0.67, 1.67), 2.5, -0.15),
    65: Drum(_TIMBALE, 2, 0.35),
    66: Drum(_tuned(_TIMBALE, 0.7), 3, 0.2),
    67: Drum(_AGOGO, -4, -0.35),
    68: Drum(_tuned(_AGOGO, 0.75), -4.5, -0.35),
    69: Drum((Noise(3500, 13000, 0.09, rise=0.012),), 6, -0.25),
    70: Drum((Noise(5500, 13000, 0.06, rise=0.012),), 7, -0.3),
    71: Drum(_again(_WHISTLE, 1 / 28, [1] * 3), 7, 0.3, "whistle"),
    72: Drum(_again(_WHISTLE, 1 / 28, [1] * 12), 7, 0.3, "whistle"),
    73: Drum(_again(_SCRAPE, 0.018, (0.4, 0.5, 0.6, 0.8, 1)), 7, 0.35, "guiro"),
    74: Drum(_again(_SCRAPE, 0.024, [0.4 + n / 26 for n in range(16)]), 2.5, 0.35, "guiro"),
    75: Drum(_modes((2480, 1, 0.1), (4900, 0.15, 0.04)), 7.5, 0.2),
    76: Drum(_BLOCK, 6, -0.2),
    77: Drum(_tuned(_BLOCK, 0.71), 6, -0.2),
    78: Drum(_tuned(_CUICA, 1.25, 0.34), 4, 0.2, "cuica"),
    79: Drum(_CUICA, 4, 0.2, "cuica"),
    80: Drum(_tuned(_TRIANGLE, 1, 0.07), 3, -0.4, "triangle"),
    81: Drum(_TRIANGLE, -2, -0.4, "triangle"),
}
