"""`jamd run` in a terminal: the live view, Ctrl-C, keys, job control, a closed terminal."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.desk.jamd import band, write_tune
from tests.tools.screen import Screen

if sys.platform == "win32":
    pytest.skip("Windows has no such terminals", allow_module_level=True)

import fcntl
import pty
import struct
import termios

CONTROLLED = ("setsid", "--ctty")
NOTE = r"tune +leads +(C|D|E|F)4"  # in the view
# A shell with job control only: the job has its own process group; SIGUSR1 and SIGUSR2 move the terminal between them.
SHELL = """
import os, signal, subprocess, sys
job = subprocess.Popen(sys.argv[1:], process_group=0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
os.tcsetpgrp(0, job.pid)
signal.signal(signal.SIGUSR1, lambda *_: os.tcsetpgrp(0, os.getpgrp()))
signal.signal(signal.SIGUSR2, lambda *_: os.tcsetpgrp(0, job.pid))
sys.exit(job.wait())
"""


class Terminal:
    """jamd on a new terminal, by default as the leader of a session with that controlling terminal."""

    def __init__(self, folder: Path, *launcher: str, **environment: str) -> None:
        self.folder = folder
        (folder / "config.yaml").write_text(band("ann"))
        write_tune(folder / "tune.mid")
        self.master, slave = pty.openpty()
        self.resize(80)
        self.cooked = termios.tcgetattr(slave)
        command = [*(launcher or CONTROLLED), sys.executable, "-m", "daemon", "run", "-c", "config.yaml"]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=os.environ | {"TERM": "xterm"} | environment,
        )
        os.close(slave)
        self.text = ""

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

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

    def wait(self, condition: Callable[[], object], seconds: float = 10) -> None:
        """Wait until the condition holds; read jamd's output meanwhile, so that jamd is not blocked."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.text
            self.read_for(0.05)

    def has_keys(self) -> bool:
        """Whether keys arrive one by one, not line by line."""
        return not termios.tcgetattr(self.master)[3] & termios.ICANON

    def is_silent(self) -> bool:
        """Whether the tune, whose notes last a quarter of a second, is stopped."""
        self.text = ""
        self.read_for(1.5)
        return re.search(NOTE, self.text) is None


@pytest.fixture
def terminal(tmp_path: Path, echo_engine: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.process.terminate()
    terminal.process.wait(10)


def test_the_view_is_updated_and_control_c_ends_jamd_with_a_sentence(terminal: Terminal) -> None:
    terminal.until("READY")
    terminal.until(NOTE + r".*\r\nann .*echo (C|D|E|F)5")
    os.write(terminal.master, b"\x03")
    terminal.until(r"jamd ran for \d+ s: no notes heard and \d+ notes played;\s+recorded\s+in\s+sessions/.*\.mid\r\n")
    assert terminal.process.wait(10) == 0
    assert "sounding" not in terminal.text
    assert "Traceback" not in terminal.text
    assert "signal" not in terminal.text
    os.close(terminal.master)


def test_a_stopped_terminal_does_not_block_jamd(terminal: Terminal) -> None:
    terminal.until("READY")
    os.write(terminal.master, b"\x13")  # Ctrl-S
    time.sleep(1)
    start = time.monotonic()
    terminal.process.terminate()
    assert terminal.process.wait(10) == 0
    assert time.monotonic() - start < 5
    assert list((terminal.folder / "sessions").glob("*.mid"))


def test_jamd_ends_when_the_terminal_is_closed(terminal: Terminal) -> None:
    terminal.until("READY")
    os.close(terminal.master)
    assert terminal.process.wait(10) == 0


def test_keys_stop_and_start_and_tap(terminal: Terminal) -> None:
    terminal.until("space taps the tempo")
    terminal.until(NOTE)
    os.write(terminal.master, b"s")
    terminal.read_for(1.0)
    terminal.text = ""
    terminal.read_for(1.5)
    assert not re.search(NOTE, terminal.text)  # its notes last half a second
    for _ in range(4):
        os.write(terminal.master, b" ")
        time.sleep(0.3)
    terminal.text = ""
    terminal.until(NOTE)
    os.write(terminal.master, b"\x03")
    terminal.until("jamd ran for")
    assert terminal.process.wait(10) == 0


def test_keys_reload_and_show_the_keys(terminal: Terminal) -> None:
    terminal.until(r"Ctrl-C\s+quits")
    terminal.until("READY")
    config = terminal.folder / "config.yaml"
    config.write_text(config.read_text().replace("bpm: 240", "bpm: 200"))
    os.write(terminal.master, b"r")
    terminal.until("reloaded: bpm 240 → 200")
    for key in (b"h", b"?"):
        terminal.text = ""
        os.write(terminal.master, key)
        terminal.until("space taps the tempo")


@pytest.mark.parametrize("reflow", [False, True])
def test_the_view_survives_narrowing_and_the_end_clears_it(terminal: Terminal, reflow: bool) -> None:
    terminal.until("READY.*\r\n")
    screen = Screen(80, 24, reflow)
    for columns in (80, 35, 20, 60):
        terminal.resize(columns)
        screen.resize(columns, 24)
        terminal.read_for(1.0)
        terminal.wait(lambda: terminal.text.endswith("\x1b[J"))  # the block is complete
        screen.feed(terminal.text)
        terminal.text = ""
        assert [line[:4].strip() for line in screen.text[-4:-1]] == ["keys", "tune", "ann"], screen.text
        assert sum(line.startswith("tune") for line in screen.text) == 1
    os.write(terminal.master, b"\x03")
    terminal.until(r"recorded[^;]*\.mid")
    screen.feed(terminal.text)
    assert not [line for line in screen.text if line.startswith(("tune", "ann"))]


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}])
def test_on_other_terminals(tmp_path: Path, echo_engine: Path, environment: dict[str, str]) -> None:
    """A dumb terminal gets the log alone; one without Unicode its own spelling."""
    terminal = Terminal(tmp_path, **environment)
    terminal.until("READY")
    terminal.read_for(2.0)
    assert ("\x1b[" in terminal.text) == (environment.get("TERM") != "dumb")
    assert terminal.text.isascii()
    os.write(terminal.master, b"\x03")
    terminal.until("jamd ran for")
    assert terminal.process.wait(10) == 0
    os.close(terminal.master)


def test_arrows_and_function_keys_are_ignored(terminal: Terminal) -> None:
    terminal.until("space taps the tempo")
    terminal.until(NOTE)
    os.write(terminal.master, b"\x1bOS")  # F4
    terminal.read_for(1.0)
    assert not terminal.is_silent()
    os.write(terminal.master, b"s\x1b[C")  # s, and an arrow
    terminal.read_for(1.0)
    assert terminal.is_silent()


# Job control


@pytest.fixture
def job(tmp_path: Path, echo_engine: Path) -> Iterator[tuple[Terminal, int]]:
    """jamd in the foreground of a shell, and its process id."""
    terminal = Terminal(tmp_path, *CONTROLLED, sys.executable, "-c", SHELL)
    pid = 0
    try:
        terminal.until("READY", 15)
        pid = os.tcgetpgrp(terminal.master)
        assert pid != terminal.process.pid
        yield terminal, pid
    finally:
        if terminal.process.poll() is None:
            os.kill(pid or terminal.process.pid, signal.SIGTERM)
        terminal.process.wait(10)
        os.close(terminal.master)


def give_terminal_to(terminal: Terminal, group: int) -> None:
    to_job = group != terminal.process.pid
    terminal.process.send_signal(signal.SIGUSR2 if to_job else signal.SIGUSR1)
    terminal.wait(lambda: os.tcgetpgrp(terminal.master) == group)


def test_an_end_in_the_background_does_not_change_the_terminal(job: tuple[Terminal, int]) -> None:
    terminal, pid = job
    assert terminal.has_keys()
    give_terminal_to(terminal, terminal.process.pid)
    others = list(terminal.cooked)
    others[3] &= ~(termios.ISIG | termios.ECHO | termios.ICANON)
    termios.tcsetattr(terminal.master, termios.TCSANOW, others)
    os.kill(pid, signal.SIGTERM)
    terminal.until("jamd ran for")
    assert terminal.process.wait(10) == 0
    assert termios.tcgetattr(terminal.master)[3] == others[3]


def test_an_end_in_the_foreground_restores_the_terminal(job: tuple[Terminal, int]) -> None:
    terminal, pid = job
    os.kill(pid, signal.SIGTERM)
    terminal.until("jamd ran for")
    assert terminal.process.wait(10) == 0
    assert termios.tcgetattr(terminal.master)[3] == terminal.cooked[3]


def test_keys_come_back_with_the_foreground(job: tuple[Terminal, int]) -> None:
    terminal, pid = job
    give_terminal_to(terminal, terminal.process.pid)
    termios.tcsetattr(terminal.master, termios.TCSANOW, terminal.cooked)
    terminal.read_for(1.5)
    assert not terminal.has_keys()
    give_terminal_to(terminal, pid)
    terminal.wait(terminal.has_keys)
    os.write(terminal.master, b"s")
    terminal.wait(terminal.is_silent)


def test_keys_come_back_after_a_stop(job: tuple[Terminal, int]) -> None:
    terminal, pid = job
    os.write(terminal.master, b"\x1a")  # Ctrl-Z
    terminal.wait(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    termios.tcsetattr(terminal.master, termios.TCSANOW, terminal.cooked)
    os.killpg(pid, signal.SIGCONT)
    terminal.wait(terminal.has_keys)


def test_a_stop_of_the_job_stops_the_song_which_a_key_continues(job: tuple[Terminal, int]) -> None:
    terminal, pid = job
    terminal.until(NOTE)
    os.write(terminal.master, b"\x1a")  # Ctrl-Z
    terminal.wait(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    os.killpg(pid, signal.SIGCONT)
    terminal.until("stopped: s starts, c continues")
    assert terminal.is_silent()
    os.write(terminal.master, b"c")
    terminal.until(NOTE)


def test_without_a_controlling_terminal_there_are_no_keys_and_the_terminal_may_close(
    tmp_path: Path, echo_engine: Path
) -> None:
    terminal = Terminal(tmp_path, "setsid")
    try:
        terminal.until("READY", 15)
        assert not terminal.has_keys()
        terminal.process.send_signal(signal.SIGHUP)
        terminal.until("reloaded")
        assert "Traceback" not in terminal.text
        os.close(terminal.master)
        time.sleep(1)
        assert terminal.process.poll() is None
        terminal.process.terminate()
        assert terminal.process.wait(10) == 0
    finally:
        terminal.process.kill()
        terminal.process.wait(10)
