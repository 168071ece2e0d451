"""Messages for instruments: over their connections, through a ledger of their own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from daemon.metrics import GRID, OTHER, STRAY, THRU, WITHDRAWAL
from daemon.midi.ledger import panic_messages
from daemon.music.events import control_change, note_off, note_on, program_change
from daemon.music.sound import Sound
from daemon.spec import AUDIO, PortSpec
from daemon.stage.audio_outputs import AudioOutputs
from daemon.stage.connection import Connection
from daemon.wire import PlayMessage, Unpacker, decode_call

ON, OFF = note_on(1, 60, 90), note_off(1, 60)


class Instrument:
    """The other end of an instrument's connection."""

    def __init__(self, limit: int = 1 << 20) -> None:
        here, self._other = socket.socketpair()
        self.connection = Connection(here, limit)
        self._other.setblocking(False)
        self._unpacker = Unpacker()

    def calls(self) -> list[tuple[int, Any]]:
        try:
            received = self._unpacker.feed(self._other.recv(1 << 16))
        except BlockingIOError:
            return []
        return [(number, decode_call(call)) for number, *call in received]

    def messages(self) -> list[bytes]:
        return [call.message for _, call in self.calls()]

    def close(self) -> None:
        self.connection.close()
        self._other.close()


@pytest.fixture
def synth() -> Iterator[Instrument]:
    instrument = Instrument()
    yield instrument
    instrument.close()


def make(*sounds: Sound) -> AudioOutputs:
    outputs = AudioOutputs()
    outputs.configure([PortSpec("keys", "in"), PortSpec("synth", AUDIO, sounds=sounds)], 0.0)
    return outputs


def joined(synth: Instrument, *sounds: Sound) -> AudioOutputs:
    outputs = make(*sounds)
    outputs.connect("synth", synth.connection, 0.0)
    return outputs


def test_messages_carry_when_they_are_to_be_heard_and_when_they_were_sent(synth: Instrument) -> None:
    outputs = joined(synth)
    assert "synth" in outputs and "keys" not in outputs
    outputs.send("synth", ON, 1.03, GRID)
    outputs.send("synth", note_on(2, 64, 90), 0.99, THRU)
    assert synth.calls() == []
    outputs.flush(1.0)
    assert synth.calls() == [(0, PlayMessage(1.03, 1.0, ON)), (0, PlayMessage(0.99, 1.0, note_on(2, 64, 90)))]
    outputs.flush(1.1)
    assert synth.calls() == []


def test_a_sounding_pitch_is_struck_again_and_ended_by_its_last_holder(synth: Instrument) -> None:
    outputs = joined(synth)
    for message, cause in ((ON, GRID), (ON, THRU), (OFF, STRAY), (OFF, OTHER), (OFF, WITHDRAWAL), (OFF, STRAY)):
        outputs.send("synth", message, 1.0, cause)
    outputs.flush(1.0)
    assert synth.messages() == [ON, OFF, ON, OFF, OFF]


def test_system_messages_are_left_out(synth: Instrument) -> None:
    outputs = joined(synth)
    for message in (bytes((0xF8,)), bytes((0xF2, 0, 0)), bytes((0xF0, 0x7E, 0xF7)), control_change(1, 64, 127)):
        outputs.send("synth", message, 1.0, THRU)
    outputs.flush(1.0)
    assert synth.messages() == [control_change(1, 64, 127)]


def test_sounds_are_sent_when_the_instrument_joins_and_what_sounds_is_not_struck_again(synth: Instrument) -> None:
    outputs = make(Sound(1, 20))
    outputs.send("synth", ON, 1.0, GRID)
    outputs.flush(1.0)
    outputs.connect("synth", synth.connection, 2.0)
    outputs.flush(2.0)
    assert synth.calls() == [(0, PlayMessage(2.0, 2.0, program_change(1, 20)))]
    outputs.send("synth", ON, 3.0, GRID)
    outputs.flush(3.0)
    assert synth.messages() == [ON]
    outputs.disconnect("synth")
    outputs.connect("synth", synth.connection, 4.0)
    outputs.send("synth", ON, 5.0, GRID)
    outputs.flush(5.0)
    assert synth.messages() == [program_change(1, 20), ON]


def test_what_an_instrument_was_to_get_when_it_ended_is_not_for_the_next_one(synth: Instrument) -> None:
    outputs = joined(synth)
    outputs.send("synth", ON, 1.0, GRID)
    outputs.disconnect("synth")
    outputs.connect("synth", synth.connection, 2.0)
    outputs.flush(2.0)
    assert synth.messages() == []


def test_changed_sounds_are_sent_to_silent_channels_now_and_to_others_before_their_next_note(synth: Instrument) -> None:
    outputs = joined(synth, Sound(1, 20), Sound(2, 30))
    outputs.send("synth", ON, 1.0, GRID)
    outputs.flush(1.0)
    synth.calls()
    outputs.configure([PortSpec("synth", AUDIO, sounds=(Sound(1, 21), Sound(2, 31)))], 1.0)
    outputs.send("synth", note_on(1, 64, 90), 2.0, GRID)
    outputs.flush(1.0)
    assert synth.messages() == [program_change(2, 31), program_change(1, 21), note_on(1, 64, 90)]


def test_a_panic_ends_every_note_and_silences_every_channel(synth: Instrument) -> None:
    outputs = joined(synth, Sound(1, 20))
    for message in (ON, ON, note_on(2, 64, 90)):
        outputs.send("synth", message, 1.0, GRID)
    outputs.flush(1.0)
    synth.calls()
    outputs.silence(2.0)
    outputs.repeat_sounds(2.0)
    outputs.flush(2.0)
    assert synth.messages() == [OFF, note_off(2, 64), *panic_messages(), program_change(1, 20)]
    outputs.send("synth", ON, 3.0, GRID)
    outputs.send("synth", OFF, 3.0, GRID)
    outputs.flush(3.0)
    assert synth.messages() == [ON, OFF]


def test_an_instrument_that_reads_nothing_breaks_its_own_connection() -> None:
    synth = Instrument(limit=1000)
    outputs = joined(synth)
    for number in range(200_000):
        outputs.send("synth", ON, float(number), GRID)
        if number % 1000 == 0:
            outputs.flush(float(number))
        if synth.connection.broken:
            break
    assert synth.connection.is_full
    outputs.flush(0.0)
    synth.close()


def test_an_output_that_is_configured_away_forgets_its_connection(synth: Instrument) -> None:
    outputs = joined(synth)
    outputs.configure([], 1.0)
    assert "synth" not in outputs
    outputs.configure([PortSpec("synth", AUDIO)], 2.0)
    outputs.send("synth", ON, 2.0, GRID)
    outputs.flush(2.0)
    assert synth.calls() == []
