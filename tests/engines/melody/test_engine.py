"""Answers of the melody player, with a fake model: when they begin, how long they last, of which notes they consist."""

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from daemon.encodings.melody.events import EVENTS, NO_EVENT, NOTE_OFF_EVENT
from daemon.engines.base import Setup
from daemon.engines.melody.engine import MelodyPlayer
from daemon.errors import ModelError
from daemon.models import folder
from daemon.music.events import Action, MidiEvent, Play, Stop, Window
from daemon.music.melody import Melody, Note
from daemon.music.tempo import TempoMap
from tests.engines.harmoniser.fake import off, on, window
from tests.engines.melody.fake import FakeModel, Stage, cycle_of, event, keys, make, pedal, sounded

PHRASE = keys((0, 0.9, 60), (1, 0.9, 64), (2, 0.9, 67), (3, 0.9, 60))
SCALE = (60, 62, 64, 65)
CONTROL = {"phrase": "control"}
BARS = {"phrase": "bars"}


def onsets(stage: Stage) -> list[float]:
    return [onset for onset, _ in stage.plays]


def sixteenths(start: float, beats: float) -> list[float]:
    """The onsets of an answer that moves on every 16th: if it is longer than a beat, its last note lasts one."""
    return [start + i / 4 for i in range(round(4 * beats) - (3 if beats > 1 else 0))]


def test_an_answer_begins_on_the_beat_after_the_rest_and_is_as_long_as_the_phrase(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = FakeModel(cycle_of(*SCALE))
    stage = Stage(make(monkeypatch, model)).play(PHRASE, 12)
    assert onsets(stage) == sixteenths(5, 4)
    assert [pitch for _, pitch in stage.plays[:-1]] == [SCALE[i % 4] for i in range(12)]
    assert stage.actions[-1] == Stop(9.0, "melody")
    assert model.heard[:20] == (
        event(60), 0, 0, 0, event(64), 0, 0, 0, event(67), 0, 0, 0, event(60), 0, 0, 0, NOTE_OFF_EVENT, 0, 0, 0
    )  # fmt: skip
    assert model.heard[20:32] == tuple(event(SCALE[i % 4]) for i in range(12)), "the model hears the answer"
    assert model.heard[33:37] == (NO_EVENT, NO_EVENT, NO_EVENT, NOTE_OFF_EVENT)


@pytest.mark.parametrize(("rest", "start"), [(0.25, 3), (1.0, 3), (1.1, 3), (1.2, 7), (2.0, 7), (4.0, 9), (5.0, 10)])
def test_the_rest_that_ends_a_phrase_is_a_setting(monkeypatch: pytest.MonkeyPatch, rest: float, start: float) -> None:
    played = keys((0, 0.9, 60), (1, 0.9, 62), (3.1, 1.8, 64))
    assert onsets(Stage(make(monkeypatch, FakeModel(cycle_of(60)), rest=rest)).play(played, 14))[0] == start


def test_a_held_key_or_pedal_is_no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(make(monkeypatch, FakeModel(cycle_of(60)))).play([on(0, 60), off(9.9, 60)], 16)
    assert onsets(stage)[0] == 11
    stage = Stage(make(monkeypatch, FakeModel(cycle_of(60)))).play([pedal(0), *PHRASE, pedal(7.9, 0)], 16)
    assert onsets(stage)[0] == 9


@pytest.mark.parametrize("before", [0.08, 0.049, 0.001])
@pytest.mark.parametrize("length", [1, 4])
def test_the_pedal_requests_an_answer_on_the_next_beat_however_near(
    monkeypatch: pytest.MonkeyPatch, before: float, length: int
) -> None:
    """A window is requested 0.05 beats before it begins: a later request is answered in `listen`."""
    engine = make(monkeypatch, FakeModel(cycle_of(*SCALE)), options=CONTROL)
    stage = Stage(engine).play([*keys((0, length - 0.1, 60)), pedal(length - before), pedal(length + 0.5, 0)], 12)
    assert onsets(stage) == sixteenths(length, length)


def test_the_pedal_does_not_hold_notes_where_it_requests_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(cycle_of(60))
    Stage(make(monkeypatch, model, options=CONTROL)).play([pedal(0), *keys((0, 0.5, 60))], 1.5)
    assert model.heard[:4] == (event(60), NO_EVENT, NOTE_OFF_EVENT, NO_EVENT)


@pytest.mark.parametrize("asked", [2.5, 2.9, 2.96, 2.999, 3.0])
def test_the_setting_answer_requests_an_answer_whatever_ends_phrases_and_however_near(
    monkeypatch: pytest.MonkeyPatch, asked: float
) -> None:
    for options in ({}, CONTROL, BARS):
        engine = make(monkeypatch, FakeModel(cycle_of(60)), options=options)
        stage = Stage(engine).play([on(0, 60), on(1, 62), (asked, "answer", 1.0), (3.01, "answer", 0.0)], 5.75)
        assert onsets(stage) == sixteenths(3, 3)[:9], options


def test_an_answer_can_be_requested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)), options=CONTROL)
    played = [*keys((0, 0.9, 60)), pedal(0.5), pedal(0.6, 0), pedal(4.5), pedal(4.6, 0)]
    assert onsets(Stage(engine).play(played, 10)) == [1, 1.25, 1.5, 1.75, 5, 5.25, 5.5, 5.75]


def test_without_a_phrase_no_answer_begins_not_even_later(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)), options=CONTROL)
    stage = Stage(engine).play([pedal(0.5), pedal(0.7, 0), (1.5, "answer", 1.0), (3.5, "loop", 1.0)], 4)
    assert not stage.actions
    stage.play([on(4.5, 60), off(5, 60), off(5.5, 61)], 16)
    assert not stage.actions


@pytest.mark.parametrize("bars", [1, 2])
@pytest.mark.parametrize("meter", [4.0, 3.0, 3.5])
def test_a_phrase_of_bars_is_answered_at_the_bar_line_after_them(
    monkeypatch: pytest.MonkeyPatch, meter: float, bars: int
) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)), options=BARS, bars=bars)
    stage = Stage(engine, meter=meter).play(keys((0.5, 0.5, 60)), 5 * meter)
    assert onsets(stage) == sixteenths(bars * meter + 0.5, bars * meter - 0.5), "at the phrase's place in the bar"
    assert sounded(stage.actions)[-1][1] == 2 * bars * meter


@pytest.mark.parametrize(("settings", "start"), [({}, 4.0), ({"align": 1.0}, 5.5)])
def test_after_a_rest_an_answer_begins_on_the_beat_or_at_the_place_of_the_phrase_in_the_bar(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, float], start: float
) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)), **settings)
    assert onsets(Stage(engine).play(keys((1.5, 0.4, 60), (2, 0.9, 62)), 16))[0] == start


def test_a_known_melody_is_answered_at_its_place_in_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)))
    tune = Melody("keys", (Note(1.5, 0.5, 60, 80),), 4, False, TempoMap(((0.0, 96.0),), ((0.0, 4.0),)))
    engine.reset({"keys": tune}, 0.0, 1)
    assert onsets(Stage(engine).play(keys((1.5, 0.4, 60), (2, 0.9, 62)), 16))[0] == 5.5


def test_the_rest_of_a_known_melody_is_known_before_it_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)))
    notes = tuple(Note(float(beat), 1.0, 60, 80) for beat in (0, 1, 2, 3, 8, 9))
    engine.reset({"keys": Melody("keys", notes, 16, False, TempoMap(((0.0, 96.0),), ((0.0, 4.0),)))}, 0.0, 1)
    assert onsets(Stage(engine).play(keys(*((float(beat), 1.0, 60) for beat in range(4))), 8))[0] == 4


def test_no_note_of_an_answer_is_longer_than_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that would hold every note for ever."""

    def hold(heard: tuple[int, ...], position: float) -> np.ndarray:
        scores = np.full(EVENTS, -20.0)
        scores[NO_EVENT] = 0.0
        return scores

    notes = sounded(Stage(make(monkeypatch, FakeModel(hold))).play(keys((0, 29.9, 60)), 70).actions)
    assert len(notes) > 5
    assert max(end - onset for onset, end, *_ in notes) <= 4.0


def test_an_answer_has_at_most_the_longest_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    played = keys(*((float(beat), 0.9, 60) for beat in range(24)))
    stage = Stage(make(monkeypatch, FakeModel(cycle_of(60)), longest=2.0)).play(played, 60)
    assert sounded(stage.actions)[-1][1] - onsets(stage)[0] == 8.0


def test_an_upbeat_belongs_to_the_bar_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(make(monkeypatch, FakeModel(cycle_of(60)), options=BARS, bars=1)).play(keys((3, 0.5, 60)), 16)
    assert onsets(stage) == sixteenths(8, 4)
    stage = Stage(make(monkeypatch, FakeModel(cycle_of(60)), options=BARS, bars=1)).play(keys((2.75, 0.5, 60)), 16)
    assert onsets(stage) == [6.75, 7.0], "no upbeat, and at its place in the bar"


def test_a_note_just_before_the_bar_line_of_the_answer_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(cycle_of(60))
    Stage(make(monkeypatch, model, options=BARS, bars=1)).play([*keys((0, 0.9, 60)), on(3.93, 71)], 4.5)
    assert model.heard[:17] == (event(60), 0, 0, 0, NOTE_OFF_EVENT, *[0] * 10, event(71), event(60))


def test_keys_end_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(cycle_of(*SCALE))
    engine = make(monkeypatch, model)
    stage = Stage(engine).play([*PHRASE, *keys((6.6, 1.3, 71))], 14)
    notes = sounded(stage.actions)
    assert [n[0] for n in notes[:7]] == [5, 5.25, 5.5, 5.75, 6, 6.25, 6.5] and notes[6][1] == 6.6
    assert [n[0] for n in notes[7:]] == sixteenths(9, 2), "the keys are answered in turn, for two beats"
    assert model.heard[20:28] == (*(event(SCALE[i % 4]) for i in range(6)), event(71), NO_EVENT)
    Stage(make(monkeypatch, model)).play([*PHRASE, *keys((6.66, 1.3, 71))], 8)
    assert model.heard[20:29] == (*(event(SCALE[i % 4]) for i in range(7)), event(71), NO_EVENT)


def tune(*notes: tuple[float, float, int]) -> list[MidiEvent]:
    """Notes of the source `tune`."""
    return [replace(heard, source="tune") for heard in keys(*notes, velocity=40)]


@pytest.mark.parametrize(("listen", "end"), [(("keys", "tune"), 9.0), (("tune", "keys"), 6.25)])
def test_a_source_of_lower_precedence_does_not_end_an_answer(
    monkeypatch: pytest.MonkeyPatch, listen: tuple[str, ...], end: float
) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)), listen)
    played = [*PHRASE, *tune((6.25, 0.5, 72), (7.5, 1, 74), (9.25, 0.5, 71), (10, 0.9, 72))]
    notes = sounded(Stage(engine).play(played, 16).actions)
    assert max(stop for onset, stop, *_ in notes if onset < 9) == end
    if end == 9:
        answer = [note for note in notes if note[0] >= 9]
        assert (answer[0][0], answer[-1][1]) == (12, 14), (
            "the later notes of the tune are answered as a phrase of their own"
        )


def test_a_phrase_begins_with_its_own_source_not_with_the_melody_that_it_interrupts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)), ("keys", "tune"), velocity=1)
    played = [*tune((0, 0.5, 72), (1, 0.5, 74), (2, 0.5, 71)), *keys((2.75, 1.0, 64), velocity=100)]
    notes = sounded(Stage(engine).play(played, 12).actions)
    assert (notes[0][0], notes[-1][1]) == (5, 6)
    assert {velocity for *_, velocity in notes} == {100}


def test_a_source_of_lower_precedence_does_not_replace_a_phrase_whose_bars_have_not_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)), ("keys", "tune"), options=BARS, bars=2, velocity=1)
    played = [*keys((0, 1.4, 64), velocity=100), *tune((6, 0.5, 72), (7, 0.5, 74), (8.5, 0.5, 71), (10, 0.5, 72))]
    notes = sounded(Stage(engine).play(played, 20).actions)
    assert (notes[0][0], {note[3] for note in notes if note[0] < 16}) == (8, {100})


def test_a_source_of_lower_precedence_is_answered_over_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)), ("keys", "tune"), velocity=1, loop=1)
    played = [*keys((0, 0.9, 64), velocity=100), *tune((8, 0.5, 72), (9, 0.5, 74))]
    notes = sounded(Stage(engine).play(played, 20).actions)
    assert {velocity for onset, _, _, velocity in notes if onset < 10} == {100}
    assert {velocity for onset, _, _, velocity in notes if onset >= 12} == {40}


def test_a_key_just_before_the_end_of_a_rest_continues_the_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(cycle_of(60))
    stage = Stage(make(monkeypatch, model)).play([*PHRASE, *keys((4.97, 0.9, 71))], 20)
    assert stage.actions[:2] == [Play(5.0, 60, 80, "melody"), Stop(4.97, "melody")]
    assert onsets(stage) == sixteenths(7, 6)


def test_a_last_note_beyond_its_bar_does_not_end_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    for options, end in ((BARS, []), (CONTROL, [pedal(3.5)])):
        engine = make(monkeypatch, FakeModel(cycle_of(60)), options=options, bars=1)
        stage = Stage(engine).play([*PHRASE, *end, *keys((4.3, 0.5, 60))], 12)
        assert onsets(stage) == sixteenths(4, 4), options
        stage = Stage(make(monkeypatch, FakeModel(cycle_of(60)), options=options, bars=1)).play(
            [*PHRASE, *end, *keys((5.1, 0.5, 60))], 7.5
        )
        assert sounded(stage.actions)[-1][1] == 5.1, options


def test_a_last_note_does_not_end_a_requested_answer_whatever_ends_phrases(monkeypatch: pytest.MonkeyPatch) -> None:
    played = [*PHRASE, (3.5, "answer", 1.0), *keys((3.97, 0.1, 64), (4.5, 0.1, 65))]
    assert onsets(Stage(make(monkeypatch, FakeModel(cycle_of(60)))).play(played, 10)) == sixteenths(4, 4)


def test_an_answer_that_was_cut_short_is_repeated_at_that_length(monkeypatch: pytest.MonkeyPatch) -> None:
    played = [*PHRASE, pedal(3.5), *keys((5.1, 0.1, 71)), (6.5, "loop", 1.0), (7.5, "loop", 0.0)]
    notes = sounded(Stage(make(monkeypatch, FakeModel(cycle_of(60)), options=CONTROL)).play(played, 10).actions)
    assert [n[0] for n in notes] == [4, 4.25, 4.5, 4.75, 5, 7, 7.25, 7.5, 7.75, 8]
    assert (notes[4][1], notes[9][1]) == (5.1, 8.25)


def test_a_stray_note_long_ago_is_no_part_of_the_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    played = [*keys((0, 0.5, 60)), *keys((64, 0.9, 60), (65, 0.9, 62)), pedal(65.95)]
    stage = Stage(make(monkeypatch, FakeModel(cycle_of(60)), options=CONTROL)).play(played, 140)
    assert onsets(stage) == sixteenths(66, 2)


def test_of_an_endless_phrase_the_last_bars_count(monkeypatch: pytest.MonkeyPatch) -> None:
    played = keys(*((i / 2, 0.5, 60 + i % 3) for i in range(1000)))
    engine = make(monkeypatch, FakeModel(cycle_of(60)), options=CONTROL, longest=64)
    stage = Stage(engine).play([*played, pedal(499.9)], 800)
    assert onsets(stage) == sixteenths(500, 256)


def test_bars_are_counted_though_the_meter_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)), options=BARS, bars=2)
    actions: list[Action] = []
    for frame in range(48):
        beat = frame / 4
        bar, meter = (0.0, 3.0) if beat < 3 else (3 + (beat - 3) // 4 * 4, 4.0)
        actions += engine.generate(Window(beat, beat + 0.25, bar, meter, 96))
        if frame == 0:
            actions += [a for e in keys((0.01, 0.9, 60)) for a in engine.listen(e)]
    notes = sounded(actions)
    assert [n[0] for n in notes] == sixteenths(7, 7)[:20]


def test_notes_played_over_a_first_answer_that_loops_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    over = keys(*((4.1 + i / 2, 0.4, 61 + i % 5) for i in range(8)))
    for seed in range(8):
        endings = []
        for more in ([], over):
            engine = make(monkeypatch, FakeModel(), options=CONTROL, loop=1.0, copy=32, key=1)
            engine.reset({}, 0.0, seed)
            played = [*keys((0, 0.9, 60), (1, 2.9, 64)), pedal(3.9), pedal(3.95, 0), *more]
            endings.append([n for n in sounded(Stage(engine).play(played, 8).actions) if n[0] < 8])
        assert [n[:3] for n in endings[0]] == [n[:3] for n in endings[1]]
        assert endings[1][-1][2] % 12 in (0, 4, 7)


@pytest.mark.parametrize("first", [True, False])
def test_a_last_note_just_before_the_beat_is_heard(monkeypatch: pytest.MonkeyPatch, first: bool) -> None:
    model = FakeModel(cycle_of(62))
    before = [] if first else keys((2.0, 0.5, 60))
    played = [*before, on(3.9, 65), pedal(3.97), off(3.99, 65)]
    stage = Stage(make(monkeypatch, model, options=CONTROL)).play(played, 4.5)
    assert onsets(stage)[0] == 4 and model.heard[15:17] == (event(65), event(62))
    assert model.heard[8] == (NO_EVENT if first else event(60))


def test_a_loop_goes_on_if_the_rest_before_its_replacement_was_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)), loop=1.0, density=4)
    played = [*keys((0, 3.9, 60)), *keys((8, 2.9, 62), (11.97, 0.5, 64))]
    stage = Stage(engine).play(played, 14)
    assert onsets(stage)[0] == 5 and [o for o in onsets(stage) if 13 <= o < 14] == [13, 13.25, 13.5, 13.75]


def test_the_pedals_of_two_sources_are_independent(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)), ("keys", "pads"), options=CONTROL)
    repeats = [pedal(1 + i / 10, 127 - i) for i in range(40)]
    other = [pedal(1.25, 127, "pads"), pedal(2.35, 0, "pads")]
    stage = Stage(engine).play([*keys((0, 0.9, 60)), pedal(0.9), *repeats, *other], 8)
    assert onsets(stage) == [1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75]


def test_one_note_is_answered_for_a_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(make(monkeypatch, FakeModel(cycle_of(60)))).play(keys((0.2, 0.05, 60)), 8)
    assert onsets(stage) == [2, 2.25, 2.5, 2.75]


def test_a_phrase_of_a_thousand_notes_is_answered_at_full_length(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(cycle_of(*SCALE))
    engine = make(monkeypatch, model, copy=32, longest=64)
    stage = Stage(engine).play(keys(*((i / 4, 0.2, 48 + i % 36) for i in range(1000))), 520)
    assert onsets(stage) == sixteenths(251, 250)
    assert len(model.states) < 2200, "the phrase was heard while it was played"


def test_the_first_event_is_a_note_even_if_a_rest_is_likelier(monkeypatch: pytest.MonkeyPatch) -> None:
    def prefers_rests(heard: tuple[int, ...], position: float) -> np.ndarray:
        return np.array([50.0, 40.0, *np.arange(36) / 36])

    stage = Stage(make(monkeypatch, FakeModel(prefers_rests), temperature=0)).play(PHRASE, 12)
    assert sounded(stage.actions)[0] == (5, 8, 83, 80)


def test_an_answer_ends_on_the_tonic_triad(monkeypatch: pytest.MonkeyPatch) -> None:
    scale = keys(*((i / 2, 0.5, pitch) for i, pitch in enumerate((62, 64, 66, 67, 69, 66, 64, 62))))
    stage = Stage(make(monkeypatch, FakeModel())).play(scale, 12)
    onset, end, pitch, _ = sounded(stage.actions)[-1]
    assert onset <= 8 and end == 9 and pitch % 12 in (2, 6, 9), "D major"
    engine = make(monkeypatch, FakeModel(cycle_of(62, 67, 65)), temperature=0, key=22, low=60)
    *_, (onset, end, pitch, _) = sounded(Stage(engine).play(scale, 12).actions)
    assert (onset, end) == (8, 9) and pitch % 12 in (9, 0, 4), "A minor, as set"
    engine = make(monkeypatch, FakeModel(), key=1, low=61, high=63)
    assert {p for _, p in Stage(engine).play(scale, 12).plays} == {62}, (
        "the only note in range: the triad is out of reach"
    )


def test_a_held_third_or_fifth_is_not_the_last_note_for_being_held(monkeypatch: pytest.MonkeyPatch) -> None:
    scale = keys(*((i / 2, 0.5, pitch) for i, pitch in enumerate((62, 64, 66, 67, 69, 66, 64, 62))))

    def holds(heard: tuple[int, ...], position: float) -> np.ndarray:
        return np.array([4.0, -9.0, *(2.0 * (np.arange(48, 84) % 12 == 9))])

    last = []
    for seed in range(12):
        engine = make(monkeypatch, FakeModel(holds))
        engine.reset({}, 0.0, seed)
        *_, (onset, _, pitch, _) = sounded(Stage(engine).play(scale, 12).actions)
        last.append((onset, pitch % 12))
    assert sum(each == (8, 2) for each in last) > 6, f"D, struck on the last beat: {last}"


def test_the_rhythm_of_a_phrase_is_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    rhythm = (0, 0.75, 1, 1.75, 2, 2.75, 3, 3.5)
    phrase = keys(*((bar * 4 + place, 0.25, 60 + i) for bar in range(2) for i, place in enumerate(rhythm)))
    at, elsewhere = 0, 0
    for seed in range(10):
        engine = make(monkeypatch, FakeModel(lambda heard, position: np.array([3.6, -9.0, *np.zeros(36)])))
        engine.reset({}, 0.0, seed)
        for onset, *_ in sounded(Stage(engine).play(phrase, 20).actions):
            at, elsewhere = at + ((onset - 1) % 4 in rhythm), elsewhere + ((onset - 1) % 4 not in rhythm)
    assert at > 1.5 * elsewhere, "half of the 16ths have an onset of the phrase, which began a beat after the bar line"


def test_a_line_is_led_to_its_last_note(monkeypatch: pytest.MonkeyPatch) -> None:
    scale = keys(*((i / 2, 0.5, pitch) for i, pitch in enumerate((62, 64, 66, 67, 69, 71, 73, 74) * 2)))
    flat = np.array([-9.0, -9.0, *np.zeros(36)])
    before, earlier = [], []
    for seed in range(30):
        engine = make(monkeypatch, FakeModel(lambda heard, position: flat))
        engine.reset({}, 0.0, seed)
        notes = sounded(Stage(engine).play(scale, 20).actions)
        before += [pitch % 12 for onset, _, pitch, _ in notes if 15.5 <= onset < 16]
        earlier += [pitch % 12 for onset, _, pitch, _ in notes if 10 <= onset < 15]

    def share(pitches: list[int], *classes: int) -> float:
        return sum(pitch in classes for pitch in pitches) / len(pitches)

    assert share(before, 1, 4, 2) > 0.65 > 0.55 > share(earlier, 1, 4, 2), "C#, E or D, before D"
    assert share(before, 7) < 0.02 < 0.08 < share(earlier, 7), "no G"


def test_answers_keep_the_key_of_the_phrase_and_the_range(monkeypatch: pytest.MonkeyPatch) -> None:
    scale = keys(*((i / 2, 0.5, pitch) for i, pitch in enumerate((62, 64, 66, 67, 69, 71, 73, 74))))
    stage = Stage(make(monkeypatch, FakeModel(), low=60, high=72)).play(scale, 12)
    assert {pitch % 12 for _, pitch in stage.plays} <= {2, 4, 6, 7, 9, 11, 1}
    assert all(60 <= pitch <= 72 for _, pitch in stage.plays) and len(stage.plays) > 10
    stage = Stage(make(monkeypatch, FakeModel(), key=2)).play(scale, 12)
    assert {pitch % 12 for _, pitch in stage.plays} <= {1, 3, 5, 6, 8, 10, 0}, "C# major, as set"


@pytest.mark.parametrize("most", [1, 2, 4])
def test_an_answer_copies_no_more_notes_in_a_row_than_allowed(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    tune = [60, 62, 64, 65, 67, 65, 64, 62] * 2

    def repeats(heard: tuple[int, ...], position: float) -> np.ndarray:
        return np.array([-5.0, -9.0, *(5.0 * (event(p) in heard[-8:][:1]) + (p in tune) for p in range(48, 84))])

    longest = 0
    for seed in range(8):
        engine = make(monkeypatch, FakeModel(repeats), copy=most)
        engine.reset({}, 0.0, seed)
        stage = Stage(engine).play(keys(*((i / 4, 0.25, p) for i, p in enumerate(tune))), 12)
        answer = [pitch for _, pitch in stage.plays]
        assert len(answer) > 8
        copied = (
            n for n in range(1, 9) for i in range(len(answer) - n + 1)
            if any(answer[i : i + n] == tune[j : j + n] for j in range(len(tune) - n + 1))
        )  # fmt: skip
        longest = max(longest, *copied)
    assert longest == most


def test_notes_that_the_last_answer_copied_do_not_count_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60, 62, 64, 65, 60)), options=CONTROL, copy=2, temperature=0)
    phrase = keys((0, 0.25, 62), (0.25, 0.25, 64), (0.5, 0.25, 65))
    played = [*phrase, pedal(0.9), pedal(1, 0), pedal(1.9), pedal(2, 0)]
    assert [pitch for _, pitch in Stage(engine).play(played, 4).plays][:5] == [60, 60, 62, 64, 65]


def test_an_answer_copies_earlier_answers_no_more_than_the_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    """At temperature 0 the model would give the same answer again; it differs where it would copy too many notes."""
    engine = make(monkeypatch, FakeModel(cycle_of(60, 62, 64, 65)), options=CONTROL, copy=2, temperature=0)
    phrase = keys((0, 0.25, 72), (0.25, 0.5, 71))
    played = [*phrase, pedal(0.9), pedal(1, 0), pedal(2.9), pedal(3, 0)]
    answers = [pitch for _, pitch in Stage(engine).play(played, 5).plays]
    first, second = answers[: len(answers) // 2], answers[len(answers) // 2 :]
    assert second != first
    assert not any(second[i : i + 3] == first[j : j + 3] for i in range(len(second)) for j in range(len(first) - 2))


def test_a_model_hears_the_phrase_in_its_own_transposition(monkeypatch: pytest.MonkeyPatch) -> None:
    for mode in (0, 1):
        model = FakeModel(transpose=lambda events: 3 if any(e >= 2 for e in events) else 0)
        Stage(make(monkeypatch, model, duet=mode)).play(PHRASE, 3)
        assert model.states[-1].transpose == 3 and len(model.heard) in (11, 12), mode


def test_a_phrase_in_another_key_is_answered_in_that_key(monkeypatch: pytest.MonkeyPatch) -> None:
    g_major, d_minor = (67, 71, 74, 72, 71, 69, 66, 67), (74, 69, 65, 64, 70, 69, 67, 62)
    phrases = [keys(*((start + i, 1, p) for i, p in enumerate(tune))) for start, tune in ((0, g_major), (16, d_minor))]
    stage = Stage(make(monkeypatch, FakeModel(), options=BARS, copy=32)).play([*phrases[0], *phrases[1]], 32)
    assert {p % 12 for o, p in stage.plays if o < 16} <= {7, 9, 11, 0, 2, 4, 6}
    assert {p % 12 for o, p in stage.plays if o >= 16} <= {5, 7, 9, 10, 0, 2, 4}


def test_velocities_follow_the_phrase_as_far_as_the_setting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    played = [*keys((0, 1, 60), velocity=20), *keys((1, 0.9, 62), velocity=120)]
    for share, expected in ((1.0, {0: 20, 1: 120}), (0.5, {0: 50, 1: 100}), (0.0, {0: 80, 1: 80})):
        stage = Stage(make(monkeypatch, FakeModel(cycle_of(60)), velocity=share)).play(played, 8)
        assert [n[3] for n in sounded(stage.actions)] == [expected[i // 4] for i in range(5)], share


def test_loop_repeats_the_answer_at_its_place_in_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(), options=CONTROL)
    played = [*keys((0, 2.9, 60)), pedal(2.5), (3.5, "loop", 1.0), (12.0, "loop", 0.0)]
    notes = sounded(Stage(engine).play(played, 24).actions)
    first = [(n[0], n[2]) for n in notes if n[0] < 6]
    assert first[0][0] == 3 and max(n[1] for n in notes) == 14
    assert [(n[0], n[2]) for n in notes] == [(o + turn * 4, p) for turn in range(3) for o, p in first]


def test_a_loop_goes_on_under_a_phrase_until_the_next_answer_replaces_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(*SCALE)), options=CONTROL, loop=1.0)
    played = [*keys((0, 0.9, 60)), pedal(0.5), pedal(0.6, 0), *keys((5.0, 2.9, 50)), pedal(7.5)]
    stage = Stage(engine).play(played, 17)
    assert onsets(stage)[:8] == [1, 1.25, 1.5, 1.75, 5, 5.25, 5.5, 5.75], "the loop goes on"
    assert onsets(stage)[8:16] == sixteenths(8, 3)[:8] and onsets(stage)[16] >= 10, "an answer to three beats"


def test_loop_turned_up_later_plays_the_last_answer_again(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(*SCALE)), options=CONTROL)
    played = [*keys((0, 0.9, 60)), pedal(0.5), (5.5, "loop", 1.0), (6.5, "loop", 0.0), (9.5, "loop", 0.3)]
    stage = Stage(engine).play(played, 12)
    assert onsets(stage) == [1, 1.25, 1.5, 1.75, 6, 6.25, 6.5, 6.75]
    assert [p for _, p in stage.plays[:4]] == [p for _, p in stage.plays[4:]]


def test_mutate_keeps_rhythm_and_contour(monkeypatch: pytest.MonkeyPatch) -> None:
    def holds_often(heard: tuple[int, ...], position: float) -> np.ndarray:
        return np.array([2.0, 1.0, *np.zeros(36)])

    for share in (0.0, 0.3, 1.0):
        engine = make(monkeypatch, FakeModel(holds_often), options=BARS, bars=4, loop=1.0, mutate=share, copy=32)
        stage = Stage(engine).play(keys((0, 15, 60)), 48)
        turns = [[n for n in sounded(stage.actions) if start <= n[0] < start + 16] for start in (16, 32)]
        (a, b) = turns
        assert [n[0] + 16 for n in a] == [n[0] for n in b] and len(a) > 20
        changed = sum(x[2] != y[2] for x, y in zip(a, b, strict=True)) / len(a)
        assert changed == share if share in (0, 1) else 0.1 < changed < 0.5
        ways = [[np.sign(y[2] - x[2]) for x, y in pairwise(turn)] for turn in turns]
        same = sum(x == y for x, y in zip(*ways, strict=True)) / len(ways[0])
        assert same > 0.94, share  # at an edge of the range, no other note may keep the contour


def test_density_makes_more_or_fewer_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = [
        len(Stage(make(monkeypatch, FakeModel(), options=BARS, bars=4, density=d)).play(keys((0, 1, 60)), 32).plays)
        for d in (-4, -2, 0, 4)
    ]
    assert counts == sorted(counts) and counts[0] < 25 and counts[-1] == 61


def test_settings_take_effect_while_an_answer_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(), options=BARS, bars=2)
    stage = Stage(engine).play([*keys((0, 1, 60)), (11.9, "low", 70.0), (13.9, "high", 70.0)], 16)
    assert {p for o, p in stage.plays if o >= 14} == {70} and min(p for o, p in stage.plays if 12 <= o < 14) >= 70
    assert min(p for o, p in stage.plays if o < 12) < 70


def test_a_note_outside_a_changed_range_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    def holds(heard: tuple[int, ...], position: float) -> np.ndarray:
        return np.array([0.0, -20.0, *(-12.0 for _ in range(36))])

    engine = make(monkeypatch, FakeModel(holds), options=BARS, bars=2, high=60)
    notes = sounded(Stage(engine).play([*keys((0, 1, 60)), (9.4, "high", 83.0), (9.4, "low", 70.0)], 16).actions)
    assert notes[0][2] <= 60 and notes[0][:2] == (8, 9.5)
    assert notes[1][2] >= 70


def test_a_controller_that_only_sends_127_requests_an_answer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)), options=CONTROL)
    played = [
        *keys(*((start + i / 4, 0.2, 64) for start in (0, 8) for i in range(4))),
        (1.5, "answer", 1.0),
        (9.5, "answer", 1.0),
    ]
    assert onsets(Stage(engine).play(played, 16)) == [*sixteenths(2, 1), *sixteenths(10, 1)]
    engine = make(monkeypatch, FakeModel(cycle_of(60)), options=CONTROL)
    swept = [
        *keys(*((i / 4, 0.2, 64) for i in range(4))),
        (1.5, "answer", 0.6),
        (3.5, "answer", 0.7),
        (4.5, "answer", 0.8),
    ]
    assert onsets(Stage(engine).play(swept, 16)) == sixteenths(2, 1), "a knob that is turned up requests one answer"


def test_the_mode_changes_from_answers_to_a_second_voice_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    held = [on(6, 72), off(11.5, 72), *keys((16, 0.9, 64))]
    stage = Stage(make(monkeypatch, FakeModel(), density=4)).play(
        [*PHRASE, *held, (5.5, "duet", 1.0), (7, "low", 60), (12.3, "duet", 0.0)], 24
    )
    notes = sounded(stage.actions)
    assert max(end for onset, end, *_ in notes if onset < 5.7) <= 5.75, "the answer ends"
    second = [note for note in notes if 5.8 < note[0] < 12]
    assert second[0][0] == 6 and second[-1][1] <= 12.5 and len(second) > 4
    assert next((note[0], notes[-1][1]) for note in notes if note[0] > 12.5) == (18, 19)
    assert all(end < float("inf") for _, end, *_ in notes)


@pytest.mark.parametrize("mode", [0, 1])
def test_a_key_just_after_a_change_of_mode_counts(monkeypatch: pytest.MonkeyPatch, mode: int) -> None:
    engine = make(monkeypatch, FakeModel(), duet=1 - mode, density=4)
    stage = Stage(engine).play([*keys((4, 0.9, 60)), (8.05, "duet", mode), on(8.1, 72), off(12, 72)], 20)
    later = [note for note in sounded(stage.actions) if note[0] > 8]
    if mode:
        assert len([note for note in later if note[0] < 12]) > 3
    else:
        assert (later[0][0], later[-1][1]) == (13, 17)


def test_a_pedal_released_in_the_other_mode_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)), options=CONTROL, duet=1)
    played = [*keys((0, 0.9, 64)), pedal(0.5), (3, "duet", 0), pedal(4.5, 0), *keys((8, 0.9, 64)), pedal(9.5)]
    stage = Stage(engine).play(played, 20)
    assert not engine._state.line.held
    assert [onset for onset in onsets(stage) if onset > 5] == sixteenths(10, 1)


def test_a_change_of_tempo_changes_no_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(make(monkeypatch, FakeModel(cycle_of(60)))).play(PHRASE, 2)
    stage.tempo = 190
    assert onsets(stage.play(PHRASE[4:], 14)) == sixteenths(5, 4)


def test_chords_are_answered_as_their_top_line(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(cycle_of(60))
    chords = [e for onset in (0, 1) for pitch in (48, 64, 67) for e in keys((onset + pitch / 9999, 0.9, pitch + onset))]
    Stage(make(monkeypatch, model)).play(chords, 2)
    assert model.heard == (event(67), 0, 0, 0, event(68), 0, 0)


def test_a_line_is_forgotten_after_a_bar_of_silence_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(cycle_of(60))
    stage = Stage(make(monkeypatch, model)).play([*keys((0, 0.9, 60)), *keys((6.0, 0.9, 62))], 6.5)
    assert len(model.heard) == 25 and event(60) in model.heard
    stage.play(keys((16, 0.9, 64)), 16.5)
    assert model.heard == (event(64),)


def test_a_jump_forgets_the_line_and_ends_the_note_that_sounds(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(make(monkeypatch, FakeModel(cycle_of(60)))).play(PHRASE, 7)
    for frame in (400, 8):
        stage.frame = frame
        stage.play([], frame / 4 + 0.25)
    assert stage.actions[-1] == Stop(100.0, "melody")
    stage.engine.reset({}, 0.0, 1)
    assert not list(stage.engine.generate(window(0.0)))


def test_missed_windows_are_caught_up(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(cycle_of(*SCALE))
    stage = Stage(make(monkeypatch, model)).play(PHRASE, 6)
    stage.frame += 4
    stage.play([], 8)
    assert model.states[-1].positions == tuple(i / 4 % 4 for i in range(32))


def test_nothing_is_played_while_the_clock_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    for mode in (0, 1):
        engine = make(monkeypatch, FakeModel(), options=CONTROL, duet=mode)
        assert not [a for e in [*PHRASE, pedal(5)] for a in engine.listen(e)]
        Stage(engine).play(PHRASE, 6)
        engine.reset({}, 6.0, 1)
        assert not [a for e in [*PHRASE, pedal(5)] for a in engine.listen(e)]


def test_it_needs_a_model() -> None:
    with pytest.raises(ModelError, match="model:"):
        MelodyPlayer(Setup(MelodyPlayer.Options())).prepare()
    path = Path(__file__).parents[2] / "data" / "tiny_harmoniser.onnx"
    with pytest.raises(ModelError, match="harmoniser"):
        MelodyPlayer(Setup(MelodyPlayer.Options(), {}, path)).prepare()


def random_phrase(random: np.random.Generator) -> list[MidiEvent]:
    """Up to 40 keys, some at once, some with pedal, within 12 beats; all are released at the end."""
    out: list[MidiEvent] = []
    for _ in range(int(random.integers(1, 40))):
        onset, length = float(random.uniform(0, 10)), float(random.exponential(0.5)) + 0.01
        out += keys((onset, min(length, 12 - onset), int(random.integers(128))))
    if random.random() < 0.3:
        out += [pedal(float(random.uniform(0, 5))), pedal(float(random.uniform(5, 12)), 0)]
    return sorted(out, key=lambda e: e.beat)


@pytest.mark.parametrize("seed", range(25))
def test_whatever_is_played_the_answer_begins_on_the_next_beat_and_every_note_ends(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random = np.random.default_rng(seed)
    phrase, meter = random_phrase(random), float(random.choice([4.0, 3.0, 5.0]))
    asked = float(random.uniform(phrase[-1].beat, phrase[-1].beat + 3))
    engine = make(monkeypatch, FakeModel(), options=CONTROL, copy=float(random.integers(1, 8)))
    stage = Stage(engine, meter=meter, tempo=float(random.uniform(40, 240)))
    quiet = [e for e in phrase if e.message[0] & 0xF0 != 0xB0]
    stage.play([*quiet, pedal(asked), pedal(asked + 0.1, 0)], 40)
    notes = sounded(stage.actions)
    first = math.ceil(asked)
    assert notes[0][0] == first
    assert all(first <= onset < end < 40 for onset, end, _, _ in notes)
    rest = Stage(make(monkeypatch, FakeModel(), rest=1.0), meter=meter).play(phrase, 40)
    gaps = sounded(rest.actions)
    assert gaps and all(onset < end < 40 for onset, end, _, _ in gaps)
    assert gaps[0][0] % 1 == 0 or gaps[0][0] % meter == 0


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("seed", range(10))
def test_the_same_seed_gives_the_same_answer(monkeypatch: pytest.MonkeyPatch, mode: int, seed: int) -> None:
    phrase = random_phrase(np.random.default_rng(seed))
    engine = make(monkeypatch, FakeModel(), duet=mode)

    def played(number: int) -> list[Play | Stop]:
        engine.reset({}, 0.0, number)
        return Stage(engine).play(phrase, 30).actions

    assert played(5) == played(5) != played(6)


MODELS = (
    *sorted((Path(__file__).parents[2] / "data").glob("tiny_melody*.onnx")),
    *sorted(folder().glob("melody*.onnx")),
)


@pytest.mark.parametrize("duet", [0, 1])
@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_model_plays(path: Path, duet: int) -> None:
    engine = MelodyPlayer(Setup(MelodyPlayer.Options(), {"duet": duet}, path, ("keys",)))
    engine.prepare()
    engine.reset({}, 0.0, 1)
    scale = keys(*((i / 2, 0.5, pitch) for i, pitch in enumerate((62, 64, 66, 67, 69, 66, 64, 62))))
    notes = sounded(Stage(engine).play(scale, 12).actions)
    assert notes and all(end <= 9 for _, end, _, _ in notes)
    assert notes[0][0] == (0 if duet else 5)
