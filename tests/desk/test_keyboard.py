"""The keys of the terminal. tests/desk/test_terminal.py presses them."""

from __future__ import annotations

from daemon.commands import ReloadConfiguration, ToggleMetronome
from daemon.desk.control.keyboard import HELP, HELP_KEYS, KEY_COMMANDS


def test_m_turns_the_metronome_on_and_off() -> None:
    assert [KEY_COMMANDS["m"](running) for running in (True, False)] == [ToggleMetronome(), ToggleMetronome()]


def test_the_help_names_every_key() -> None:
    keys = {" ": "space"}
    assert all(f"{keys.get(key, key)} " in HELP.replace(",", " ,") for key in [*KEY_COMMANDS, HELP_KEYS[0]])


def test_r_reads_the_configuration_again() -> None:
    assert KEY_COMMANDS["r"](True) == ReloadConfiguration()
