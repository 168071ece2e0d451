"""The stage on ALSA's sequencer, in a virtual machine that has one."""

import sys
from collections.abc import Callable
from pathlib import Path

SCRIPT = f"""
cd {Path(__file__).parents[2]}
{sys.executable} -m tests.peers.alsa_stage && {sys.executable} -m tests.peers.alsa_cables
"""


def test_ports_bursts_and_connections(run_in_alsa_vm: Callable[[str], tuple[int, str]]) -> None:
    status, output = run_in_alsa_vm(SCRIPT)
    print(output)
    assert status == 0 and "all well" in output and "all cables well" in output, output
