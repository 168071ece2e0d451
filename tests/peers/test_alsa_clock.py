"""MIDI clock on ALSA's sequencer, with midish as master and as slave."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = f"""
cd {Path(__file__).parents[2]}
{sys.executable} -u -m tests.peers.alsa_clock
"""


def test_midish_is_followed_and_led(run_in_alsa_vm: Callable[[str], tuple[int, str]]) -> None:
    if shutil.which("midish") is None:
        pytest.skip("no midish on this machine; to enable: apt-get install midish")
    status, output = run_in_alsa_vm(SCRIPT)
    print(output)
    assert status == 0 and "all well" in output, output
