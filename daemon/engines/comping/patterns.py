"""Rhythms of comping by feel and variation, a character for each eighth of a bar."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from daemon.music.feel import Feel

# x: short, o: long, -: the note goes on, . silence. Each feel has four rows, for the variations A to D.
SWING = (
    ("x..x....", "..x...x.", "...o--..", "x......x", "..o---..", ".x....x."),
    ("x..x....", ".x..x...", "..x..x..", "...x..x.", "x..x...x", "...x...o", "o--x..x."),
    ("x..x..x.", ".x.x...x", "x..o-..x", "..x.x..x", ".x..x..x", "o-.x.x..", "..xx...x"),
    ("x.xx..x.", ".xx.x..x", "x..x.x.x", ".x.x.xx.", "x.x..x.x", "xx.x..x.", ".x.xo-.x"),
)
BLUES = (
    ("..x...x.", "o---..x.", "x..x....", "..o-....", "x...o---"),
    ("..x...x.", "x..x..x.", "..x..x..", "..xx..x.", "x..x...x"),
    ("..xx..xx", "x.xx..x.", "x..x..xx", "..x.x.xx", "x.x..xx."),
    ("x.xxx.xx", "..xxx.xx", "x.xx.xx.", "xx.x.xxx", "x.xxx..x"),
)
BALLAD = (
    ("o-------", "o-----o-", "o---o---"),
    ("o---o---", "o-----o-", "o--o----", "o-------"),
    ("o--o--o-", "o---o-o-", "o-----oo", "..o---o-"),
    ("o-o---o-", "o--o-oo-", ".oo---o-", "o--oo--o"),
)
BOSSA = (
    ("o--x....", "..o--...", "o-----o-", "..x..o--"),
    ("x..x..o-", "..x..o--", "o--x...x", ".x..o--x"),
    ("x..x.xo-", "..x.o--x", "x.o--x.x", ".x.x..o-"),
    ("x.xo-x.x", ".x.xo-x.", "x..xx.o-", ".xx.o-xx"),
)
WALTZ = (
    ("..x.x.", "..o---", "o-----", "x..o--"),
    ("..x.x.", "x..x..", "..x..x", "...x.."),
    ("x..x.x", ".x.x..", "..x.xx", "x..x.."),
    ("x.xx.x", ".xx.xx", "x..xx.", ".x.x.x"),
)
ROCK = (
    ("o-------", "o---o---", "o-----o-"),
    ("o--o----", "o---x.x.", "x.x.o---", "o--o--x."),
    ("x.xx.xx.", "o--x..x.", "xx.xx.x.", "x.x.x.xx"),
    ("xxxxxxxx", "x.xxx.xx", "xx.xxxx.", "xxx.xxxx"),
)
FOLK = (
    ("..x...x.", "o---..x.", "..x...xx"),
    ("..x...xx", "x.x.x.x.", "x.x...xx", "..xx..xx"),
    ("x.xx.xx.", "x.xx.xxx", "x.x.x.xx", "..xx.xxx"),
    ("x.xxxxxx", "xxxx.xxx", "x.xxx.xx", "xxx.xxxx"),
)
FOLK_IN_THREE = (
    ("..x.x.", "o---x.", "..x..."),
    ("..x.x.", "x.x.x.", "..xxx."),
    ("x.xxx.", "x.x.xx", "..xxxx"),
    ("x.xxxx", "xxx.xx", "xxxxxx"),
)
COMPOUND = (  # any feel in beats of three eighths
    ("..x..x", "o--o--", "o-----"),
    ("..x..x", "o-xo-x", "x.x..x"),
    ("x.xx.x", "o-xx.x", "x.x.xx"),
    ("xxxx.x", "x.xxxx", "xxxxxx"),
)
FEELS = {"swing": SWING, "blues": BLUES, "ballad": BALLAD, "bossa": BOSSA, "waltz": WALTZ, "rock": ROCK, "folk": FOLK}
STRUMMED = ("folk",)  # each chord over a few milliseconds, down on the beat, up off the beat
SUSTAINED = ("ballad", "rock")  # a chord that comes unexpectedly lasts for the bar
PLAIN = ("folk", "rock")  # chords as written, with their roots
LOUDNESS = {"swing": 66, "blues": 68, "ballad": 62, "bossa": 64, "waltz": 64, "rock": 66, "folk": 63}


@dataclass(frozen=True, slots=True)
class Hit:
    """`place` in the bar and `length`, in eighths; a length below 1 is short."""

    place: int
    length: float


def pattern_for(feel: Feel, fullness: int, eighths: int, phrase: int, bar: int, seed: int) -> str:
    """The pattern of a `bar` (0–3) of a phrase of four, in which the first one returns as the third: a b a c.

    `fullness`: 0–3. The same arguments give the same pattern.
    """
    pool = _table(feel, eighths)[fullness]
    first = _pair(pool, phrase, seed)[1]
    last = _pair(pool, phrase + 1, seed)[0]
    second = Random(f"{seed} {phrase} second").choice([each for each in pool if each not in (first, last)])
    pattern = (first, second, first, last)[bar % 4]
    return (pattern * (eighths // len(pattern) + 1))[:eighths]


def _pair(pool: tuple[str, ...], phrase: int, seed: int) -> list[str]:
    """The last pattern of the phrase before, and the first one of `phrase`, which differ."""
    return Random(f"{seed} {phrase}").sample(pool, 2)


def _table(feel: Feel, eighths: int) -> tuple[tuple[str, ...], ...]:
    if feel.is_compound:
        return COMPOUND
    in_three = eighths % 8 != 0 and eighths % 6 == 0
    if in_three and feel.name != "bossa":
        return FOLK_IN_THREE if feel.name in PLAIN else WALTZ
    return SWING if feel.name == "waltz" else FEELS.get(feel.name, SWING)


def hits_of(pattern: str, rings: bool = False) -> list[Hit]:
    """`rings`: what is struck sounds for a beat, as strings do."""
    found = []
    for place, kind in enumerate(pattern):
        if kind in "xo":
            held = len(pattern[place + 1 :]) - len(pattern[place + 1 :].lstrip("-"))
            found.append(Hit(place, max(1.0 + held, 2.0) if rings else 0.7 if kind == "x" else 1.0 + held))
    return found
