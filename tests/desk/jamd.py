"""A `jamd run` for tests: configuration, log and child processes. Linux only, because it reads /proc."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import mido

from daemon.bench.child_end import END_WITH_PARENT


def band(
    *players: str, trouble: Mapping[str, str] | None = None, bpm: int = 240, instruments: Iterable[str] = ()
) -> str:
    """A configuration in which each of `players` is an Echo that listens to a melody, and each of `instruments` a Tone
    that plays what the others do."""
    members = "".join(
        f"  {name}: {{engine: echo, listen: [keys, tune], play: {{port: {name} out, channels: {{echo: 1, beat: 2}}}},"
        f" options: {{trouble: {(trouble or {}).get(name, 'none')}}}}}\n"
        for name in players
    )
    members += "".join(
        f"  {name}: {{engine: tone, options: {{trouble: {(trouble or {}).get(name, 'none')}}}}}\n"
        for name in instruments
    )
    outputs = "".join(f"  {name} out: {{direction: out}}\n" for name in players)
    return (
        f"clock: {{source: internal, bpm: {bpm}}}\nports:\n  keys: {{direction: in}}\n{outputs}"
        "melodies: {tune: {file: tune.mid, loop: true}}\n"
        f"band:\n{members}recording: {{directory: sessions}}\n"
    )


def write_tune(path: Path) -> None:
    """Four quarter notes."""
    smf = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    for pitch in (60, 62, 64, 65):
        track += [mido.Message("note_on", note=pitch, time=0), mido.Message("note_off", note=pitch, time=480)]
    smf.tracks.append(track)
    smf.save(path)


class Jamd:
    """A `jamd run` in `folder` with `config`; `log` grows. The end of the `with` block terminates it, or kills it."""

    def __init__(self, folder: Path, config: str, *arguments: str, **environment: str) -> None:
        self.folder, self.log = folder, ""
        self.configure(config)
        write_tune(folder / "tune.mid")
        (folder / "runtime").mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "daemon", "run", "--metrics", "-c", str(folder / "config.yaml"), *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"XDG_RUNTIME_DIR": str(folder / "runtime")} | environment,
            preexec_fn=END_WITH_PARENT,
        )
        self._seen: set[int] = set()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def configure(self, config: str) -> None:
        """Replace the file atomically: a half-written file may be a valid configuration without ports."""
        (self.folder / "config.new").write_text(config)
        (self.folder / "config.new").replace(self.folder / "config.yaml")

    def wait_for_log(self, text: str, seconds: float = 10) -> None:
        """Wait until the log holds `text`, a regular expression."""
        self.wait(lambda: re.search(text, self.log), seconds, f"{text!r} in the log")

    def ready(self) -> Self:
        self.wait_for_log("READY", 30)  # the start waits for the leader of a song, which composes
        return self

    def wait(self, condition: Callable[[], object], seconds: float, what: str = "") -> float:
        """Wait until the condition holds; returns the seconds waited. `what`: its name in a failure message."""
        start = time.monotonic()
        while not condition():
            waited = time.monotonic() - start
            assert waited < seconds, f"not within {seconds:g} s: {what}\n{self.log}"
            time.sleep(0.01)
        return time.monotonic() - start

    def reload(self) -> None:
        """Send SIGHUP, and wait for the reload's outcome in the log."""
        before = len(self.log)
        self.process.send_signal(signal.SIGHUP)
        self.wait(lambda: re.search("reloaded|nothing was changed", self.log[before:]), 15, "a reload")

    def children(self) -> dict[str, int]:
        """Process ids: of `stage` and `speaker`, and of each player, or instrument, by its name."""
        found = {}
        for thread in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            for pid in _read(thread).split():
                command = _command(int(pid))
                for name in ("stage", "speaker"):
                    if f"daemon.{name}.process" in command:
                        found[name] = int(pid)
                if "daemon.player.process" in command or "daemon.instrument.process" in command:
                    found[command[-1]] = int(pid)
        self._seen |= set(found.values())
        return found

    def replaced(self, name: str, old: int, seconds: float) -> int:
        """Wait until `name` is another process than `old`; returns its id."""
        self.wait(lambda: self.children().get(name, old) != old, seconds, f"another {name}")
        return self.children()[name]

    def left_behind(self) -> list[int]:
        """Children of jamd that still run after jamd has ended."""
        return [pid for pid in self._seen if any(word.startswith("daemon.") for word in _command(pid))]

    def end(self, *signals: signal.Signals) -> int:
        """Send the signals (SIGTERM by default) and return jamd's exit status."""
        self.children()
        for number in signals or (signal.SIGTERM,):
            self.process.send_signal(number)
        return self.wait_for_end()

    def wait_for_end(self, seconds: float = 10) -> int:
        """Wait for jamd to end; returns its exit status."""
        status = self.process.wait(seconds)
        self._reader.join(5)
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(5)
        if self.process.stderr is not None:
            self.process.stderr.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log += line


def _command(pid: int) -> list[str]:
    return _read(Path(f"/proc/{pid}/cmdline")).rstrip("\0").split("\0")


def _read(path: Path) -> str:
    """The text of a file; empty if the process or thread has ended meanwhile."""
    try:
        return path.read_text()
    except OSError:
        return ""
