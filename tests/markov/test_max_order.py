"""MaxOrder: copies are found in every key; the finder here shares no code with daemon.markov."""

import random
from itertools import cycle

import pytest

from daemon.markov.events import REST
from daemon.markov.max_order import (
    ASSESSED,
    Copy,
    CopyError,
    CopyIndex,
    longest_copy,
    without_copies,
)
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


def test_a_run_of_given_events_is_no_copy_but_one_with_a_drawn_event_is():
    index = CopyIndex([TUNE], 3)
    melody = ((9, 48), *TUNE[:4], (1, 3))
    assert index.copies(melody)
    assert not index.copies(melody, (False, True, True, True, True, False))
    assert index.copies(melody, (False, True, True, True, False, False))


def test_where_the_first_copy_ends():
    index, melody = CopyIndex([TUNE], 3), ((9, 48), *TUNE[:4], (1, 3), *TUNE[5:])
    assert index.before_copy(melody) == 4
    assert index.before_copy(melody, (False, True, True, True, True, *[False] * 5)) == 9
    assert index.before_copy(((9, 48), (1, 3))) is None


@pytest.mark.parametrize("seed", range(10))
def test_the_latest_events_are_a_copy_where_the_run_that_they_end_is(seed):
    rng = random.Random(seed)
    index = CopyIndex([random_melody(rng, 20) for _ in range(8)], 3)
    melody = random_melody(rng, 60)
    ends = [index.ends_with_copy(melody[:end]) for end in range(61)]
    assert ends == [index.copies(melody[max(end - 3, 0) : end]) for end in range(61)]
    assert any(ends) and ends.index(True) == index.before_copy(melody)


class Drawn:
    def __init__(self, events, given=()):
        self.events, self.given = events, given


def test_the_error_names_the_smallest_max_order_that_would_do():
    melodies = [(*TUNE[:5], (9, 5)), (*TUNE[:6], (9, 5)), TUNE]
    drawn = cycle(melodies)
    with pytest.raises(CopyError, match=r"all of 20 melodies have 4 notes in a row .*: set max_order to 6 or more"):
        without_copies(lambda _: Drawn(next(drawn)), CopyIndex([TUNE], 4), 20)
    assert without_copies(lambda _: Drawn(next(drawn)), CopyIndex([TUNE], 6), 20)[0].events == melodies[0]


def test_hopeless_samples_end_the_search_early():
    """If each of the first ones has a copy early; not if one of them has the first one late."""
    early = (*TUNE[:5], *((90, 5 + n) for n in range(30)))
    late = early[5:] + early[:5]
    for few, tries in ((early, ASSESSED), (late, 500)):
        drawn = []
        with pytest.raises(CopyError, match=f"all of {tries} melodies"):
            without_copies(
                lambda _, few=few, drawn=drawn: drawn.append(1) or Drawn(few if len(drawn) == 7 else early),
                CopyIndex([TUNE], 4),
                500,
            )


def test_samples_end_where_they_will_be_rejected():
    stopped = []

    def draw(stop):
        events = [TUNE[:6], TUNE[2:8], ((0, 5), *TUNE[:3])][len(stopped)]
        ends = [end for end in range(len(events) + 1) if stop(events[:end])]
        stopped.append(ends)
        return Drawn(events[: ends[0]] if ends else events)

    assert without_copies(draw, CopyIndex([TUNE], 4), 10)[1] == 3
    assert stopped == [[4, 5, 6], [4, 5, 6], []]
