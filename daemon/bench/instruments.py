"""Processes for measurements: a jamd, and clients that play and listen."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.bench.child_end import END_WITH_PARENT
from daemon.errors import JamdError

JAMD = "jamd keys:midi", "jamd choir:midi"  # input and output of a measured jamd
CHOIR = """
  choir:
    engine: harmoniser
    model: bachbot
    listen: [%s]
    play: {port: choir, channels: {soprano: 1, alto: 2, tenor: 3, bass: 4}}
"""  # under `band:`


@dataclass(frozen=True, slots=True)
class Cost:
    """What processes used: seconds of processor time, of `seconds`; bytes of memory, with their parts of shared memory
    (proportional set size)."""

    processor: float
    seconds: float
    memory: int

    @property
    def share(self) -> float:
        """Of one core."""
        return self.processor / self.seconds

    def __sub__(self, before: Cost) -> Cost:
        return Cost(self.processor - before.processor, self.seconds - before.seconds, self.memory)


class JamdProcess:
    """A `jamd run` with the given configuration, in a new folder under `folder`; `lines`: its log.

    Raises JamdError unless jamd is ready within 30 s.
    """

    def __init__(self, folder: Path, environment: dict[str, str], config: str | None) -> None:
        self.lines: list[str] = []
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        command = [sys.executable, "-P", "-m", "daemon", "run", "--metrics"]
        if config is not None:
            (self._folder / "config.yaml").write_text(config + f"\nrecording: {{directory: {self._folder}/sessions}}\n")
            command += ["-c", str(self._folder / "config.yaml")]
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=self._folder,
            preexec_fn=END_WITH_PARENT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._ready = threading.Event()
        self._reader.start()
        try:
            is_ready = self._ready.wait(30) and self.process.poll() is None
        except BaseException:  # the measurement ends
            self.stop()
            raise
        if not is_ready:
            self.process.kill()
            raise JamdError("jamd run did not become ready:\n" + "".join(self.lines))
        self.ready_after = time.perf_counter() - self.started

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            if "READY" in line:
                self._ready.set()
        self._ready.set()

    def metrics(self) -> dict[str, Any]:
        """The stage's figures, which `jamd run` logs at the end. Raises JamdError."""
        for line in reversed(self.lines):
            if found := re.search(r"metrics (\{.*\})", line):
                metrics: dict[str, Any] = json.loads(found[1])
                return metrics
        raise JamdError("jamd run printed no metrics:\n" + "".join(self.lines))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._reader.join(5)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> JamdProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def cost(self) -> Cost:
        """Of jamd and its children, until now."""
        own = self.process.pid
        processes = [own, *map(int, Path(f"/proc/{own}/task/{own}/children").read_text().split())]
        return Cost(sum(map(_processor_time, processes)), time.perf_counter(), sum(map(_memory, processes)))


def _processor_time(process: int) -> float:
    """User and system time of a process in seconds (proc(5), stat)."""
    if sys.platform == "win32":
        raise JamdError("jamd bench measures on Linux only")
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(process: int) -> int:
    """Bytes, with its part of shared memory (proportional set size)."""
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{process}/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


Events = list[tuple[float, bytes]]


def perform(
    environment: dict[str, str], events: Events, into: str, out: str, tail: float = 0.5
) -> tuple[Events, Events]:
    """Have the peer play `events` (seconds, message) into the port `into` and listen to the port `out`.

    `tail`: seconds to listen after the last event. Returns (sent, heard) with stamps. Raises JamdError.
    """
    score = {"connect": [["bench peer out:midi", into], [out, "bench peer in:midi"]], "tail": tail}
    result = play(environment, ("peer", "play"), score, events)
    return result["sent"], result["heard"]


def play(
    environment: dict[str, str], client: Sequence[str], score: Mapping[str, Any], events: Sequence[tuple[float, bytes]]
) -> dict[str, Any]:
    """What the `client`, a module of this folder and its arguments, prints after it has played `score` with `events`.
    Raises JamdError."""
    done = subprocess.run(
        _command(*client),
        input=json.dumps({**score, "events": [[moment, message.hex()] for moment, message in events]}),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        preexec_fn=END_WITH_PARENT,
    )
    if done.returncode:
        raise JamdError(f"the measuring client failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result | {key: [(at, bytes.fromhex(text)) for at, text in result[key]] for key in ("sent", "heard")}


@contextlib.contextmanager
def background(environment: dict[str, str], *client: str) -> Iterator[None]:
    """While the block runs, the `client` (see `play`) does, which prints a line when it is ready, and ends with its
    standard input."""
    with subprocess.Popen(
        _command(*client),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        preexec_fn=END_WITH_PARENT,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield


def _command(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", f"daemon.bench.{module}", *arguments]
