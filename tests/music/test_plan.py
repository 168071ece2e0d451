"""Plans that follow each other: what holds, and what a listener that comes later is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.music.feel import Feel
from daemon.music.form_place import form_place
from daemon.music.melody import Note
from daemon.music.plan import Plan, PlannedChord, Section, add_plan, plan_from_json, plan_to_json

SWING, LOUD = Feel("swing", 64.0), Feel("swing", 64.0, 0.9)
CHORUS = Plan(
    0.0,
    (PlannedChord(0.0, 4.0, "F7"), PlannedChord(4.0, 4.0, "Bb7"), PlannedChord(8.0, 8.0, "F7")),
    (Section(0.0, 8.0, "A", 1, 0.0), Section(8.0, 8.0, "B", 1, 8.0)),
    (Note(0.0, 1.0, 65, 80), Note(7.5, 1.0, 67, 80), Note(8.0, 1.0, 69, 80)),
    SWING,
)
SECOND = Plan(16.0, (PlannedChord(16.0, 16.0, "C"),), (Section(16.0, 16.0, "A", 2, 0.0),))


def known(plans: tuple[Plan, ...]) -> list[tuple[float, float, str]]:
    """The chords that a listener knows who learns these plans in order: each replaces what came from its beat on."""
    chords: list[tuple[float, float, str]] = []
    for plan in plans:
        first = min([plan.beat, *(chord.onset for chord in plan.chords)])
        chords = [(on, min(length, first - on), name) for on, length, name in chords if on < first]
        chords += [(c.onset, c.duration, c.symbol) for c in plan.chords]
    return chords


def test_a_plan_replaces_what_was_planned_from_its_beat_on_and_leaves_the_rest() -> None:
    plans = add_plan((CHORUS,), Plan(6.0, (PlannedChord(6.0, 10.0, "Gm7"),)), 0.0)
    assert known(plans) == [(0.0, 4.0, "F7"), (4.0, 2.0, "Bb7"), (6.0, 10.0, "Gm7")]
    assert plans[0].sections == (Section(0.0, 6.0, "A", 1, 0.0),)
    assert plans[0].melody == (Note(0.0, 1.0, 65, 80),)


def test_a_section_that_began_before_a_plan_is_replaced_by_the_one_that_the_plan_has_there() -> None:
    (first, _) = add_plan((CHORUS,), Plan(6.0, (), (Section(4.0, 8.0, "C"),)), 0.0)
    assert first.sections == (Section(0.0, 4.0, "A", 1, 0.0),)


def test_before_the_first_plan_has_begun_all_are_known() -> None:
    assert add_plan((CHORUS,), SECOND, -1.0) == (CHORUS, SECOND)


def test_plans_of_later_beats_stay_apart_so_that_a_feel_counts_from_its_beat_on() -> None:
    plans = add_plan(add_plan((CHORUS,), SECOND, 0.0), Plan(32.0, (), (), (), LOUD), 10.0)
    assert [plan.beat for plan in plans] == [0.0, 16.0, 32.0]
    assert [plan.feel for plan in plans] == [SWING, None, LOUD]
    assert known(add_plan(plans, Plan(20.0), 10.0)) == [(8.0, 8.0, "F7"), (16.0, 4.0, "C")]
    assert [plan.feel for plan in add_plan(plans, Plan(20.0), 10.0)] == [SWING, None, None], (
        "LOUD is not planned any more"
    )


def test_what_is_over_is_forgotten_and_the_feel_is_not() -> None:
    plans = add_plan((CHORUS,), SECOND, 18.0)
    assert plans == (Plan(0.0, SECOND.chords, SECOND.sections, (), SWING),)
    plans = (CHORUS,)
    for number in range(1, 1000):  # it does not grow
        plans = add_plan(plans, SECOND.moved(16.0 * (number - 1)), 16.0 * number + 1)
    assert len(plans) == 1 and len(plans[0].chords) == 1


def test_the_rest_of_a_plan_has_what_goes_on_whole_and_changes_nothing_that_is_known() -> None:
    rest = CHORUS.since(6.0)
    assert (rest.beat, rest.chords, rest.sections) == (6.0, CHORUS.chords[1:], CHORUS.sections)
    assert [note.onset for note in rest.melody] == [7.5, 8.0]
    assert CHORUS.since(8.0).melody == rest.melody, "a note that sounds goes on"
    (again,) = add_plan((CHORUS,), rest, 6.0)
    assert (again.chords, again.sections) == (CHORUS.chords[1:], CHORUS.sections)
    assert add_plan((CHORUS,), CHORUS.since(8.0), 8.0)[0].melody == rest.melody
    assert CHORUS.moved(4.0).since(4.0).moved(-4.0) == CHORUS


def test_a_plan_travels_as_json() -> None:
    assert plan_from_json(plan_to_json(CHORUS)) == CHORUS
    old = {"beat": 0.0, "sections": [{"onset": 0.0, "duration": 4.0, "name": "A"}]}  # of an older journal
    assert plan_from_json(old) == Plan(0.0, (), (Section(0.0, 4.0, "A"),))


@pytest.mark.parametrize(
    ("beat", "text"),
    [
        (0.0, "F7 → B♭7, A, bar 1 of 4, chorus 1, then B"),
        (5.0, "B♭7 → F7, A, bar 2 of 4, chorus 1, then B"),
        (9.0, "F7 → C, B, bar 3 of 4, chorus 1, then A"),
        (17.0, "C, A, bar 1 of 4, chorus 2"),
    ],
)
def test_the_place_in_the_form(beat: float, text: str) -> None:
    place = form_place((CHORUS, SECOND), beat, 4.0)
    assert place is not None and place.text == text


def test_outside_of_the_choruses_the_bars_are_those_of_the_section() -> None:
    sections = (
        Section(0.0, 8.0, "intro"),
        *CHORUS.moved(8.0).sections,
        Section(24.0, 12.0, "tag"),
        Section(36.0, 8.0, "ending"),
    )
    found = [form_place((replace(CHORUS, sections=sections),), beat, 4.0) for beat in (4.0, 12.0, 28.0, 36.0)]
    assert [place and (place.bar, place.bars) for place in found] == [(2, 2), (2, 4), (2, 3), (1, 2)]


def test_the_next_chord_is_another_one_though_the_chord_is_written_again() -> None:
    chords = tuple(PlannedChord(4.0 * bar, 4.0, symbol) for bar, symbol in enumerate(("C", "C", "C", "F")))
    place = form_place((replace(CHORUS, chords=chords),), 0.0, 4.0)
    assert place is not None and (place.chord, place.next_chord) == ("C", "F")


def test_beyond_the_form_there_is_no_place() -> None:
    assert form_place((), 0.0, 4.0) is None
    assert form_place((CHORUS,), 16.0, 4.0) is None
