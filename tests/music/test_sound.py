"""A channel's sound as messages."""

from __future__ import annotations

import mido

from daemon.music.sound import Sound

FULL = Sound(5, program=53, bank=(8, 1), volume=100, pan=-20)


def parsed(messages: list[bytes]) -> list[str]:
    return [str(mido.Message.from_bytes(message)) for message in messages]


def test_bank_program_volume_and_pan_come_in_this_order() -> None:
    assert parsed(FULL.messages()) == [
        "control_change channel=4 control=0 value=8 time=0",
        "control_change channel=4 control=32 value=1 time=0",
        "program_change channel=4 program=52 time=0",
        "control_change channel=4 control=7 value=100 time=0",
        "control_change channel=4 control=10 value=44 time=0",
    ]


def test_nothing_is_sent_of_what_is_not_given() -> None:
    assert Sound(1).messages() == []
    assert Sound(1, pan=0).messages() == [b"\xb0\x0a\x40"]
    assert Sound(1, program=1, bank=(0,)).messages() == [b"\xb0\x00\x00", b"\xc0\x00"]
    assert (Sound(16, pan=-64).messages(), Sound(16, pan=63).messages()) == ([b"\xbf\x0a\x00"], [b"\xbf\x0a\x7f"])


def test_of_another_sound_only_what_differs_is_sent() -> None:
    assert FULL.messages(FULL) == []
    assert FULL.messages(Sound(5, 53, (8, 1), 90, -20)) == [b"\xb4\x07\x64"]
    assert FULL.messages(Sound(5, 53, (8,), 100, -20)) == [b"\xb4\x00\x08", b"\xb4\x20\x01", b"\xc4\x34"]
    assert Sound(5, volume=100).messages(FULL) == []


def test_two_sounds_of_a_channel_are_joined() -> None:
    assert Sound(5, volume=90).or_else(FULL) == Sound(5, 53, (8, 1), 90, -20)
    assert Sound(5, 3).or_else(FULL) == Sound(5, 3, (), 100, -20)
