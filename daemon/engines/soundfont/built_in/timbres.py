"""The sounds of the programs of General MIDI, in families: layers, each a table with an envelope."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from daemon.engines.soundfont.built_in.waves import HARMONICS, Spectrum

_FOREVER = float("inf")
_SINE = Spectrum(drawbars=(1.0,))
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
    fall: float = _FOREVER
    rest: float = 0.0
    ring: float = _FOREVER
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


def _string(
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


def _bars(*modes: tuple[float, float, float], attack: float = 0.002, touch: float = 2.0) -> tuple[Layer, ...]:
    """Bars, bells and skins: modes of (ratio to the pitch, dB, seconds of ringing)."""
    return tuple(
        Layer(_SINE, 1, 1, ratio, level=level, touch=touch * n, attack=attack, ring=ring)
        for n, (ratio, level, ring) in enumerate(modes)
    )


def _blown(spectrum: Spectrum, attack: float, breath: float = -40.0, touch: float = 5.0) -> tuple[Layer, ...]:
    """A wind instrument: the higher harmonics speak later, and more when blown harder."""
    return (
        Layer(spectrum, 1, 2, attack=attack),
        Layer(spectrum, 3, 6, touch=0.5 * touch, attack=attack * 1.5),
        Layer(spectrum, 7, touch=touch, attack=attack * 2.2),
        Layer("noise", level=breath, attack=attack * 0.6, fall=0.25, rest=0.5),
    )


def _pair(layers: tuple[Layer, ...], cents: float, pan: float = 0.3) -> tuple[Layer, ...]:
    """Twice the same, left a little flat and right a little sharp."""
    return tuple(
        replace(layer, cents=side * cents, pan=side * pan, level=layer.level - 3, start=0.2 + 0.2 * side)
        for side in (-1, 1)
        for layer in layers
    )


def _section(
    ensemble: Ensemble, attack: float, edge: Spectrum | Ensemble, level: float, width: float = 0.6
) -> tuple[Layer, ...]:
    """Two ensembles, left and right, and an edge that comes with loudness."""
    return (
        Layer(ensemble, level=-3.0, attack=attack, cents=1.0, pan=-width),
        Layer(ensemble, level=-3.0, attack=attack, cents=-1.0, pan=width, start=0.37),
        Layer(edge, 3, cents=2.0, level=level, touch=5.0, attack=attack * 1.3),
    )


def _thump(level: float = -24.0) -> Layer:
    """The noise of the hammer or finger."""
    return Layer("noise", ratio=0.5, level=level, touch=6, attack=0.001, ring=0.06, halving=4)


_AAH = Spectrum(-9, formants=((760, 160, 0), (1180, 180, -4), (2800, 300, -14), (3500, 400, -20)))
_OOH = Spectrum(-12, formants=((320, 160, 0), (800, 160, -10), (2500, 300, -30), (3400, 400, -36)))
_BOWED = Spectrum(-5.5, formants=((300, 300, -3), (500, 400, 0), (1000, 900, -2), (2800, 2200, -3)))
SPECTRA: dict[Ensemble, tuple[Spectrum, float]] = {  # and how many cents apart its voices are
    "aah": (_AAH, 13.0),
    "ooh": (_OOH, 12.0),
    "strings": (_BOWED, 15.0),
    "warm": (Spectrum(-10), 16.0),
}

_PIANO = Timbre((*_string(Spectrum(-6.5, -1.8, struck=0.12), 11, stiffness=0.0004), _thump()), -1.5, release=0.4)
_TINE = Layer(_SINE, 1, 1, 7.03, level=-24, touch=6, attack=0.002, ring=0.5)
_REED = Layer(Spectrum(-9), 2, 5, level=4, touch=6, attack=0.003, fall=2, rest=0.4, ring=8)
_BARK = Layer(Spectrum(-6), 5, 16, level=-3, touch=9, attack=0.002, ring=0.8)
_ELECTRIC_PIANO = Timbre((Layer(_SINE, ring=9), _REED, _BARK, _TINE), -0.5, tremolo=0.12, beat=4.6)
_HARPSICHORD = Timbre(_string(Spectrum(-2.5, -1, struck=0.14), 5, (1, 3, 9), 0.0001), 5.5, release=0.12)

_CELESTA = Timbre(_bars((1, 0, 2.5), (3.0, -14, 0.6), (5.4, -22, 0.25)), 1.5, release=0.6)
_GLOCKENSPIEL = Timbre(_bars((1, 0, 4), (2.76, -9, 1.2), (5.4, -15, 0.5)), -2.5, release=2)
_VIBRAPHONE = Timbre(_bars((1, 0, 5), (4.0, -12, 1.5), (10.0, -24, 0.2)), -4, release=0.5, tremolo=0.2, beat=5)
_MARIMBA = Timbre((*_bars((1, 0, 1.1), (4.0, -13, 0.4), (9.2, -22, 0.1)), _thump()), 2.5)
_XYLOPHONE = Timbre((*_bars((1, 0, 0.6), (3.0, -8, 0.2), (6.1, -15, 0.1)), _thump()), -4)
_CHIMES = ((1, -3, 6), (0.5, -9, 8), (1.19, -8, 4), (2.0, -5, 4), (2.74, -8, 2), (3.76, -12, 1.2))
_BELL = Timbre(_bars(*_CHIMES, touch=1), -2.5, release=4)
_AGOGO = Timbre(_bars((1, 0, 0.7), (1.5, -6, 0.6), (2.9, -8, 0.4), (4.6, -14, 0.3)), -5.5, release=0.4)
_STEEL_DRUM = Timbre(_bars((1, 0, 1.2), (2.0, -5, 0.8), (3.01, -10, 0.5), (4.1, -16, 0.3), attack=0.008), 1.5)
_WOOD_BLOCK = Timbre((*_bars((1, 0, 0.15), (1.7, -4, 0.1), (3.2, -12, 0.06)), _thump()), -0.5)
_TIMPANI = Timbre((*_bars((1, 0, 2.5), (1.5, -4, 2), (1.98, -8, 1.4), (2.44, -12, 1)), _thump(-16)), -6, release=1)
_TAIKO = Timbre((*_bars((0.5, 0, 1.0), (0.78, -4, 0.5), (1.2, -10, 0.3)), _thump(-10)), 5)

_DRAWBARS = Spectrum(drawbars=(0.7, 1.0, 0.5, 0.55, 0.0, 0.3, 0.0, 0.25))
_CLICK = Layer("noise", ratio=2, level=-34, attack=0.001, ring=0.03)
_ORGAN = Timbre((Layer(_DRAWBARS, attack=0.006), _CLICK), -2, release=0.05, vibrato=4, beat=6.2, tremolo=0.06)
_PIPES = Spectrum(drawbars=(1.0, 0.8, 0.25, 0.6, 0.08, 0.2, 0.05, 0.35, 0, 0, 0, 0.08, 0, 0, 0, 0.15))
_CHURCH_ORGAN = Timbre(_pair((Layer(_PIPES, attack=0.05),), 1.5), -2, release=0.3)
_FREE_REED = Spectrum(-5, formants=((600, 700, 0), (1500, 1200, -2), (3000, 2000, -8)))
_REED_ORGAN = Timbre(_pair((Layer(_FREE_REED, attack=0.04),), 3), -5.5, release=0.1)

_NYLON = Timbre((*_string(Spectrum(-7, -2, struck=0.2), 6, (1, 2, 3, 5, 9), 0.00005), _thump()), 3.5)
_STEEL = Timbre((*_string(Spectrum(-5, -2, struck=0.15), 7, (1, 2, 3, 5, 9), 0.0001), _thump()), 3.5)
_JAZZ_GUITAR = Timbre(_string(Spectrum(-9, -1, struck=0.25), 6, (1, 2, 3, 5)), 2.5)
_CLEAN_GUITAR = Timbre(_string(Spectrum(-5.5, -1, struck=0.22), 8, (1, 2, 3, 5, 9)), 3)
_MUTED_GUITAR = Timbre(_string(Spectrum(-7, -1, struck=0.2), 0.9, (1, 2, 4, 8)), 4)
_DRIVEN = Spectrum(-3.5, formants=((500, 900, 0), (1200, 1200, 0), (2600, 1600, -2)))
_DRIVEN_GUITAR = Timbre(_pair((Layer(_DRIVEN, attack=0.006, ring=30),), 2, 0.15), -0.5, release=0.15)
_HARP = Timbre(_string(Spectrum(-8, -2, struck=0.3), 5, (1, 2, 3, 5)), release=1.5)
_KOTO = Timbre(_string(Spectrum(-4.5, -1.5, struck=0.09), 3.5, (1, 2, 4, 8)), 3, release=0.8)
_PIZZICATO = Timbre((*_string(Spectrum(-7, -1, struck=0.25), 1.2, (1, 2, 4)), _thump()), 10, release=0.4)

_BASS = Timbre((*_string(Spectrum(-6, 0, struck=0.22), 6, (1, 2, 3, 5, 9)), _thump(-28)), 4)
_PICKED_BASS = Timbre(_string(Spectrum(-4.5, 0, struck=0.14), 5, (1, 2, 3, 5, 9)), 4, release=0.15)
_SAWTOOTH = Spectrum(-6)
_WAH = Layer(_SAWTOOTH, 4, 12, touch=3, fall=0.9, rest=0.15, ring=12)
_SYNTH_BASS = Timbre((Layer(_SAWTOOTH, 1, 3, ring=12), _WAH, replace(_WAH, low=13, high=99, fall=0.4)), 1, release=0.1)

_BOW = Layer("noise", ratio=1.5, level=-36, attack=0.03, fall=0.3, rest=0.6)
_VIOLIN = (Layer(_BOWED, 1, 4, attack=0.07), Layer(_BOWED, 5, touch=4, attack=0.09), _BOW)
_SOLO_STRING = Timbre(_VIOLIN, -1.5, vibrato=14, beat=5.6, release=0.2)
_STRINGS = Timbre(_section("strings", 0.18, Spectrum(-5), -16), -3, vibrato=4, release=0.5)
_SLOW_STRINGS = replace(_STRINGS, layers=_section("strings", 0.5, Spectrum(-5), -18), level=-0.5, release=0.9)
_TREMOLO_STRINGS = replace(_STRINGS, level=-0.5, tremolo=0.5, beat=11)
_CHOIR = Timbre(_section("aah", 0.13, _AAH, -16), -2.5, vibrato=9, beat=5.0, release=0.5)
_VOICES = Timbre(_section("ooh", 0.12, "aah", -11), -2.5, vibrato=9, beat=4.9, release=0.5)
_STAB = Layer("strings", ring=1.2, touch=3)
_ORCHESTRA_HIT = Timbre((*_pair((_STAB, replace(_STAB, ratio=2.0)), 3), replace(_STAB, ratio=0.5), _thump(-10)), 1)

_BRASSY = Spectrum(-3, formants=((1100, 1400, 0), (2400, 2000, -3)))
_TRUMPET = Timbre(_blown(_BRASSY, 0.035, -44, 9), -4.5, vibrato=5, release=0.12)
_TROMBONE = Timbre(_blown(Spectrum(-5, formants=((550, 700, 0), (1100, 1200, -4))), 0.05, -44, 9), 0, release=0.12)
_HORN = Timbre(_blown(Spectrum(-8, formants=((350, 500, 0), (800, 900, -6))), 0.06, -44, 9), 0, release=0.2)
_BRASS_SECTION = Timbre(_pair(_blown(_BRASSY, 0.045, -44, 8)[:3], 4, 0.4), -1.5, release=0.15)

_SAX_TONE = Spectrum(-4.5, formants=((480, 420, 0), (1100, 700, 0), (2100, 1200, -2), (3600, 1400, -9)))
_SAX = Timbre(_blown(_SAX_TONE, 0.035, -32, 6), -1, vibrato=9, beat=5.1, release=0.12)
_OBOE = Timbre(_blown(Spectrum(-3, formants=((1050, 500, 0), (2900, 1200, -5))), 0.035, -42, 4), -1, 0.1, 8)
_BASSOON = Timbre(_blown(Spectrum(-5, formants=((480, 280, 0), (1200, 700, -9))), 0.04, -42), 0, 0.1)
_CLARINET = Timbre(_blown(Spectrum(-6, even=0.12, formants=((600, 1200, 0), (1500, 1500, -5))), 0.04), -0.5, 0.1, 3)
_FLUTE = Timbre(_blown(Spectrum(-11), 0.06, -27, 4), -0.5, vibrato=10, beat=5, tremolo=0.08, release=0.12)
_PAN_FLUTE = Timbre(_blown(Spectrum(-15, even=0.5), 0.04, -18, 3), 0.5, vibrato=6, tremolo=0.06, release=0.15)
_WHISTLE = Timbre(_blown(Spectrum(-24), 0.04, -28, 3), 1.5, vibrato=12, release=0.1)

_SQUARE = Timbre(_pair((Layer(Spectrum(-6, even=0.0)),), 2, 0.1), -0.5, release=0.1, vibrato=4)
_SAW = Timbre(_pair((Layer(_SAWTOOTH),), 4), -4, release=0.12, vibrato=4)
_PAD = Timbre(_section("warm", 0.3, Spectrum(-9), -14, 0.8), -4.5, vibrato=3, beat=4.2, release=1.2)
_BRIGHT_PAD = replace(_PAD, layers=(*_PAD.layers, *_bars((2, -9, 2), (4.02, -15, 1.5), (6.05, -20, 1))))
_BREATH = Timbre((Layer("noise", attack=0.15), Layer("noise", ratio=3, level=-8, attack=0.1, start=0.5)), -5.5, 0.5)

# The 128 programs in order: eight lines of a family each, as in daemon/music/general_midi.py.
PROGRAMS: tuple[Timbre, ...] = (
    _PIANO, _PIANO, _PIANO, _PIANO, _ELECTRIC_PIANO, _ELECTRIC_PIANO, _HARPSICHORD, _HARPSICHORD,
    _CELESTA, _GLOCKENSPIEL, _CELESTA, _VIBRAPHONE, _MARIMBA, _XYLOPHONE, _BELL, _KOTO,
    _ORGAN, _ORGAN, _ORGAN, _CHURCH_ORGAN, _REED_ORGAN, _REED_ORGAN, _REED_ORGAN, _REED_ORGAN,
    _NYLON, _STEEL, _JAZZ_GUITAR, _CLEAN_GUITAR, _MUTED_GUITAR, _DRIVEN_GUITAR, _DRIVEN_GUITAR, _CELESTA,
    _BASS, _BASS, _PICKED_BASS, _BASS, _PICKED_BASS, _PICKED_BASS, _SYNTH_BASS, _SYNTH_BASS,
    _SOLO_STRING, _SOLO_STRING, _SOLO_STRING, _SOLO_STRING, _TREMOLO_STRINGS, _PIZZICATO, _HARP, _TIMPANI,
    _STRINGS, _SLOW_STRINGS, _STRINGS, _SLOW_STRINGS, _CHOIR, _VOICES, _CHOIR, _ORCHESTRA_HIT,
    _TRUMPET, _TROMBONE, _TROMBONE, _TRUMPET, _HORN, _BRASS_SECTION, _BRASS_SECTION, _BRASS_SECTION,
    _SAX, _SAX, _SAX, _SAX, _OBOE, _OBOE, _BASSOON, _CLARINET,
    _FLUTE, _FLUTE, _FLUTE, _PAN_FLUTE, _PAN_FLUTE, _PAN_FLUTE, _WHISTLE, _WHISTLE,
    _SQUARE, _SAW, _PAN_FLUTE, _FLUTE, _DRIVEN_GUITAR, _CHOIR, _SAW, _SAW,
    _BRIGHT_PAD, _PAD, _PAD, _CHOIR, _SLOW_STRINGS, _BRIGHT_PAD, _CHOIR, _PAD,
    _BRIGHT_PAD, _SLOW_STRINGS, _BELL, _NYLON, _BRIGHT_PAD, _SLOW_STRINGS, _PAD, _SQUARE,
    _KOTO, _KOTO, _KOTO, _KOTO, _MARIMBA, _OBOE, _SOLO_STRING, _OBOE,
    _GLOCKENSPIEL, _AGOGO, _STEEL_DRUM, _WOOD_BLOCK, _TAIKO, _TIMPANI, _TAIKO, _BREATH,
    _BREATH, _BREATH, _BREATH, _WHISTLE, _CELESTA, _BREATH, _BREATH, _BREATH,
)  # fmt: skip
