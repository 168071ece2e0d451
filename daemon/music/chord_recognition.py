"""The chord symbol of keys that are held together.

A form is a way of playing a quality, as a set of intervals above the root. Of all forms on all roots that are exactly
the held pitch classes, the plainest is chosen: with its root in the bass, complete, common. So the bass decides between
Am7 and C6, and what is a complete chord of three or four notes is read as that chord (E G B D as Em7), while what is
none is read as a chord without its root (E B D as Cmaj9, F B E as G13).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from daemon.music.chords import chord_of
from daemon.music.leadsheet import Key
from daemon.music.spelling import name_in_key, spelled

FEWEST = 2  # keys of a chord
# What a reading costs. All but the last are found by trial on the voicings of tests/music/test_chord_recognition.py.
_MISSING = 0.6  # a tone that is expected, such as the fifth
_ROOTLESS = 1.4  # the root is left out
_ROOTLESS_MEANT = -0.3  # the same for a player who leaves out roots
_ROOTLESS_BASS = {3: 0.0, 4: 0.0, 9: 0.005, 10: 0.005, 11: 0.005}  # of a chord without its root; _ODD_BASS: another one
_ODD_BASS = 1.0
_BASS = {0: 0.0, 3: 0.9, 4: 0.9, 5: 1.0, 6: 1.1, 7: 1.1, 8: 1.1, 9: 1.2, 10: 1.2, 11: 1.2}  # by interval of the bass
_TENSION_BASS = 2.5
_FOREIGN_BASS = 2.2  # the bass is no tone of the chord: F/G
_LIMIT = 3.4  # what costs more is no chord
_FIFTHS = 0.01  # for each fifth between root and tonic: decides between equals, such as G13 and D♭7♯9


@dataclass(frozen=True, slots=True)
class _Form:
    """Bits are semitones above the root: `needed`, `expected` (a missing one costs) and `free` (may be there)."""

    quality: str
    needed: int
    expected: int
    free: int
    cost: float
    rootless: bool

    def cost_of(self, tones: int, meant_rootless: bool) -> float | None:
        """Of reading `tones` (bits above the root) as this form; None if they are not this form."""
        root, others = tones & 1, tones & ~1
        if self.needed & ~others or others & ~(self.needed | self.expected | self.free) or not (root or self.rootless):
            return None
        cost = self.cost + _MISSING * (self.expected & ~others).bit_count()
        return cost if root else cost + (_ROOTLESS_MEANT if meant_rootless else _ROOTLESS)


@dataclass(frozen=True, slots=True)
class _Reading:
    """`root`: semitones above the bass."""

    cost: float
    root: int
    quality: str
    has_bass: bool  # whether the bass is a part of the symbol


def _form(
    quality: str,
    cost: float,
    needed: tuple[int, ...],
    expected: tuple[int, ...] = (),
    free: tuple[int, ...] = (),
    rootless: bool = False,
) -> _Form:
    return _Form(quality, _bits(needed), _bits(expected), _bits(free), cost, rootless)


def _bits(intervals: Collection[int]) -> int:
    return sum(1 << interval for interval in set(intervals))


_FORMS = (
    _form("", 0.0, (4,), (7,)),
    _form("m", 0.0, (3,), (7,)),
    _form("5", 0.2, (7,)),
    _form("dim", 0.3, (3, 6)),
    _form("sus4", 0.3, (5, 7)),
    _form("sus2", 0.4, (2, 7)),
    _form("aug", 0.4, (4, 8)),
    _form("7", 0.2, (4, 10), (7,), rootless=True),
    _form("m7", 0.2, (3, 10), (7,)),
    _form("maj7", 0.2, (4, 11), (7,)),
    _form("m7b5", 0.25, (3, 6, 10)),
    _form("dim7", 0.3, (3, 6, 9)),
    _form("7sus4", 0.3, (5, 7, 10)),
    _form("6", 0.5, (4, 7, 9)),
    _form("m6", 0.5, (3, 7, 9)),
    _form("mM7", 0.5, (3, 11), (7,)),
    _form("7#5", 0.6, (4, 8, 10)),
    _form("7b5", 0.6, (4, 6, 10)),
    _form("maj7#5", 0.7, (4, 8, 11)),
    _form("dimM7", 1.2, (3, 6, 11)),
    _form("7", 2.2, (10,)),  # root and seventh alone; turned over they are a second, and no chord
    _form("maj7", 2.2, (11,)),
    _form("add9", 0.5, (2, 4), (7,)),
    _form("madd9", 0.5, (2, 3), (7,)),
    _form("add11", 1.3, (4, 5, 7)),
    _form("madd4", 1.3, (3, 5, 7)),
    _form("69", 0.5, (2, 4, 9), (7,), rootless=True),
    _form("m69", 0.8, (2, 3, 9), (7,)),
    _form("9", 0.3, (2, 4, 10), (7,), rootless=True),
    _form("m9", 0.3, (2, 3, 10), (7,), rootless=True),
    _form("maj9", 0.3, (2, 4, 11), (7,), rootless=True),
    _form("9sus4", 0.5, (2, 5, 10), (7,)),
    _form("mM9", 0.8, (2, 3, 11), (7,)),
    _form("m9b5", 0.9, (2, 3, 6, 10)),
    _form("7b9", 0.5, (1, 4, 10), free=(7,), rootless=True),
    _form("7#9", 0.52, (3, 4, 10), free=(7,), rootless=True),
    _form("7sus4b9", 0.9, (1, 5, 10), (7,)),
    _form("7#9#5", 0.52, (3, 4, 8, 10), rootless=True),
    _form("7b9#5", 0.7, (1, 4, 8, 10), rootless=True),
    _form("7b9b5", 0.9, (1, 4, 6, 10)),
    _form("7#9b5", 0.9, (3, 4, 6, 10)),
    _form("9#5", 0.8, (2, 4, 8, 10)),
    _form("7#11", 0.7, (4, 6, 7, 10)),
    _form("9#11", 0.8, (2, 4, 6, 10), free=(7,)),
    _form("7b13", 0.8, (4, 7, 8, 10)),
    _form("maj7#11", 1.5, (4, 6, 11), (7,)),
    _form("maj9#11", 1.3, (2, 4, 6, 11), free=(7,)),
    _form("m7add11", 0.9, (3, 5, 10), (7,)),
    _form("m11", 0.8, (2, 3, 5, 10), free=(7,)),
    _form("11", 1.2, (2, 4, 5, 7, 10)),
    _form("13", 0.5, (4, 9, 10), free=(2, 7), rootless=True),
    _form("13b9", 0.5, (1, 4, 9, 10), free=(7,), rootless=True),
    _form("13#9", 1.0, (3, 4, 9, 10), free=(7,)),
    _form("13#11", 1.0, (4, 6, 9, 10), free=(2, 7)),
    _form("13sus4", 1.2, (5, 9, 10), free=(2, 7)),
    _form("maj13", 1.3, (4, 9, 11), (7,), free=(2,)),
    _form("m13", 2.3, (3, 9, 10), free=(2, 5, 7)),  # dear, so that a handful of white keys is no inversion of Dm13
)
_OVER_ANY_BASS = tuple(form for form in _FORMS[:15] if form.quality != "5")  # triads, sixths, sevenths: complete


def recognise(pitches: Collection[int], key: Key | None = None, rootless: bool = False) -> str | None:
    """The symbol of the chord of these MIDI pitches, spelled as in `key`; None if they are no chord.

    `rootless`: the player leaves the roots to a bass: E G B D is read as Cmaj9 then, and not as Em7.
    """
    if len({pitch % 12 for pitch in pitches}) < FEWEST:
        return None
    bass = min(pitches) % 12
    readings = _readings(_bits([(pitch - bass) % 12 for pitch in pitches]), rootless)
    if not readings:
        return None
    tonic = key.tonic if key is not None else None
    best = min(readings, key=lambda reading: reading.cost + _distance((bass + reading.root) % 12, tonic))
    key = key or Key(0)
    minor = best.quality.startswith(("m", "dim")) and not best.quality.startswith("maj")
    symbol = name_in_key((bass + best.root) % 12, key, minor) + best.quality
    return f"{symbol}/{_bass_name(symbol, bass, key)}" if best.has_bass else symbol


def _bass_name(symbol: str, bass: int, key: Key) -> str:
    chord = chord_of(symbol)
    letter, alter, _ = spelled(60 + bass, key, chord.root_name, chord.intervals)
    return letter + ("#" * alter if alter > 0 else "b" * -alter)


@lru_cache(maxsize=4096)
def _readings(tones: int, meant_rootless: bool) -> tuple[_Reading, ...]:
    """All readings of `tones` (bits above the bass) within the limit."""
    found = [*_chords(tones, meant_rootless), *_over_foreign_bass(tones)]
    return tuple(reading for reading in found if reading.cost <= _LIMIT)


def _chords(tones: int, meant_rootless: bool) -> Iterator[_Reading]:
    for root, form in product(range(12), _FORMS):
        if (cost := form.cost_of(_above(root, tones), meant_rootless)) is None:
            continue
        interval = -root % 12  # of the bass, above the root
        if tones >> root & 1:
            yield _Reading(cost + _BASS.get(interval, _TENSION_BASS), root, form.quality, root != 0)
        else:
            yield _Reading(cost + _ROOTLESS_BASS.get(interval, _ODD_BASS), root, form.quality, False)


def _over_foreign_bass(tones: int) -> Iterator[_Reading]:
    for root, form in product(range(1, 12), _OVER_ANY_BASS):
        if _above(root, tones & ~1) == (1 | form.needed | form.expected):
            yield _Reading(_FOREIGN_BASS + form.cost, root, form.quality, True)


def _above(root: int, tones: int) -> int:
    """Bits above the bass as bits above `root`."""
    return (tones >> root | tones << (12 - root)) & 0xFFF


def _distance(root: int, tonic: int | None) -> float:
    if tonic is None:
        return 0.0
    fifths = (root - tonic) * 7 % 12
    return _FIFTHS * min(fifths, 12 - fifths)
