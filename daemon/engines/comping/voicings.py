"""The voicings of a chord that a pianist chooses from: close, drop 2, drop 3, shells, with and without the root.

Mark Levine, The Jazz Piano Book (1989), chapters 2, 7 and 11: 3-5-7-9 and 7-9-3-5 are the left-hand voicings A and B.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise

from daemon.music.chords import Chord

Voicing = tuple[int, ...]  # pitches, ascending

LOWEST, HIGHEST = 50, 79  # D3 to G5: below C3 chords are mud, and the bass plays there
LOWEST_BENEATH = 48  # C3, beneath a melody
WIDEST = 17  # semitones from the lowest to the highest note
NO_SECONDS_BELOW = 55  # pitch
MOST_NEEDED = 4  # notes
ALTERED = (1, 3, 6, 8)  # semitones: ninth, eleventh and thirteenth that a symbol alters


@dataclass(frozen=True, slots=True)
class Tones:
    """The tones of a chord by function, in semitones above the root; None where there is none.

    `third`: or the fourth or second that replaces it. `seventh`: or the sixth. `colours`: ninth, eleventh and
    thirteenth as far as the symbol has them, the last one last.
    """

    third: int | None
    fifth: int | None
    seventh: int | None
    colours: tuple[int, ...]

    @property
    def guides(self) -> tuple[int, ...]:
        """Third and seventh, which tell one chord from another."""
        return tuple(tone for tone in (self.third, self.seventh) if tone is not None)


def tones_of(chord: Chord) -> Tones:
    left = [interval % 12 for interval in chord.intervals if interval % 12]

    def first(*intervals: int) -> int | None:
        found = next((interval for interval in intervals if interval in left), None)
        if found is not None:
            left.remove(found)
        return found

    third, seventh, fifth = first(4, 3, 5, 2), first(11, 10, 9), first(7, 6, 8)
    if third == 4 and 5 in left:
        left.remove(5)  # the eleventh of a thirteenth chord, which is not played beside the third
    return Tones(third, fifth, seventh, tuple(left))


def colours_of(chord: Chord, following: Chord | None, scale: frozenset[int]) -> tuple[int, ...]:
    """Tones that may be added to a chord without colours in jazz, in semitones above the root.

    `following`: the next chord; `scale`: the pitch classes that fit. A dominant has its ninth and thirteenth unless it
    leads to a minor chord; another chord has the ninth of its scale.
    """
    tones = tones_of(chord)
    if tones.colours or tones.third is None or tones.fifth in (6, 8):
        return ()
    if tones.third in (4, 5) and tones.seventh == 10:
        to_minor = following is not None and (following.root - chord.root) % 12 == 5 and 3 in following.intervals
        return () if to_minor else (2, 9)
    return (2,) if (chord.root + 2) % 12 in scale else ()


@lru_cache(maxsize=1024)
def voicings_of(chord: Chord, colours: tuple[int, ...], beneath: bool = False) -> tuple[Voicing, ...]:
    """With third and seventh, 20 to 120 of most chords. `colours`: tones that may be added (`colours_of`).

    `beneath` a melody also shells of two notes, and what lies a whole tone lower.
    """
    tones = tones_of(chord)
    bodies = [*_bodies(tones, colours), *(_shells(tones) if beneath else ())]
    found = {
        placed
        for body in bodies
        for shape in _shapes(body)
        for placed in _placed(tuple(chord.root + tone for tone in shape), LOWEST_BENEATH if beneath else LOWEST)
        if _sounds_well(placed)
    }
    return tuple(sorted(found))


def _shells(tones: Tones) -> Iterator[tuple[int, ...]]:
    """The guide tones alone, of a triad third and root, where they tell the chord."""
    needed = _needed(tones)
    if len(needed) == 2:
        yield tuple(sorted(needed))
    elif len(needed) == 1:
        yield tuple(sorted({0} | needed))


def _needed(tones: Tones) -> set[int]:
    """The guide tones, an altered fifth, the altered colours and the highest one, as far as a hand has notes."""
    needed = {*tones.guides}
    if tones.fifth is not None and (tones.fifth in (6, 8) or tones.third is None):
        needed.add(tones.fifth)
    telling = [colour for colour in tones.colours if colour in ALTERED or colour == tones.colours[-1]]
    return needed | {*telling[len(needed) - MOST_NEEDED :]}


def _bodies(tones: Tones, added: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Sets of tones, each with what is needed."""
    fifth = () if tones.fifth is None else (tones.fifth,)
    needed = _needed(tones)
    optional = {0, *fifth, *tones.colours, *added} - needed
    for count in range(min(len(optional), MOST_NEEDED - len(needed)) + 1):
        for chosen in combinations(sorted(optional), count):
            body = tuple(sorted(needed | {*chosen}))
            if len(body) >= 3:
                yield body
            if 0 in body and len(body) + len(tones.guides) <= 4:
                yield (*body, 12)  # a triad, or a fifth, with its root doubled


def _shapes(body: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Close positions, and of four notes drop 2 and drop 3; of three the open position."""
    for turn in range(len(body)):
        close = tuple(sorted((*body[turn:], *(tone + 12 for tone in body[:turn]))))
        if len({tone % 12 for tone in close}) < len(close) and turn:
            continue  # a doubled root is on top
        yield close
        if len(close) >= 3:
            yield tuple(sorted((close[-2] - 12, *close[:-2], close[-1])))
        if len(close) == 4:
            yield tuple(sorted((close[1] - 12, close[0], *close[2:])))


def _placed(shape: tuple[int, ...], lowest: int) -> Iterator[Voicing]:
    for octave in range(2, 8):
        placed = tuple(tone + 12 * octave for tone in shape)
        if placed[0] >= lowest and placed[-1] <= HIGHEST:
            yield placed


def _sounds_well(voicing: Voicing) -> bool:
    """Not too wide, no minor ninth, no semitone on top, no seconds low down."""
    if len(set(voicing)) < len(voicing) or voicing[-1] - voicing[0] > WIDEST:
        return False
    if any(high - low == 13 for low, high in combinations(voicing, 2)):
        return False
    gaps = [high - low for low, high in pairwise(voicing)]
    low_second = any(gap <= 2 and low < NO_SECONDS_BELOW for gap, low in zip(gaps, voicing, strict=False))
    return not low_second and gaps[-1] > 1 and gaps.count(1) <= 1 and max(gaps) <= 12
