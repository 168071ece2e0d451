import time
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from tests.tools.systemd_box import SystemdBox

UNIT = """
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sh -c 'systemd-notify --ready --status="hello" && sleep 1000'
WatchdogSec=1
Restart=on-failure
RestartSec=0
"""


def test_a_unit_runs_under_a_real_systemd(systemd_box: SystemdBox) -> None:
    systemd_box.write("/etc/systemd/system/toy.service", UNIT)
    systemd_box.run("systemctl", "daemon-reload")
    systemd_box.run("systemctl", "start", "toy")
    assert systemd_box.show("toy", "StatusText") == "hello"
    end = time.monotonic() + 10
    while systemd_box.show("toy", "NRestarts") == "0" and time.monotonic() < end:  # nobody feeds its watchdog
        time.sleep(0.1)
    assert systemd_box.show("toy", "NRestarts") != "0"
    systemd_box.run("systemctl", "stop", "toy")
    assert not Path("/etc/systemd/system/toy.service").exists()


def test_a_failing_command_tells_what_it_said(systemd_box: SystemdBox) -> None:
    with pytest.raises(CalledProcessError) as caught:
        systemd_box.run("sh", "-c", "echo because; exit 4")
    assert caught.value.returncode == 4
    assert "because" in caught.value.__notes__[0]
