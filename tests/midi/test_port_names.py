"""The port that `connect:` names is found among those of others."""

from __future__ import annotations

import pytest

from daemon.midi.port_names import ALSA, Device, NotThere, choose_port, find_port
from daemon.midi.systems import Systems


def test_a_part_of_a_name_is_enough_and_our_own_ports_never_match() -> None:
    names = ["jamd choir:midi", "Midi Through:0", "KeyStation 49:KeyStation 49 MIDI 1 20:0"]
    assert find_port(names, "keystation") == 2
    assert find_port(names, "choir") is None
    assert find_port([*names, "Midi"], "Midi") == 3
    assert find_port(names, "KeyStation 49:KeyStation 49 MIDI 1 32:0") == 2  # plugged in again
    assert find_port(names, "KeyStation 32:0") is None


def test_a_taken_name_is_found_again_if_there_is_another_such_port() -> None:
    assert find_port(["USB", "USB"], "usb", ["USB"]) == 1
    assert find_port(["USB", "USB"], "usb", ["USB", "USB"]) is None
    assert find_port(["USB 1", "USB 2"], "USB 1", ["USB 1"]) is None
    systems = Systems()
    systems._connected.append(Device(ALSA, None, "jamd keys:midi", "USB", True))
    with pytest.raises(NotThere, match="connected to another port of jamd"):
        choose_port(["USB"], "USB", systems._taken(ALSA, is_input=True), may_share=False)
