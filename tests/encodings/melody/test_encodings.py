"""The encodings of melodies against independent computations."""

import numpy as np
import pytest

from daemon.encodings.melody import jamd
from daemon.encodings.melody.events import event_log_probs, event_of, pitch_of, step_of, transposed, transposition_to_c
from daemon.encodings.melody.registry import ENCODINGS

SCALE = [60, 62, 64, 65, 67, 69, 71, 72]


def some_events(count, seed=1, pitches=SCALE):
    """Mostly repeats of the event 16 steps before, so that there are matches to find."""
    rng = np.random.default_rng(seed)
    events = []
    for step in range(count):
        again = step >= 16 and rng.random() < 0.8
        events.append(events[step - 16] if again else int(rng.choice([0, 0, 0, 1, *map(event_of, pitches)])))
    return events


def histories(name, events, meter=4.0, position=0.0, transpose=0):
    """The encoding's history before each event, and after the last."""
    history = ENCODINGS[name].start(meter, position, transpose)
    found = [history]
    for step, event in enumerate(events, 1):
        history = ENCODINGS[name].observe(history, event, (position + step / 4) % meter)
        found.append(history)
    return found


def test_a_pitch_outside_the_range_is_moved_by_octaves():
    assert [event_of(pitch) for pitch in (48, 60, 83)] == [2, 14, 37]
    assert [pitch_of(event_of(pitch)) for pitch in (0, 47, 84, 96, 127)] == [48, 59, 72, 72, 79]


def test_a_beat_halfway_between_two_16ths_belongs_to_the_later_one():
    assert [step_of(beat) for beat in (0.124, 0.125, 0.25, 1.0, -0.125, -0.126)] == [0, 1, 1, 4, 0, -1]


def test_a_melody_in_d_is_transposed_to_c_and_to_the_middle_of_the_range():
    in_d = [event_of(pitch + 2) for pitch in SCALE]
    assert transposition_to_c(in_d) == -2
    assert transposition_to_c([event_of(pitch - 12) for pitch in SCALE]) == 12
    assert transposition_to_c([0, 1, 0]) == 0
    assert [transposed(event, -2) for event in (0, 1, *in_d)] == [0, 1, *map(event_of, SCALE)]
    wanted = {name: encoding.transposition(in_d) for name, encoding in ENCODINGS.items()}
    assert wanted == {"basic": -2, "lookback": -2, "attention": -2, "jamd": 0}


@pytest.mark.parametrize("semitones", [-30, -7, 0, 5, 40])
def test_no_two_events_become_one_when_transposed(semitones):
    moved = [transposed(event, semitones) for event in range(38)]
    assert sorted(moved) == list(range(38))
    assert [transposed(event, -semitones) for event in moved] == list(range(38))


def test_labels_of_one_event_are_summed():
    log_probs = np.log([0.1, 0.2, 0.3, 0.4])
    assert np.exp(event_log_probs(log_probs, np.array([5, 0, 5, 1])))[[0, 1, 5, 6]] == pytest.approx(
        [0.2, 0.4, 0.4, 0], abs=1e-9
    )


def test_labels_that_are_the_events_are_summed_as_any_others():
    log_probs = np.log(np.arange(1, 39) / np.arange(1, 39).sum()).astype(np.float32)
    known = ENCODINGS["jamd"].events(ENCODINGS["jamd"].start(4.0, 0.0))
    result = event_log_probs(log_probs, known)
    assert result.dtype == np.float64
    assert result == pytest.approx(event_log_probs(log_probs, known.copy()), abs=1e-9)


def test_the_input_of_basic_is_the_last_event_transposed_to_c():
    events = [event_of(pitch + 2) for pitch in SCALE]
    for history, event in zip(histories("basic", events, transpose=-2)[1:], events, strict=True):
        assert np.flatnonzero(ENCODINGS["basic"].feeds(history)["x"]).tolist() == [event - 2]
        assert ENCODINGS["basic"].events(history)[event - 2] == event


def test_magentas_encodings_have_no_input_before_the_first_event():
    for name in ("basic", "lookback", "attention"):
        assert ENCODINGS[name].feeds(ENCODINGS[name].start(4.0, 0.0)) is None
    assert ENCODINGS["jamd"].feeds(ENCODINGS["jamd"].start(4.0, 0.0))["features"].shape == (1, len(jamd.FEATURE_SIZES))


def test_lookback_agrees_with_magentas_definition():
    """121 numbers: last event, events one and two bars before the next, counter of its step, repeats."""
    events = some_events(70)
    for position, history in enumerate(histories("lookback", events)[1:]):
        expected = np.zeros(121)
        expected[events[position]] = 1
        for number, distance in ((1, 16), (2, 32)):
            back = position - distance + 1
            expected[38 * number + (events[back] if back >= 0 else 0)] = 1
            past = position - distance
            expected[118 + number] = past >= 0 and events[past] == events[position]
        expected[114:119] = [1 if (position + 1) // 2**bit % 2 else -1 for bit in range(5)]
        assert ENCODINGS["lookback"].feeds(history)["x"][0].tolist() == expected.tolist()


@pytest.mark.parametrize("name", ["lookback", "attention"])
def test_labels_of_repeats_take_precedence_the_farther_first_and_decode_to_the_event(name):
    events, encoding = some_events(70), ENCODINGS[name]
    labels = set()
    for step, (history, event) in enumerate(zip(histories(name, events), events, strict=False)):
        label = encoding.label(history, event)
        if (step < 32 and event == 0) or (step >= 32 and events[step - 32] == event):
            expected = 39
        elif step >= 16 and events[step - 16] == event:
            expected = 38
        else:
            expected = event
        assert label == expected
        assert encoding.events(history)[label] == event
        assert encoding.events(history)[event] == event
        labels.add(label)
    assert {38, 39} < labels, "the case must occur"


def test_attention_agrees_with_magentas_definition():
    c, d, e = map(event_of, (60, 62, 64))
    x = [ENCODINGS["attention"].feeds(h)["x"][0] for h in histories("attention", [c, 0, 1, e, d, 0])[1:]]
    assert all(len(row) == 74 for row in x)
    assert [np.flatnonzero(row[:38]).tolist() for row in x] == [[12, 36], [12, 36], [37], [16, 36], [14, 36], [14, 36]]
    assert [row[38] for row in x] == [1, 0, 0, 1, 1, 0], "struck in this very step"
    assert [row[39] for row in x] == [0, 0, 0, 1, -1, -1], "up and down"
    assert x[4][42:49].tolist() == [1, -1, 1, -1, -1, -1, -1], "the next step is the fifth"
    assert [row[49] for row in x] == [0] * 6
    with_c = {(0 - tone) % 12 for tone in (0, 2, 4, 5, 7, 9, 11)}
    with_e = {(4 - tone) % 12 for tone in (0, 2, 4, 5, 7, 9, 11)}
    assert set(np.flatnonzero(x[0][50:62])) == set(np.flatnonzero(x[0][62:74])) == with_c
    assert set(np.flatnonzero(x[3][50:62])) == with_c & with_e
    flags = [ENCODINGS["attention"].feeds(h)["x"][0][40:42].tolist() for h in histories("attention", [c] * 34)[1:]]
    assert flags[15:18] == [[0, 0], [1, 0], [1, 0]] and flags[31:33] == [[1, 0], [1, 1]]
    starts = [ENCODINGS["attention"].feeds(h)["x"][0][49] for h in histories("attention", [c] * 34)[1:]]
    assert np.flatnonzero(starts).tolist() == [15, 31]


def test_attention_counts_the_last_three_different_notes():
    c, d, e, f = map(event_of, (60, 62, 64, 66))
    history = histories("attention", [c, d, c, e, f])[-1]
    assert history.last_notes == (c, e, f)


def candidates_by_comparison(events, bar):
    """(event, steps that match) for each of jamd's candidates but the last, by comparing all pairs of passages."""
    heard = len(events)

    def length(at):
        found = 0
        while at - found - 1 >= 0 and events[at - found - 1] == events[heard - found - 1]:
            found += 1
        return found

    def best(places):
        found = max(((length(at), at) for at in places), default=(0, 0))
        return (events[found[1]], found[0]) if found[0] else (jamd.NO_STEP, 0)

    places = range(heard)
    rows = [
        (events[heard - bars * bar], length(heard - bars * bar)) if bars * bar <= heard else (jamd.NO_STEP, 0)
        for bars in jamd.BARS_BACK
    ]
    likely = max(((length(at), at) for at in places), default=(0, 0))[1]
    rows.append(best(places))
    rows.append(best([at for at in places if (heard - at) % bar == 0]))
    return [*rows, best([at for at in places if events[at] != events[likely]])]


@pytest.mark.parametrize("meter", [2.0, 3.0, 4.5])
def test_candidates_are_the_events_after_the_longest_matches(meter):
    events = some_events(120)
    for heard, history in enumerate(histories("jamd", events, meter)):
        clues = history.clues[2:]
        expected = candidates_by_comparison(events[:heard], int(meter * 4))
        assert clues[:8] == [event for event, _ in expected]
        kinds = [3 if event == jamd.NO_STEP else min(event, 2) for event, _ in expected]
        classes = [min(length.bit_length(), 7) for _, length in expected]
        numbers = np.array(history.features) - jamd.FEATURE_STARTS
        assert numbers[14::2][:8].tolist() == [k * 8 + c for k, c in zip(kinds, classes, strict=True)]
        last = next((event for event in reversed(events[:heard]) if event > 1), None)
        moves = [2 if event == jamd.NO_STEP else event if event < 2 else 3 + 36 + event - last for event in clues]
        assert numbers[13::2].tolist() == moves


def test_a_phrase_repeated_a_third_higher_is_found():
    phrase = [60, 62, 64, 60, 67]
    events = [event_of(p) for p in phrase] + [1] + [event_of(p + 4) for p in phrase[:4]]
    history = histories("jamd", events)[-1]
    assert history.clues[-1] == event_of(71)


@pytest.mark.parametrize("semitones", [-5, 3, 6])
def test_transposed_features_are_those_of_the_transposed_melody(semitones):
    events = [*map(event_of, SCALE), *some_events(90, pitches=SCALE[:5])]  # one key is likeliest from here on
    table = jamd.transposed_features(semitones)
    there = jamd.transposed_events(semitones)
    both = (histories("jamd", row)[8:] for row in (events, [transposed(e, semitones) for e in events]))
    for before, after in zip(*both, strict=True):
        assert table[before.features].tolist() == after.features
        assert there[before.clues[2:]].tolist() == after.clues[2:]


def test_features_stay_within_the_table_whatever_is_heard():
    rng = np.random.default_rng(2)
    encoding, ends = ENCODINGS["jamd"], np.cumsum(jamd.FEATURE_SIZES)
    for meter, position in ((0.25, 0.0), (4.0, 2.5), (11.0, 9.75), (0.1, 0.0)):
        history = encoding.start(meter, position)
        for _ in range(60):
            assert all(
                start <= f < end for f, start, end in zip(history.features, jamd.FEATURE_STARTS, ends, strict=True)
            )
            assert all(0 <= clue < size for clue, size in zip(history.clues, jamd.CLUE_SIZES, strict=True))
            history = encoding.observe(history, int(rng.integers(38)), float(rng.uniform(0, 12)))


def test_the_history_does_not_grow():
    history = ENCODINGS["jamd"].start(4.0, 0.0)
    for step in range(jamd.HISTORY_STEPS + 50):
        history = ENCODINGS["jamd"].observe(history, step % 32, step / 4 % 4)
    past = history.past
    assert past.matches.shape == (2, jamd.HISTORY_STEPS)
    assert {len(past.events) / 2, len(past.tokens) / 2, len(past.pitches)} == {jamd.HISTORY_STEPS}
    assert history.clues[2 + 5] == (jamd.HISTORY_STEPS + 50) % 32
    assert past.matches[0, 31] > jamd.HISTORY_STEPS
    assert not past.matches[:, -1].any(), "no match is known for the oldest step"


@pytest.mark.parametrize("name", list(ENCODINGS))
def test_histories_are_never_changed(name):
    events = some_events(40)
    history = histories(name, events)[-1]
    one = ENCODINGS[name].observe(history, events[-16], 0.25)
    two = ENCODINGS[name].observe(one, events[-15], 0.5)
    before = [{key: array.copy() for key, array in ENCODINGS[name].feeds(h).items()} for h in (one, two)]
    ENCODINGS[name].observe(history, 30, 0.25)
    after = [ENCODINGS[name].feeds(h) for h in (one, two)]
    again = ENCODINGS[name].observe(history, events[-16], 0.25)
    once_more = [ENCODINGS[name].feeds(h) for h in (again, ENCODINGS[name].observe(again, events[-15], 0.5))]
    for expected, found in (*zip(before, after, strict=True), *zip(before, once_more, strict=True)):
        assert all(np.array_equal(expected[key], found[key]) for key in expected)
