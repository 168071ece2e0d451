"""What tones are made of: layers, each a table with an envelope, and the families that they are built in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from daemon.engines.soundfont.built_in.waves import HARMONICS, Spectrum

FOREVER = float("inf")
Ensemble = Literal["aah", "ooh", "strings", "warm"]


@dataclass(frozen=True)
class Layer:
    """A part of a tone: a table that is played at its own pitch, with its own envelope. Times are in seconds.

    `wave`: harmonics `low` to `high` of the spectrum, or an ensemble of voices, or noise (the table is played at 1
    sample per frame at middle C). `ratio`: to the pitch of the note, `cents` more. `level`: dB; `touch`: dB less when
    played half as hard, beside the loss of the whole tone. `attack`: until it has nearly its level. `fall`: until it
    has lost 60 dB of what lies above `rest`; `ring`: until all of it has lost 60 dB. Both are those of middle C and
    halve every `halving` octaves. `pan`: -1 … 1. `start`: where in the table it starts, 0 … 1.
    """

    wave: Spectrum | Ensemble | Literal["noise"]
    low: int = 1
    high: int = HARMONICS
    ratio: float = 1.0
    cents: float = 0.0
    level: float = 0.0
    touch: float = 0.0
    attack: float = 0.004
    fall: float = FOREVER
    rest: float = 0.0
    ring: float = FOREVER
    halving: float = 1.5
    pan: float = 0.0
    start: float = 0.0


@dataclass(frozen=True)
class Timbre:
    """`release`: seconds from note-off until 60 dB are lost. `vibrato`: cents, at `beat` Hz; `tremolo`: 0 … 1."""

    layers: tuple[Layer, ...]
    level: float = 0.0  # dB
    release: float = 0.25
    vibrato: float = 0.0
    beat: float = 5.2
    tremolo: float = 0.0


def string(
    spectrum: Spectrum, ring: float, edges: tuple[int, ...] = (1, 2, 3, 5, 9, 17), stiffness: float = 0.0
) -> tuple[Layer, ...]:
    """A string that rings: groups of harmonics, of which the higher ones are sharper and decay faster."""
    layers = []
    for n, (low, end) in enumerate(pairwise((*edges, HARMONICS + 1))):
        middle = low if end == low + 1 else min((low * end) ** 0.5, 1.5 * low)
        ratio = ((1 + stiffness * middle**2) / (1 + stiffness)) ** 0.5
        fall, rest = ring * 0.4 / middle**0.5, 0.35 if n < 3 else 0.2
        decay = {"fall": fall, "rest": rest, "ring": ring / middle**0.4}
        layers.append(Layer(spectrum, low, end - 1, ratio, touch=1.6 * n, attack=0.003, **decay))
    return tuple(layers)


def bars(*modes: tuple[float, float, float], attack: float = 0.002, touch: float = 2.0) -> tuple[Layer, ...]:
    """Bars, bells and skins: modes of (ratio to the pitch, dB, seconds of ringing)."""
    return tuple(
        Layer(SINE, 1, 1, ratio, level=level, touch=touch * n, attack=attack, ring=ring)
        for n, (ratio, level, ring) in enumerate(modes)
    )


def blown(spectrum: Spectrum, attack: float, breath: float = -40.0, touch: float = 5.0) -> tuple[Layer, ...]:
    """A wind instrument: the higher harmonics speak later, and more when blown harder."""
    return (
        Layer(spectrum, 1, 2, attack=attack),
        Layer(spectrum, 3, 6, touch=0.5 * touch, attack=attack * 1.5),
        Layer(spectrum, 7, touch=touch, attack=attack * 2.2),
        Layer("noise", level=breath, attack=attack * 0.6, fall=0.25, rest=0.5),
    )


def pair(layers: tuple[Layer, ...], cents: float, pan: float = 0.3) -> tuple[Layer, ...]:
    """Twice the same, left a little flat and right a little sharp."""
    return tuple(
        replace(layer, cents=side * cents, pan=side * pan, level=layer.level - 3, start=0.2 + 0.2 * side)
        for side in (-1, 1)
        for layer in layers
    )


def section(
    ensemble: Ensemble, attack: float, edge: Spectrum | Ensemble, level: float, width: float = 0.6
) -> tuple[Layer, ...]:
    """Two ensembles, left and right, and an edge that comes with loudness."""
    return (
        Layer(ensemble, level=-3.0, attack=attack, cents=1.0, pan=-width),
        Layer(ensemble, level=-3.0, attack=attack, cents=-1.0, pan=width, start=0.37),
        Layer(edge, 3, cents=2.0, level=level, touch=5.0, attack=attack * 1.3),
    )


def thump(level: float = -24.0) -> Layer:
    """The noise of the hammer or finger."""
    return Layer("noise", ratio=0.5, level=level, touch=6, attack=0.001, ring=0.06, halving=4)


SINE = Spectrum(drawbars=(1.0,))
