"""MIDI messages, compared with mido's tables."""

from __future__ import annotations

from itertools import product

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.music.events import (
    channel_of,
    control_change,
    is_note_off,
    is_note_on,
    is_well_formed,
    note_off,
    note_on,
)

channels, values = st.integers(1, 16), st.integers(0, 127)


def mido_accepts(message: bytes) -> bool:
    """Whether mido reads exactly this message. It ignores surplus bytes, so the message is encoded again."""
    try:
        return bytes(mido.Message.from_bytes(message).bytes()) == message
    except (ValueError, IndexError):
        return False


@pytest.mark.parametrize("length", [0, 1, 2])
def test_well_formed_is_what_mido_takes_for_every_short_message(length: int) -> None:
    for message in map(bytes, product(range(256), repeat=length)):
        assert is_well_formed(message) == mido_accepts(message), message.hex()


@pytest.mark.parametrize("length", [2, 3, 4])
def test_well_formed_is_what_mido_takes_for_every_status_and_the_edges_of_data(length: int) -> None:
    for status in range(256):
        for data in product((0, 1, 0x7F, 0x80, 0xF7, 0xFF), repeat=length - 1):
            message = bytes((status, *data))
            assert is_well_formed(message) == mido_accepts(message), message.hex()


@given(st.binary(max_size=40).map(lambda data: b"\xf0" + data))
def test_well_formed_exclusives_are_what_mido_takes(message: bytes) -> None:
    assert is_well_formed(message) == mido_accepts(message)
    assert is_well_formed(message + b"\xf7") == mido_accepts(message + b"\xf7")


@given(channels, values, values)
def test_messages_equal_those_of_mido(channel: int, number: int, value: int) -> None:
    for ours, kind, names in (
        (note_on(channel, number, value), "note_on", ("note", "velocity")),
        (control_change(channel, number, value), "control_change", ("control", "value")),
    ):
        theirs = mido.Message.from_bytes(ours)
        assert (theirs.type, theirs.channel) == (kind, channel - 1)
        assert [getattr(theirs, name) for name in names] == [number, value]
    off = mido.Message.from_bytes(note_off(channel, number))
    assert (off.type, off.channel, off.note) == ("note_off", channel - 1, number)


@given(st.integers(0x80, 0xFF), values, values)
def test_note_on_note_off_and_channel_of_a_message(status: int, number: int, value: int) -> None:
    message = bytes((status, number, value))
    assert is_note_on(message) == (0x90 <= status <= 0x9F and value > 0)
    assert is_note_off(message) == (0x80 <= status <= 0x8F or (0x90 <= status <= 0x9F and value == 0))
    assert channel_of(message) == (status % 16 + 1 if status < 0xF0 else None)


def test_an_incomplete_message_is_no_note_and_has_no_channel() -> None:
    assert (is_note_on(b""), is_note_off(b""), channel_of(b""), channel_of(b"\x40")) == (False, False, None, None)
    assert not is_note_on(b"\x90\x40")
    assert not is_note_off(b"\x80\x40")
