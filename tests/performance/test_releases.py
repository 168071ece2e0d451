"""What ends the notes and pedals of an input besides note-offs and pedals: channel mode messages, a System Reset, and
the longest note that the input allows."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.commands import Panic
from daemon.entries import Commanded, Heard, PortLost
from daemon.metrics import Cause
from daemon.music.events import MidiEvent, control_change, note_off, note_on
from daemon.performance.performance import Performance
from daemon.spec import ControlSpec, PortSpec, StageSpec
from daemon.wire import Listen
from tests.midi.outputs import open_output
from tests.performance.offline import OUT, STEADY, Recorder, make_performance, run_until

THRU = PortSpec("keys", "in", thru=("choir",))
PEDAL = ControlSpec("keys", 64, "sustain")
RESET = b"\xff"


def holding(port: PortSpec = THRU, **changes: Any) -> tuple[Performance, Recorder]:
    """Keys 60 on channel 1 and 64 on channel 2 are held, and a pedal on each."""
    performance, sink = make_performance(ports=(port, PortSpec("pads", "in"), OUT), controls=(PEDAL,), **changes)
    for channel, pitch in ((1, 60), (2, 64)):
        performance.hear(0.1, "keys", 0.1, note_on(channel, pitch, 90))
        performance.hear(0.1, "keys", 0.1, control_change(channel, 64, 127))
    sink.sent.clear()
    sink.calls.clear()
    return performance, sink


def told(sink: Recorder) -> list[bytes]:
    return [call.event.message for _, _, call in sink.calls if isinstance(call, Listen)]


@pytest.mark.parametrize("number", [120, 121, 122, 123, 124, 125, 126, 127])
def test_a_channel_mode_message_ends_notes_or_pedals_of_its_channel(number: int) -> None:
    performance, sink = holding()
    message = control_change(1, number, 0)
    performance.hear(0.5, "keys", 0.5, message)
    off = [] if number in (121, 122) else [note_off(1, 60)]
    up = [control_change(1, 64, 0)] if number in (120, 121) else []
    assert told(sink) == off + up
    assert [sent for _, _, sent in sink.sent] == [*off, message]
    sink.sent.clear()
    performance.take(PortLost(1.0, "keys"))  # what was released is not released again
    assert note_off(2, 64) in [sent for _, _, sent in sink.sent]
    assert (note_off(1, 60) in [sent for _, _, sent in sink.sent]) == (not off)
    assert (control_change(1, 64, 0) in [sent for _, _, sent in sink.sent]) == (number != 121)


def test_a_pedal_that_was_not_down_is_not_lifted() -> None:
    performance, sink = make_performance(controls=(PEDAL,))
    performance.hear(0.5, "keys", 0.5, control_change(1, 121, 0))
    assert told(sink) == []


@pytest.mark.parametrize("channels", [(), (2,)])
def test_a_system_reset_ends_what_its_input_holds(channels: tuple[int, ...]) -> None:
    performance, sink = holding(PortSpec("keys", "in", channels=channels, thru=("choir",)))
    performance.hear(0.4, "pads", 0.4, RESET)
    assert told(sink) == []
    performance.hear(0.5, "keys", 0.5, RESET)
    held = [(c, pitch) for c, pitch in ((1, 60), (2, 64)) if not channels or c in channels]
    released = [note_off(*key) for key in held] + [control_change(channel, 64, 0) for channel, _ in held]
    assert told(sink) == released
    assert sorted(message for _, _, message in sink.sent) == sorted(released)  # the reset itself is not passed on
    before = len(sink.entries)
    performance.hear(0.6, "keys", 0.6, RESET)
    assert len(sink.entries) == before


LIMITED = PortSpec("keys", "in", thru=("choir",), longest_note=2.0)


def test_a_key_is_released_after_the_longest_note_of_its_input() -> None:
    performance, sink = make_performance(ports=(LIMITED, OUT))
    performance.hear(0.11, "keys", 0.1, note_on(1, 60, 90))  # an octave button is pressed: 72 is released, not 60
    performance.hear(0.5, "keys", 0.5, note_off(1, 72))
    performance.hear(0.6, "keys", 0.6, note_on(1, 62, 90))
    performance.hear(0.7, "keys", 0.7, note_off(1, 62))
    performance.hear(1.0, "keys", 1.0, note_on(1, 64, 90))
    run_until(performance, 1.5)
    sink.sent.clear()
    run_until(performance, 2.5)
    assert sink.sent == [(2.1, "choir", note_off(1, 60))]
    run_until(performance, 3.5)
    assert sink.sent[1:] == [(3.0, "choir", note_off(1, 64))]
    listened = [call.event for _, _, call in sink.calls if isinstance(call, Listen)]
    assert MidiEvent(pytest.approx(performance.beat_at(2.1)), "keys", note_off(1, 60)) in listened
    assert [entry.stamp for entry in sink.entries if isinstance(entry, Heard)][-2:] == [pytest.approx(2.1), 3.0]


def test_a_key_that_is_struck_again_may_sound_as_long_again() -> None:
    performance, sink = make_performance(ports=(LIMITED, OUT))
    performance.hear(0.1, "keys", 0.1, note_on(1, 60, 90))
    performance.hear(1.1, "keys", 1.1, note_on(1, 60, 90))
    run_until(performance, 3.0)
    assert [message for _, _, message in sink.sent] == [note_on(1, 60, 90), note_off(1, 60), note_on(1, 60, 90)]
    run_until(performance, 3.2)
    assert sink.sent[-1] == (3.1, "choir", note_off(1, 60))


class Sounding(Recorder):
    """Sends through an output with a ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.out: list[bytes] = []
        self.output = open_output(self.out)

    def send(self, port: str, message: bytes, due: float, cause: Cause) -> None:
        self.output.send(message, due, cause)

    def panic(self) -> None:
        self.output.silence()
        self.output.pump(0.0)


@pytest.mark.parametrize("release", [None, control_change(1, 123, 0), RESET, "panic"])
def test_a_late_note_off_does_not_end_the_note_of_another_holder(release: bytes | str | None) -> None:
    sink = Sounding()
    performance = Performance(
        StageSpec(STEADY, ports=(LIMITED, PortSpec("pads", "in", thru=("choir",)), OUT), players=()), sink
    )
    sent = sink.out
    performance.hear(0.1, "keys", 0.1, note_on(1, 60, 90))
    if isinstance(release, bytes):
        performance.hear(0.5, "keys", 0.5, release)
    elif release == "panic":
        performance.take(Commanded(0.5, Panic(), 0.5))
    run_until(performance, 3.0)
    assert note_off(1, 60) in sent
    performance.hear(3.0, "pads", 3.0, note_on(1, 60, 80))
    sent.clear()
    performance.hear(3.1, "keys", 3.1, note_off(1, 60))  # the key that was released before
    assert sent == []
    performance.hear(3.2, "keys", 3.2, note_on(1, 60, 90))
    performance.hear(3.3, "pads", 3.3, note_off(1, 60))
    performance.hear(3.4, "keys", 3.4, note_off(1, 60))
    assert sent == [note_off(1, 60), note_on(1, 60, 90), note_off(1, 60)]  # the last holder ends the note
    performance.hear(3.5, "keys", 3.5, note_off(1, 60))
    assert sent[3:] == [note_off(1, 60)]  # where nothing sounds, what comes in is passed on


def test_no_other_input_is_limited() -> None:
    performance, sink = make_performance(ports=(THRU, PortSpec("pads", "in", longest_note=2.0), OUT))
    performance.hear(0.1, "keys", 0.1, note_on(1, 60, 90))
    run_until(performance, 100.0)
    assert [message for _, _, message in sink.sent] == [note_on(1, 60, 90)]


def test_a_replay_releases_the_key_at_the_same_moment() -> None:
    performance, sink = make_performance(ports=(LIMITED, OUT))
    performance.hear(0.1, "keys", 0.1, note_on(1, 60, 90))
    run_until(performance, 4.0)
    again, replayed = make_performance(ports=(LIMITED, OUT))
    for entry in sink.entries[len(replayed.entries) :]:
        if isinstance(entry, Heard):
            again.hear(entry.seconds, entry.source, entry.stamp, entry.message)
        elif entry not in replayed.entries:
            again.advance(entry.seconds)
    assert replayed.entries == sink.entries and replayed.calls == sink.calls and replayed.sent == sink.sent


def test_a_key_from_before_a_panic_is_not_released_again() -> None:
    performance, sink = make_performance(ports=(LIMITED, OUT))
    performance.hear(0.1, "keys", 0.1, note_on(1, 60, 90))
    performance.take(Commanded(1.0, Panic(), 1.0))
    run_until(performance, 4.0)
    assert [message for _, _, message in sink.sent] == [note_on(1, 60, 90)]
