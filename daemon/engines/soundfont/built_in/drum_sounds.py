"""The sounds that drums are made of: skins, modes, noise, metal."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from daemon.engines.soundfont.built_in.waves import Numbers, Samples

_BRIGHT = 2500.0  # Hz: what is higher is in the bright part, which a soft stroke lacks


class DrumSounds:
    """Makes the sounds of drums. `decay` is always the seconds in which a part loses 60 dB."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._random = np.random.default_rng(35)

    def time(self, seconds: float) -> Numbers:
        return np.arange(int(seconds * self._rate)) / self._rate

    def fading(self, decay: float) -> tuple[Numbers, Numbers]:
        t = self.time(decay)
        return t, np.exp(-6.9 * t / decay)

    def skin(self, start: float, end: float, glide: float, decay: float) -> Numbers:
        """A skin whose pitch falls from `start` to `end` Hz, with that time constant."""
        t, level = self.fading(decay)
        return np.asarray(np.sin(2 * np.pi * (end * t + (start - end) * glide * (1 - np.exp(-t / glide)))) * level)

    def modes(self, *modes: tuple[float, float, float]) -> Numbers:
        """Sines of (Hz, level, decay)."""
        sounds = []
        for hz, level, decay in modes:
            if hz > 0.45 * self._rate:
                continue
            t, fade = self.fading(decay)
            sounds.append(level * np.sin(2 * np.pi * hz * t) * fade)
        return mixed(*sounds)

    def noise(self, low: float, high: float, decay: float, clang: float = 0.0) -> Numbers:
        """Noise between these frequencies in Hz, with soft edges; as loud as a sine of amplitude 1 at first.

        `clang`: the level of seven partials in it.
        """
        t, level = self.fading(decay)
        level *= self.band(len(t), low, high, clang)
        return level

    def band(self, frames: int, low: float, high: float, clang: float = 0.0) -> Numbers:
        size = 1 << (frames - 1).bit_length()
        hz = np.fft.rfftfreq(size, 1 / self._rate)[: int(size * min(3.0 * high / self._rate, 0.48))]
        bins = self._random.standard_normal(2 * len(hz)).view(complex)
        bins *= 1 / np.sqrt((1 + (low / np.maximum(hz, 1.0)) ** 6) * (1 + (hz / high) ** 6))
        pitches = low + (min(high, 0.4 * self._rate) - low) * self._random.random(7)
        inside = np.count_nonzero((hz > low) & (hz < high))
        bins[(pitches * size / self._rate).astype(int) % len(bins)] *= 1 + clang * (inside / 7) ** 0.5
        noise: Numbers = np.fft.irfft(bins, size)[:frames]
        noise /= np.sqrt((noise**2).mean() * 2) + 1e-12
        return noise

    def metal(self, low: float, high: float, decay: float, bands: int = 6, clang: float = 0.5) -> Numbers:
        """A cymbal: bands of noise with clanging partials, of which the highest decay first."""
        edges = pairwise(np.geomspace(low, high, bands + 1).tolist())
        sounds = [self.noise(a, b, decay * (1 - 0.35 * n / bands), clang) for n, (a, b) in enumerate(edges)]
        return np.asarray(mixed(*sounds) / bands**0.5)

    def rattle(self, sound: Numbers, times: list[float], levels: list[float]) -> Numbers:
        """The sound again and again."""
        return mixed(*(np.concatenate((np.zeros(int(at * self._rate)), sound * level))
                       for at, level in zip(times, levels, strict=True)))  # fmt: skip

    def split(self, sound: Numbers) -> tuple[Samples, Samples]:
        """The dark part and the bright one, which together are the sound. Ends are faded, and there is no DC."""
        frames = len(sound)
        size = 1 << (frames + self._rate // 100).bit_length()
        hz = np.fft.rfftfreq(size, 1 / self._rate)
        bins = np.fft.rfft(sound, size) * (1j * hz / (20 + 1j * hz))
        whole, dark = (np.fft.irfft(part, size)[:frames] for part in (bins, bins / (1 + 1j * hz / _BRIGHT)))
        end = np.minimum(1.0, np.arange(frames, 0, -1) / (0.01 * self._rate))
        return (dark * end).astype(np.float32), ((whole - dark) * end).astype(np.float32)


def mixed(*sounds: Numbers) -> Numbers:
    total = np.zeros(max(map(len, sounds), default=0))
    for sound in sounds:
        total[: len(sound)] += sound
    return total
