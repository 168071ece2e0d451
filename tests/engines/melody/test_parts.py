"""Parts of the melody player: grid, top line, key estimator, copy tracker, line memory, event sampler."""

from itertools import pairwise

import numpy as np
import pytest

from daemon.encodings.melody.events import NO_EVENT, NOTE_OFF_EVENT
from daemon.engines.melody.copy_tracker import MIN_REMEMBERED, CopyTracker
from daemon.engines.melody.event_sampler import EventSampler
from daemon.engines.melody.key import KeyEstimator
from daemon.engines.melody.line_memory import LineMemory
from daemon.engines.melody.motif import Motif
from daemon.engines.melody.phrase import rests_at
from daemon.engines.melody.top_line import TopLine
from daemon.engines.shared.grid import Grid
from daemon.music.events import MidiEvent, control_change
from daemon.music.melody import Melody, Note
from daemon.music.tempo import TempoMap
from tests.engines.harmoniser.fake import off, on, window
from tests.engines.melody.fake import LEAD, FakeModel, cycle_of, event, keys, pedal


def test_windows_are_filled_once() -> None:
    grid = Grid()
    assert not grid.runs
    assert list(grid.fill(window(0.0))) == [0] and grid.runs
    assert list(grid.fill(window(0.0))) == []
    assert list(grid.fill(window(0.0, length=1.0))) == [1, 2, 3]
    assert list(grid.fill(window(0.9, length=0.2))) == [4]
    assert list(grid.fill(window(8.0))) == [32]
    assert list(grid.fill(window(2.0))) == [8], "a jump back"
    assert len(grid.fill(window(3.0, length=1000))) == 64


def test_beats_count_from_the_bar_line() -> None:
    grid = Grid()
    grid.fill(window(3.5, meter=3.5))
    assert [grid.position(frame) for frame in (14, 15, 27, 28, 13)] == [0, 0.25, 3.25, 0, 3.25]
    assert [frame for frame in range(14, 29) if grid.on_beat(frame)] == [14, 18, 22, 26, 28]
    assert [frame for frame in range(29) if grid.on_bar(frame)] == [0, 14, 28]
    assert [grid.beat_after(beat) for beat in (3.5, 3.51, 6.5, 6.51, 0.0)] == [14, 18, 26, 28, 0]
    assert grid.bar == 14


def line(events: list[MidiEvent], end: int, tempo: float = 96.0) -> list[int]:
    """The events of the first `end` 16ths, each taken when the next 16th is requested."""
    heard, out = TopLine(("keys",)), []
    for thing in sorted(events, key=lambda e: e.beat):
        while (len(out) + 1) / 4 - LEAD <= thing.beat:
            out.append(heard.take(len(out)))
        heard.hear(thing, 4.0, tempo)
    return [*out, *(heard.take(frame) for frame in range(len(out), end))][:end]


def test_notes_belong_to_the_nearest_16th() -> None:
    played = keys((0.1, 0.2, 60), (0.4, 0.1, 62), (1.12, 0.2, 64), (1.38, 0.62, 65))
    assert line(played, 9) == [
        event(60), NOTE_OFF_EVENT, event(62), NOTE_OFF_EVENT, event(64), NOTE_OFF_EVENT, event(65), NO_EVENT,
        NOTE_OFF_EVENT,
    ]  # fmt: skip


def test_legato_has_no_rest_and_of_two_notes_in_a_16th_the_later_counts() -> None:
    assert line(keys((0, 1.2, 60), (1, 1, 62)), 9) == [
        event(60), 0, 0, 0, event(62), 0, 0, 0, NOTE_OFF_EVENT
    ]  # fmt: skip
    assert line(keys((0, 0.05, 60), (0.06, 0.44, 62)), 3) == [event(62), NO_EVENT, NOTE_OFF_EVENT]


def test_the_top_of_a_chord_counts_in_whatever_order_its_keys_come() -> None:
    second = 96 / 60  # beats
    for order in ((60, 64, 67), (67, 64, 60), (64, 67, 60)):
        chord = [on(1.1 + i * 0.009 * second, pitch) for i, pitch in enumerate(order)]
        assert line(chord, 6) == [0, 0, 0, 0, event(67), 0], order
    late = [on(1.0, 60), on(1.0 + 0.5 * second, 67)]
    assert line(late, 8) == [0, 0, 0, 0, event(60), 0, 0, event(67)]


def test_a_chord_across_the_middle_of_a_16th_is_one_note() -> None:
    assert line([on(1.115, 60), on(1.13, 67)], 6) == [0, 0, 0, 0, event(67), 0]


def test_keys_below_the_top_are_not_heard_not_even_when_the_top_is_released() -> None:
    assert line([on(0, 72), on(0.5, 60), off(1, 72), off(2, 60)], 9) == [event(72), 0, 0, 0, NOTE_OFF_EVENT, 0, 0, 0, 0]


def test_legato_downwards_loses_no_note() -> None:
    second = 96 / 60
    for overlap in (0.01, 0.1):
        played = keys((0, 0.5 + overlap * second, 67), (0.5, 0.5 + overlap * second, 64), (1.0, 1.0, 60))
        assert line(played, 9) == [event(67), 0, event(64), 0, event(60), 0, 0, 0, NOTE_OFF_EVENT], overlap
    assert line(keys((0, 0.5 + 0.2 * second, 67), (0.5, 1.5, 64)), 5) == [event(67), 0, 0, NOTE_OFF_EVENT, 0]


def test_the_pedal_holds_notes() -> None:
    played = [pedal(0), *keys((0, 0.2, 60), (1, 0.2, 62)), pedal(2, 0)]
    assert line(played, 9) == [event(60), 0, 0, 0, event(62), 0, 0, 0, NOTE_OFF_EVENT]
    assert line([on(0, 60), MidiEvent(1, "keys", control_change(1, 123, 0))], 5) == [event(60), 0, 0, 0, NOTE_OFF_EVENT]


def test_notes_outside_the_range_are_folded_by_octaves() -> None:
    assert line(keys((0, 0.25, 36), (0.25, 0.25, 96), (0.5, 0.25, 0), (0.75, 0.25, 127)), 4) == [
        event(48), event(72), event(48), event(79)
    ]  # fmt: skip


def test_a_note_too_late_for_its_16th_counts_for_the_next() -> None:
    heard = TopLine(("keys",))
    assert heard.take(0) == NO_EVENT
    heard.hear(on(0.1, 60), 4.0, 400.0)
    heard.hear(off(0.2, 60), 4.0, 400.0)
    assert [heard.take(1), heard.take(2)] == [event(60), NOTE_OFF_EVENT]


def test_a_chord_whose_16th_was_taken_counts_for_the_next() -> None:
    heard = TopLine(("keys",))
    heard.hear(on(0.04, 60), 4.0, 400.0)
    assert heard.take(0) == event(60)
    heard.hear(on(0.06, 64), 4.0, 400.0)
    assert heard.take(1) == event(64)


def test_only_sources_listened_to_are_heard() -> None:
    assert line([on(0, 60, source="drums")], 2) == [0, 0]


SCALES = {"C major": (60, 62, 64, 65, 67, 69, 71), "G mixolydian": (67, 69, 71, 72, 74, 76, 77)}


@pytest.mark.parametrize("pitches", SCALES.values(), ids=SCALES)
def test_the_key_is_that_of_the_notes_heard(pitches: tuple[int, ...]) -> None:
    estimator = KeyEstimator()
    for pitch in (*pitches, pitches[0], pitches[4], pitches[0], pitches[0]):
        for _ in range(4):
            estimator.hear(pitch % 12)
    assert {k for k in range(12) if estimator.pitch_classes(0)[k]} == {0, 2, 4, 5, 7, 9, 11}


def test_of_scales_that_fit_equally_the_one_whose_tonic_is_heard_counts() -> None:
    for shift in range(12):
        estimator = KeyEstimator()
        for pitch in (60, 62, 64, 67, 64, 62, 60):
            estimator.hear((pitch + shift) % 12)
        assert {k for k in range(12) if estimator.pitch_classes(0)[k]} == {
            (k + shift) % 12 for k in (0, 2, 4, 5, 7, 9, 11)
        }


def test_a_raised_leading_note_belongs_to_the_key_when_it_is_heard() -> None:
    estimator = KeyEstimator()
    for pitch in (69, 71, 72, 74, 76, 77, 80, 81, 69, 64, 69):
        estimator.hear(pitch % 12)
    assert {k for k in range(12) if estimator.pitch_classes(0)[k]} == {0, 2, 4, 5, 7, 8, 9, 11}


def test_keys_can_be_fixed_or_none_and_nothing_heard_allows_all() -> None:
    estimator = KeyEstimator()
    assert estimator.pitch_classes(0).all()
    estimator.hear(0)
    assert estimator.pitch_classes(-1).all() and not estimator.pitch_classes(0).all()
    assert {k for k in range(12) if estimator.pitch_classes(3)[k]} == {2, 4, 6, 7, 9, 11, 1}, "D major"
    assert {k for k in range(12) if estimator.pitch_classes(22)[k]} == {9, 11, 0, 2, 4, 5, 7, 8}, "A minor"
    estimator.reset()
    assert estimator.pitch_classes(0).all()


def test_the_key_follows_a_modulation() -> None:
    estimator = KeyEstimator()
    for _ in range(40):
        for pitch in SCALES["C major"]:
            estimator.hear(pitch % 12)
    for _ in range(80):
        for pitch in SCALES["C major"]:
            estimator.hear((pitch + 6) % 12)
    assert {k for k in range(12) if estimator.pitch_classes(0)[k]} == {(k + 6) % 12 for k in (0, 2, 4, 5, 7, 9, 11)}


def test_pitch_classes_that_are_certainly_in_key_while_little_was_heard() -> None:
    estimator = KeyEstimator()
    assert estimator.certain(0).all()
    estimator.hear(11)
    assert {k for k in range(12) if estimator.certain(0)[k]} == {11}
    estimator.hear(0)
    assert {k for k in range(12) if estimator.certain(0)[k]} == {0, 2, 4, 7, 9, 11}, "C or G major"
    assert estimator.certain(-1).all() and estimator.certain(5).all()
    estimator.hear(1)
    assert estimator.certain(0).all()


def test_lines_end_on_the_tonic_or_its_triad() -> None:
    estimator = KeyEstimator()
    for pitch in (67, 69, 71, 72, 74, 76, 77, 74, 71, 67, 67, 74, 67):
        estimator.hear(pitch % 12)
    costs = estimator.ending_costs(0)
    assert costs.argmin() == 7 and {k for k in range(12) if costs[k] < np.inf} == {7, 11, 2}, (
        "G, although there is an F"
    )
    estimator.reset()
    for pitch in (69, 71, 72, 74, 76, 72, 69, 68, 69):
        estimator.hear(pitch % 12)
    assert {k for k in range(12) if estimator.ending_costs(0)[k] < np.inf} == {9, 0, 4}, "A minor"
    assert {k for k in range(12) if estimator.ending_costs(15)[k] < np.inf} == {2, 5, 9}, "D minor, as set"
    assert (estimator.ending_costs(-1) == estimator.ending_costs(0)).all()


def longest_copy(heard: list[int], played: list[int]) -> int:
    return max(
        (n for n in range(1, len(played) + 1) for i in range(len(played) - n + 1) for j in range(len(heard) - n + 1)
         if played[i : i + n] == heard[j : j + n]), default=0,
    )  # fmt: skip


def test_copies_are_found_wherever_they_begin() -> None:
    random = np.random.default_rng(1)
    for most in (1, 2, 3):
        copies, heard, played = CopyTracker(), random.integers(2, 6, 30).tolist(), []
        for note in heard:
            copies.hear(note)
        copies.begin_answer()
        for _ in range(40):
            free = sorted({2, 3, 4, 5, 6} - set(copies.exceeding(most).tolist()))
            assert {n for n in range(2, 7) if longest_copy(heard, [*played[-9:], n]) > most} == {2, 3, 4, 5, 6} - set(
                free
            )
            played.append(int(random.choice(free)))
            copies.play(played[-1])
        assert longest_copy(heard, played) == most


def test_a_thousand_notes_and_more_are_remembered() -> None:
    copies = CopyTracker()
    for number in range(5 * MIN_REMEMBERED):
        copies.hear(2 + number % 36)
    copies.begin_answer()
    last = [2 + number % 36 for number in range(5 * MIN_REMEMBERED - MIN_REMEMBERED, 5 * MIN_REMEMBERED)]
    for note in last[:10]:
        copies.play(note)
    assert last[10] in copies.exceeding(10) and not copies.exceeding(11).size


def test_a_new_answer_has_copied_nothing() -> None:
    copies = CopyTracker()
    for note in (2, 3, 4):
        copies.hear(note)
    copies.play(2)
    copies.play(3)
    assert copies.exceeding(2).tolist() == [4]
    copies.begin_answer()
    assert not copies.exceeding(2).size


def test_a_phrase_is_heard_in_its_place_in_the_bar() -> None:
    model, grid = FakeModel(), Grid()
    grid.fill(window(7.0))
    memory = LineMemory(model)
    memory.begin(29, grid)
    memory.hear(event(60), grid)
    assert model.heard == (*[NO_EVENT] * 13, event(60))
    assert model.states[-1].positions[-2:] == (3.25, 3.5) and memory.frame == 30


def test_the_model_hears_no_silence_longer_than_a_bar() -> None:
    model, grid = FakeModel(), Grid()
    grid.fill(window(0.0, meter=3.0))
    memory = LineMemory(model)
    memory.begin(0, grid)
    for heard in (event(60), NOTE_OFF_EVENT, *[NO_EVENT] * 100):
        memory.hear(heard, grid)
        assert memory.state is not None
        assert memory.state.positions[-1] == memory.frame * 0.25 % 3.0
    assert len(model.heard) == 13 and memory.silence == 101
    memory.hear(event(62), grid)
    memory.hear(NOTE_OFF_EVENT, grid)
    assert model.heard[-2:] == (event(62), NOTE_OFF_EVENT)


def test_a_model_hears_the_line_again_when_its_transposition_changes() -> None:
    model = FakeModel(transpose=lambda events: -2 if event(62) in events else 0)
    grid = Grid()
    grid.fill(window(0.0))
    memory = LineMemory(model)
    memory.begin(0, grid)
    for heard in (event(60), NO_EVENT, event(62)):
        memory.hear(heard, grid)
    memory.update_transposition(grid)
    assert model.states[-1].transpose == -2 and model.heard == (event(60), NO_EVENT, event(62))
    assert model.states[-1].positions == (0, 0.25, 0.5, 0.75)
    for heard in [NO_EVENT] * 200:
        memory.hear(heard, grid)
    memory.update_transposition(grid)
    assert model.states[-1].transpose == 0 and len(model.heard) == 32
    memory.begin(6, grid)
    memory.hear(event(62), grid)
    memory.update_transposition(grid)
    assert model.states[-1].transpose == -2 and model.heard == (*[NO_EVENT] * 6, event(62))


def test_a_silence_keeps_its_positions_when_the_transposition_changes_within_it() -> None:
    model, grid, wanted = FakeModel(), Grid(), [0]
    model.transpose = lambda events: wanted[0]
    grid.fill(window(0.0, meter=3.0))
    memory = LineMemory(model)
    memory.begin(5, grid)
    for number, heard in enumerate((event(60), NOTE_OFF_EVENT, *[NO_EVENT] * 60)):
        memory.hear(heard, grid)
        wanted[0] = number // 7
        memory.update_transposition(grid)
        assert memory.state is not None and memory.state.positions[-1] == memory.frame * 0.25 % 3.0
    assert grid.bar == 12


def test_a_silence_in_another_meter_has_positions_of_its_own() -> None:
    model, grid = FakeModel(), Grid()
    memory = LineMemory(model)
    grid.fill(window(0.0))
    memory.begin(0, grid)
    for number, heard in enumerate((event(60), NOTE_OFF_EVENT, *[NO_EVENT] * 86)):
        if number == 40:
            grid.meter, grid.bar_start = 3.0, 10.0
        memory.hear(heard, grid)
    assert memory.state is not None
    assert memory.state.positions[-8:] == tuple(grid.position(memory.frame + i) for i in range(-7, 1))


def test_a_line_late_in_an_endless_bar_begins_after_few_rests() -> None:
    model, grid = FakeModel(), Grid()
    grid.fill(window(0.0, meter=1000.0))
    memory = LineMemory(model)
    memory.begin(3999, grid)
    assert len(model.heard) == 32 and model.states[-1].positions[-1] == 999.75


def sampler_with(**settings: float) -> EventSampler:
    return EventSampler(
        {"low": 48, "high": 83, "key": -1, "copy": 32, "density": 0, "temperature": 0, "top_p": 1, "velocity": 1}
        | settings
    )


def pitches(sampler: EventSampler) -> set[int]:
    return {48 + int(k) for k in np.flatnonzero(sampler.allowed())}


def test_the_range_has_precedence_over_the_key_and_its_limits_may_be_exchanged() -> None:
    assert pitches(sampler_with(low=60, high=64)) == {60, 61, 62, 63, 64}
    assert pitches(sampler_with(low=64, high=60)) == {60, 61, 62, 63, 64}
    assert pitches(sampler_with(low=60, high=64, key=1)) == {60, 62, 64}
    assert pitches(sampler_with(low=61, high=61, key=1)) == {61}


def test_forbidden_events_are_never_drawn() -> None:
    one, any_pitch = sampler_with(temperature=1.5), np.ones(36, dtype=np.bool_)
    liked = cycle_of(60)((), 0.0)
    liked[event(60)] = 1e6
    only = np.zeros(36, dtype=np.bool_)
    only[[3, 7]] = True
    assert {one.draw(liked, only, hold=False, end=False) for _ in range(200)} == {5, 9}
    assert {one.draw(liked, only, hold=True, end=True) for _ in range(200)} == {NO_EVENT, NOTE_OFF_EVENT, 5, 9}
    assert one.draw(liked, any_pitch, hold=True, end=True) == event(60)
    assert one.draw(liked, ~any_pitch, hold=True, end=False) == NO_EVENT
    assert one.draw(liked, ~any_pitch, hold=False, end=False) == NOTE_OFF_EVENT
    cost = np.where(np.arange(36) == 12, 2e6, 0.0)
    assert one.draw(liked, only | (cost > 0), hold=False, end=False, cost=cost) in (5, 9)


def test_density_favours_notes() -> None:
    flat = np.log(np.full(38, 1 / 38))
    flat[NO_EVENT] += 1.0
    assert sampler_with().draw(flat, np.ones(36, dtype=np.bool_), hold=True, end=True) == NO_EVENT
    assert sampler_with(density=1.1).draw(flat, np.ones(36, dtype=np.bool_), hold=True, end=True) >= 2
    assert sampler_with(density=1.1)._settings["density"] == 1.1 and flat[NO_EVENT] == np.log(1 / 38) + 1.0


def test_copies_are_found_after_more_notes_than_are_remembered() -> None:
    tracker = CopyTracker()
    for note in range(2 * MIN_REMEMBERED):
        tracker.hear(note)
    tracker.begin_answer()
    for note in range(2 * MIN_REMEMBERED - 3, 2 * MIN_REMEMBERED):
        tracker.play(note)
    tracker.hear(7)  # the oldest notes are forgotten here, in the middle of a copy
    assert tracker.exceeding(3).tolist() == [7]
    assert tracker.exceeding(4).tolist() == []
    assert set(range(MIN_REMEMBERED, 2 * MIN_REMEMBERED)) <= set(tracker.exceeding(0).tolist())
    assert 0 not in tracker.exceeding(0)


@pytest.mark.parametrize("first", [62, 64, 67])
def test_the_note_that_continues_a_motif_in_steps_of_the_scale_is_favoured(first: int) -> None:
    scale = np.isin(np.arange(48, 84) % 12, (0, 2, 4, 5, 7, 9, 11))
    motif, degrees = Motif(), [p for p in range(48, 84) if scale[p - 48]]
    heard = [60, 64, 62, 65, 64]
    for pitch in heard:
        motif.hear(event(pitch))
    motif.begin_answer()
    assert motif.favours(scale).argmin() == 60 - 48, "a motif at its own pitch would be a copy"
    motif.play(event(first), scale)
    for before, after in pairwise(heard):
        first = degrees[degrees.index(first) + degrees.index(after) - degrees.index(before)]
        assert motif.favours(scale).argmax() == first - 48
        motif.play(event(first), scale)
    motif.begin_phrase()
    assert motif.favours(scale).max() < 1, "the motif is over"


def test_leaps_are_favoured_less_than_the_motif() -> None:
    scale = np.isin(np.arange(48, 84) % 12, (0, 2, 4, 5, 7, 9, 11))
    motif = Motif()
    motif.begin_answer()
    motif.play(event(60), scale)
    favours = motif.favours(scale)
    assert favours[62 - 48] == favours[64 - 48] == favours[60 - 48] == 0 < favours[65 - 48] == favours[72 - 48] < 1
    assert favours[74 - 48] == 0, "more than an octave"


def test_the_tonic_is_not_the_pitch_that_sounds_most() -> None:
    estimator = KeyEstimator()
    for pitch, count in ((67, 10), (64, 6), (60, 7), (62, 4), (65, 4), (69, 3), (71, 2)):
        for _ in range(count):
            estimator.hear(pitch % 12)
    costs = estimator.ending_costs(0)
    assert costs.argmin() == 0
    assert costs[4] == costs[7] > 3, "a third that the model likes twenty times better is not the end"


def test_the_tonic_is_found_in_modes() -> None:
    for tonic, pitches in (
        (2, (62, 65, 69, 67, 65, 64, 62, 60, 62, 69, 71, 69, 62)),
        (0, (60, 64, 67, 65, 64, 62, 60)),
    ):
        estimator = KeyEstimator()
        for pitch in pitches:
            estimator.hear(pitch % 12)
        assert estimator.ending_costs(0).argmin() == tonic


def test_the_first_and_the_last_note_speak_for_the_tonic() -> None:
    middle = (64, 67, 65, 69, 62, 67)
    found = {}
    for outer in (60, 67):
        estimator = KeyEstimator()
        for pitch in (outer, *middle, outer):
            estimator.hear(pitch % 12)
        found[outer] = estimator.ending_costs(0).argmin()
    assert found == {60: 0, 67: 7}
    estimator = KeyEstimator()
    for pitch in (64, 65):
        estimator.begin_phrase()
        estimator.hear(pitch % 12)
    assert estimator._first.argmax() == 5, "of the last phrase"


def test_a_known_rest_is_that_of_all_notes() -> None:
    """Against every note of melodies with overlapping notes, read from their start."""
    random, found = np.random.default_rng(3), set()
    for _ in range(300):
        onsets = np.sort(random.choice(np.arange(0, 16, 0.5), 8, replace=False))
        notes = [Note(float(onset), float(random.choice((0.25, 0.5, 1, 3))), 60, 80) for onset in onsets]
        melody = Melody("tune", tuple(notes), 20.0, False, TempoMap(((0.0, 120.0),), ((0.0, 4.0),)))
        for beat in np.arange(0, 20, 0.25):
            ends = [note.onset + note.duration for note in notes if 0 <= note.onset < beat]
            end = max(ends, default=np.inf)
            expected = end <= beat and not any(beat <= note.onset < end + 1.5 for note in notes)
            assert rests_at(melody, 0.0, float(beat), 1.5) == expected
            found.add(expected)
    assert found == {True, False}
