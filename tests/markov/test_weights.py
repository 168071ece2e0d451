"""What makes a melody suit its chords and its meter, counted in pieces that are made up."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from daemon.markov.events import REST, ChordEvent, MelodyEvent
from daemon.markov.harmony import estimated_harmony, stated_harmony, strong_ticks
from daemon.markov.weights import counted_weights

# A chord tone on the beat, and a short passing note before the next beat.
MELODY: tuple[MelodyEvent, ...] = ((0, 9), (2, 3), (4, 12), (7, 24), (7, 9), (9, 3), (11, 12), (2, 24))
CHORDS: tuple[ChordEvent, ...] = ((0, "", 48), (7, "", 48))
ALPHABET: tuple[MelodyEvent, ...] = ((0, 12), (1, 12), (1, 3), (7, 24), (2, 3), (0, 9), (REST, 12), (REST, 48))


QUALITIES = {"": (0, 4, 7)}


@pytest.fixture(scope="module")
def logs() -> dict[tuple[int, MelodyEvent], float]:
    """By tick and event, on a bar of the tonic and one of the dominant."""
    return logs_with([MELODY * 8])


def logs_with(rhythms: list[tuple[MelodyEvent, ...]]) -> dict[tuple[int, MelodyEvent], float]:
    strong = strong_ticks(768, 48, (0, 24))
    harmony = estimated_harmony([(MELODY * 8, CHORDS * 8, strong)], stated_harmony(QUALITIES))
    weights = counted_weights([(MELODY * 8, CHORDS * 8, strong)], rhythms, harmony, 48, 48)
    alphabet = tuple(dict.fromkeys((*ALPHABET, *MELODY)))
    table = weights.table(alphabet, CHORDS, strong[:96]).logs
    return {(tick, event): float(row[n]) for tick, row in enumerate(table) for n, event in enumerate(alphabet)}


def test_a_chord_tone_costs_nothing_and_another_note_the_more_the_longer_it_sounds() -> None:
    logs = logs_with([])
    assert logs[12, (0, 12)] == pytest.approx(0.0)
    assert logs[12, (1, 12)] < logs[12, (1, 3)] < 0.0
    assert logs[12, (0, 12)] > logs[60, (0, 12)], "the tonic over the dominant"


def test_a_duration_costs_where_it_is_rarer_than_elsewhere(logs: dict[tuple[int, MelodyEvent], float]) -> None:
    assert logs[9, (0, 12)] < logs[12, (0, 12)] - 0.2 and logs[12, (2, 3)] < logs[9, (2, 3)] - 0.2


def test_a_note_between_the_eighths_costs_the_more_the_fewer_begin_there(
    logs: dict[tuple[int, MelodyEvent], float],
) -> None:
    assert logs[3, (2, 3)] < logs[6, (2, 3)] - 0.3, "where none begins in the pieces"
    assert logs[3, (2, 3)] < logs[9, (2, 3)] - 0.3, "where some begin"


def test_a_rest_costs_as_much_as_notes_on_average() -> None:
    logs = logs_with([])
    assert logs[12, (REST, 12)] == pytest.approx(logs[0, (REST, 48)] / 4)
    onsets = np.cumsum([0, *(ticks for _, ticks in MELODY)]).tolist()
    notes = [logs[onset, event] for onset, event in zip(onsets, MELODY, strict=False)]
    assert 2 * logs[0, (REST, 48)] == pytest.approx(sum(notes))
    assert sum(notes) < 0.0


def test_the_meter_is_neutral_on_average_after_what_comes_before() -> None:
    """Counted once more, without priors: pieces of many events. Triplets and pairs of eighths in a fixed order gain
    nothing, however rare they are elsewhere."""
    rhythm = (12, 4, 4, 4, 6, 6, 12) * 4000
    melody = tuple((0, ticks) for ticks in rhythm)
    harmony = stated_harmony(QUALITIES)
    meter = np.exp(counted_weights([], [melody], harmony, 48, 12).meter)
    follows, begun, tick = Counter(pairwise(rhythm)), Counter[tuple[int, int]](), 0
    for before, ticks in pairwise((0, *rhythm)):
        begun[tick % 48, before] += 1
        tick += ticks
    for place in (0, 12, 16, 20, 24, 30, 36):
        befores = {before: count for (where, before), count in begun.items() if where == place and before}
        mean = sum(
            count / sum(befores.values()) * follows[before, after] / sum(follows[before, each] for each in (4, 6, 12))
            * meter[place, after]
            for before, count in befores.items() for after in (4, 6, 12)
        )  # fmt: skip
        assert mean == pytest.approx(1, abs=0.01), place
    run = meter[12, 4] * meter[16, 4] * meter[20, 4]
    assert run == pytest.approx(2 * 1.5 * 1.5, abs=0.01), "1 by what follows a quarter, an eighth of a triplet"
    assert meter[0, 4] < 0.1 and meter[36, 6] < 0.1
