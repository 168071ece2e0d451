"""What is plugged into jamd: a JACK server, a keyboard, a sequencer, and a synthesiser at each output.

All are processes of their own, the server's and Debian's `jack_midi_dump` among them; this one is no client of JACK.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import Self

from daemon.bench.child_end import END_WITH_PARENT
from tests.soak import bands
from tests.soak.observer import OutputMonitor
from tests.tools import jack
from tests.tools.jack import JackServer

PERIOD = 1024  # frames: this is no test of latency, and what is lost in an XRun would be the server's fault
TOOL_TIME = 10.0  # seconds at most for a tool of JACK
LINGER = 5.0  # seconds at most that a killed client's port is waited for to go
INPUTS = {"keyboard": ("keys", bands.KEYBOARD), "master": ("sync", bands.MASTER)}  # our input, the client's name
_LINE = re.compile(r" *\d+:((?: [0-9a-f]{2})+)")


def available() -> bool:
    return sys.platform == "linux" and jack.available() and all(map(shutil.which, ("jack_midi_dump", "stdbuf")))


class Synth:
    """jack_midi_dump, while it is plugged in."""

    def __init__(self, name: str, monitor: OutputMonitor, env: dict[str, str]) -> None:
        self.monitor = monitor
        self._process = subprocess.Popen(
            ["stdbuf", "-oL", "jack_midi_dump", "-a", f"{name} synth"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env,
            preexec_fn=END_WITH_PARENT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Unplug, also where a test has failed: the next synthesiser of that name would get another one."""
        self.unplug()

    def unplug(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self.monitor.disconnect()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if found := _LINE.match(line):
                    self.monitor.receive(bytes.fromhex(found[1]), time.monotonic())


class Instrument:
    """tests.soak.instrument, while it is plugged in."""

    def __init__(self, name: str, env: dict[str, str]) -> None:
        command = [sys.executable, "-m", "tests.soak.instrument", name]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()

    def unplug(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()


class Rig:
    """Lives as long as many sequences; `begin` makes it new for one."""

    def __init__(self) -> None:
        self.server = JackServer(PERIOD)
        self.env = os.environ | self.server.env
        self.monitors: dict[str, OutputMonitor] = {}
        self._plugged: dict[str, Synth | Instrument] = {}
        self._wanted: set[str] = set()
        self._killed: set[str] = set()  # unplugged, and not plugged in again since

    def begin(self) -> None:
        """Everything is plugged in, nobody has heard anything."""
        self.server.start()
        for name in [name for name in self._plugged if name in bands.OUTPUTS]:
            self._plugged.pop(name).unplug()
            self._killed.add(name)
        self.monitors = {name: OutputMonitor(name) for name in bands.OUTPUTS}
        for name in (*INPUTS, *bands.OUTPUTS):
            self.plug(name)

    def plug(self, name: str) -> None:
        self._wanted.add(name)
        if name in self._plugged or not self.server.running:
            return
        # JACK may take seconds to be rid of a client that was killed; till then, another of its name gets another name.
        port = f"{INPUTS[name][1]}:midi" if name in INPUTS else f"{name} synth:input"
        end = time.monotonic() + LINGER
        while name in self._killed and port in self._ask("jack_lsp").splitlines() and time.monotonic() < end:
            time.sleep(0.02)
        self._killed.discard(name)
        if name in INPUTS:
            self._plugged[name] = Instrument(INPUTS[name][1], self.env)
        else:
            self._plugged[name] = Synth(name, self.monitors[name], self.env)

    def unplug(self, name: str) -> None:
        self._wanted.discard(name)
        if (device := self._plugged.pop(name, None)) is not None:
            device.unplug()
            self._killed.add(name)

    def tell(self, name: str, line: str) -> None:
        """The keyboard, or the master; one that is away says nothing."""
        device = self._plugged.get(name)
        if isinstance(device, Instrument):
            device.tell(line)

    def xruns(self) -> int:
        """How often the server said so far that a client, or it itself, came too late."""
        return self.server.xruns()

    def kill_server(self) -> None:
        """All its clients go with it."""
        self.server.kill()
        for device in self._plugged.values():
            device.unplug()
        self._plugged.clear()
        self._killed.clear()

    def start_server(self) -> None:
        self.server.start()
        for name in list(self._wanted):
            self.plug(name)

    def missing(self) -> list[tuple[str, str]]:
        """(output, input) of JACK that are not connected, though they should be."""
        connected, port = set(), ""
        for line in self._ask("jack_lsp", "-c").splitlines():
            if line.startswith(" "):
                connected.add((port, line.strip()))
            else:
                port = line
        return [cable for cable in CABLES if cable not in connected]

    def _ask(self, *command: str) -> str:
        """What a JACK tool prints; nothing, if it hangs, as one may that meets a server which has just started."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return subprocess.run(
                command, env=self.env, capture_output=True, text=True, check=False, timeout=TOOL_TIME
            ).stdout
        return ""

    def connect(self, seconds: float) -> None:
        """As a person would. AssertionError if it cannot be done in so many seconds."""
        end = time.monotonic() + seconds
        while cables := self.missing():
            assert time.monotonic() < end, f"cannot connect {cables}"
            for cable in cables:
                self._ask("jack_connect", *cable)

    def reconnected(self, seconds: float) -> list[tuple[str, str]]:
        """Those that were not connected again by themselves in so many seconds."""
        end = time.monotonic() + seconds
        while (cables := self.missing()) and time.monotonic() < end:
            time.sleep(0.1)
        return cables

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for device in self._plugged.values():
            device.unplug()
        self.server.__exit__(kind, error, trace)


CABLES = [
    *((f"{client}:midi", f"jamd {port}:midi") for port, client in INPUTS.values()),
    *((f"jamd {name}:midi", f"{name} synth:input") for name in bands.OUTPUTS),
]
