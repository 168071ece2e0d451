"""With `merges_plans`, a player that starts anew is told all plans that hold, its own ones included."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from daemon.commands import Panic, RotateSession
from daemon.entries import (
    Commanded,
    Located,
    PlansKept,
    PlayerDown,
    PlayerUp,
    Reconfigured,
    Started,
    StateSaved,
    Stopped,
)
from daemon.music.feel import Feel
from daemon.music.plan import Plan, PlannedChord, Section
from daemon.performance.performance import Performance
from daemon.performance.transport import PRE_ROLL
from daemon.performance.windows import PLAN_TIME
from daemon.recording.journal_checks import check_shape
from daemon.spec import PlayerSpec
from daemon.wire import Generate, Learn, Reset
from tests.performance.offline import Recorder, make_performance, run_until

LEAD = PlayerSpec("lead", (), "choir", {"lead": 1}, monophonic=True, lead=0.03, tolerance=0.1, plans=True)
BASS = PlayerSpec("bass", ("lead",), "choir", {"bass": 2}, monophonic=True, lead=0.02, tolerance=0.1)
FIRST = Plan(0.0, (PlannedChord(0.0, 16.0, "F7"),), (Section(0.0, 16.0, "A", 1),), (), Feel("swing", 64.0))
SECOND = Plan(16.0, (PlannedChord(16.0, 16.0, "Bb7"),), (Section(16.0, 16.0, "A", 2),))


def make(**changes: Any) -> tuple[Performance, Recorder]:
    return make_performance(**{"players": (LEAD, BASS), "merges_plans": True, **changes})


def announce(performance: Performance, sink: Recorder, now: float, *plans: Plan) -> None:
    number = [call[1] for call in sink.calls if call[0] == "lead"][-1]
    performance.answer(now, "lead", number, plans, True)


def told(sink: Recorder, player: str) -> list[tuple[str, Plan]]:
    return [(call.source, call.plan) for name, _, call in sink.calls if name == player and isinstance(call, Learn)]


def again(performance: Performance, sink: Recorder, now: float, name: str) -> list[tuple[str, Plan]]:
    """What `name` is told after its process was replaced."""
    performance.take(PlayerDown(now, name))
    sink.calls.clear()
    performance.take(PlayerUp(now + 0.1, name))
    return told(sink, name)


def test_a_listener_that_starts_anew_is_told_everything_that_holds() -> None:
    performance, sink = make()
    announce(performance, sink, 0.0, FIRST, SECOND)
    assert again(performance, sink, 1.0, "bass") == [("lead", FIRST), ("lead", SECOND)]
    assert [type(call) for name, _, call in sink.calls if name == "bass"] == [Reset, Learn, Learn, Generate]


def test_a_leader_that_starts_anew_is_told_its_own_plans_and_its_listeners_keep_them() -> None:
    performance, sink = make()
    announce(performance, sink, 0.0, FIRST)
    performance.take(PlayerDown(1.0, "lead"))
    assert again(performance, sink, 1.1, "bass") == [("lead", FIRST)]
    sink.calls.clear()
    performance.take(PlayerUp(2.0, "lead"))
    assert told(sink, "lead") == [("lead", FIRST)]


def test_plans_outlive_a_panic_and_a_stop_but_not_a_jump() -> None:
    performance, sink = make()
    announce(performance, sink, 0.0, FIRST)
    sink.calls.clear()
    performance.take(Commanded(1.0, Panic(), 1.0))
    assert told(sink, "lead") == told(sink, "bass") == [("lead", FIRST)]
    performance.take(Stopped(2.0))
    sink.calls.clear()
    performance.take(Started(3.0, performance.position, 3.1))
    assert told(sink, "bass") == [("lead", FIRST)]
    performance.take(Stopped(4.0))
    sink.calls.clear()
    performance.take(Started(5.0, 0.0, 5.1))
    assert told(sink, "lead") == told(sink, "bass") == []


def test_plans_of_another_place_do_not_count_where_a_standing_transport_was_moved_to() -> None:
    performance, sink = make()
    announce(performance, sink, 0.0, FIRST)
    performance.take(Stopped(2.0))
    performance.take(Commanded(2.5, Panic(), 2.5))
    assert told(sink, "bass")[-1] == ("lead", FIRST)
    performance.take(Located(3.0, 0.0))
    performance.take(Commanded(3.5, Panic(), 3.5))
    sink.calls.clear()
    performance.take(Started(4.0, 0.0, 4.1))
    assert told(sink, "lead") == told(sink, "bass") == []


def test_plans_do_not_outlive_a_jump_back_to_where_the_song_went_on() -> None:
    performance, sink = make()
    announce(performance, sink, 0.0, FIRST)
    performance.take(Stopped(2.0))
    performance.take(Started(3.0, performance.position, 3.1))
    sink.calls.clear()
    performance.take(Started(5.0, performance.position, 5.1))
    assert told(sink, "lead") == told(sink, "bass") == []


def test_a_leader_that_is_not_there_is_not_waited_for() -> None:
    performance, sink = make()
    performance.take(PlayerDown(1.0, "lead"))
    sink.calls.clear()
    performance.take(Started(5.0, 0.0, 5.1))
    assert first_windows(sink) == ["bass"]


def test_another_leader_in_a_reload_starts_without_plans() -> None:
    performance, sink = make()
    announce(performance, sink, 0.0, FIRST)
    other = replace(performance.spec, players=(replace(LEAD, lead=0.05), BASS))
    performance.take(Reconfigured(1.0, other))
    sink.calls.clear()
    performance.take(PlayerUp(1.1, "lead"))
    assert told(sink, "lead") == []


def test_a_session_of_the_recording_begins_with_the_plans() -> None:
    performance, sink = make()
    announce(performance, sink, 0.0, FIRST, SECOND)
    sink.calls.clear()
    performance.take(Commanded(1.0, RotateSession(), 1.0))
    calls = [(name, call) for name, _, call in sink.calls]
    calls = calls[next(at for at, (_, call) in enumerate(calls) if isinstance(call, Reset)) :]
    (saved,) = (entry for entry in sink.entries if isinstance(entry, StateSaved))
    check_shape(saved)
    state = json.loads(json.dumps(saved.state))
    follower = Recorder()
    Performance(performance.spec, follower).restore(1.0, state)
    assert [(name, call) for name, _, call in follower.calls] == calls
    assert told(follower, "bass") == [("lead", FIRST), ("lead", SECOND)]


def first_windows(sink: Recorder) -> list[str]:
    return [name for name, _, call in sink.calls if isinstance(call, Generate) and call.window.start == 0.0]


def test_a_listener_begins_when_it_knows_the_plan() -> None:
    performance, sink = make()
    assert first_windows(sink) == ["lead"]
    announce(performance, sink, -PRE_ROLL + 0.01, FIRST, SECOND)
    assert first_windows(sink) == ["lead", "bass"]
    order = [type(call) for name, _, call in sink.calls if name == "bass"]
    assert order == [Reset, Learn, Generate, Learn]
    run_until(performance, 0.5)
    starts = [call.window.start for name, _, call in sink.calls if name == "bass" and isinstance(call, Generate)]
    assert starts == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_without_a_plan_it_begins_in_time_all_the_same() -> None:
    performance, sink = make()
    run_until(performance, -BASS.lead - 0.001)
    assert first_windows(sink) == ["lead"]
    run_until(performance, -BASS.lead)
    assert first_windows(sink) == ["lead", "bass"]
    performance.take(Stopped(1.0))
    sink.calls.clear()
    performance.take(Started(2.0, 0.0, 2.0))  # at once, as a DAW starts
    run_until(performance, 2.0 + PLAN_TIME - 0.001)
    assert first_windows(sink) == ["lead"]
    run_until(performance, 2.0 + PLAN_TIME)
    assert first_windows(sink) == ["lead", "bass"]
    announce(performance, sink, 2.0 + PLAN_TIME + 0.001, FIRST)
    assert first_windows(sink) == ["lead", "bass"], "a plan that comes later asks for nothing again"


def test_the_place_in_the_form_is_told() -> None:
    performance, sink = make()
    assert performance.form_place(0.0) is None
    announce(performance, sink, 0.0, FIRST, SECOND)
    place = performance.form_place(1.0)  # beat 2
    assert place is not None and place.text == "F7 → B♭7, A, bar 1 of 4, chorus 1"


def kept(stood_at: float | None) -> tuple[Performance, Recorder]:
    """A new stage process, which is told what the one before knew; `gone` is no member any more."""
    before, sink = make()
    announce(before, sink, 0.0, FIRST, SECOND)
    plans = json.loads(json.dumps(before.plans.to_json()["plans"]))
    performance, sink = make(started=False)
    performance.take(PlansKept(1.0, plans | {"gone": plans["lead"]}, stood_at))
    return performance, sink


def test_a_new_stage_process_goes_on_with_the_plans_of_the_one_before() -> None:
    performance, sink = kept(None)
    performance.take(Started(1.0, 4.0, 1.5))
    assert told(sink, "lead") == told(sink, "bass") == [("lead", FIRST), ("lead", SECOND)]
    assert not performance.plans.of("gone")
    place = performance.form_place(1.5)
    assert place is not None and (place.section, place.chord) == ("A", "F7")
    sink.calls.clear()
    performance.take(Started(2.0, 8.0, 2.5))
    assert told(sink, "bass") == [], "a jump"


def test_a_new_stage_process_that_stands_keeps_the_plans_for_its_place() -> None:
    for beat, plans in ((6.0, [("lead", FIRST), ("lead", SECOND)]), (0.0, [])):
        performance, sink = kept(6.0)
        performance.take(Stopped(1.0))
        performance.take(Located(1.0, 6.0))
        sink.calls.clear()
        performance.take(Started(2.0, beat, 2.5))
        assert told(sink, "bass") == plans


def test_plans_that_hold_are_others_only_after_a_change() -> None:
    """The stage compares them, and tells the desk those that have changed."""
    performance, sink = make()
    announce(performance, sink, 0.0, FIRST)
    held = performance.plans.all()
    assert performance.plans.all() == held
    announce(performance, sink, 0.1, SECOND)
    assert performance.plans.all() != held
    performance.take(Started(1.0, 0.0, 1.5))
    assert performance.plans.all() == {}
