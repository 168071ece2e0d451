"""The sounds of the programs of General MIDI, in families."""

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


def _string(
    spectrum: Spectrum, ring: float, edges: tuple[int, ...] = (1, 2, 3, 5, 9, 17), stiffness: float = 0.0
) -> tuple[Layer, ...]:
    """A string that rings: groups of harmonics, of which the higher ones are sharper and decay faster."""
    layers = []
    for n, (low, end) in enumerate(pairwise((*edges, HARMONICS + 1))):
        middle = low if end == low + 1 else min((low * end) ** 0.5, 1.5 * low)
        ratio = ((1 + stiffness * middle**2) / (1 + stiffness)) ** 0.5
        layers.append(
            Layer(
                spectrum, low, end - 1, ratio, touch=1.6 * n, attack=0.003, fall=ring * 0.25 / middle**0.6,
                rest=0.35 if n < 3 else 0.1, ring=ring / middle**0.45,
            )
        )  # fmt: skip
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


def _section(
    ensemble: Ensemble, attack: float, edge: Spectrum | Ensemble, level: float, width: float = 0.6
) -> tuple[Layer, ...]:
    """Two ensembles, left and right, and some edge that comes with loudness."""
    return (
        Layer(ensemble, level=-3.0, attack=attack, cents=1.0, pan=-width),
        Layer(ensemble, level=-3.0, attack=attack, cents=-1.0, pan=width, start=0.37),
        Layer(edge, 3, cents=2.0, level=level, touch=5.0, attack=attack * 1.3),
    )


_SINE = Spectrum(drawbars=(1.0,))
_THUMP = Layer("noise", ratio=0.5, level=-24, touch=6, attack=0.001, ring=0.06, halving=4)
_AAH = Spectrum(-9, formants=((760, 160, 0), (1180, 180, -4), (2800, 300, -14), (3500, 400, -20)))
_OOH = Spectrum(-12, formants=((320, 160, 0), (800, 160, -10), (2500, 300, -30), (3400, 400, -36)))
_BOWED = Spectrum(-5.5, formants=((300, 300, -3), (500, 400, 0), (1000, 900, -2), (2800, 2200, -3)))
SPECTRA: dict[Ensemble, tuple[Spectrum, float]] = {  # and how many cents apart its voices are
    "aah": (_AAH, 13.0),
    "ooh": (_OOH, 12.0),
    "strings": (_BOWED, 15.0),
    "warm": (Spectrum(-10), 16.0),
}

_PIANO = Timbre((*_string(Spectrum(-7.5, -1.8, struck=0.12), 11, stiffness=0.0004), _THUMP), release=0.3, level=-1.5)
_HONKY_TONK = Timbre(
    tuple(replace(layer, cents=c) for c in (-6.0, 6.0) for layer in _string(Spectrum(-6, -1.5), 8, (1, 3, 9), 0.0004)),
    level=-5.5,
)
_ELECTRIC_PIANO = Timbre(
    (
        Layer(_SINE, 1, 1, attack=0.003, ring=7),
        Layer(Spectrum(-9), 2, 5, level=-3, touch=6, attack=0.003, fall=1.2, rest=0.3, ring=6),
        Layer(Spectrum(-6), 5, 16, level=-3, touch=9, attack=0.002, ring=0.8),
        Layer(_SINE, 1, 1, 7.03, level=-24, touch=6, attack=0.002, ring=0.5),
    ),
    level=-0.5,
    tremolo=0.12,
    beat=4.6,
)
_HARPSICHORD = Timbre(_string(Spectrum(-2.5, -1, struck=0.14), 5, (1, 3, 9), 0.0001), level=5.5, release=0.12)
_CLAVINET = Timbre(_string(Spectrum(-4, -1, struck=0.3), 3, (1, 3, 7)), level=4.5, release=0.06)
_CELESTA = Timbre(_bars((1, 0, 2.5), (3.0, -14, 0.6), (5.4, -22, 0.25)), release=0.6, level=1.5)
_GLOCKENSPIEL = Timbre(_bars((1, 0, 4), (2.76, -9, 1.2), (5.4, -15, 0.5)), level=-2.5, release=2)
_VIBRAPHONE = Timbre(_bars((1, 0, 6), (4.0, -14, 1.5), (10.0, -24, 0.2)), release=0.5, tremolo=0.2, beat=5, level=-4)
_MARIMBA = Timbre((*_bars((1, 0, 1.1), (4.0, -13, 0.3), (9.2, -22, 0.1)), _THUMP), level=2.5)
_XYLOPHONE = Timbre((*_bars((1, 0, 0.6), (3.0, -8, 0.2), (6.1, -15, 0.1)), _THUMP), level=-4)
_BELL = Timbre(
    _bars((1, -3, 6), (0.5, -9, 8), (1.19, -8, 4), (2.0, -5, 4), (2.74, -8, 2), (3.76, -12, 1.2), touch=1),
    release=4,
    level=-2.5,
)
_DULCIMER = Timbre(_string(Spectrum(-4, -1.5, struck=0.1), 5, (1, 2, 4, 9)), release=1.5, level=0.5)
_DRAWBARS = (0.7, 1.0, 0.5, 0.55, 0.0, 0.3, 0.0, 0.25)
_ORGAN = Timbre(
    (
        Layer(Spectrum(drawbars=_DRAWBARS), attack=0.006),
        Layer("noise", ratio=2, level=-34, attack=0.001, ring=0.03),
    ),
    level=-2,
    release=0.05,
    vibrato=4,
    beat=6.2,
    tremolo=0.06,
)
_PIPES = Spectrum(drawbars=(1.0, 0.8, 0.25, 0.6, 0.08, 0.2, 0.05, 0.35, 0, 0, 0, 0.08, 0, 0, 0, 0.15))
_CHURCH_ORGAN = Timbre(
    (
        Layer(_PIPES, attack=0.05, pan=-0.4, cents=1.5),
        Layer(_PIPES, attack=0.07, pan=0.4, cents=-1.5, start=0.3),
        Layer("noise", ratio=2, level=-34, attack=0.02, fall=0.1, rest=0.3),
    ),
    level=-5,
    release=0.3,
)
_FREE_REED = Spectrum(-5, formants=((600, 700, 0), (1500, 1200, -2), (3000, 2000, -8)))
_REED_ORGAN = Timbre(
    (Layer(_FREE_REED, cents=3, attack=0.04, pan=-0.2), Layer(_FREE_REED, cents=-3, attack=0.04, start=0.4, pan=0.2)),
    level=-8.5,
    release=0.1,
)
_NYLON = Timbre((*_string(Spectrum(-8, -2, struck=0.2), 5, (1, 2, 3, 5, 9), 0.00005), _THUMP), level=3.5)
_STEEL = Timbre((*_string(Spectrum(-5, -2, struck=0.15), 7, (1, 2, 3, 5, 9), 0.0001), _THUMP), level=3.5)
_JAZZ_GUITAR = Timbre(_string(Spectrum(-9, -1, struck=0.25), 6, (1, 2, 3, 5)), level=2.5)
_CLEAN_GUITAR = Timbre(_string(Spectrum(-5.5, -1, struck=0.22), 8, (1, 2, 3, 5, 9)), level=3)
_MUTED_GUITAR = Timbre(_string(Spectrum(-7, -1, struck=0.2), 0.9, (1, 2, 4, 8)), level=4)
_DRIVEN = Spectrum(-3.5, formants=((500, 900, 0), (1200, 1200, 0), (2600, 1600, -2)))
_DRIVEN_GUITAR = Timbre(
    (Layer(_DRIVEN, attack=0.006, ring=30, pan=-0.15), Layer(_DRIVEN, cents=4, attack=0.008, ring=30, pan=0.15)),
    level=-3.5,
    release=0.15,
)
_BASS = Timbre((*_string(Spectrum(-8, 0, struck=0.22), 3, (1, 2, 3, 5, 9)), replace(_THUMP, level=-28)), level=6)
_PICKED_BASS = Timbre(_string(Spectrum(-5.5, 0, struck=0.14), 3.5, (1, 2, 3, 5, 9)), level=5, release=0.15)
_FRETLESS = Timbre(_string(Spectrum(-9, 0, struck=0.3), 5, (1, 2, 4)), level=4.5, vibrato=8)
_SYNTH_BASS = Timbre(
    (
        Layer(Spectrum(-6), 1, 3, ring=12),
        Layer(Spectrum(-6), 4, 12, touch=3, fall=0.9, rest=0.15, ring=12),
        Layer(Spectrum(-6), 13, touch=5, fall=0.4, rest=0.05, ring=12),
    ),
    level=1,
    release=0.1,
)
_SOLO_STRING = Timbre(
    (
        Layer(_BOWED, 1, 4, attack=0.07),
        Layer(_BOWED, 5, touch=4, attack=0.09),
        Layer("noise", ratio=1.5, level=-36, attack=0.03, fall=0.3, rest=0.6),
    ),
    level=-1.5,
    vibrato=14,
    beat=5.6,
    release=0.2,
)
_BOW_EDGE = Spectrum(-5)
_STRINGS = Timbre(_section("strings", 0.18, _BOW_EDGE, -16), level=-3, vibrato=4, release=0.5)
_SLOW_STRINGS = replace(_STRINGS, layers=_section("strings", 0.5, _BOW_EDGE, -18), release=0.9, level=-0.5)
_TREMOLO_STRINGS = replace(_STRINGS, tremolo=0.5, beat=11, level=-0.5)
_PIZZICATO = Timbre((*_string(Spectrum(-7, -1, struck=0.25), 1.2, (1, 2, 4)), _THUMP), level=10, release=0.4)
_HARP = Timbre(_string(Spectrum(-8, -2, struck=0.3), 5, (1, 2, 3, 5)), release=1.5)
_TIMPANI = Timbre(
    (*_bars((1, 0, 2.5), (1.5, -4, 2), (1.98, -8, 1.4), (2.44, -12, 1), touch=1), replace(_THUMP, level=-16)),
    level=-6,
    release=1,
)
_CHOIR = Timbre(_section("aah", 0.13, _AAH, -16), vibrato=9, beat=5.0, release=0.45, level=-2.5)
_VOICES = Timbre(_section("ooh", 0.12, "aah", -11), vibrato=9, beat=4.9, release=0.4, level=-2.5)
_ORCHESTRA_HIT = Timbre(
    (
        Layer("strings", ring=1.2, pan=-0.5),
        Layer("strings", ring=1.2, ratio=2, level=-3, pan=0.5, start=0.5),
        Layer(Spectrum(-3), ratio=0.5, touch=3, ring=0.8),
        replace(_THUMP, level=-10),
    ),
    level=1,
)
_BRASSY = Spectrum(-4.5, formants=((900, 1100, 0), (1800, 1800, -3)))
_TRUMPET = Timbre(_blown(_BRASSY, 0.035, -44, 9), level=-4.5, vibrato=5, release=0.12)
_TROMBONE = Timbre(
    _blown(Spectrum(-5, formants=((550, 700, 0), (1100, 1200, -4))), 0.05, -44, 9), level=0, release=0.12
)
_TUBA = Timbre(_blown(Spectrum(-8, formants=((250, 400, 0),)), 0.05, -40, 7), level=1, release=0.12)
_MUTED_TRUMPET = Timbre(
    _blown(Spectrum(-3, formants=((1700, 900, 0), (3500, 2000, -6))), 0.03, -44, 5), level=-1.5, release=0.1
)
_HORN = Timbre(_blown(Spectrum(-8, formants=((350, 500, 0), (800, 900, -6))), 0.06, -44, 9), level=0, release=0.2)
_BRASS_SECTION = Timbre(
    tuple(
        replace(layer, cents=cents, pan=pan, level=layer.level - 3)
        for cents, pan in ((-4.0, -0.4), (4.0, 0.4))
        for layer in _blown(_BRASSY, 0.045, -44, 8)[:3]
    ),
    level=-1.5,
    release=0.15,
)
_SYNTH_BRASS = replace(_BRASS_SECTION, release=0.3, level=-2)
_SAX_TONE = Spectrum(-4.5, formants=((480, 420, 0), (1100, 700, 0), (2100, 1200, -2), (3600, 1400, -9)))
_SAX = Timbre(_blown(_SAX_TONE, 0.035, -32, 6), level=-1, vibrato=9, beat=5.1, release=0.12)
_OBOE = Timbre(
    _blown(Spectrum(-3, formants=((1050, 500, 0), (2900, 1200, -5))), 0.035, -42, 4), level=-1, vibrato=8, release=0.1
)
_BASSOON = Timbre(_blown(Spectrum(-5, formants=((480, 280, 0), (1200, 700, -9))), 0.04, -42, 5), release=0.1)
_CLARINET = Timbre(
    _blown(Spectrum(-6, even=0.12, formants=((600, 1200, 0), (1500, 1500, -5))), 0.04, -40, 5),
    vibrato=3,
    release=0.1,
    level=-0.5,
)
_FLUTE = Timbre(_blown(Spectrum(-13), 0.05, -27, 4), level=-0.5, vibrato=10, beat=5, tremolo=0.08, release=0.12)
_PAN_FLUTE = Timbre(_blown(Spectrum(-15, even=0.5), 0.04, -18, 3), level=0.5, vibrato=6, tremolo=0.06, release=0.15)
_WHISTLE = Timbre(_blown(Spectrum(-24), 0.04, -28, 3), vibrato=12, release=0.1, level=1.5)
_SQUARE = Timbre(
    tuple(Layer(Spectrum(-6, even=0.0), cents=cents, level=-3, attack=0.005) for cents in (-2.0, 2.0)),
    level=-3.5, release=0.1, vibrato=4,
)  # fmt: skip
_SAW = Timbre(
    (Layer(Spectrum(-6), cents=-4, pan=-0.3), Layer(Spectrum(-6), cents=4, pan=0.3, start=0.3)),
    level=-7,
    release=0.12,
    vibrato=4,
)
_FIFTHS = Timbre(
    (Layer(Spectrum(-6), cents=-3), Layer(Spectrum(-6), ratio=1.5, cents=3, level=-3)), level=-11.5, release=0.12
)
_PAD = Timbre(_section("warm", 0.3, Spectrum(-9), -14, 0.8), level=-4.5, vibrato=3, beat=4.2, release=1.2)
_BOWED_PAD = replace(_PAD, layers=_section("strings", 0.5, Spectrum(-9), -14, 0.8), level=-4)
_CHOIR_PAD = replace(_PAD, layers=_section("aah", 0.3, _AAH, -18, 0.8), level=-3)
_BRIGHT_PAD = Timbre(
    (*_PAD.layers, *_bars((2, -9, 2), (4.02, -15, 1.5), (6.05, -20, 1))), level=-5, vibrato=3, release=1.2
)
_SITAR = Timbre(_string(Spectrum(-2.5, -1, struck=0.08), 5, (1, 3, 7)), level=3.5, release=0.6)
_BANJO = Timbre((*_string(Spectrum(-3.5, -1.5, struck=0.12), 1.4, (1, 2, 4, 8)), _THUMP), level=7.5)
_KOTO = Timbre(_string(Spectrum(-5, -1.5, struck=0.09), 3.5, (1, 2, 4, 8)), release=0.8, level=2)
_KALIMBA = Timbre((*_bars((1, 0, 1.5), (5.4, -16, 0.3), (8.9, -24, 0.15)), _THUMP), release=0.6, level=-8)
_AGOGO = Timbre(_bars((1, 0, 0.7), (1.5, -6, 0.6), (2.9, -8, 0.4), (4.6, -14, 0.3)), level=-5.5, release=0.4)
_STEEL_DRUM = Timbre(_bars((1, 0, 1.2), (2.0, -5, 0.8), (3.01, -10, 0.5), (4.1, -16, 0.3), attack=0.008), level=1.5)
_WOOD_BLOCK = Timbre((*_bars((1, 0, 0.15), (1.7, -4, 0.1), (3.2, -12, 0.06)), _THUMP), level=-0.5)
_TAIKO = Timbre((*_bars((0.5, 0, 1.0), (0.78, -4, 0.5), (1.2, -10, 0.3)), replace(_THUMP, level=-10)), level=5)
_REVERSED = Timbre((Layer("noise", ratio=4, attack=1.6),), level=-5)
_BREATH = Timbre(
    (Layer("noise", attack=0.15), Layer("noise", ratio=3, level=-8, attack=0.1, start=0.5)), level=-5.5, release=0.5
)

# The 128 programs in order: eight lines of a family each, as in daemon/music/general_midi.py.
PROGRAMS: tuple[Timbre, ...] = (
    _PIANO, _PIANO, _PIANO, _HONKY_TONK, _ELECTRIC_PIANO, _ELECTRIC_PIANO, _HARPSICHORD, _CLAVINET,
    _CELESTA, _GLOCKENSPIEL, _CELESTA, _VIBRAPHONE, _MARIMBA, _XYLOPHONE, _BELL, _DULCIMER,
    _ORGAN, _ORGAN, _ORGAN, _CHURCH_ORGAN, _REED_ORGAN, _REED_ORGAN, _REED_ORGAN, _REED_ORGAN,
    _NYLON, _STEEL, _JAZZ_GUITAR, _CLEAN_GUITAR, _MUTED_GUITAR, _DRIVEN_GUITAR, _DRIVEN_GUITAR, _CELESTA,
    _BASS, _BASS, _PICKED_BASS, _FRETLESS, _PICKED_BASS, _PICKED_BASS, _SYNTH_BASS, _SYNTH_BASS,
    _SOLO_STRING, _SOLO_STRING, _SOLO_STRING, _SOLO_STRING, _TREMOLO_STRINGS, _PIZZICATO, _HARP, _TIMPANI,
    _STRINGS, _SLOW_STRINGS, _STRINGS, _SLOW_STRINGS, _CHOIR, _VOICES, _CHOIR, _ORCHESTRA_HIT,
    _TRUMPET, _TROMBONE, _TUBA, _MUTED_TRUMPET, _HORN, _BRASS_SECTION, _SYNTH_BRASS, _SYNTH_BRASS,
    _SAX, _SAX, _SAX, _SAX, _OBOE, _OBOE, _BASSOON, _CLARINET,
    _FLUTE, _FLUTE, _FLUTE, _PAN_FLUTE, _PAN_FLUTE, _PAN_FLUTE, _WHISTLE, _WHISTLE,
    _SQUARE, _SAW, _PAN_FLUTE, _FLUTE, _DRIVEN_GUITAR, _CHOIR, _FIFTHS, _SAW,
    _BRIGHT_PAD, _PAD, _PAD, _CHOIR_PAD, _BOWED_PAD, _BRIGHT_PAD, _CHOIR_PAD, _PAD,
    _BRIGHT_PAD, _BOWED_PAD, _BELL, _NYLON, _BRIGHT_PAD, _BOWED_PAD, _PAD, _SQUARE,
    _SITAR, _BANJO, _KOTO, _KOTO, _KALIMBA, _OBOE, _SOLO_STRING, _OBOE,
    _GLOCKENSPIEL, _AGOGO, _STEEL_DRUM, _WOOD_BLOCK, _TAIKO, _TIMPANI, _TAIKO, _REVERSED,
    _BREATH, _BREATH, _BREATH, _WHISTLE, _CELESTA, _BREATH, _BREATH, _BREATH,
)  # fmt: skip
