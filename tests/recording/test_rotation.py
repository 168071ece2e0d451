"""When a large session ends: before a bar line, and with no key held if that can be had."""

from __future__ import annotations

import itertools

import pytest

from daemon.commands import Panic
from daemon.entries import (
    Commanded,
    Entry,
    Heard,
    MelodyPlayed,
    PortLost,
    Reconfigured,
    Sent,
    StageStarted,
    StateSaved,
    TempoChanged,
)
from daemon.music.events import control_change, note_off, note_on
from daemon.music.tempo import TempoMap
from daemon.recording.rotation import BREATH, LARGE, NEXT_CALL_LIMIT, REQUEST_TIMEOUT, SESSION_SILENCE, WAY, Rotation
from daemon.spec import PlayerSpec, StageSpec

TEMPO_MAP = TempoMap(((0.0, 120.0),), ((0.0, 4.0), (8.0, 3.0)))  # bars at 0, 4, 8, 11, 14 …; two beats a second
START = TempoChanged(1000.0, -1.0, 120.0)  # beat 0 at 1000.5
BARS = [1000.5, 1002.5, 1004.5, 1006.0, 1007.5]
LOOK = 0.5  # seconds between looks


def spec(lead: float = 0.03) -> StageSpec:
    player = PlayerSpec("choir", ("keys",), "out", {"soprano": 1}, True, lead, 0.1, {})
    return StageSpec(TEMPO_MAP, players=(player,))


class Clock:
    now = 990.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rotation(clock: Clock) -> Rotation:
    rotation = Rotation(spec(), clock)
    rotation.follow(Sent(1000.4, "choir", "soprano", "out", note_on(1, 72, 90)))  # it never rests
    return rotation


def moments(rotation: Rotation, clock: Clock, size: int, until: float = 1008.0) -> list[float]:
    """When it asks the stage to rotate, looked at in time."""
    found = []
    for n in itertools.count():
        clock.now = 1000.4 + n * LOOK
        if clock.now > until:
            return found
        if (wait := rotation.due(size)) is not None:
            assert 0 <= wait < NEXT_CALL_LIMIT
            found.append(clock.now + wait)


def test_a_large_session_ends_a_breath_before_the_next_bar_line_once(rotation: Rotation, clock: Clock) -> None:
    rotation.follow(START)
    assert moments(rotation, clock, LARGE) == []
    assert moments(rotation, clock, LARGE + 1) == [pytest.approx(BARS[1] - BREATH)]
    clock.now += REQUEST_TIMEOUT
    assert rotation.due(LARGE + 1) is not None  # the stage did not hear it


@pytest.mark.parametrize("beat", [-1.0, 1.0, 5.5, 8.0, 12.0])
def test_whatever_the_meter_and_tempo(rotation: Rotation, clock: Clock, beat: float) -> None:
    rotation.follow(TempoChanged(1000.4, beat, 90.0))
    (moment,) = moments(rotation, clock, LARGE + 1)
    at = beat + (moment + BREATH - 1000.4) * 1.5
    assert min(abs(at - bar) for bar in (0, 4, 8, 11, 14, 17)) == pytest.approx(0.0, abs=1e-6)


def test_a_player_that_needs_more_time_gets_it(rotation: Rotation, clock: Clock) -> None:
    rotation.follow(START)
    rotation.follow(Reconfigured(1000.0, spec(lead=0.3)))
    assert moments(rotation, clock, LARGE + 1) == [pytest.approx(BARS[1] - 0.3 - WAY)]


def test_it_waits_for_held_keys_but_not_for_ever(rotation: Rotation, clock: Clock) -> None:
    rotation.follow(START)
    rotation.follow(Heard(1000.4, "keys", 1000.4, note_on(1, 60, 90)))
    assert moments(rotation, clock, 2 * LARGE) == []
    assert moments(rotation, clock, 2 * LARGE + 1) == [pytest.approx(BARS[1] - BREATH)]
    clock.now += REQUEST_TIMEOUT
    rotation.follow(Heard(1003.0, "keys", 1003.0, note_off(1, 60)))
    assert rotation.due(LARGE + 1) is not None


@pytest.mark.parametrize(
    "entry",
    [
        Commanded(1001.0, Panic(), 1001.0),
        PortLost(1001.0, "keys"),
        Heard(1001.0, "keys", 1001.0, control_change(1, 123, 0)),
        Reconfigured(1001.0, spec()),
        StageStarted(1001.0, spec()),
        Heard(1001.0, "keys", 1001.0, note_off(1, 60)),
    ],
    ids=lambda entry: entry.kind,
)
def test_what_ends_a_held_key(rotation: Rotation, clock: Clock, entry: Entry) -> None:
    rotation.follow(START)
    rotation.follow(Heard(1000.4, "keys", 1000.4, note_on(1, 60, 90)))
    clock.now = BARS[1] - NEXT_CALL_LIMIT / 2
    assert rotation.due(LARGE + 1) is None
    rotation.follow(Heard(1000.9, "keys", 1000.9, control_change(2, 123, 0)))  # another channel
    assert rotation.due(LARGE + 1) is None
    rotation.follow(entry)
    assert rotation.due(LARGE + 1) is not None


@pytest.mark.parametrize(
    ("entry", "wait"),
    [
        (Sent(0.0, "choir", "soprano", "out", note_off(1, 72)), 0.0),
        (Commanded(0.0, Panic(), 0.0), 0.0),
        (StageStarted(0.0, spec()), 0.0),
        (Reconfigured(0.0, spec()), None),  # the player plays on
        (TempoChanged(0.0, 0.0, 96.0), None),
    ],
    ids=lambda value: getattr(value, "kind", str(value)),
)
def test_silence_begins_when_the_last_player_s_note_ends(
    rotation: Rotation, clock: Clock, entry: Entry, wait: float | None
) -> None:
    rotation.follow(entry)
    clock.now += SESSION_SILENCE + 1.0
    assert rotation.due(1) == wait


def test_a_melody_s_note_is_not_held_and_a_new_session_begins_with_silence(rotation: Rotation, clock: Clock) -> None:
    rotation.follow(Sent(1000.5, "choir", "soprano", "out", note_off(1, 72)))
    rotation.follow(MelodyPlayed(1000.6, "tune", note_on(1, 60, 90)))
    clock.now += SESSION_SILENCE - 1.0
    rotation.follow(StateSaved(clock.now, {}))
    clock.now += 2.0
    assert rotation.due(1) is None
    clock.now += SESSION_SILENCE
    assert rotation.due(1) == 0.0


def test_without_a_clock_it_ends_when_no_key_is_held(rotation: Rotation, clock: Clock) -> None:
    clock.now = 1001.0
    assert rotation.due(LARGE + 1) == 0.0
    rotation.follow(START)
    rotation.follow(StageStarted(1001.0, spec()))  # another stage, whose clock has not been started
    clock.now += REQUEST_TIMEOUT
    assert rotation.due(LARGE + 1) == 0.0
