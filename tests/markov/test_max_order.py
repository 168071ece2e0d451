"""MaxOrder: copies are found in every key; the finder here shares no code with daemon.markov."""

import random

import pytest

from daemon.markov.events import REST
from daemon.markov.max_order import Copy, CopyIndex, automaton_without_copies, longest_copy
from tests.markov.copies import longest_by_force, shifted

TUNE = ((0, 12), (2, 12), (4, 24), (REST, 12), (4, 6), (5, 6), (7, 24), (4, 12), (0, 36))


def random_melody(rng, events, pitches=(0, 2, 4), durations=(6, 12), rests=0.3):
    return tuple((REST if rng.random() < rests else rng.choice(pitches), rng.choice(durations)) for _ in range(events))


@pytest.mark.parametrize("semitones", [0, 1, 5, -7, 12])
def test_a_copy_in_another_key_is_a_copy(semitones):
    melody = ((9, 48), *shifted(TUNE[2:8], semitones), (1, 3))
    assert longest_copy(melody, [TUNE]) == Copy(6, at=1, piece=0, source=2, semitones=semitones)
    assert CopyIndex([TUNE], 6).copies(melody)
    assert not CopyIndex([TUNE], 7).copies(melody)


def test_a_copy_with_another_rhythm_is_none():
    assert longest_copy(tuple((pitch, duration + 1) for pitch, duration in TUNE), [TUNE]) == Copy(0)


def test_copies_do_not_go_on_across_pieces():
    assert longest_copy(TUNE, [TUNE[:4], TUNE[4:]]).length == 5
    assert not CopyIndex([TUNE[:4], TUNE[4:]], 6).copies(TUNE)


def test_a_rest_is_no_note_of_any_key():
    """Rest, note, rest, note: the same interval of the notes is needed, in whatever key."""
    melody = ((REST, 6), (3, 6), (REST, 12), (8, 6))
    assert longest_copy(melody, [((REST, 6), (0, 6), (REST, 12), (5, 6))]).length == 4
    assert longest_copy(melody, [((REST, 6), (0, 6), (REST, 12), (6, 6))]).length == 3
    assert longest_copy(((REST, 6), (REST, 12)), [((REST, 6), (REST, 12))]) == Copy(2)


@pytest.mark.parametrize("seed", range(30))
def test_longest_copy_and_index_agree_with_brute_force(seed):
    rng = random.Random(seed)
    pieces = [random_melody(rng, rng.randint(0, 25)) for _ in range(4)]
    melody = random_melody(rng, 15)
    longest = longest_by_force(melody, pieces)
    found = longest_copy(melody, pieces)
    assert found.length == longest
    copied = shifted(pieces[found.piece][found.source : found.source + found.length], found.semitones)
    assert melody[found.at : found.at + found.length] == copied
    for max_order in range(2, 12):
        assert CopyIndex(pieces, max_order).copies(melody) == (longest >= max_order)


def test_a_melody_shorter_than_the_run_is_no_copy():
    assert not CopyIndex([TUNE], 4).copies(TUNE[:3])
    assert longest_copy((), [TUNE]) == longest_copy(TUNE, []) == Copy(0)


def test_single_notes_cannot_be_forbidden():
    with pytest.raises(ValueError, match="choose 2 or more"):
        CopyIndex([TUNE], 1)


def test_the_automaton_remembers_no_more_than_what_begins_a_copy():
    """So there are few states: fewer than pairs of the corpus and the length, and one for what is nowhere in it."""
    automaton = automaton_without_copies([TUNE], 5)
    states, frontier = {automaton.start}, [automaton.start]
    while frontier:
        found = {automaton.step(state, event) for state in frontier for event in TUNE} - states - {None}
        states |= found
        frontier = list(found)
    assert len(states) < len(TUNE) * 5
    assert automaton.step(TUNE[:4], TUNE[4]) is None
    assert automaton.step(TUNE[:4], (40, 7)) == ()
