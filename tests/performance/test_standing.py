"""What was turned, muted and toggled in a performance is carried over to the one of the next stage process."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from daemon.commands import (
    ChangeSetting,
    Command,
    MutePlayer,
    SetTempo,
    SoloPlayer,
    StartTransport,
    StopTransport,
    ToggleMetronome,
    ToggleMute,
    decode_command,
)
from daemon.entries import Commanded, Followed, Started
from daemon.music.events import control_change, note_off, note_on
from daemon.performance.performance import Performance
from daemon.spec import ClockSpec, ControlSpec
from tests.performance.offline import CHOIR, KEYS, OUT, Recorder, make_performance, run_until

WARM = replace(CHOIR, settings={"temperature": 0.5})
DUO = (WARM, replace(WARM, name="other"))


def do(performance: Performance, now: float, *commands: Command) -> None:
    for command in commands:
        performance.take(Commanded(now, command, now))


def following(performance: Performance, now: float) -> tuple[Performance, Recorder]:
    """The performance of the stage process that replaces the one of `performance`."""
    sink = Recorder()
    after = Performance(performance.spec, sink)
    do(after, now, *map(decode_command, performance.turned()[-1]))
    return after, sink


def test_nothing_is_carried_over_where_nothing_was_turned() -> None:
    performance, _ = make_performance(clock=ClockSpec(metronome=("choir", 10)))
    do(performance, 1.0, ToggleMetronome(), MutePlayer("choir", True), MutePlayer("choir", False))
    do(performance, 2.0, ToggleMetronome())
    assert performance.turned()[-1] == []


@pytest.mark.parametrize(
    ("clock", "turned"),
    [
        (ClockSpec(), True),
        (ClockSpec(metronome=("choir", 10)), False),
        (ClockSpec(metronome=("choir", 10), click="count-in"), True),
    ],
)
def test_the_metronome_stays_turned(clock: ClockSpec, turned: bool) -> None:
    performance, _ = make_performance(clock=clock)
    do(performance, 1.0, ToggleMetronome())
    after, sink = following(performance, 2.0)
    assert after.turned()[2] is turned
    after.take(Started(2.0, 4.0, 2.5))
    run_until(after, 2.9)
    assert any(message[1] in (76, 77) for _, _, message in sink.sent) is turned


def test_a_tempo_stays_set_while_the_transport_stands() -> None:
    performance, _ = make_performance(started=False)
    do(performance, 1.0, SetTempo(90.0))
    after, _ = following(performance, 2.0)
    do(after, 2.0, StartTransport())
    assert after.bpm == 90.0


def test_the_tempo_of_a_clock_source_is_not_carried_over() -> None:
    performance, sink = make_performance()
    do(performance, 1.0, SetTempo(90.0))
    performance.take(Followed(1.0, 2.0, 1.0, 90.0))
    external = replace(performance.spec, clock=ClockSpec("midi", "keys"))
    again, _ = make_performance(clock=external.clock)
    do(again, 1.0, SetTempo(90.0))
    assert (performance.turned()[-1], again.turned()[-1]) == ([["tempo", 90.0]], [])
    assert sink.proposals == []


@pytest.mark.parametrize("event", ["cc", "note"])
def test_what_a_control_holds_down_is_released(event: str) -> None:
    control = ControlSpec("keys", 20, "mute", "choir", event=event, held=True)
    performance, _ = make_performance(players=DUO, controls=(control,))
    do(performance, 1.0, MutePlayer("other", True))
    down, up = (control_change(1, 20, 127), control_change(1, 20, 0)) if event == "cc" else (
        note_on(1, 20, 3),
        note_off(1, 20),
    )  # fmt: skip
    performance.hear(1.0, "keys", 1.0, down)
    assert performance.silent() == ["choir", "other"]
    after, _ = following(performance, 2.0)
    assert after.silent() == ["other"]
    after.hear(2.5, "keys", 2.5, up)
    assert after.silent() == ["other"]


def test_whatever_was_turned_stays_turned() -> None:
    for seed in range(200):
        rng = random.Random(seed)
        clock = rng.choice((ClockSpec(), ClockSpec(metronome=("choir", 10)), ClockSpec(by_hand=True)))
        controls = (ControlSpec("keys", 1, "setting", "choir", "temperature"), ControlSpec("keys", 2, "solo", "other"))
        performance, _ = make_performance(players=DUO, clock=clock, controls=controls, ports=(KEYS, OUT))
        now = 0.0
        for _ in range(rng.randrange(12)):
            now += rng.choice((0.1, 0.3, 1.0))
            run_until(performance, now)
            name: Any = rng.choice(("choir", "other", "nobody"))
            command = rng.choice(
                (
                    MutePlayer(name, rng.random() < 0.5),
                    SoloPlayer(name, rng.random() < 0.5),
                    ToggleMute(name),
                    ToggleMetronome(),
                    ChangeSetting(name, "temperature", rng.random()),
                    SetTempo(rng.uniform(60, 180)),
                    StopTransport(),
                    None,
                )
            )
            if command is not None:
                do(performance, now, command)
            else:
                performance.hear(now, "keys", now, control_change(1, rng.choice((1, 2)), rng.randrange(128)))
        after, _ = following(performance, now)
        assert after.turned() == performance.turned(), f"seed {seed}"
