"""What players that follow a plan know of it."""

import pytest

from daemon.engines.shared.chord_scale import chord_scale
from daemon.engines.shared.followed_plan import FollowedPlan
from daemon.music.chords import chord_of
from daemon.music.feel import Feel, swung, unswung
from daemon.music.melody import Note
from daemon.music.plan import BREAK, ENDING, Plan, PlannedChord, Section
from tests.engines.shared.charts import BLUES, chords_of, pitch_classes, plan_of


def symbol(plan: FollowedPlan, beat: float) -> str | None:
    harmony = plan.harmony(beat)
    return None if harmony is None else harmony.chord.symbol


def followed(*plans: Plan) -> FollowedPlan:
    plan = FollowedPlan(("keys", "lead"))
    for each in plans:
        assert plan.learn("lead", each)
    return plan


def test_a_plan_replaces_what_was_planned_from_its_beat_on() -> None:
    plan = followed(plan_of("C F G C"), Plan(6.0, (PlannedChord(6.0, 4.0, "Am"),), (), (), Feel("rock")))
    assert [symbol(plan, beat) for beat in (0, 3.9, 4, 5.9, 6, 9.9, 10, 15)] == [
        "C", "C", "F", "F", "Am", "Am", None, None
    ]  # fmt: skip


def test_a_chord_or_section_that_goes_on_in_the_new_plan_is_the_same_one() -> None:
    old, new = (plan_of("C F", None, [(0, 4, "A"), (4, 4, BREAK)]) for _ in range(2))
    plan = followed(old, Plan(6.0, new.chords, new.sections))
    assert [symbol(plan, beat) for beat in (0, 4, 7)] == ["C", "F", "F"]
    section = plan.section(7)
    assert section is not None and section.onset == 4 and plan.in_break(6)


def test_an_upbeat_of_the_new_melody_replaces_the_old_one() -> None:
    first = Plan(0.0, melody=(Note(0, 1, 60, 90), Note(3, 1, 62, 90)))
    plan = followed(first, Plan(4.0, melody=(Note(3.5, 0.5, 64, 90), Note(4, 1, 65, 90), Note(4, 1, 60, 90))))
    assert [(n.onset, n.duration, n.pitch) for n in plan.melody] == [
        (0, 1, 60),
        (3, 0.5, 62),
        (3.5, 0.5, 64),
        (4, 1, 65),
    ]


def test_the_first_player_under_listen_that_plans_is_followed() -> None:
    plan = FollowedPlan(("a", "b"))
    assert not plan.learn("c", plan_of("C"))
    assert plan.learn("b", plan_of("D")) and symbol(plan, 0) == "D"
    assert plan.learn("a", plan_of("E")) and symbol(plan, 0) == "E"
    assert not plan.learn("b", plan_of("D")) and symbol(plan, 0) == "E"
    plan.clear()
    assert symbol(plan, 0) is None and plan.source is None


def test_symbols_that_are_no_chords_are_none_and_bars_without_harmony_are_rests() -> None:
    plan = followed(plan_of("C Hm7 N.C. C"))
    assert [symbol(plan, beat) for beat in (0, 4, 8, 12)] == ["C", None, None, "C"]
    assert [plan.rests(beat) for beat in (0, 4, 8, 12)] == [False, False, True, False]


def test_breaks_and_endings() -> None:
    plan = followed(plan_of("C C C C", None, [(0, 4, "A"), (4, 4, BREAK), (8, 4, "B"), (12, 4, ENDING)]))
    assert [plan.in_break(beat) for beat in (0, 4, 4.75, 5, 7.75, 8)] == [False, False, False, True, True, False]
    assert [plan.in_ending(beat) for beat in (8, 12, 12.25, 15.75, 16)] == [False, False, True, True, False]
    assert [plan.is_over(beat) for beat in (0, 15.75, 16, 99)] == [False, False, True, True]
    following = plan.next_section(4)
    assert following is not None and following.name == "B"
    plan.learn("lead", Plan(16.0, sections=(Section(20.0, 4.0, "A"),)))
    assert [plan.is_over(beat) for beat in (18, 20)] == [True, False]


def test_feels_hold_from_their_beat_on() -> None:
    plan = followed(Plan(4.0, feel=Feel("swing", 66.0)), Plan(8.0), Plan(12.0, feel=Feel("rock")))
    assert [plan.swing(beat) for beat in (0, 4, 11.9, 12)] == [66, 66, 66, 50]
    assert plan.sounding(4.5) == swung(4.5, 66.0) == pytest.approx(4.66) and plan.sounding(12.5) == 12.5


@pytest.mark.parametrize("swing", [50.0, 58.0, 66.7, 75.0])
def test_unswung_is_the_inverse_of_swung(swing: float) -> None:
    for tick in range(-24, 48):
        assert unswung(swung(tick / 12, swing), swing) == pytest.approx(tick / 12)


def test_guide_tones_tell_a_chord_from_others() -> None:
    def guides(name: str) -> frozenset[int]:
        harmony = followed(plan_of(name)).harmony(0)
        assert harmony is not None
        return harmony.guides

    assert guides("C7") == {4, 10} and guides("Cm7") == {3, 10} and guides("C6") == {4, 9} and guides("C") == {4}
    assert guides("Csus4") == {5} and guides("Cdim7") == {3, 9} and guides("G/B") == {11}


def test_a_scale_holds_its_chord_and_fits_the_chords_around() -> None:
    plan, names = followed(plan_of(BLUES)), {0: "C", 1: "Db", 2: "D", 3: "Eb", 4: "E", 5: "F", 6: "Gb", 7: "G", 8: "Ab",
                                             9: "A", 10: "Bb", 11: "B"}  # fmt: skip
    for chord in chords_of(BLUES):
        harmony = plan.harmony(chord.onset)
        assert harmony is not None and harmony.scale >= pitch_classes(chord.symbol) and 7 <= len(harmony.scale) <= 8
    f7 = plan.harmony(0)
    assert f7 is not None and {names[pitch] for pitch in f7.scale} == {"F", "G", "A", "Bb", "C", "D", "Eb"}


@pytest.mark.parametrize(
    ("symbols", "scale"),
    [("C", {0, 2, 4, 5, 7, 9, 11}), ("G7", {0, 2, 4, 5, 7, 9, 11}), ("Am", {0, 2, 4, 5, 7, 9, 11})],
)
def test_without_context_a_chord_has_its_commonest_scale(symbols: str, scale: set[int]) -> None:
    assert chord_scale(chord_of(symbols), (0.0,) * 12) == scale


def test_plans_of_hours_are_forgotten_but_for_the_last_ones() -> None:
    plan = followed(*(Plan(4.0 * n, (PlannedChord(4.0 * n, 1e6, "C"),), feel=Feel("rock")) for n in range(500)))
    assert symbol(plan, 1996.0) == symbol(plan, 1600.0) == "C" and symbol(plan, 40.0) is None
    whole = followed(plan_of("C " * 1000))
    assert symbol(whole, 0.0) == symbol(whole, 3996.0) == "C", "however long one plan is"


def test_the_plans_of_a_player_that_is_followed_no_more_are_forgotten() -> None:
    followed = FollowedPlan(["first", "second"])
    followed.learn("second", plan_of("C C"))
    assert followed.harmony(1.0) is not None
    followed.learn("first", Plan(4.0, plan_of("Dm7 Dm7").chords[1:]))
    assert followed.harmony(1.0) is None and not followed.learn("second", plan_of("C C"))


def test_another_chord_in_the_place_of_one_that_was_asked_for() -> None:
    followed = FollowedPlan(["first"])
    for symbol in ("C", "F"):
        followed.learn("first", plan_of(f"{symbol} {symbol}"))
        harmony = followed.harmony(1.0)
        assert harmony is not None and harmony.chord.symbol == symbol
