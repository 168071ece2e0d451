import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.desk.systemd import Notifier

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="systemd is on Linux")


@pytest.fixture(params=["file", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "file" else f"@jamd-test-{os.getpid()}"


@pytest.fixture
def systemd(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address.replace("@", "\0"))
        listener.settimeout(5)
        yield listener


def test_notifications(address: str, systemd: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    notifier.status("plays")
    notifier.status("plays")  # unchanged, so not sent
    notifier.ready()
    notifier.reloading()
    notifier.alive()
    notifier.stopping()
    heard = [systemd.recv(1000).decode() for _ in range(5)]
    assert heard[:2] == ["STATUS=plays", "READY=1"]
    assert heard[2].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert heard[3:] == ["WATCHDOG=1", "STOPPING=1"]
    notifier.close()


def test_the_watchdog_applies_only_to_the_named_process() -> None:
    theirs = {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "5000000"}
    for environment, seconds in [
        (theirs, 5.0),
        (theirs | {"WATCHDOG_PID": str(os.getpid())}, 5.0),
        (theirs | {"WATCHDOG_PID": "1"}, None),
        (theirs | {"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ]:
        notifier = Notifier(environment)
        assert notifier.watchdog == seconds
        notifier.close()


def test_a_full_or_closed_queue_does_not_block(address: str, systemd: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    for _ in range(5000):
        notifier.alive()
    systemd.close()
    notifier.ready()
    notifier.close()


def test_a_status_is_one_line_whatever_a_name_holds(address: str, systemd: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    notifier.status("port x\nMAINPID=1\x1b[m is gone")
    assert systemd.recv(1000).decode() == r"STATUS=port x\nMAINPID=1\x1b[m is gone"
    notifier.close()
