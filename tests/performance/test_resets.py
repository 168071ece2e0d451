"""One gesture is one command: a reset on 16 channels, on several inputs or twice, buttons that bounce."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.commands import ChangeSetting, ContinueTransport, Panic, RotateSession, StartTransport, StopTransport
from daemon.entries import Commanded, Entry, Heard, Reconfigured, StateSaved, Stopped
from daemon.music.events import Play, control_change, note_off, note_on
from daemon.music.melody import Melody, Note
from daemon.performance.performance import Performance
from daemon.spec import GESTURE_TIME, ClockSpec, ControlSpec, MelodySpec, PortSpec, StageSpec
from daemon.wire import Control, Reset
from tests.performance.offline import CHOIR, OUT, STEADY, Recorder, answer, make_performance

PORTS = (PortSpec("keys", "in", thru=("choir",)), PortSpec("pads", "in"), OUT)
CONTROLS = (
    ControlSpec("keys", 120, "panic"),
    ControlSpec("keys", 121, "panic"),
    ControlSpec("keys", 123, "panic"),
    ControlSpec("pads", 120, "panic"),
    ControlSpec("keys", 64, "sustain"),
    ControlSpec("pads", 36, "panic", event="note"),
    ControlSpec("keys", 20, "start"),
    ControlSpec("keys", 21, "stop"),
    ControlSpec("keys", 22, "continue"),
    ControlSpec("keys", 1, "setting", "choir", "temperature"),
)
CHANNELS = range(1, 17)

ALL_SOUND_OFF = Path(__file__).parents[1] / "data" / "midi" / "all-sound-off-16-channels.hex"

Message = tuple[float, str, bytes]  # milliseconds, input, message


def made(running: bool = True, **changes: Any) -> tuple[Performance, Recorder]:
    """A performance whose beat 0 fell at 0.0 s, with all that its start brought forgotten."""
    performance, sink = make_performance(running, **{"ports": PORTS, "controls": CONTROLS, **changes})
    performance.advance(1.0)
    for record in (sink.calls, sink.sent, sink.entries):
        record.clear()
    return performance, sink


def play(performance: Performance, *messages: Message, begin: float = 1.0) -> None:
    for milliseconds, source, message in messages:
        at = begin + milliseconds / 1000
        performance.hear(at, source, at, message)


def resets(sink: Recorder) -> int:
    return sum(isinstance(call, Reset) for _, _, call in sink.calls)


GESTURES: dict[str, list[Message]] = {
    "all sound off": [(0, "keys", bytes.fromhex(line)) for line in ALL_SOUND_OFF.read_text().splitlines()],
    "all notes off": [(0, "keys", control_change(c, 123, 0)) for c in CHANNELS],
    "reset all controllers": [(0, "keys", control_change(c, 121, 0)) for c in CHANNELS],
    "all three, on a MIDI cable": [
        (3 * c + place, "keys", control_change(c, number, 0))
        for c in CHANNELS
        for place, number in enumerate((120, 121, 123))
    ],
    "with all note-offs, on a MIDI cable": [
        event
        for c in (1, 2, 3)
        for event in (
            (130 * c, "keys", control_change(c, 120, 0)),
            *((130 * c + pitch, "keys", note_off(c, pitch)) for pitch in range(128)),
        )
    ],
    "two inputs": [(10 * c, name, control_change(c, 120, 0)) for c in CHANNELS for name in ("keys", "pads")],
    "a button that bounces": [
        (0, "pads", note_on(1, 36, 90)),
        (4, "pads", note_off(1, 36)),
        (7, "pads", note_on(1, 36, 20)),
        (90, "pads", note_off(1, 36)),
    ],
}


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("gesture", GESTURES)
def test_a_gesture_is_one_panic(gesture: str, running: bool) -> None:
    performance, sink = made(running)
    performance.hear(0.9, "keys", 0.9, note_on(1, 60, 90))
    sink.calls.clear()
    play(performance, *GESTURES[gesture])
    assert (sink.panics, resets(sink)) == (1, 1)


def test_a_panic_by_signal_and_one_by_controller_are_one() -> None:
    performance, sink = made()
    performance.take(Commanded(1.0, Panic(), 1.0))
    play(performance, (5, "keys", control_change(1, 120, 0)))
    performance.take(Commanded(1.01, Panic(), 1.01))
    assert (sink.panics, resets(sink)) == (1, 1)


def test_a_panic_after_the_gesture_is_another_one() -> None:
    performance, sink = made()
    play(performance, (0, "keys", control_change(1, 120, 0)), (1000 * GESTURE_TIME, "keys", control_change(1, 120, 0)))
    assert (sink.panics, resets(sink)) == (2, 2)


def sounds_a_key(performance: Performance, sink: Recorder) -> None:
    performance.hear(1.002, "keys", 1.002, note_on(3, 60, 90))


def holds_a_pedal(performance: Performance, sink: Recorder) -> None:
    performance.hear(1.002, "keys", 1.002, control_change(3, 64, 127))


def sounds_a_voice(performance: Performance, sink: Recorder) -> None:
    answer(performance, sink, 1.002, Play(2.0, 60, 90, "alto"))


def sounds_a_melody(performance: Performance, sink: Recorder) -> None:
    performance.advance(1.002)


@pytest.mark.parametrize("sounds", [sounds_a_key, holds_a_pedal, sounds_a_voice, sounds_a_melody])
def test_what_sounds_between_two_panics_of_a_gesture_is_ended(sounds: Callable[[Performance, Recorder], None]) -> None:
    tune = Melody("tune", (Note(2.003, 1.0, 60, 80),), 8.0, False, STEADY)
    melodies = (MelodySpec(tune, ("choir",)),) if sounds is sounds_a_melody else ()
    performance, sink = made(melodies=melodies)
    play(performance, (0, "keys", control_change(1, 120, 0)))
    sounds(performance, sink)
    play(performance, (5, "keys", control_change(2, 120, 0)), (6, "keys", control_change(3, 120, 0)))
    assert (sink.panics, resets(sink)) == (2, 2)
    assert not any(performance.sounding().values())


def test_journals_from_before_gestures_are_replayed_with_all_their_panics() -> None:
    spec = StageSpec(STEADY, ports=PORTS, players=(CHOIR,), controls=CONTROLS).to_json()
    assert StageSpec.from_json(json.loads(json.dumps(spec))).gesture == GESTURE_TIME
    del spec["gesture"]
    performance, sink = made(gesture=StageSpec.from_json(json.loads(json.dumps(spec))).gesture)
    play(performance, *GESTURES["all sound off"])
    assert sink.panics == 16


def test_a_gesture_ends_with_a_session_so_that_the_next_one_can_be_replayed_alone() -> None:
    performance, sink = made()
    performance.take(Commanded(1.0, Panic(), 1.0))
    performance.take(Commanded(1.01, RotateSession(), 1.01))
    (state,) = (entry.state for entry in sink.entries if isinstance(entry, StateSaved))
    again, replayed = made()
    again.restore(1.01, json.loads(json.dumps(state)))
    for each in (performance, again):
        each.take(Commanded(1.02, Panic(), 1.02))
    assert sink.calls[-1] == replayed.calls[-1]


@pytest.mark.parametrize("number", [20, 22])
def test_a_start_or_continue_that_is_given_twice_is_one(number: int) -> None:
    performance, sink = made(running=False)
    press = [(n * 8, "keys", control_change(n + 1, number, 127)) for n in range(16)]
    play(performance, *press)
    assert resets(sink) == 1
    play(performance, *press, begin=3.0)
    assert resets(sink) == (2 if number == 20 else 1)  # a start begins again, a continue changes nothing


@pytest.mark.parametrize("stop", [None, Commanded(1.05, StopTransport(), 1.05), Stopped(1.05)])
def test_a_start_after_a_stop_is_a_new_one_however_soon(stop: Entry | None) -> None:
    performance, sink = made(running=False)
    play(performance, (0, "keys", control_change(1, 20, 127)))
    if stop is not None:
        performance.take(stop)
    play(performance, (100, "keys", control_change(1, 20, 127)))
    assert performance.running
    assert resets(sink) == (1 if stop is None else 3)


@pytest.mark.parametrize("command", [StartTransport(), ContinueTransport()])
def test_a_start_is_proposed_once_to_the_clock_that_jamd_follows(command: Any) -> None:
    performance, sink = made(running=False, clock=ClockSpec("midi", "keys"))
    for milliseconds in (0, 30, 60):
        performance.take(Commanded(1 + milliseconds / 1000, command, 1.0))
    performance.take(Commanded(1.1, StopTransport(), 1.1))
    performance.take(Commanded(1.2, command, 1.2))
    assert [proposal for proposal, _ in sink.proposals] == [command, StopTransport(), command]


def test_a_stop_that_is_given_twice_is_one() -> None:
    performance, sink = made()
    play(performance, *((n, "keys", control_change(n + 1, 21, 127)) for n in range(16)))
    assert resets(sink) == 1


def test_a_setting_that_is_turned_on_every_channel_is_turned_once() -> None:
    performance, sink = made()
    play(performance, *((n, "keys", control_change(n + 1, 1, 127)) for n in range(16)))
    play(performance, (20, "keys", control_change(1, 1, 0)), (25, "keys", control_change(1, 1, 127)))
    play(performance, (900, "keys", control_change(1, 1, 127)))  # a switch that never sends 0, pressed again
    assert [call.value for _, _, call in sink.calls if isinstance(call, Control)] == [1.0, 0.0, 1.0, 1.0]


def test_a_setting_is_turned_again_after_a_reload() -> None:
    performance, sink = made()
    turn = ChangeSetting("choir", "temperature", 0.5)
    performance.take(Commanded(1.0, turn, 1.0))
    performance.take(Reconfigured(1.01, performance.spec))
    performance.take(Commanded(1.02, turn, 1.02))
    assert len([call for _, _, call in sink.calls if isinstance(call, Control)]) == 2


def test_the_same_entries_give_the_same_calls_again() -> None:
    performance, sink = made()
    for gesture in GESTURES.values():
        play(performance, *gesture, begin=performance._now + 0.05)
    again, replayed = made()
    for entry in sink.entries:
        if isinstance(entry, Heard):
            again.take(entry)
    assert replayed.calls == sink.calls and len(sink.calls) > 1
