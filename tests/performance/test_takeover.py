"""Knobs with a range of their own, and knobs that pick up the present value instead of jumping."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from daemon.commands import ChangeSetting, Command, RotateSession, SetTempo, TapBeat
from daemon.entries import Commanded, Entry, Followed, PlayerDown, PlayerUp, PortLost, Reconfigured, StateSaved
from daemon.music.events import control_change
from daemon.spec import JUMP, PICK_UP, ClockSpec, ControlSpec
from daemon.wire import Control
from tests.performance.offline import CHOIR, make_performance

SINGER = replace(CHOIR, settings={"temperature": 0.5})


def knob(low: float, high: float, takeover: str = PICK_UP, number: int = 1) -> ControlSpec:
    return ControlSpec("keys", number, "setting", "choir", "temperature", low, high, "cc", takeover)


class Rig:
    """A performance whose knobs are moved, 0.3 s apart, longer than a gesture lasts."""

    def __init__(self, *controls: ControlSpec, **changes: object) -> None:
        self.performance, self.sink = make_performance(players=(SINGER,), controls=controls, **changes)
        self.now = 0.0

    def turn(self, *values: int, number: int = 1) -> list[float]:
        """The values that the player's setting gets meanwhile."""
        before = len(self.sink.calls)
        for value in values:
            self.now += 0.3
            self.performance.hear(self.now, "keys", self.now, control_change(1, number, value))
        return [round(call.value, 4) for _, _, call in self.sink.calls[before:] if isinstance(call, Control)]

    def take(self, entry: type[Entry], *values: object) -> None:
        self.performance.take(entry(self.now, *values))

    def command(self, command: Command) -> None:
        self.take(Commanded, command, self.now)


@pytest.mark.parametrize(
    ("low", "high", "values"),
    [(0.5, 1.2, [0.5, 0.8528, 1.2]), (1.2, 0.5, [1.2, 0.8472, 0.5]), (0.0, 1.27, [0.0, 0.64, 1.27])],
)
def test_a_control_covers_its_range(low: float, high: float, values: list[float]) -> None:
    assert Rig(knob(low, high, JUMP)).turn(0, 64, 127) == values


@pytest.mark.parametrize(("low", "high", "place"), [(0.0, 1.27, 50), (1.27, 0.0, 77)])
@pytest.mark.parametrize("moves", [(-40, -10, -1, 0), (-40, -10, 3), (40, 10, 1, 0), (40, 10, -3)])
def test_a_knob_has_no_effect_until_it_reaches_or_passes_the_present_value(
    low: float, high: float, place: int, moves: tuple[int, ...]
) -> None:
    rig = Rig(knob(low, high))
    *before, reached = (place + move for move in moves)
    assert rig.turn(*before) == []
    assert len(rig.turn(reached)) == 1
    assert len(rig.turn(127, 0, 100)) == 3  # from now on it has every effect


def test_the_first_position_of_a_knob_passes_nothing() -> None:
    rig = Rig(knob(0.0, 1.27))
    assert rig.turn(120) == [] and rig.turn(40) == [0.4]
    assert Rig(knob(0.0, 1.27)).turn(50, 51) == [0.5, 0.51]


def test_the_present_value_is_met_between_two_steps_of_the_knob() -> None:
    """0.5 is 42.33 of 127 steps of 0 to 1.5."""
    assert Rig(knob(0.0, 1.5)).turn(41, 42, 43) == [round(1.5 * 42 / 127, 4), round(1.5 * 43 / 127, 4)]


@pytest.mark.parametrize(("present", "end"), [(0.3, 0), (1.4, 127)])
def test_a_value_beyond_the_range_is_met_at_the_nearest_end(present: float, end: int) -> None:
    rig = Rig(knob(0.5, 1.2))
    rig.command(ChangeSetting("choir", "temperature", present))
    assert rig.turn(60, 64) == []
    assert rig.turn(end) == [0.5 if end == 0 else 1.2]


def test_a_knob_lets_go_of_a_value_that_a_command_or_another_control_changed() -> None:
    rig = Rig(knob(0.0, 1.27), knob(0.0, 1.27, JUMP, number=2))
    assert rig.turn(50, 60) == [0.5, 0.6]
    rig.command(ChangeSetting("choir", "temperature", 1.0))
    assert rig.turn(61, 62, 62, 99) == [] and rig.turn(101) == [1.01]
    assert rig.turn(20, number=2) == [0.2]
    assert rig.turn(100, 30) == [] and rig.turn(15, 15) == [0.15, 0.15]


def test_a_knob_lets_go_at_a_reload_that_sets_another_value_and_keeps_hold_at_any_other() -> None:
    rig = Rig(knob(0.0, 1.27))
    assert rig.turn(50, 60) == [0.5, 0.6]
    spec = rig.performance.spec
    rig.take(Reconfigured, replace(spec, seed=7))
    assert rig.turn(61) == [0.61]
    rig.take(Reconfigured, replace(spec, players=(replace(SINGER, settings={"temperature": 0.9}),)))
    rig.take(PlayerUp, "choir")
    assert rig.turn(70, 80) == [] and rig.turn(90) == [0.9]
    rig.take(Reconfigured, replace(spec, players=rig.performance.spec.players, controls=(knob(1.0, 0.0),)))
    assert rig.turn(89, 88) == [] and rig.turn(12) == [0.9055]  # 0.9 is at 13 now, between 88 and 12


def test_a_knob_that_was_bound_to_nothing_may_have_been_moved_meanwhile() -> None:
    rig = Rig(knob(0.0, 1.27))
    assert rig.turn(50, 60) == [0.5, 0.6]
    spec = rig.performance.spec
    rig.take(Reconfigured, replace(spec, controls=()))
    rig.take(Reconfigured, spec)
    assert rig.turn(100) == [] and rig.turn(50) == [0.5]


def test_a_knob_keeps_hold_through_a_restart_of_the_player_and_not_of_its_input() -> None:
    rig = Rig(knob(0.0, 1.27))
    assert rig.turn(50, 60) == [0.5, 0.6]
    rig.take(PlayerDown, "choir")
    rig.take(PlayerUp, "choir")
    assert rig.turn(70) == [0.7]
    rig.take(PortLost, "keys")
    assert rig.turn(90) == []


def test_a_range_of_equal_ends_as_in_a_foreign_journal_is_no_error() -> None:
    assert Rig(knob(0.5, 0.5)).turn(90) == [0.5]


def tempi(rig: Rig, *values: int) -> list[float]:
    found = []
    for value in values:
        rig.turn(value, number=20)
        found.append(round(rig.performance.bpm, 3))
    return found


def test_a_knob_picks_up_the_tempo_that_was_set_or_tapped_last() -> None:
    bpm = ControlSpec("keys", 20, "tempo", low=60.0, high=187.0, takeover=PICK_UP)
    rig = Rig(bpm)
    assert tempi(rig, 40, 50, 61, 62) == [120.0, 120.0, 121.0, 122.0]
    rig.command(SetTempo(80.0))
    assert tempi(rig, 63, 64, 20, 22) == [80.0, 80.0, 80.0, 82.0]
    for _ in range(2):
        rig.now += 0.6
        rig.performance.advance(rig.now)
        rig.command(TapBeat())
    slewing = rig.performance.bpm
    assert slewing != pytest.approx(100.0)
    assert tempi(rig, 23) == [round(slewing, 3)] and tempi(rig, 41) == [101.0]  # 100 is at 40


def test_the_tempo_of_another_clock_is_not_picked_up() -> None:
    """It changes gradually, so a knob could never be at its place."""
    bpm = ControlSpec("keys", 20, "tempo", low=60.0, high=187.0, takeover=PICK_UP)
    rig = Rig(bpm, clock=ClockSpec("link"))
    rig.take(Followed, 0.0, 0.0, 90.0)
    rig.turn(100, number=20)
    assert [command for command, _ in rig.sink.proposals] == [SetTempo(160.0)]


def test_positions_are_saved_at_a_rotation() -> None:
    rig = Rig(knob(0.0, 1.27))
    assert rig.turn(120) == []
    rig.command(RotateSession())
    state = next(entry.state for entry in rig.sink.entries if isinstance(entry, StateSaved))
    again = Rig(knob(0.0, 1.27))
    again.performance.restore(0.0, state)
    assert again.turn(40) == rig.turn(40) == [0.4]
    older = {key: value for key, value in state.items() if key != "controls"}
    again.performance.restore(0.0, older)
    assert again.turn(60) == []


def test_whatever_happens_a_knob_never_changes_the_value_by_more_than_it_was_moved() -> None:
    for seed in range(300):
        rng = random.Random(seed)
        low, high = rng.choice(((0.0, 1.27), (1.27, 0.0), (0.5, 0.77), (0.9, 0.1)))
        rig, position, present = Rig(knob(low, high)), None, 0.5
        for _ in range(60):
            if rng.random() < 0.2:
                present = rng.choice((low, high, rng.random()))
                rig.command(ChangeSetting("choir", "temperature", present))
                rig.now += 0.3
                continue
            value = rng.randrange(128) if position is None else min(max(position + rng.randrange(-9, 10), 0), 127)
            for changed in rig.turn(value):
                step = abs(high - low) / 127
                nearest = min(max(present, min(low, high)), max(low, high))
                moved = 0 if position is None else abs(value - position)
                assert abs(changed - nearest) <= (moved + 0.51) * step + 1e-3, seed
                present = changed
            position = value
