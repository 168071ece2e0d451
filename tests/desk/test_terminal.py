"""`jamd run` in a terminal: the live line, Ctrl-C, and a terminal that goes away."""

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk.jamd import band, write_tune

if sys.platform == "win32":
    pytest.skip("Windows has no such terminals", allow_module_level=True)

import pty


class Terminal:
    """jamd as the leader of a session on a terminal of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "config.yaml").write_text(band("ann"))
        write_tune(folder / "tune.mid")
        self.master, slave = pty.openpty()
        command = ["setsid", "--ctty", "--wait", sys.executable, "-m", "daemon", "run", "-c", "config.yaml"]
        self.process = subprocess.Popen(command, cwd=folder, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        self.text = ""

    def until(self, pattern: str, seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, f"no {pattern!r} in\n{self.text}"
            self.text += os.read(self.master, 1 << 16).decode(errors="replace")

    def read_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                self.text += os.read(self.master, 1 << 16).decode(errors="replace")


@pytest.fixture
def terminal(tmp_path: Path, echo_engine: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.process.terminate()
    terminal.process.wait(10)


def test_the_line_lives_and_control_c_ends_it(terminal: Terminal) -> None:
    terminal.until("READY")
    terminal.until(r"\rtune: (C|D|E|F)4 │ ann: echo (C|D|E|F)5")
    os.write(terminal.master, b"\x03")
    terminal.until("metrics")
    assert terminal.process.wait(10) == 0
    assert "Traceback" not in terminal.text
    assert "signal" not in terminal.text
    os.close(terminal.master)


def test_a_stopped_terminal_holds_up_nobody(terminal: Terminal) -> None:
    terminal.until("READY")
    os.write(terminal.master, b"\x13")  # Ctrl-S
    time.sleep(1)
    begun = time.monotonic()
    terminal.process.terminate()
    assert terminal.process.wait(10) == 0
    assert time.monotonic() - begun < 5
    assert list((terminal.folder / "sessions").glob("*.mid"))


def test_it_ends_when_the_terminal_goes_away(terminal: Terminal) -> None:
    terminal.until("READY")
    os.close(terminal.master)
    assert terminal.process.wait(10) == 0


def test_keys_stop_and_start_and_tap(terminal: Terminal) -> None:
    terminal.until("space taps the tempo")
    terminal.until(r"\rtune: (C|D|E|F)4")
    os.write(terminal.master, b"s")
    terminal.read_for(1.0)
    terminal.text = ""
    terminal.read_for(1.5)
    assert "tune: " not in terminal.text  # whose notes last half a second
    for _ in range(4):
        os.write(terminal.master, b" ")
        time.sleep(0.3)
    terminal.text = ""
    terminal.until(r"\rtune: (C|D|E|F)4")
    os.write(terminal.master, b"\x03")
    terminal.until("metrics")
    assert terminal.process.wait(10) == 0
