"""The choir under the chords of a plan, with a fake model that knows nothing of chords."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from daemon import models
from daemon.encodings.chorale import LOWEST, RANGES, UNKNOWN, VOICES
from daemon.engines.base import Setup
from daemon.engines.harmoniser.chord_limits import choices, planned_limits
from daemon.engines.harmoniser.engine import Harmoniser
from daemon.engines.options import make_options
from daemon.engines.shared.followed_plan import FollowedPlan
from daemon.music.events import Action, Play, Stop
from daemon.music.feel import Feel, swung
from daemon.music.plan import BREAK, ENDING, Plan
from tests.engines.harmoniser.fake import FakeModel, make, melody, off, on, run
from tests.engines.shared.charts import (
    BLUES,
    HYMN,
    RHYTHM_CHANGES,
    agreement,
    chords_of,
    pitch_classes,
    plan_of,
    sounding_at,
)

LOWER = VOICES[1:]
TUNE = tuple((float(beat), 1.0, 62 + beat * 5 % 14) for beat in range(48))  # of the chords it knows nothing


def wandering(voice: int, previous: list[int | None], known: list[int | None], position: int) -> int:
    """Another note in every 16th, in every voice."""
    return (68, 64, 57, 45)[voice] + position * 5 % 8


def follower(
    monkeypatch: pytest.MonkeyPatch, model: Any = None, listen: tuple[str, ...] = ("keys", "lead"), **options: Any
) -> Harmoniser:
    engine = make(monkeypatch, model or FakeModel(wandering), temperature=1.0, **options)
    engine = Harmoniser(Setup(engine.options, {"temperature": 1.0, "top_p": 1.0}, engine.setup.model, listen))
    engine.prepare()
    engine.reset({}, 0.0, 1)
    return engine


def learn(engine: Harmoniser, plan: Plan) -> list[Action]:
    return list(engine.learn("lead", plan))


def beats(end: float, swing: float = 50.0) -> dict[float, float]:
    return {float(beat): swung(float(beat), swing) for beat in range(int(end))}


@pytest.mark.parametrize("chart", [BLUES, RHYTHM_CHANGES, HYMN])
def test_a_composed_chorale_has_the_planned_chords_on_all_beats(monkeypatch: pytest.MonkeyPatch, chart: str) -> None:
    engine = follower(monkeypatch, given=("none",))
    actions = learn(engine, plan_of(chart))
    end = 4.0 * len(chart.split())
    actions += run(engine, 0, end)
    assert agreement(actions, chords_of(chart), VOICES, beats(end)) == (1.0, [])
    assert all(len(sounding_at(actions, beat)) == 4 for beat in beats(end))


def test_the_counter_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = follower(monkeypatch, given=("none",))
    share, wrong = agreement(run(engine, 0, 48), chords_of(BLUES), VOICES, beats(48))
    assert share < 0.3 and len(wrong) > 30, "without a plan"


def test_under_keys_the_other_voices_have_the_chord_whatever_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = follower(monkeypatch)
    actions = learn(engine, plan_of(BLUES))
    for onset, duration, pitch in TUNE:
        actions += run(engine, onset, onset + 0.25)
        actions += engine.listen(on(onset + 0.01, pitch))
        actions += run(engine, onset + 0.25, onset + duration)
        actions += engine.listen(off(onset + 0.98, pitch))
    moments = {beat: beat + 0.02 for beat in beats(48)}
    assert agreement(actions, chords_of(BLUES), LOWER, moments) == (1.0, [])
    soprano = [action.pitch for action in actions if isinstance(action, Play) and action.voice == "soprano"]
    assert soprano == [pitch for _, _, pitch in TUNE]


def test_a_key_just_before_the_beat_has_the_chord_of_that_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = follower(monkeypatch)
    learn(engine, plan_of("C Db"))
    run(engine, 0, 4)
    answer = [a for a in engine.listen(on(3.97, 68)) if isinstance(a, Play) and a.voice != "soprano"]
    assert {a.pitch % 12 for a in answer} <= pitch_classes("Db")


def test_a_known_melody_is_harmonised_ahead_with_the_chords(monkeypatch: pytest.MonkeyPatch) -> None:
    tune = melody(*TUNE, length=48.0)
    engine = follower(monkeypatch, listen=("tune", "lead"))
    engine.reset({"tune": tune}, 0.0, 1)
    actions = learn(engine, plan_of(BLUES)) + run(engine, 0, 48)
    assert agreement(actions, chords_of(BLUES), LOWER, beats(48)) == (1.0, [])


def test_the_melody_of_the_plan_leads_and_swings(monkeypatch: pytest.MonkeyPatch) -> None:
    tune = [(0.0, 1.0, 69), (1.0, 0.5, 72), (1.5, 0.5, 74), (2.0, 2.0, 71), (4.0, 4.0, 70)]
    engine = follower(monkeypatch, listen=("keys", "lead"))
    plan = plan_of("F7 Bb7", Feel("swing", 66.0), melody=tune)
    actions = learn(engine, plan)
    assert list(engine.listen(on(0.0, 69, source="lead"))) == [], "it is known, so it is not answered"
    actions += run(engine, 0, 8)
    soprano = [(a.onset, a.duration, a.pitch) for a in actions if isinstance(a, Play) and a.voice == "soprano"]
    assert [(pytest.approx(o), pytest.approx(d), p) for o, d, p in soprano] == [
        (0.0, 1.0, 69), (1.0, 0.66, 72), (1.66, 0.34, 74), (2.0, 2.0, 71), (4.0, 4.0, 70)
    ]  # fmt: skip
    assert agreement(actions, plan.chords, LOWER, beats(8)) == (1.0, [])
    answer = list(engine.listen(on(8.1, 65)))
    assert answer[0] == Play(8.1, 65, 80, "soprano"), "keys come first"


def test_a_plan_that_comes_while_it_sounds_counts_also_for_what_was_written_ahead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = follower(monkeypatch)
    actions = learn(engine, plan_of("C C C C", melody=TUNE[:16])) + run(engine, 0, 5)
    actions += learn(engine, Plan(5.0, chords_of("F#m", start=5.0), melody=plan_of("C", melody=TUNE[5:16]).melody))
    actions += run(engine, 5, 9)
    assert agreement(actions, chords_of("C"), LOWER, beats(4))[0] == 1.0
    assert agreement(actions, chords_of("F#m", start=5.0), LOWER, beats(9)) == (1.0, [])
    notes = [a.onset for a in actions if isinstance(a, Play) and a.voice == "soprano"]
    assert notes == [float(beat) for beat in range(9)], "the melody goes on, and nothing is played twice"


@pytest.mark.parametrize("kind", ["compose", "keys"])
def test_a_plan_that_comes_late_changes_the_present_16th(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    engine = follower(monkeypatch, given=("none",) if kind == "compose" else ("soprano",))
    actions = list(engine.listen(on(0.0, 69))) if kind == "keys" else []
    actions += run(engine, 0, 0.25)
    late = learn(engine, plan_of("Db7 C"))
    assert late and all(action.onset == 0 for action in late)
    actions += late + run(engine, 0.25, 4)
    voices = VOICES if kind == "compose" else LOWER
    moments = {beat: beat + 0.01 for beat in beats(4)}  # under keys the voices move 15 ms late
    assert agreement(actions, chords_of("Db7"), voices, moments) == (1.0, [])


def test_a_plan_without_chords_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    played = []
    for plans in ((), (Plan(0.0), plan_of("", None, [(0, 8, "A")]), plan_of("nonsense ?"))):
        for given in ("soprano", "none"):
            engine = follower(monkeypatch, given=(given,))
            actions = [action for plan in plans for action in learn(engine, plan)]
            actions += [*run(engine, 0, 3), *engine.listen(on(3.1, 69)), *run(engine, 3.25, 6)]
            played.append(actions)
    assert played[0] == played[2] and played[1] != [] and played[3] == []


def test_off_the_beat_a_voice_passes_by_step_through_the_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = FollowedPlan(("lead",))
    plan.learn("lead", plan_of("C F G C"))
    previous = np.array([[72, 67, 60, 48]]) - LOWEST
    known = np.array([[72 - LOWEST, UNKNOWN, UNKNOWN, UNKNOWN]])

    def alto(frame: int) -> list[int]:
        mask, _ = choices(1, previous, known, planned_limits(plan, frame, frame % 16))
        return (np.flatnonzero(mask[0]) + LOWEST).tolist()

    chord = [pitch for pitch in range(RANGES["alto"][0], 73) if pitch % 12 in (0, 4, 7)]
    assert alto(0) == alto(4) == chord
    assert alto(5) == sorted({*chord, 65, 67, 69})


def test_where_the_chord_leaves_no_room_between_the_voices_they_may_cross() -> None:
    plan = FollowedPlan(("lead",))
    plan.learn("lead", plan_of("C"))
    known = np.array([[62, -1, 61, -1]]) - LOWEST
    known[known < 0] = UNKNOWN
    mask, _ = choices(1, np.full((1, 4), UNKNOWN), known, planned_limits(plan, 0, 0))
    assert {pitch % 12 for pitch in np.flatnonzero(mask[0]) + LOWEST} == {0, 4, 7}


def test_parallels_cost_more_than_without_a_plan() -> None:
    plan = FollowedPlan(("lead",))
    plan.learn("lead", plan_of("C"))
    previous, known = np.array([[72, 64, 60, 53]]) - LOWEST, np.array([[74, 64, 60, LOWEST + UNKNOWN]]) - LOWEST
    _, plain = choices(3, previous, known, None)
    _, planned = choices(3, previous, known, planned_limits(plan, 1, 1))
    fifth = 55 - LOWEST
    assert plain is not None and planned is not None and planned[0, fifth] == 1.5 * plain[0, fifth] == 9.75


class Indifferent(FakeModel):
    """Likes no note better than another."""

    def head(self, state: Any, previous: Any, known: Any, voice: Any) -> tuple[np.ndarray, np.ndarray]:
        log_probs, tie = super().head(state, previous, known, voice)
        return np.full_like(log_probs, -np.log(log_probs.shape[1])), tie


def test_the_bass_has_the_bass_of_the_chord_and_the_others_its_third_and_seventh(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = follower(monkeypatch, Indifferent(), given=("none",))
    chart = "F7 Bb7 Cm7 D/F# Bdim7 G7 Ebmaj7 D7"
    actions = learn(engine, plan_of(chart)) + run(engine, 0, 32)
    chords, guides = chords_of(chart), 0
    expected = {"F7": (5, 9, 3), "Bb7": (10, 2, 8), "Cm7": (0, 3, 10), "D/F#": (6, 6), "Bdim7": (11, 2, 8),
                "G7": (7, 11, 5), "Ebmaj7": (3, 7, 2), "D7": (2, 6, 0)}  # fmt: skip
    for chord in chords:
        notes = sounding_at(actions, chord.onset)
        bass, *tones = expected[chord.symbol]
        assert notes["bass"] % 12 == bass
        guides += set(tones) <= {pitch % 12 for pitch in notes.values()}
    assert guides >= 7


def test_notes_on_the_grid_swing(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = follower(monkeypatch, given=("none",))
    actions = learn(engine, plan_of("C F", Feel("swing", 66.0))) + run(engine, 0, 8)
    places = {round(action.onset % 1, 3) for action in actions}
    assert places == {0.0, 0.33, 0.66, 0.83}


def test_energy_is_loudness(monkeypatch: pytest.MonkeyPatch) -> None:
    loud = {}
    for energy in (0.0, 0.5, 1.0):
        engine = follower(monkeypatch, given=("none",))
        actions = learn(engine, plan_of("C", Feel("rock", 50.0, energy))) + run(engine, 0, 0.25)
        loud[energy] = [a.velocity for a in actions if isinstance(a, Play) and a.voice == "soprano"]
    assert loud == {0.0: [54], 0.5: [72], 1.0: [90]}


@pytest.mark.parametrize("kind", ["compose", "melody", "keys"])
def test_the_choir_is_silent_in_a_break_and_without_a_chord(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    engine = follower(monkeypatch, given=("none",) if kind == "compose" else ("soprano",))
    tune = [(beat + 0.5, 1.0, 69) for beat in range(16)] if kind == "melody" else []
    actions = learn(engine, plan_of("C C N.C. C", None, [(0, 4, "A"), (4, 4, BREAK), (8, 8, "B")], tune))
    actions += engine.listen(on(0.0, 69)) if kind == "keys" else []
    actions += run(engine, 0, 16)
    voices = [set(sounding_at(actions, beat)) for beat in (3.75, 4.5, 5.25, 7.75, 8.25, 11.75, 12.25)]
    lead = set() if kind == "compose" else {"soprano"}
    silent = lead if kind == "keys" else set()
    assert voices == [set(VOICES), set(VOICES), silent, silent, lead, lead, set(VOICES)]


@pytest.mark.parametrize("kind", ["compose", "melody"])
def test_the_last_chord_is_held_until_the_ending_is_over(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    engine = follower(monkeypatch, given=("none",) if kind == "compose" else ("soprano",))
    tune = [(0.0, 4.0, 69), (4.0, 4.0, 72)] if kind == "melody" else []
    actions = learn(engine, plan_of("F C", None, [(0, 4, "A"), (4, 4, ENDING)], tune)) + run(engine, 0, 16)
    held = sounding_at(actions, 4.0)
    assert len(held) == 4 and {pitch % 12 for pitch in held.values()} <= pitch_classes("C")
    later = [action for action in actions if action.onset > 4]
    assert sounding_at(actions, 7.9) == held and sounding_at(actions, 8.0) == {}
    assert all(isinstance(action, Stop) and action.onset == 8 for action in later)


def test_the_same_plan_and_seed_give_the_same_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    def played() -> list[Action]:
        engine = follower(monkeypatch, Indifferent(), given=("none",))
        return learn(engine, plan_of(BLUES)) + run(engine, 0, 12)

    assert played() == played()


def test_with_the_shipped_model_the_choir_sings_the_chart_with_little_motion() -> None:
    options = make_options(Harmoniser.Options, {"given": ["none"]})
    engine = Harmoniser(Setup(options, {}, models.find("bachbot"), ("lead",)))
    engine.prepare()
    engine.reset({}, 0.0, 1)
    actions = learn(engine, plan_of(HYMN)) + run(engine, 0, 32)
    chords = chords_of(HYMN)[:16]
    assert agreement(actions, chords, VOICES, beats(32)) == (1.0, [])
    notes = [sounding_at(actions, chord.onset) for chord in chords]
    motion = [abs(later[v] - before[v]) for before, later in pairwise(notes) for v in VOICES]
    assert np.mean(motion) < 4
    assert all(list(each.values()) == sorted(each.values(), reverse=True) for each in notes), "no voices cross"
