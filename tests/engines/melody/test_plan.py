"""The soloist over the chords of a plan, with a fake model that likes every note equally."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon import models
from daemon.encodings.melody.events import NO_EVENT, NOTE_OFF_EVENT
from daemon.engines.base import Setup
from daemon.engines.melody.engine import MelodyPlayer
from daemon.engines.options import make_options
from daemon.music.events import Action, Play
from daemon.music.feel import Feel, swung
from daemon.music.plan import BREAK, ENDING, Plan
from tests.engines.melody.fake import FakeModel, Stage, cycle_of, keys, make
from tests.engines.shared.charts import BLUES, chords_of, pitch_classes, plan_of, sounding_at

BARS = {"phrase": "bars"}
LISTEN = ("keys", "lead")
PHRASE = keys(*((float(beat), 0.9, 60 + beat % 5) for beat in range(8)))  # two bars
SCALES = {"F7": {5, 7, 9, 10, 0, 2, 3}, "Bb7": {10, 0, 2, 3, 5, 7, 8}}  # mixolydian


def answering(
    monkeypatch: pytest.MonkeyPatch, plan: Plan | None, model: FakeModel | None = None, **settings: float
) -> list[Action]:
    """What is played until beat 16: an answer from beat 8 on."""
    engine = make(monkeypatch, model or FakeModel(), LISTEN, BARS, copy=32, **settings)
    if plan is not None:
        assert list(engine.learn("lead", plan)) == []
    return Stage(engine).play(PHRASE, 16).actions


def plays(actions: list[Action]) -> list[Play]:
    return [action for action in actions if isinstance(action, Play)]


def symbol_at(chart: str, beat: float) -> str:
    return next(c.symbol for c in chords_of(chart) if c.onset <= beat < c.onset + c.duration)


def test_on_strong_beats_notes_of_the_chord_sound_and_elsewhere_of_its_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = 0
    for seed in range(6):
        engine = make(monkeypatch, FakeModel(), LISTEN, BARS, copy=32)
        engine.reset({}, 0.0, seed)
        list(engine.learn("lead", plan_of(BLUES)))
        actions = Stage(engine).play(PHRASE, 16).actions
        for beat in (8.0, 10.0, 12.0, 14.0):
            sounding = sounding_at(actions, beat)
            assert all(pitch % 12 in pitch_classes(symbol_at(BLUES, beat)) for pitch in sounding.values())
        for note in plays(actions):
            if (symbol := symbol_at(BLUES, note.onset)) in SCALES:
                assert note.pitch % 12 in SCALES[symbol]
            outside += note.pitch % 12 not in pitch_classes(symbol)
    assert outside > 20, "the scale is used, too"


def test_where_a_chord_begins_its_notes_are_required_on_any_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(6):
        engine = make(monkeypatch, FakeModel(), LISTEN, BARS, copy=32)
        engine.reset({}, 0.0, seed)
        list(engine.learn("lead", plan_of("C C F#,B7,E,A F#,B7,E,A")))
        actions = Stage(engine).play(PHRASE, 16).actions
        for beat, symbol in zip(range(8, 16), ("F#", "B7", "E", "A") * 2, strict=True):
            assert all(pitch % 12 in pitch_classes(symbol) for pitch in sounding_at(actions, beat).values())


def test_without_a_plan_the_key_is_that_of_the_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = answering(monkeypatch, None)
    assert plain == answering(monkeypatch, Plan(0.0)) == answering(monkeypatch, plan_of("? nonsense"))
    assert plain != answering(monkeypatch, plan_of(BLUES))


def test_an_answer_ends_on_a_note_of_the_chord_best_its_root(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of("C C C F#")
    last = {plays(answering(monkeypatch, plan, temperature=1.5, low=low))[-1].pitch % 12 for low in range(48, 60)}
    assert last <= pitch_classes("F#")
    assert plays(answering(monkeypatch, plan, temperature=0.0, low=60.0))[-1].pitch % 12 == 6


def test_a_fixed_key_stays_but_for_strong_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    actions = plays(answering(monkeypatch, plan_of("C C Db Db"), key=1))
    strong = {note.pitch % 12 for note in actions if note.onset % 2 == 0}
    weak = {note.pitch % 12 for note in actions if note.onset % 1}
    assert strong <= pitch_classes("Db") and weak <= {0, 2, 4, 5, 7, 9, 11}


def test_notes_swing_and_swung_keys_are_heard_as_eighths(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(cycle_of(60, 62, 64, 65))
    engine = make(monkeypatch, model, LISTEN, BARS, bars=1)
    list(engine.learn("lead", plan_of("C C", Feel("swing", 67.0))))
    played = keys(*((swung(n / 2, 67.0), 0.2, 60 + n) for n in range(8)))
    actions = Stage(engine).play(played, 8).actions
    heard = [at for at, each in enumerate(model.heard[:16]) if each not in (NO_EVENT, NOTE_OFF_EVENT)]
    assert heard == [0, 2, 4, 6, 8, 10, 12, 14]
    assert {round(note.onset % 1, 3) for note in plays(actions)} == {0.0, 0.335, 0.67, 0.835}


def test_a_loop_fits_its_notes_to_the_chords(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60, 62, 64, 65)), LISTEN, BARS, bars=1, copy=32, loop=1.0)
    list(engine.learn("lead", plan_of("C C Db Db")))
    actions = plays(Stage(engine).play(PHRASE[:8], 16).actions)
    assert {note.pitch % 12 for note in actions if 8 <= note.onset < 12 and note.onset % 2 == 0} <= pitch_classes("Db")
    assert [note.onset for note in actions if 8 <= note.onset < 12]


@pytest.mark.parametrize("name", [BREAK, ENDING])
@pytest.mark.parametrize("chart", ["C C C C C C C C", "C C C N.C. C C C C"])
def test_the_soloist_is_silent_after_the_first_beat_of_a_break_or_an_ending(
    monkeypatch: pytest.MonkeyPatch, name: str, chart: str
) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)), LISTEN, BARS, copy=32, bars=1, loop=1.0)
    list(engine.learn("lead", plan_of(chart, None, [(0, 12, "A"), (12, 4, name), (16, 16, "A")])))
    actions = Stage(engine).play(PHRASE[:8], 24).actions
    onsets = [note.onset for note in plays(actions)]
    assert sounding_at(actions, 12.5) and not sounding_at(actions, 13.0)
    assert not any(13 <= onset < 16 for onset in onsets) and max(onsets) > 16


def test_the_leader_is_followed_and_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(cycle_of(60)), LISTEN, BARS, copy=32)
    played = [replace(event, source="lead") for event in PHRASE]
    assert plays(Stage(engine).play(played, 16).actions), "without a plan a player is answered"
    engine.reset({}, 0.0, 1)
    list(engine.learn("lead", plan_of("C C C C")))
    assert not plays(Stage(engine).play(played, 16).actions)


def test_in_a_duet_the_voice_has_notes_of_the_chord_that_fit_yours(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(), LISTEN, copy=32, duet=1.0, rest=8.0)
    list(engine.learn("lead", plan_of("C F")))
    actions = Stage(engine).play(keys((0, 4, 76), (4, 3.9, 77)), 8).actions
    for beat, symbol in ((2, "C"), (4, "F"), (6, "F")):
        sounding = sounding_at(actions, beat + 0.05)
        assert sounding and all(pitch % 12 in pitch_classes(symbol) for pitch in sounding.values())


@pytest.mark.parametrize(("chart", "end"), [("C C", 8.0), ("C N.C.", 5.0)])
def test_in_a_duet_the_voice_is_silent_after_the_ending(
    monkeypatch: pytest.MonkeyPatch, chart: str, end: float
) -> None:
    engine = make(monkeypatch, FakeModel(), LISTEN, copy=32, duet=1.0)
    list(engine.learn("lead", plan_of(chart, None, [(0, 4, "A"), (4, 4, ENDING)])))
    played = keys(*((float(beat), 0.9, 72) for beat in range(14)))
    onsets = [note.onset for note in plays(Stage(engine).play(played, 14).actions)]
    assert onsets and not any(onset >= end for onset in onsets)


def test_in_a_duet_your_note_counts_more_than_the_chord(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(), LISTEN, copy=32, duet=1.0)
    list(engine.learn("lead", plan_of("F#")))  # none of its notes is consonant with C
    actions = plays(Stage(engine).play(keys((0, 3.9, 72)), 4).actions)
    assert actions[0].onset == 0 and all((72 - note.pitch) % 12 in (0, 3, 4, 7, 8, 9) for note in actions)


def test_in_a_duet_a_note_that_leaves_the_chord_ends_even_if_it_fits_yours(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(8):
        engine = make(monkeypatch, FakeModel(), LISTEN, copy=32, duet=1.0)
        engine.reset({}, 0.0, seed)
        list(engine.learn("lead", plan_of("C F#")))
        actions = Stage(engine).play(keys((0, 3.8, 76), (3.94, 3.9, 76)), 5).actions
        assert {pitch % 12 for pitch in sounding_at(actions, 4.05).values()} <= pitch_classes("F#")


def test_after_the_ending_nothing_is_answered_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(), LISTEN, copy=32)
    list(engine.learn("lead", plan_of("C C C C", None, [(0, 12, "A"), (12, 4, ENDING)])))
    stage = Stage(engine).play(keys(*((float(beat), 0.9, 60 + beat % 5) for beat in range(15))), 16)
    assert engine.owes(16.0)
    stage.play([], 24)
    assert not engine.owes(24.0) and not [note for note in plays(stage.actions) if note.onset >= 16]


def test_with_the_shipped_model_all_notes_on_strong_beats_are_notes_of_the_chord() -> None:
    """Of a blues, of which the musician plays two bars of each four; without the plan about half are."""
    chart, shares = " ".join([BLUES] * 2), []
    for planned in (True, False):
        settings = {setting.name: float(setting.default) for setting in MelodyPlayer.settings}
        options = make_options(MelodyPlayer.Options, BARS)
        engine = MelodyPlayer(Setup(options, settings, models.find("melody"), LISTEN))
        engine.prepare()
        engine.reset({}, 0.0, 1)
        if planned:
            list(engine.learn("lead", plan_of(chart, Feel("blues", 66.0))))
        eighths = [n / 2 for n in range(192) if n / 2 % 16 < 8]
        played = keys(*((swung(beat, 66.0), 0.3, 60 + min(pitch_classes(symbol_at(chart, beat)))) for beat in eighths))
        actions = Stage(engine).play(played, 96).actions
        strong = {beat: sounding_at(actions, beat) for beat in range(0, 96, 2)}
        fits = [p % 12 in pitch_classes(symbol_at(chart, beat)) for beat, s in strong.items() for p in s.values()]
        assert len(fits) > 15
        shares.append(sum(fits) / len(fits))
    assert shares[0] == 1.0 and shares[1] < 0.75
