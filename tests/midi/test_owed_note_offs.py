"""Note-offs that a receiver may have missed are repeated until all receivers got them."""

from __future__ import annotations

from daemon.metrics import GRID, Metrics
from daemon.midi import output as output_module
from daemon.midi.ledger import Ledger
from daemon.midi.output import Output
from daemon.midi.pace import Unlimited
from daemon.music.events import is_note_off, note_off, note_on
from tests.midi.outputs import open_output


def note_offs(messages: list[bytes]) -> list[bytes]:
    return [message for message in messages if is_note_off(message)]


class Receiver:
    """A receiver that is connected to an output, or away."""

    def __init__(self) -> None:
        self.is_connected = True
        self.received: list[bytes] = []

    def open(self, output: Output, at: float) -> None:
        output.open(self.receive, Unlimited(), lambda: True, at, lambda: self.is_connected)
        output.pump(at)

    def receive(self, message: bytes) -> None:
        if self.is_connected:
            self.received.append(message)


def test_a_synth_unplugged_within_a_note_returns_after_the_lost_port(now: list[float]) -> None:
    """Both come back, the port first."""
    synth, output = Receiver(), Output("choir", Ledger(), Metrics())
    synth.open(output, 0.0)
    output.send(note_on(1, 60, 90), 0.0, GRID)
    synth.is_connected = False
    output.receiver_lost()
    output.send(note_off(1, 60), 0.0, GRID)
    now[0] = 5.0
    output.confirm_note_offs(now[0])
    output.close()
    synth.open(output, now[0])
    now[0] = 10.0
    output.pump(now[0])  # repeated, and received by nothing
    synth.is_connected = True
    synth.received.clear()
    output.repeat_note_offs()
    output.pump(now[0])
    assert note_offs(synth.received) == [note_off(1, 60)]


def test_note_offs_sent_just_before_the_port_was_lost_are_repeated(now: list[float]) -> None:
    synth, output = Receiver(), Output("choir", Ledger(), Metrics())
    synth.open(output, 0.0)
    output.send(note_on(1, 60, 90), 0.0, GRID)
    output.send(note_on(1, 61, 90), 0.0, GRID)
    output.send(note_off(1, 61), 0.0, GRID)
    now[0] = 5.0
    output.confirm_note_offs(now[0])
    synth.is_connected = False
    output.send(note_off(1, 60), 0.0, GRID)  # its absence was not noticed yet
    output.close()
    synth.is_connected = True
    synth.open(output, now[0])
    assert note_offs(synth.received) == [note_off(1, 61), note_off(1, 60)]


def test_owed_note_offs_survive_stage_restarts_until_all_receivers_got_them(now: list[float]) -> None:
    ledger, synth = Ledger(), Receiver()
    first = Output("choir", ledger, Metrics())
    synth.open(first, 0.0)
    first.send(note_on(1, 60, 90), 0.0, GRID)
    first.send(note_on(1, 61, 90), 0.0, GRID)
    now[0] = 5.0
    first.send(note_off(1, 61), 0.0, GRID)  # it may not have arrived
    synth.is_connected = False
    synth.open(Output("choir", ledger, Metrics()), now[0])
    assert ledger.sounding("choir") == []  # a note-off that is owed is no holder
    third = Output("choir", ledger, Metrics())
    synth.open(third, now[0])
    now[0] = 10.0
    third.pump(now[0])
    third.confirm_note_offs(now[0])
    assert ledger.owed("choir") == [(1, 60), (1, 61)]
    synth.is_connected = True
    synth.received.clear()
    third.repeat_note_offs()
    third.send(note_on(1, 62, 90), 0.0, GRID)
    third.pump(now[0])
    assert note_offs(synth.received) == [note_off(1, 60), note_off(1, 61)]
    assert ledger.owed("choir") == []
    third.receiver_lost()  # it was gone already when they were sent
    assert ledger.owed("choir") == [(1, 60), (1, 61), (1, 62)]
    third.repeat_note_offs()
    third.pump(now[0])
    now[0] += 2 * output_module.DETECTION_TIME
    third.confirm_note_offs(now[0])
    third.receiver_lost()
    assert ledger.owed("choir") == [(1, 62)]  # still sounds


def test_note_offs_owed_to_a_forgotten_receiver_are_settled(now: list[float]) -> None:
    ledger, sent = Ledger(), list[bytes]()
    output = open_output(sent, ledger)
    output.send(note_on(1, 60, 90), 0.0, GRID)
    output.receiver_lost()
    output.send(note_off(1, 60), 0.0, GRID)
    sent.clear()
    output.send(note_on(1, 60, 90), 0.0, GRID)
    output.send(note_off(1, 60), 0.0, GRID)
    assert sent == [
        note_off(1, 60),
        note_on(1, 60, 90),
        note_off(1, 60),
    ]  # it may still sound at a receiver that missed the note-off
    sent.clear()
    output.confirm_note_offs(now[0])
    output.pump(now[0])
    assert sent == [note_off(1, 60)] and ledger.owed("choir") == []
