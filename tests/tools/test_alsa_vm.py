import sys
from collections.abc import Callable
from pathlib import Path

SCRIPT = f"""
set -eu
aconnect -l | grep -q 'Virtual Raw MIDI'
{sys.executable} - <<'PYTHON'
import rtmidi
port = rtmidi.MidiOut(rtmidi.API_LINUX_ALSA, name="peer")
port.open_virtual_port("choir")
print("ports:", rtmidi.MidiIn(rtmidi.API_LINUX_ALSA).get_ports())
PYTHON
touch /usr/written
exit 3
"""


def test_script_has_a_sequencer_and_returns_its_status(run_in_alsa_vm: Callable[[str], tuple[int, str]]) -> None:
    status, output = run_in_alsa_vm(SCRIPT)
    assert "peer:choir" in output
    assert status == 3, output
    assert not Path("/usr/written").exists()
