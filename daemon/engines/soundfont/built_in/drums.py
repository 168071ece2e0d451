"""The drum kit: two samples, a dark and a bright one, for each key of General MIDI from 35 to 81."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from daemon.engines.soundfont.built_in.drum_sounds import DrumSounds, mixed
from daemon.engines.soundfont.built_in.waves import Numbers, Samples


class Drum(NamedTuple):
    """`level`: dB. `pan`: −1 … 1, as the audience sees the kit. A stroke ends the others of its `group`."""

    dark: Samples
    bright: Samples
    level: float
    pan: float
    group: str


def make_kit(rate: int) -> Iterator[tuple[int, Drum]]:
    """With the keys."""
    sounds = DrumSounds(rate)
    for part in (_kit, _cymbals, _hand_drums, _small_percussion):
        for key, (sound, level, pan, group) in part(sounds).items():
            yield key, Drum(*sounds.split(sound), level, pan, group)


_Sounds = dict[int, tuple[Numbers, float, float, str]]


def _kit(make: DrumSounds) -> _Sounds:
    def kick(pitch: float, decay: float) -> Numbers:
        click = 0.35 * make.noise(1200, 6000, 0.02)
        return mixed(make.skin(3.4 * pitch, pitch, 0.018, decay), 0.3 * make.skin(500, 120, 0.01, 0.08), click)

    def snare(pitch: float, wires: float) -> Numbers:
        skin = mixed(make.skin(pitch * 1.25, pitch, 0.015, 0.18), 0.6 * make.skin(pitch * 2, pitch * 1.75, 0.01, 0.14))
        return mixed(0.7 * skin, 0.6 * make.noise(1300, 8000, wires), 0.3 * make.noise(2500, 10000, 0.05))

    def tom(pitch: float) -> Numbers:
        decay = 1.05 * (110 / pitch) ** 0.5
        skins = mixed(
            make.skin(pitch * 1.5, pitch, 0.05, decay), 0.35 * make.skin(pitch * 2.4, pitch * 1.6, 0.04, decay / 2)
        )
        return mixed(skins, 0.3 * make.noise(300, 5000, 0.08))

    clap = make.noise(900, 3500, 0.045)
    claps = mixed(
        make.rattle(clap, [0, 0.011, 0.023], [0.8, 0.7, 0.9]), make.rattle(make.noise(900, 3000, 0.3), [0.03], [0.7])
    )
    stick = mixed(
        make.modes((430, 0.4, 0.07), (1050, 0.5, 0.1), (1650, 0.8, 0.1), (2700, 0.5, 0.08)),
        0.3 * make.noise(2000, 9000, 0.02),
    )
    toms = {41: 78, 43: 92, 45: 110, 47: 132, 48: 156, 50: 184}
    return {
        35: (kick(46, 0.5), 2, 0.0, ""),
        36: (kick(54, 0.42), 2.5, 0.0, ""),
        37: (stick, 2, -0.15, ""),
        38: (snare(185, 0.3), 3, 0.05, ""),
        39: (claps, 4.5, 0.1, ""),
        40: (snare(215, 0.22), 2, 0.05, ""),
        **{key: (tom(pitch), 3, 0.5 - 0.2 * n, "") for n, (key, pitch) in enumerate(toms.items())},
    }


def _cymbals(make: DrumSounds) -> _Sounds:
    def hat(decay: float) -> Numbers:
        return mixed(make.metal(4500, 15000, decay, clang=0.35), 0.5 * make.noise(2500, 9000, min(decay, 0.05)))

    def crash(low: float, decay: float) -> Numbers:
        return mixed(make.metal(low, 13000, decay, 9, 0.35), make.noise(3000, 7000, 0.7 * decay))

    def ride(pitch: float) -> Numbers:
        ping = make.modes(*((pitch * r, 0.45, 1.1) for r in (1, 1.41, 1.83, 2.31, 3.07)))
        return mixed(ping, 0.45 * make.metal(2500, 14000, 2.6, 7, 0.4), 0.4 * make.noise(4000, 14000, 0.04))

    bell = mixed(
        make.modes(*((hz, 0.5, 1.4) for hz in (810, 1460, 2230, 3120, 4380))), 0.2 * make.metal(3000, 12000, 1.5)
    )
    return {
        42: (hat(0.15), -7, -0.3, "hat"),
        44: (hat(0.2), -7, -0.3, "hat"),
        46: (hat(1.4), -11, -0.3, "hat"),
        49: (crash(700, 2.6), -6.5, -0.45, ""),
        51: (ride(1350), -8.5, 0.45, ""),
        52: (crash(450, 1.8), -8, 0.5, ""),
        53: (bell, -7.5, 0.45, ""),
        55: (crash(1100, 0.9), -9, -0.2, ""),
        57: (crash(850, 2.2), -7, 0.4, ""),
        59: (ride(1560), -9, 0.4, ""),
    }


def _hand_drums(make: DrumSounds) -> _Sounds:
    def hand(pitch: float, decay: float, slap: float = 0.25) -> Numbers:
        return mixed(
            make.skin(pitch * 1.15, pitch, 0.02, decay), 0.4 * make.skin(pitch * 1.9, pitch * 1.75, 0.02, decay * 0.5),
            slap * make.noise(800, 5000, 0.03),
        )  # fmt: skip

    def timbale(pitch: float) -> Numbers:
        return mixed(hand(pitch, 0.4), 0.3 * make.modes((pitch * 2.3, 1, 0.3), (pitch * 3.4, 0.7, 0.25)))

    def cuica(start: float, end: float, decay: float) -> Numbers:
        return mixed(make.skin(start, end, 0.06, decay), 0.4 * make.skin(2 * start, 2 * end, 0.06, decay))

    return {
        60: (hand(410, 0.22), 1.5, 0.3, ""),
        61: (hand(290, 0.28), 2, 0.2, ""),
        62: (hand(330, 0.1, 0.6), 1, -0.3, ""),
        63: (hand(235, 0.45), 1.5, -0.3, ""),
        64: (hand(175, 0.5), 2.5, -0.15, ""),
        65: (timbale(460), 2, 0.35, ""),
        66: (timbale(320), 3, 0.2, ""),
        78: (cuica(520, 640, 0.12), 4, 0.2, "cuica"),
        79: (cuica(380, 560, 0.35), 4, 0.2, "cuica"),
    }


def _small_percussion(make: DrumSounds) -> _Sounds:
    def block(pitch: float, decay: float = 0.09) -> Numbers:
        return mixed(
            make.modes((pitch, 1, decay), (pitch * 1.52, 0.4, decay * 0.7)), 0.15 * make.noise(1500, 8000, 0.012)
        )

    def agogo(pitch: float) -> Numbers:
        return make.modes(
            (pitch, 0.8, 0.6), (pitch * 1.51, 0.4, 0.5), (pitch * 2.76, 0.5, 0.4), (pitch * 4.1, 0.25, 0.2)
        )

    def shake(decay: float, low: float = 4500) -> Numbers:
        seed = make.noise(low, 13000, decay)
        rise = min(len(seed), len(make.time(0.012)))
        seed[:rise] *= make.time(0.012)[:rise] / 0.012
        return seed

    def guiro(strokes: int, gap: float) -> Numbers:
        scrape = make.noise(2500, 8000, 0.02)
        return make.rattle(scrape, [n * gap for n in range(strokes)], [0.4 + 0.6 * n / strokes for n in range(strokes)])

    def whistle(seconds: float) -> Numbers:
        t = make.time(seconds)
        ends = (t / 0.01).clip(0, 1) * ((seconds - t) / 0.02).clip(0, 1)
        pea = 1 + 0.35 * np.sin(2 * np.pi * 28 * t)
        return np.asarray((np.sin(2 * np.pi * 2310 * t) + np.sin(2 * np.pi * 2640 * t)) * 0.5 * pea * ends)

    def triangle(decay: float) -> Numbers:
        pitches = (1310, 2960, 4190, 5480, 6840, 9100)
        return make.modes(*((hz, 0.35, decay * (1 - 0.1 * n)) for n, hz in enumerate(pitches)))

    cowbell = make.modes((562, 0.8, 0.3), (845, 0.8, 0.28), (1690, 0.35, 0.12), (2640, 0.3, 0.1), (3720, 0.2, 0.08))
    jingles = make.rattle(make.metal(5000, 14000, 0.14, 4, 0.8), [0, 0.02, 0.045], [0.7, 1.0, 0.5])
    vibraslap = make.rattle(make.noise(1800, 6000, 0.03), [0.028 * n for n in range(22)], [0.9**n for n in range(22)])
    return {
        54: (jingles, 3.5, 0.25, ""),
        56: (mixed(cowbell, 0.2 * make.noise(1000, 6000, 0.02)), 0, 0.15, ""),
        58: (vibraslap, 5, -0.3, ""),
        67: (agogo(910), -4, -0.35, ""),
        68: (agogo(680), -4.5, -0.35, ""),
        69: (shake(0.09, 3500), 6, -0.25, ""),
        70: (shake(0.06, 5500), 7, -0.3, ""),
        71: (whistle(0.12), 1, 0.3, "whistle"),
        72: (whistle(0.45), 0.5, 0.3, "whistle"),
        73: (guiro(5, 0.018), 8, 0.35, "guiro"),
        74: (guiro(16, 0.024), 2.5, 0.35, "guiro"),
        75: (make.modes((2480, 1, 0.1), (4900, 0.15, 0.04)), 7.5, 0.2, ""),
        76: (block(1180), 6, -0.2, ""),
        77: (block(840), 6, -0.2, ""),
        80: (triangle(0.15), 3, -0.4, "triangle"),
        81: (triangle(2.2), -2, -0.4, "triangle"),
    }
