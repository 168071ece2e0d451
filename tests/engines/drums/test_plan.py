"""The drummer with a plan: the groove and swing of its feel, energy, variations, sections, breaks and endings."""

from __future__ import annotations

from statistics import median

import pytest

from daemon import models
from daemon.encodings.drums.hits import TICKS
from daemon.engines.base import Setup
from daemon.engines.drums.engine import Drums
from daemon.engines.drums.feels import GROOVES, groove_of, own_swing
from daemon.engines.drums.primer import shipped_grooves
from daemon.engines.options import make_options
from daemon.music.events import Action, MidiEvent, Play, note_on
from daemon.music.feel import FEELS, Feel
from daemon.music.plan import BREAK, ENDING, Plan, Section
from tests.engines.drums.fake import CLOSED, CRASH, GRID, KICK, FakeModel, make, onsets_of, plays, run, window
from tests.engines.page import TEXT
from tests.engines.shared.charts import plan_of

RIDE = 51
FORM = [(0.0, 16.0, "A"), (16.0, 32.0, "B"), (48.0, 8.0, "A")]  # 14 bars


def follower(
    monkeypatch: pytest.MonkeyPatch, model: FakeModel | None = None, **settings: float
) -> tuple[Drums, FakeModel]:
    """It listens to `keys`, and keys never plan; here they do."""
    model = model or FakeModel()
    return make(monkeypatch, model, {"fill_every": 8.0, **settings}), model


def learn(engine: Drums, feel: Feel | None, sections: list[tuple[float, float, str]] = FORM) -> list[Action]:
    return list(engine.learn("keys", plan_of("C " * 16, feel, sections)))


def shipped(feel: Feel, bars: int, meter: float = 4.0, sections: list[tuple[float, float, str]] | None = None,
            model: str = "drums") -> list[Play]:  # fmt: skip
    """What the shipped model plays."""
    engine = Drums(Setup(make_options(Drums.Options, {}), {}, models.find(model), ("lead",)))
    engine.prepare()
    engine.reset({}, 0.0, 1)
    actions = list(engine.learn("lead", plan_of("C " * bars, feel, sections or [], bar=meter)))
    actions += run(engine, 0, bars * meter, meter, 132.0)
    return [action for action in actions if isinstance(action, Play)]


# groove and swing


def test_every_feel_has_a_groove_in_each_meter() -> None:
    assert GROOVES.keys() == FEELS.keys()
    for feel in FEELS:
        for beats in (3, 4, 5):
            groove = groove_of(feel, beats * TICKS)
            assert groove is not None and groove.bar == beats * TICKS


def test_six_eight_has_its_groove_where_three_four_has_another(monkeypatch: pytest.MonkeyPatch) -> None:
    for is_compound, expected in ((False, "waltz"), (True, "six_eight")):
        engine = make(monkeypatch, groove="random")
        list(engine.learn("keys", plan_of("C " * 16, Feel("folk", is_compound=is_compound), [], bar=3.0)))
        run(engine, 0, 6, 3.0)
        assert engine._primer.name == expected


def test_the_documentation_has_the_groove_of_each_feel() -> None:
    for feel, (of_four, of_three) in GROOVES.items():
        assert f"| {feel} | `{of_four}` | `{of_three}` |" in TEXT


def test_a_random_groove_is_that_of_the_feel_and_a_chosen_one_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for groove, expected in (("random", "shuffle"), ("bossa", "bossa")):
        engine = make(monkeypatch, groove=groove)
        learn(engine, Feel("blues", 66.0))
        run(engine, 0, 4)
        assert engine._primer.name == expected


def test_another_feel_brings_its_groove_at_the_next_bar_line(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, groove="random")
    learn(engine, Feel("rock"))
    run(engine, 0, 6)
    list(engine.learn("keys", Plan(6.0, feel=Feel("bossa"))))
    names = [(engine._primer.name, list(engine.generate(window(beat / 4))))[0] for beat in range(24, 40)]
    assert engine._primer.name == "bossa" and names.count("rock") == 9


@pytest.mark.parametrize("energy", [0.0, 0.1, 0.5])
def test_folk_is_softer_than_swing_also_with_little_energy(monkeypatch: pytest.MonkeyPatch, energy: float) -> None:
    loudness = {}
    for feel in ("folk", "swing"):
        engine, _ = follower(monkeypatch)
        learn(engine, Feel(feel, 50.0, energy), [])
        loudness[feel] = max(hit.velocity for hit in run(engine, 0, 8) if isinstance(hit, Play))
    assert loudness["folk"] < 0.93 * loudness["swing"]


def test_grooves_that_swing_are_known() -> None:
    swings = {name: own_swing(groove) for name, groove in shipped_grooves().items()}
    assert {name for name, swing in swings.items() if swing != 0.5} == {"swing", "shuffle", "waltz"}
    assert all(0.64 < swings[name] < 0.74 for name in ("swing", "shuffle", "waltz"))
    assert own_swing(GRID) == 0.5


def test_straight_hits_swing_as_the_feel_has_it_and_not_as_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = follower(monkeypatch, swing=70.0)
    learn(engine, Feel("swing", 62.0), [])
    offbeats = {round(onset % 1, 2) for onset in onsets_of(run(engine, 0, 16), CLOSED) if onset % 1}
    assert offbeats == {0.62}


@pytest.mark.parametrize(
    ("feel", "meter"), [("swing", 4.0), ("blues", 4.0), ("waltz", 3.0), ("ballad", 4.0), ("bossa", 4.0), ("rock", 4.0)]
)
def test_the_swing_that_sounds_is_that_of_the_feel_whether_the_groove_swings_or_not(feel: str, meter: float) -> None:
    hits = shipped(Feel(feel, FEELS[feel]), 16, meter)
    offbeats = [hit.onset % 1 for hit in hits if 0.42 <= hit.onset % 1 <= 0.72]
    assert len(offbeats) > 20
    assert median(offbeats) == pytest.approx(FEELS[feel] / 100, abs=0.035)


# form


@pytest.mark.parametrize("model", ["drums", "drums_rnn"])
def test_a_fill_leads_to_each_section_and_a_crash_begins_it(model: str) -> None:
    sections = [(0.0, 32.0, "A"), (32.0, 16.0, "B"), (48.0, 48.0, "A"), (96.0, 16.0, "B")]
    hits, changes = shipped(Feel("rock"), 28, 4.0, sections, model), (32.0, 48.0, 96.0)
    drums = (38, 43, 45, 48)
    for change in changes:
        assert [hit.onset for hit in hits if hit.pitch == CRASH and abs(hit.onset - change) < 0.1] == [change]
    in_fills = [sum(h.pitch in drums and change - 4 <= h.onset < change - 0.05 for h in hits) for change in changes]
    before = [sum(h.pitch in drums and change - 16 <= h.onset < change - 12.05 for h in hits) for change in changes]
    assert sum(in_fills) > 2 * sum(before)


def test_fills_come_before_sections_instead_of_every_eighth_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, model = follower(monkeypatch)
    learn(engine, Feel("rock"))
    actions, fills = [], []
    for number in range(224):
        actions += engine.generate(window(number / 4))
        fills.append(bool(model.requests and model.requests[-1].conditioning.fill))
    assert onsets_of(actions, CRASH) == [16.0, 48.0]
    assert {number // 16 for number, fill in enumerate(fills) if fill} == {3, 11}, "the bars before"


def test_with_fills_on_demand_only_a_section_begins_with_a_crash_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, model = follower(monkeypatch, fill_every=0.0)
    learn(engine, Feel("rock"))
    assert onsets_of(run(engine, 0, 56), CRASH) == [16.0, 48.0]
    assert not any(request.conditioning.fill for request in model.requests)


def test_a_section_that_comes_sooner_or_later_moves_the_fill(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = follower(monkeypatch)
    learn(engine, Feel("rock"))
    actions = run(engine, 0, 14.5)
    list(engine.learn("keys", Plan(12.0, sections=(Section(0.0, 24.0, "A"), Section(24.0, 8.0, "B")))))
    actions += run(engine, 14.5, 32)
    assert onsets_of(actions, CRASH) == [24.0]


def test_a_break_is_silent_after_its_accent(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = follower(monkeypatch)
    learn(engine, Feel("rock"), [(0, 16, "A"), (16, 8, BREAK), (24, 16, "B")])
    actions = run(engine, 0, 32)
    hits = [hit for hit in plays(actions) if 16 <= hit[0] < 24.25]
    assert hits == [(16.0, KICK), (16.0, CRASH), (24.0, KICK), (24.0, CRASH)]
    assert len([hit for hit in plays(actions) if 24.25 < hit[0] < 32]) > 10


def test_an_ending_is_an_accent_and_then_silence_until_another_section(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = follower(monkeypatch)
    learn(engine, Feel("rock"), [(0, 16, "A"), (16, 4, ENDING)])
    actions = run(engine, 0, 40)
    assert [hit for hit in plays(actions) if hit[0] >= 16] == [(16.0, KICK), (16.0, CRASH)]
    list(engine.learn("keys", Plan(40.0, sections=(Section(40.0, 16.0, "A"),))))
    assert len(plays(run(engine, 40, 44))) > 4


def test_a_section_and_the_last_chord_begin_with_a_loud_accent_also_in_a_soft_groove(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, _ = follower(monkeypatch, FakeModel(velocity=30))
    learn(engine, Feel("rock"), [(0, 16, "A"), (16, 16, "B"), (32, 4, ENDING)])
    accents = [action for action in run(engine, 0, 40) if isinstance(action, Play) and action.pitch == CRASH]
    assert [action.onset for action in accents] == [16.0, 32.0]
    assert all(action.velocity > 80 for action in accents)


def test_an_ending_without_a_chord_is_silent_and_no_fill_leads_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, model = follower(monkeypatch)
    list(engine.learn("keys", plan_of("C C C C N.C.", Feel("rock"), [(0, 16, "A"), (16, 4, ENDING)])))
    actions = run(engine, 0, 20)
    assert 15 <= max(onset for onset, _ in plays(actions)) < 16
    assert not any(request.conditioning.fill for request in model.requests)


# energy and variation


def test_energy_is_intensity_and_the_setting_shifts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    loudness = {}
    for energy, setting in ((0.2, 0.5), (0.5, 0.5), (0.8, 0.5), (0.5, 0.8)):
        engine, _ = follower(monkeypatch, intensity=setting)
        learn(engine, Feel("rock", energy=energy), [])
        actions = run(engine, 4, 12)
        loudness[energy, setting] = sum(a.velocity for a in actions if isinstance(a, Play))
    assert loudness[0.2, 0.5] < loudness[0.5, 0.5] < loudness[0.8, 0.5] == loudness[0.5, 0.8]


def test_the_leader_is_not_followed_in_loudness_but_its_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    played = []
    for velocity in (1, 127):
        engine, _ = follower(monkeypatch)
        learn(engine, Feel("rock"), [])
        actions: list[Action] = []
        for number in range(64):
            actions += engine.listen(MidiEvent(number / 4, "keys", note_on(1, 60, velocity)))
            actions += engine.generate(window(number / 4))
        played.append(actions)
    assert played[0] == played[1]


def test_variations_c_and_d_play_the_ride_instead_of_the_hi_hat(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    for variation in range(4):
        engine, _ = follower(monkeypatch)
        learn(engine, Feel("rock", variation=variation), [])
        actions = run(engine, 0, 16)
        counts.append((len(onsets_of(actions, CLOSED)) > 0, len(onsets_of(actions, RIDE)) > 0))
    assert counts == [(True, False), (True, False), (False, True), (False, True)]


def test_each_variation_is_fuller() -> None:
    hits = [len(shipped(Feel("rock", variation=variation), 48)) for variation in range(4)]
    assert hits[0] < hits[1] < hits[2] < hits[3]


def test_a_plan_without_feel_and_sections_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    played = []
    for plans in ((), (Plan(0.0), plan_of("C Dm7"))):
        engine, _ = follower(monkeypatch)
        for plan in plans:
            list(engine.learn("keys", plan))
        played.append(run(engine, 0, 64))
    assert played[0] == played[1]


def test_the_same_plan_and_seed_give_the_same_hits() -> None:
    assert shipped(Feel("swing", 64.0), 8) == shipped(Feel("swing", 64.0), 8)
