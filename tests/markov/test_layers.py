"""Two layers against the enumeration of all pairs of chords and melody: masses, frequencies, and controls that fail."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from daemon.markov.constraints import Boundary, Fixed, Table
from daemon.markov.events import REST
from daemon.markov.harmony import STRENGTH, Harmony
from daemon.markov.layers import Layer, Span, chord_sampler, near, with_gain
from daemon.markov.max_order import CopyIndex, without_copies
from daemon.markov.model import Corpus, MarkovModel
from daemon.markov.sampler import Sampler
from daemon.markov.variation import distance
from daemon.markov.weights import MelodyWeights
from tests.markov import copies
from tests.markov.copies import longest_by_force
from tests.markov.enumeration import Event, Reference, Sequences, chi_squared_p

SPAN = Span(24, 12, (0,))
QUALITIES = ("", "m7")
HARMONY = Harmony(QUALITIES, np.random.default_rng(3).normal(0, 1.5, (2, 2, 12)))
METER = np.random.default_rng(4).normal(0, 0.5, (12, 7))
WEIGHTS = MelodyWeights(HARMONY, METER, -0.03, 0.4)
MELODIES = (
    ((0, 6), (2, 3), (4, 3), (2, 6), (REST, 6), (0, 6), (4, 3), (2, 3), (0, 6)),
    ((4, 6), (2, 6), (0, 3), (REST, 6), (2, 3), (4, 6), (0, 6), (2, 6), (4, 3), (0, 6)),
    ((2, 6), (4, 3), (0, 6), (0, 6), (2, 3), (2, 6), (REST, 6), (4, 6)),
)
CHORDS = (
    ((0, "", 12), (2, "m7", 6), (7, "", 6), (0, "", 12), (9, "m7", 12), (2, "m7", 12), (7, "", 12), (0, "", 6)),
    ((2, "m7", 12), (7, "", 6), (0, "", 6), (9, "m7", 6), (2, "m7", 6), (7, "", 12), (0, "", 12)),
    ((0, "", 6), (7, "", 6), (9, "m7", 6), (2, "m7", 6), (2, "m7", 12), (0, "", 6), (0, "", 6), (7, "", 6), (0, "", 6)),
    ((7, "", 6), (0, "", 6), (2, "m7", 6), (7, "", 6), (0, "", 12), (0, "", 6), (9, "m7", 6)),
)
KNOWN = ((4, 6), (REST, 6), (2, 3), (REST, 9))
SOURCE = MELODIES[1][:5]
SEEDS = range(3)
SAMPLES = 1500
LEVEL = 1e-3 / (30 * len(SEEDS))  # Bonferroni: about thirty tests of frequencies in this file

Rule = Callable[[Sequence[Event]], float]


def model(pieces: Sequence[Sequence[Event]], order: int, weights: Sequence[float]) -> tuple[MarkovModel, Reference]:
    blend = [(pieces, 1.0)]
    return MarkovModel([(Corpus(tuple(pieces)), 1.0)], order, weights), Reference(blend, order, weights)


MELODY, MELODY_REFERENCE = model(MELODIES, 1, (0.0, 1.0))
CHORD, CHORD_REFERENCE = model(CHORDS, 2, (0.0, 0.4, 0.6))


def by_tick(events: Sequence[Event]) -> list[tuple[Event, bool]]:
    """What sounds at each tick, and whether that begins there."""
    return [(event, tick == 0) for event in events for tick in range(event[-1])]


def share_that_differs(melody: Sequence[Event], source: Sequence[Event]) -> float:
    pairs = zip(by_tick(melody), by_tick(source), strict=True)
    return sum((note[0], begins) != (other[0], other_begins) for (note, begins), (other, other_begins) in pairs) / 24


def harmony_factor(melody: Sequence[Event], chords: Sequence[Event], harmony: Harmony = HARMONY) -> float:
    """w of notes and chords: for each tick the STRENGTH / 12th power of h, where below 1."""
    total = 0.0
    for tick, ((note, _), (chord, _)) in enumerate(zip(by_tick(melody), by_tick(chords), strict=True)):
        if note[0] != REST:
            row = harmony.log_h[int(tick % 12 == 0)][QUALITIES.index(chord[1])]
            total += min(row[(note[0] - chord[0]) % 12], 0.0) * STRENGTH / 12
    return math.exp(total)


def melody_factor(melody: Sequence[Event], chords: Sequence[Event]) -> float:
    """w, and the meter, rests and gain."""
    total, begin = 0.0, 0
    for pitch, ticks in melody:
        total += METER[begin % 12, ticks] + (-0.03 * ticks if pitch == REST else 0.4)
        begin += ticks
    return harmony_factor(melody, chords) * math.exp(total)


def suiting(chords: Sequence[Event], weights: MelodyWeights = WEIGHTS) -> Table:
    return weights.table(MELODY.events, chords, SPAN.strong)


def fixed_note(tick: int, pitch: int) -> Fixed:
    return Fixed(tick, lambda event: float(event[0] == pitch), f"note {pitch}")


def has_note(melody: Sequence[Event], tick: int, pitch: int) -> bool:
    event, begins = by_tick(melody)[tick]
    return begins and event[0] == pitch


@dataclass(frozen=True)
class Problem:
    """The same problem for the sampler and as rules on whole sequences."""

    name: str
    known: tuple[Event, ...] = ()
    chord_constraints: tuple = ()
    chord_rule: Rule = lambda chords: 1.0
    melody_constraints: tuple = ()
    melody_rule: Rule = lambda melody: 1.0
    index: CopyIndex | None = None
    cache: dict = field(default_factory=dict)

    def chords(self) -> Sampler:
        return chord_sampler(Layer(CHORD, self.chord_constraints), SPAN, HARMONY, self.known)

    def melodies(self) -> Sampler:
        """Of melodies without the weights of chords and meter."""
        return Layer(MELODY, self.melody_constraints).sampler(SPAN)

    def expected_chords(self) -> Sequences:
        def rule(chords: Sequence[Event]) -> float:
            return self.chord_rule(chords) * (harmony_factor(self.known, chords) if self.known else 1.0)

        return CHORD_REFERENCE.sequences(SPAN.length, rule)

    def expected_melodies(self, chords: Sequence[Event]) -> Sequences:
        if not self.cache:
            self.cache.update(MELODY_REFERENCE.sequences(SPAN.length, self.melody_rule))
        return {melody: weight * melody_factor(melody, chords) for melody, weight in self.cache.items()}

    def expected(self) -> Sequences:
        pairs = {}
        chords = self.expected_chords()
        mass = math.fsum(chords.values())
        for sequence, weight in chords.items():
            melodies = self.expected_melodies(sequence)
            total = math.fsum(melodies.values())
            pairs |= {(sequence, melody): weight / mass * part / total for melody, part in melodies.items()}
        return pairs


@dataclass(frozen=True)
class Sample:
    events: tuple[Event, ...]
    given: tuple[bool, ...] = ()


def no_copy(melody: Sequence[Event]) -> float:
    return float(longest_by_force(melody, MELODIES) < 4)


CADENCE = (
    Fixed(18, lambda event: float(event[:2] == (0, "")), "cadence", before=lambda event: float(event[0] in (2, 7))),
    Boundary(range(0, 24, 12), "bars"),
)


def cadence(chords: Sequence[Event]) -> float:
    ticks = by_tick(chords)
    return float(ticks[18] == ((0, "", 6), True) and ticks[17][0][0] in (2, 7) and ticks[12][1])


NOTES = (fixed_note(0, 4), fixed_note(12, 2))
WITHOUT_COPIES = copies.without_copies(MELODIES, 4)


def notes(melody: Sequence[Event]) -> float:
    return float(has_note(melody, 0, 4) and has_note(melody, 12, 2))


PROBLEMS = (
    Problem("chords, then melody"),
    Problem("a fixed melody", ((4, 6), (2, 6), (0, 3), (REST, 6), (2, 3))),
    Problem("some known notes", KNOWN, melody_constraints=NOTES, melody_rule=notes),
    Problem("cadence", (), CADENCE, cadence),
    Problem("no copies, automaton", melody_constraints=(WITHOUT_COPIES,), melody_rule=no_copy),
    Problem("no copies, rejection", melody_rule=no_copy, index=CopyIndex(MELODIES, 4)),
    Problem(
        "everything",
        KNOWN,
        CADENCE,
        cadence,
        (*NOTES, WITHOUT_COPIES),
        lambda melody: notes(melody) and no_copy(melody),
    ),
    Problem(
        "everything, rejection",
        KNOWN,
        CADENCE,
        cadence,
        NOTES,
        lambda melody: notes(melody) and no_copy(melody),
        CopyIndex(MELODIES, 4),
    ),
)
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)


@each_problem
def test_the_masses_are_those_of_the_enumeration(problem: Problem) -> None:
    expected = problem.expected_chords()
    assert math.exp(problem.chords().log_mass) == pytest.approx(math.fsum(expected.values()), rel=1e-10)
    free = problem.melodies()
    for chords in list(expected)[:10]:
        melodies = problem.expected_melodies(chords)
        assert len(melodies) >= 5
        if problem.index is None:
            mass = math.exp(free.weighted(suiting(chords)).log_mass)
            assert mass == pytest.approx(math.fsum(melodies.values()), rel=1e-10)


@each_problem
def test_the_frequencies_are_those_of_the_enumeration(problem: Problem) -> None:
    """Of chords, of melodies on all chords, and of the pairs."""
    expected, of_chords, free = problem.expected(), problem.chords(), problem.melodies()
    samplers: dict[tuple[Event, ...], Sampler] = {}  # by chords, of which there are few
    for seed in SEEDS:
        random, pairs = np.random.default_rng(seed), []
        for _ in range(SAMPLES):
            chords = of_chords.sample(random)
            sampler = samplers.get(chords) or samplers.setdefault(chords, free.weighted(suiting(chords)))
            if problem.index is None:
                pairs.append((chords, sampler.sample(random)))
            else:
                accepted, _ = without_copies(
                    lambda stop, s=sampler, r=random: Sample(s.sample(r, stop)), problem.index, 2000
                )
                pairs.append((chords, accepted.events))
        assert chi_squared_p(Counter(pairs), expected) > LEVEL
        for side in (0, 1):
            marginal: Sequences = {}
            for pair, weight in expected.items():
                marginal[pair[side]] = marginal.get(pair[side], 0.0) + weight
            assert chi_squared_p(Counter(pair[side] for pair in pairs), marginal) > LEVEL


def test_a_neighbouring_distribution_is_told_apart() -> None:
    """The control: h with strong and weak ticks swapped; chords that do not hear the known notes."""
    swapped = Harmony(QUALITIES, HARMONY.log_h[::-1])
    chords = CHORDS[0][:3]
    sampler = Layer(MELODY).sampler(SPAN, suiting(chords, MelodyWeights(swapped, METER, -0.03, 0.4)))
    random = np.random.default_rng(1)
    counts = Counter(sampler.sample(random) for _ in range(SAMPLES))
    assert chi_squared_p(counts, Problem("").expected_melodies(chords)) < LEVEL
    deaf = Problem("", (), *(getattr(PROBLEMS[2], name) for name in ("chord_constraints", "chord_rule")))
    of_chords = deaf.chords()
    chords_of = Counter(of_chords.sample(random) for _ in range(SAMPLES))
    assert chi_squared_p(chords_of, PROBLEMS[2].expected_chords()) < LEVEL


def test_harmonising_is_the_joint_of_the_stated_kind_and_not_the_posterior() -> None:
    """p(c) of a fixed melody is p(c) * h / Z; dividing by the mass of all melodies on the chords is another law."""
    problem = PROBLEMS[1]
    joint = problem.expected_chords()
    posterior = {
        chords: weight / math.fsum(problem.expected_melodies(chords).values()) for chords, weight in joint.items()
    }
    random, sampler = np.random.default_rng(2), problem.chords()
    counts = Counter(sampler.sample(random) for _ in range(SAMPLES))
    assert chi_squared_p(counts, joint) > LEVEL
    assert chi_squared_p(counts, posterior) < LEVEL


@pytest.mark.parametrize("wanted", [0.1, 0.3])
def test_variations_have_the_wanted_distance_and_the_stated_law(wanted: float) -> None:
    chords, free = CHORDS[0][:3], Layer(MELODY).sampler(SPAN)
    table = suiting(chords)
    varied = near(table, free.weighted, MELODY.events, SOURCE, wanted)
    sampler = free.weighted(varied)
    strength = -(varied.at(1) - table.at(1))[MELODY.events.index((REST, 6))] * 24 / 6  # differs for all of its ticks
    away = {melody: share_that_differs(melody, SOURCE) for melody in MELODY_REFERENCE.sequences(SPAN.length)}
    expected = MELODY_REFERENCE.sequences(
        SPAN.length, lambda melody: melody_factor(melody, chords) * math.exp(-strength * away[tuple(melody)])
    )
    mass = math.fsum(expected.values())
    assert math.exp(sampler.log_mass) == pytest.approx(mass, rel=1e-10)
    mean = math.fsum(weight * away[melody] for melody, weight in expected.items()) / mass
    assert mean == pytest.approx(wanted, abs=0.0201)
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        samples = [sampler.sample(random) for _ in range(SAMPLES)]
        assert chi_squared_p(Counter(samples), expected) > LEVEL
        assert all(distance(sample, SOURCE) == pytest.approx(away[sample]) for sample in samples[:50])
    assert chi_squared_p(Counter(samples), MELODY_REFERENCE.sequences(SPAN.length)) < LEVEL


def test_a_blend_of_styles_in_both_layers() -> None:
    blend = [(MELODIES[:1], 0.3), (MELODIES[1:], 0.7)]
    mixed = MarkovModel([(Corpus(tuple(pieces)), share) for pieces, share in blend], 1, (0.2, 0.8))
    chords = CHORDS[0][:3]
    expected = Reference(blend, 1, (0.2, 0.8)).sequences(SPAN.length, lambda melody: melody_factor(melody, chords))
    sampler = Layer(mixed).sampler(SPAN, WEIGHTS.table(mixed.events, chords, SPAN.strong))
    assert math.exp(sampler.log_mass) == pytest.approx(math.fsum(expected.values()), rel=1e-10)
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        counts = Counter(sampler.sample(random) for _ in range(SAMPLES))
        assert chi_squared_p(counts, expected) > LEVEL


def test_chords_without_known_notes_are_those_of_the_style() -> None:
    assert chord_sampler(Layer(CHORD), SPAN).log_mass == chord_sampler(Layer(CHORD), SPAN, HARMONY).log_mass


def test_a_table_needs_finite_weights_for_all_ticks() -> None:
    for logs, message in (
        (np.zeros((3, 2)), "a row for each tick"),
        (np.full((24, len(MELODY.events)), np.inf), "finite"),
    ):
        with pytest.raises(ValueError, match=message):
            Layer(MELODY, (Table(logs, "table"),)).sampler(SPAN)


def test_a_soft_table_forbids_nothing() -> None:
    with pytest.raises(ValueError, match="hard: a weight is 0 or not finite"):
        Layer(MELODY).sampler(SPAN).weighted(Table(np.full((24, len(MELODY.events)), -np.inf), "hard"))


@pytest.mark.parametrize("notes", [3.5, 4.0])
def test_the_gain_leads_to_the_wanted_number_of_notes(notes: float) -> None:
    chords = CHORDS[0][:3]
    tuned = with_gain(WEIGHTS, Layer(MELODY), SPAN, chords, notes)
    expected = MELODY_REFERENCE.sequences(
        SPAN.length,
        lambda melody: (
            melody_factor(melody, chords) * math.exp((tuned.gain - 0.4) * sum(pitch != REST for pitch, _ in melody))
        ),
    )
    counts = {melody: sum(pitch != REST for pitch, _ in melody) for melody in expected}
    mean = math.fsum(weight * counts[melody] for melody, weight in expected.items()) / math.fsum(expected.values())
    assert mean == pytest.approx(notes, rel=0.031)
