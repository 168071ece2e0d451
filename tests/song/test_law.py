"""Small songs through the composer against the enumeration of all their chords and melodies: masses and frequencies.

Written out here once more: the stated distribution (docs/songs.md) with the parameters that are
counted or tuned (h, meter, rest, gain), which have tests of their own.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.markov.events import REST
from daemon.markov.harmony import STRENGTH, Harmony
from daemon.music.chords import chord_of
from daemon.music.leadsheet import LeadSheet
from daemon.music.plan import PlannedChord
from daemon.song.composer import Composer, Wishes
from daemon.song.composing.models import Models, load_styles
from daemon.song.composing.section import SectionComposer
from daemon.song.reader import read_song
from daemon.song.styles.pieces import Piece
from daemon.song.styles.style import BackOff, Card, Source, Training
from daemon.song.styles.style_file import FORMAT, write_style
from tests.markov.copies import has_copy
from tests.markov.enumeration import Event, Reference, Sequences, chi_squared_p, spans

MELODIES = (
    ((0, 24), (2, 24), (4, 24), (7, 24), (7, 48), (2, 24), (0, 24)),
    ((4, 24), (REST, 24), (7, 48), (4, 24), (2, 24), (0, 24), (7, 24)),
    ((4, 24), (4, 24), (0, 24), (2, 24), (7, 48), (2, 24), (0, 24)),
)
CHORDS = (
    ((0, "", 24), (5, "", 24), (7, "7", 48), (0, "", 48), (5, "", 24), (7, "7", 24)),
    ((0, "", 48), (9, "m", 48), (5, "", 24), (7, "7", 24), (0, "", 48)),
    ((9, "m", 48), (7, "7", 24), (0, "", 24), (0, "", 24), (5, "", 24), (7, "7", 48)),
)
ORDERS = (0.3, 0.7)  # of melody and chords
SEEDS, SAMPLES = (1, 2), 400
LEVEL = 1e-3 / 20  # Bonferroni: less than twenty tests of frequencies in this file
BAR = 48
Notes = tuple[tuple[int, int, int], ...]  # onset, pitch, ticks
USUAL = Wishes()
Music = tuple[tuple[Event, ...], Notes]  # chords, melody


@dataclass(frozen=True)
class Small:
    composer: Composer
    models: Models

    def sheets(
        self, seed: int, count: int = SAMPLES, like: LeadSheet | None = None, wishes: Wishes = USUAL
    ) -> Iterable[LeadSheet]:
        random = np.random.default_rng(seed)
        return (self.composer.compose(random, like, wishes) for _ in range(count))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Small]:
    folder = tmp_path_factory.mktemp("small")
    pieces = tuple(
        Piece(f"piece {n}", "major", (4, 4), 0, melody, chords)
        for n, (melody, chords) in enumerate(zip(MELODIES, CHORDS, strict=True))
    )
    about, back_off = Training("small", "made up", "none"), BackOff(ORDERS)
    sources = tuple(Source(piece.title) for piece in pieces)
    write_style(folder / "small.npz", Card(FORMAT, about, "", sources, back_off, back_off), pieces)

    def read(text: str) -> Small:
        (folder / "song.yaml").write_text("key: C\nstyle: small\norder: 1\nrange: C4-C5\n" + text)
        song = read_song(folder / "song.yaml")
        return Small(Composer(song), Models(song, load_styles(song)))

    return read


MELODY, CHORD = (Reference([(pieces, 1.0)], 1, ORDERS) for pieces in (MELODIES, CHORDS))


def by_tick(events: Sequence[Event]) -> list[tuple[Event, bool]]:
    return [(event, tick == begin) for begin, end, event in spans(events) for tick in range(begin, end)]


def log_h(harmony: Harmony, tick: int, pitch: int, chord: Event) -> float:
    row = harmony.log_h[int(tick % 24 == 0), harmony.qualities.index(chord[1])]
    return float(row[(pitch - chord[0]) % 12])


def suiting_factor(melody: Sequence[Event], chords: Sequence[Event], models: Models) -> float:
    """w of notes and chords; rests, of which none follows another; places of durations; a constant for each note."""
    if two_rests(melody):
        return 0.0
    weights, total = models.weights, math.log(harmony_factor(melody, chords, models))
    for tick, (note, begins) in enumerate(by_tick(melody)):
        total += weights.rest if note[0] == REST else 0.0
        if begins:
            total += float(weights.meter[tick % BAR, note[1]]) + weights.gain * (note[0] != REST)
    return math.exp(total)


def two_rests(melody: Sequence[Event]) -> bool:
    return any(one[0] == other[0] == REST for one, other in pairwise(melody))


def harmony_factor(melody: Sequence[Event], chords: Sequence[Event], models: Models) -> float:
    """For each quarter note that a note sounds with a chord: h, where below 1, to the power STRENGTH."""
    pairs = enumerate(zip(by_tick(melody), by_tick(chords), strict=True))
    costs = [
        min(log_h(models.harmony, tick, note[0], chord), 0.0)
        for tick, ((note, _), (chord, _)) in pairs
        if note[0] != REST
    ]
    return math.exp(math.fsum(costs) * STRENGTH / 12)


def notes_of(events: Sequence[Event], at: int = 0) -> Notes:
    return tuple((begin + at, pitch, end - begin) for begin, end, (pitch, _) in spans(events) if pitch != REST)


def written(sheet: LeadSheet, begin: int = 0, end: int = 1000) -> Notes:
    notes = ((round(note.onset * 12), note.pitch - 60, round(note.duration * 12)) for note in sheet.melody)
    return tuple(note for note in notes if begin <= note[0] < end)


def chord_events(chords: Iterable[PlannedChord]) -> tuple[Event, ...]:
    found = []
    for planned in chords:
        root, quality = chord_of(planned.symbol).root, planned.symbol[1:]
        found.append((root, quality, round(planned.duration * 12)))
    return tuple(found)


def is_copy(events: Sequence[Event], given: Iterable[int], order: int) -> bool:
    """`given`: the numbers of the events that are; runs of these alone are no copies."""
    runs = range(len(events) - order + 1)
    return any(
        has_copy(events[at : at + order], MELODIES, order)
        for at in runs
        if not set(range(at, at + order)) <= set(given)
    )


# Blank chords, two given notes side by side, a half cadence, copies of three events of which one at least is drawn.
ONE = "bars: 2\nnotes_at: {1.1-1.2: C4, 1.3-1.4: D4}\ncadence: half\nmax_order: 3\n"


def half_cadence_of_chords(chords: Sequence[Event]) -> float:
    ticks = by_tick(chords)
    return float(ticks[BAR][1] and ticks[-1][0][:2] == (7, "7"))


def melody_of_one(melody: Sequence[Event]) -> float:
    if two_rests(melody):
        return 0.0
    ticks = by_tick(melody)
    given = melody[:2] == ((0, 24), (2, 24)) and ticks[BAR][1]
    return float(given and all(ticks[tick][0][0] % 12 in (7, 11, 2) for tick in range(BAR + 24, 2 * BAR)))


KNOWN = ((0, 24), (2, 24), (REST, 48))


def chords_of_one(small: Small) -> Sequences:
    """The notes that are known bear on the chords."""
    return CHORD.sequences(
        2 * BAR, lambda chords: half_cadence_of_chords(chords) * harmony_factor(KNOWN, chords, small.models)
    )


def test_a_song_with_blank_chords_given_notes_a_cadence_and_no_copies(small: Callable[[str], Small]) -> None:
    song = small(ONE)
    section = song.composer._sections["A"]
    chords, free = chords_of_one(song), MELODY.sequences(2 * BAR, melody_of_one)
    assert section._chords is not None
    assert math.exp(section._chords.log_mass) == pytest.approx(math.fsum(chords.values()), rel=1e-10)
    originals = [melody for melody in free if not is_copy(melody, (0, 1), 3)]
    assert 5 < len(originals) < len(free), "some are copies"
    assert len(originals) < len(free) - sum(is_copy(melody, (0, 1), 3) != is_copy(melody, (), 3) for melody in free)
    expected: dict[Music, float] = defaultdict(float)
    masses: dict[tuple[Event, ...], float] = {}
    for sequence, weight in chords.items():
        factors = {melody: value * suiting_factor(melody, sequence, song.models) for melody, value in free.items()}
        masses[sequence] = math.fsum(factors.values())
        possible = math.fsum(factors[melody] for melody in originals)
        for melody in originals:
            expected[sequence, notes_of(melody)] += weight * factors[melody] / possible
    for seed in SEEDS:
        found = []
        for sheet in song.sheets(seed):
            found.append((chord_events(sheet.chords), written(sheet)))
            if len(found) < 20:
                melodies = section.melodies(section.suiting(sheet.chords))
                assert math.exp(melodies.log_mass) == pytest.approx(masses[found[-1][0]], rel=1e-10)
        assert chi_squared_p(Counter(found), expected) > LEVEL
        assert chi_squared_p(Counter(chords for chords, _ in found), chords) > LEVEL


def test_blank_chords_hear_the_given_notes(small: Callable[[str], Small]) -> None:
    song = small(ONE)
    section = song.composer._sections["A"]
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        found = Counter(chord_events(section.chords(random)) for _ in range(4 * SAMPLES))
        assert chi_squared_p(found, chords_of_one(song)) > LEVEL
        assert chi_squared_p(found, CHORD.sequences(2 * BAR, half_cadence_of_chords)) < LEVEL, "the control"


# Given chords, a note that is fixed at a place, a variation, no copies of three events, also where the sections meet.
TWO = """form: A A'
sections:
  A: {bars: 1, chords: '| C G7 |', notes_at: {1.1: C4 or E4}, cadence: none}
  A': {variation_of: A, distance: 0.15, cadence: none}
max_order: 3
"""
ON = ((0, "", 24), (7, "7", 24))
Pairs = dict[tuple[Notes, Notes], float]


def share_that_differs(one: Sequence[Event], other: Sequence[Event]) -> float:
    pairs = list(zip(by_tick(one), by_tick(other), strict=True))
    return sum((a[0], begins) != (b[0], b_begins) for (a, begins), (b, b_begins) in pairs) / len(pairs)


def near(free: Sequences, source: Sequence[Event], strength: float) -> Sequences:
    return {m: weight * math.exp(-strength * share_that_differs(m, source)) for m, weight in free.items()}


def strength_of(section: SectionComposer, alphabet: Sequence[Event], source: Sequence[Event], distance: float) -> float:
    """λ as it was tuned for this source, from the weight of an event that begins the section and differs throughout."""
    ticks = sum(event[-1] for event in source)
    suiting = section.suiting(tuple(PlannedChord(at, 2.0, "G7" if at % 4 else "C") for at in range(0, ticks // 12, 2)))
    other = next(event for event in alphabet if event[1] == BAR // 2 and event[0] not in (source[0][0], source[1][0]))
    number = alphabet.index(other)
    found = section.near(source, distance, suiting)
    return float(suiting.at(0)[number] - found.at(0)[number]) * ticks / other[1]


def mean_distance(weights: Sequences, source: Sequence[Event]) -> float:
    return math.fsum(w * share_that_differs(m, source) for m, w in weights.items()) / math.fsum(weights.values())


def pairs(free: Sequences, strengths: dict[tuple[Event, ...], float], with_seams: bool = True) -> Pairs:
    """A source and its variation: each without copies, and then both together, one after the other."""
    originals = {melody: weight for melody, weight in free.items() if not is_copy(melody, (), 3)}
    expected: Pairs = {}
    for source, strength in strengths.items():
        varied = near(originals, source, strength)
        mass = math.fsum(varied.values())
        for melody, weight in varied.items():
            if not with_seams or not is_copy((*source, *melody), (), 3):
                expected[notes_of(source), notes_of(melody, BAR)] = originals[source] * weight / mass
    return expected


def test_a_variation_is_of_the_stated_law_also_where_it_meets_its_section(small: Callable[[str], Small]) -> None:
    song = small(TWO)
    section, alphabet = song.composer._sections["A'"], song.models.melody.events
    free = MELODY.sequences(BAR, lambda melody: suiting_factor(melody, ON, song.models))
    sources = [m for m in free if m[0][0] in (0, 4) and len(m) > 1 and not is_copy(m, (), 3)]
    strengths = {source: strength_of(section, alphabet, source, 0.15) for source in sources}
    for source, strength in strengths.items():
        assert mean_distance(near(free, source, strength), source) == pytest.approx(0.15, abs=0.0201)
    whole = [m for m in free if m[0][0] in (0, 4) and len(m) == 1]
    assert not whole, "no note of the style lasts a bar from its beginning"
    expected = pairs(free, strengths)
    controls = pairs(free, dict.fromkeys(strengths, 0.0)), pairs(free, strengths, with_seams=False)
    assert len(expected) < len(controls[1]), "some copies are at the seam only"
    for seed in SEEDS:
        found = Counter((written(sheet, 0, BAR), written(sheet, BAR)) for sheet in song.sheets(seed, 2 * SAMPLES))
        assert chi_squared_p(found, expected) > LEVEL
        assert chi_squared_p(Counter(one for one, _ in found.elements()), marginal(expected, 0)) > LEVEL
        assert all(chi_squared_p(found, control) < LEVEL for control in controls)


# A source that ends on the dominant, a variation that closes: its last two bars go another way.
OTHER_END = """form: A A'
sections:
  A: {bars: 4, cadence: half}
  A': {variation_of: A, distance: 0.3, cadence: full}
max_order: none
"""


def is_whole_in_bars(chords: Sequence[Event]) -> bool:
    return all(by_tick(chords)[bar][1] for bar in range(0, 4 * BAR, BAR))


def test_the_last_bars_of_a_variation_with_a_cadence_of_its_own(small: Callable[[str], Small]) -> None:
    """Given the chords of the source before them. A chord that is kept may be two events, as one that is given."""
    sections = small(OTHER_END).composer._sections
    source = sections["A"].chords(np.random.default_rng(3))
    kept = [chord for chord in source if chord.onset < 8]
    bounds = [round(12 * chord.onset) for chord in kept]
    before = [
        (chord_of(chord.symbol).root, chord.symbol[1:]) for chord in kept for _ in range(round(12 * chord.duration))
    ]

    def closes(chords: Sequence[Event]) -> float:
        ticks = by_tick(chords)
        same = [event[:2] for event, _ in ticks[: 2 * BAR]] == before and all(ticks[tick][1] for tick in bounds)
        ends = ticks[3 * BAR - 1][0][:2] == (7, "7") and {event[:2] for event, _ in ticks[3 * BAR :]} == {(0, "")}
        return float(same and ends and is_whole_in_bars(chords))

    law: dict[tuple[Event, ...], float] = defaultdict(float)
    for chords, weight in CHORD.sequences(4 * BAR, closes).items():
        law[after_two_bars(chords)] += weight
    control = dict.fromkeys(law, 1.0)
    assert len(law) > 4
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        drawn = [sections["A'"].chords_like(source, random) for _ in range(SAMPLES)]
        assert all(chords[: len(kept)] == tuple(kept) for chords in drawn)
        found = Counter(after_two_bars(chord_events(chords)) for chords in drawn)
        assert chi_squared_p(found, law) > LEVEL
        assert chi_squared_p(found, control) < LEVEL, "the control"


def after_two_bars(chords: Sequence[Event]) -> tuple[Event, ...]:
    return tuple(event for begin, _, event in spans(chords) if begin >= 2 * BAR)


def marginal(expected: Pairs, side: int) -> dict[Notes, float]:
    result: dict[Notes, float] = defaultdict(float)
    for pair, weight in expected.items():
        result[pair[side]] += weight
    return result


def by_notes(melodies: Sequences) -> dict[Notes, float]:
    result: dict[Notes, float] = defaultdict(float)
    for melody, weight in melodies.items():
        result[notes_of(melody)] += weight
    return result


PHRASED = "bars: 2\nchords: '| C G7 | C G7 |'\ncadence: none\nphrases: 1\nmax_order: none\n"


def onsets_in(melody: Sequence[Event], begin: int) -> set[int]:
    return {at - begin for at, _, _ in spans(melody) if begin <= at < begin + BAR}


def test_other_phrases_take_up_the_rhythm_of_the_first(small: Callable[[str], Small]) -> None:
    """A first melody, of which the first phrase stays; the second has its rhythm or goes on freely, half of the time
    each."""
    song = small(PHRASED)
    free = MELODY.sequences(
        2 * BAR, lambda melody: suiting_factor(melody, ON * 2, song.models) * by_tick(melody)[BAR][1]
    )
    after: dict[tuple[Event, ...], Sequences] = defaultdict(dict)
    for melody, weight in free.items():
        after[tuple(event for at, _, event in spans(melody) if at < BAR)][melody] = weight
    expected, mass = dict.fromkeys(free, 0.0), math.fsum(free.values())
    for melodies in after.values():
        chance = math.fsum(melodies.values()) / mass
        for nats in (0.0, 6.0):
            factors = {
                melody: weight * math.exp(-nats * len(onsets_in(melody, 0) ^ onsets_in(melody, BAR)))
                for melody, weight in melodies.items()
            }
            total = math.fsum(factors.values())
            for melody, weight in factors.items():
                expected[melody] += chance / 2 * weight / total
    for seed in SEEDS:
        found = Counter(written(sheet) for sheet in song.sheets(seed, 2 * SAMPLES))
        assert chi_squared_p(found, by_notes(expected)) > LEVEL
        assert chi_squared_p(found, by_notes(free)) < LEVEL, "the control"


class Always:
    """Draws 0, so that all bars have the rhythm of the first phrase."""

    def random(self, size: int) -> NDArray[np.float64]:
        return np.zeros(size)


@pytest.mark.parametrize(
    ("phrases", "takes_up"), [((2, 1, 1), (0, 1, 0, 0)), ((1, 3), (0, 0, 0, 0)), ((3, 1), (0, 1, 2, 0))]
)
def test_the_rhythm_is_that_of_the_same_bars_of_each_phrase(
    small: Callable[[str], Small], phrases: tuple[int, ...], takes_up: tuple[int, ...]
) -> None:
    text = f"bars: 4\nchords: '| C G7 | C G7 | C G7 | C G7 |'\ncadence: none\nphrases: {list(phrases)}\n"
    section, random = small(text).composer._sections["A"], np.random.default_rng(1)
    chords, like = section.chords(random), Counter[bool]()
    for _ in range(40):
        weights = section.suiting(chords)
        alike = section.alike(section.draw(chords, weights, random), weights, Always())  # type: ignore[arg-type]
        assert alike is not None
        begun, weights = alike
        drawn = section.draw(chords, weights, random, begun=begun)
        assert drawn.sampled[: len(begun)] == begun
        rhythms = [onsets_in(drawn.sampled, bar * BAR) for bar in range(4)]
        like[all(rhythms[bar] == rhythms[source] for bar, source in enumerate(takes_up))] += 1
    assert like[True] > 30


ALONE = "bars: 2\nchords: '| C G7 | C G7 |'\ncadence: none\nmax_order: 3\n"


def test_a_chorus_like_an_earlier_one_and_one_with_more_notes(small: Callable[[str], Small]) -> None:
    song = small(ALONE)
    section, alphabet = song.composer._sections["A"], song.models.melody.events
    free = MELODY.sequences(2 * BAR, lambda melody: suiting_factor(melody, ON * 2, song.models))
    originals = {melody: weight for melody, weight in free.items() if not is_copy(melody, (), 3)}
    like = next(iter(song.sheets(5, 1)))
    source = next(melody for melody in originals if notes_of(melody) == written(like))
    strength = strength_of(section, alphabet, source, 1 - 0.75)
    assert mean_distance(near(free, source, strength), source) == pytest.approx(0.25, abs=0.0201)
    fewer = {m: weight * math.exp(-0.7 * sum(pitch != REST for pitch, _ in m)) for m, weight in originals.items()}
    for wishes, expected in ((Wishes(0.0, 0.75), near(originals, source, strength)), (Wishes(-1.0), fewer)):
        law, plain = by_notes(expected), by_notes(originals)
        for seed in SEEDS:
            found = Counter(written(sheet) for sheet in song.sheets(seed, 2 * SAMPLES, like, wishes))
            assert chi_squared_p(found, law) > LEVEL
            assert chi_squared_p(found, plain) < LEVEL, "the control"
