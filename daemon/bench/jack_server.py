"""A private JACK server with the dummy driver, for measurements and tests.

It needs no sound card and does not touch other JACK servers. Requires Debian's package jackd2.

libjack's registry has eight entries for the servers of a machine. The entry of a killed server is used again only by a
server of the same name, so the servers share few names: each takes the first one that no other process has locked.
"""

import contextlib
import getpass
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from daemon.bench.child_end import END_WITH_PARENT
from daemon.errors import JamdError
from daemon.locks import lock


def available() -> bool:
    return shutil.which("jackd") is not None and shutil.which("jack_wait") is not None


class JackServer:
    """A server with `period` frames at `rate` Hz, as a context manager; clients find it through `env`."""

    def __init__(self, period: int = 64, rate: int = 48_000) -> None:
        self.period = period
        self.rate = rate
        self.name, self._lock = _reserve_name()
        self.env = {"JACK_DEFAULT_SERVER": self.name, "JACK_NO_START_SERVER": "1"}
        self._process: subprocess.Popen[bytes] | None = None
        self._holds_registry_slot = False  # see _release_leftovers
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the server runs)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, seconds: float = 10) -> None:
        """Return once clients can connect. Raises JamdError with the server's output."""
        if self.running:
            return
        for _ in range(10):
            before = len(self.log())
            self._spawn()
            if self._wait_until_ready(seconds):
                return
            self.kill()
            if "already active" not in self.log()[before:]:
                break
            time.sleep(0.3)  # a server of this name was killed, and init has not reaped its process yet
        raise JamdError(
            f"jackd did not start: correct what it reports, or end other JACK servers:\n{self.log().rstrip()}"
        )

    def _wait_until_ready(self, seconds: float) -> bool:
        wait = ["jack_wait", "-w", "-t", str(round(seconds))]
        end = time.monotonic() + seconds
        while self.running and time.monotonic() < end:
            with subprocess.Popen(
                wait, env=os.environ | self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as waiting:
                while self.running and waiting.poll() is None:
                    time.sleep(0.01)
                waiting.kill()
            if waiting.returncode == 0:
                return self.running
            time.sleep(0.05)  # it gives up where a server of this name was killed just before
        return False

    def _spawn(self) -> None:
        # -S (synchronous) and real time: without both, the asynchronous server loses a message in a thousand.
        root = sys.platform != "win32" and os.geteuid() == 0
        realtime = ["-R", "-P", "60"] if root else ["--no-realtime"]
        driver = ["-d", "dummy", "-r", str(self.rate), "-p", str(self.period)]
        self._process = subprocess.Popen(
            ["jackd", "-n", self.name, *realtime, "-S", *driver],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=os.environ | self.env,
            preexec_fn=END_WITH_PARENT,
        )

    def stop(self) -> None:
        """Terminate the server, or kill it if it hangs, as it may if a client was not closed."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the server, as in a crash: its clients are not notified."""
        self._end(None)

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def xruns(self) -> int:
        """XRuns so far: the server or a client missed a period, after which messages are lost, repeated or delayed."""
        return self.log().count("XRun")

    def _end(self, sign: signal.Signals | None) -> None:
        if self._process is None:
            return
        if sign is None:
            self._process.kill()
        else:
            self._process.send_signal(sign)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._holds_registry_slot = self._process.returncode < 0
        self._process = None

    def _release_leftovers(self) -> None:
        """Remove what a killed server leaves: semaphores of its clients, and one of the eight entries in libjack's
        server registry on this machine, which only a server of the same name takes over, and frees when it ends
        normally.
        """
        for _ in range(3):
            if self._holds_registry_slot:
                with contextlib.suppress(JamdError):
                    self.start()
                    self.stop()
        for left in Path("/dev/shm").glob(f"jack_sem.*_{self.name}_*"):
            with contextlib.suppress(OSError):
                left.unlink()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._release_leftovers()
        self._close()

    def _close(self) -> None:
        self._log.close()
        self._lock.close()


def _reserve_name() -> tuple[str, FileIO]:
    """A name that no other process uses, and the locked file that reserves it."""
    user = getpass.getuser()
    for number in itertools.count():
        name = f"jamd-own-{user}-{number}"
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        file = FileIO(os.open(Path(tempfile.gettempdir(), f"{name}.lock"), flags, 0o600), "r+")
        if lock(file):
            return name, file
        file.close()
    raise AssertionError
