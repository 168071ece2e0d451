"""A private JACK server with the dummy driver, for measurements and tests.

No sound card, no contact with anyone's server.
Needs Debian's jackd2.
"""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

_numbers = itertools.count()


def available() -> bool:
    return shutil.which("jackd") is not None and shutil.which("jack_wait") is not None


class JackServer:
    """`period` frames at `rate` Hz, as a context manager; clients find it through `env`."""

    def __init__(self, period: int = 64, rate: int = 48_000) -> None:
        self.period = period
        self.rate = rate
        self.name = f"jamd-own-{os.getpid()}-{next(_numbers)}"
        self.env = {"JACK_DEFAULT_SERVER": self.name, "JACK_NO_START_SERVER": "1"}
        self._process: subprocess.Popen[bytes] | None = None
        self._has_place = False  # see _give_back
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the server)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def start(self, seconds: float = 10) -> None:
        """Return once clients can connect; RuntimeError with the server's own words if that fails."""
        if self.running:
            return
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
        )
        ready = subprocess.run(
            ["jack_wait", "-w", "-t", str(round(seconds))], env=os.environ | self.env, capture_output=True, check=False
        )
        if ready.returncode != 0 or not self.running:
            self.kill()
            raise RuntimeError(f"jackd did not start:\n{self.log()}")

    def stop(self) -> None:
        """Ask it to end; a client that was not closed can make it hang, then it is killed."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would: its clients hear nothing."""
        self._end(None)

    def restart(self) -> None:
        """Kill it if it runs, and start it again under the same name."""
        self.kill()
        self.start()

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def xruns(self) -> int:
        """How often the server or a client of it came too late so far: then it loses, repeats and delays messages."""
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
        self._has_place = self._process.returncode < 0
        self._process = None

    def _give_back(self) -> None:
        """What a server that was killed leaves behind: a place among the eight that libjack has on this machine, which
        only the next server of its name takes over, and frees when it ends by itself; and its clients' semaphores.
        """
        for _ in range(3):
            if self._has_place:
                with contextlib.suppress(RuntimeError):
                    self.start()
                    self.stop()
        for left in Path("/dev/shm").glob(f"jack_sem.*_{self.name}_*"):
            with contextlib.suppress(OSError):
                left.unlink()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._give_back()
        self._log.close()
