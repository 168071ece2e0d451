"""The process that records the sound: `python -m daemon.recording.audio_process RUNTIME_FOLDER`.

A process of its own, as that of the journal, and apart from it: it reads what is heard from shared memory, and whatever
happens to it disturbs neither sound nor journal. It reads messages from stdin, a line of JSON each, until the desk
closes the pipe or is killed; it answers on stdout.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon import held_signals
from daemon.audio.clock import ClockPage, clock_path
from daemon.audio.ring import MIX_CAPACITY, Ring, mix_path
from daemon.recording.audio_recording import AudioRecording
from daemon.recording.mix_reader import MixReader
from daemon.wire import pack

UNWRITTEN = 3  # exit status: not everything could be written
STEP = 0.05  # seconds between two looks at the mix
SYNC_INTERVAL = 0.5  # seconds

Message = list[Any]


class AudioProcess:
    """Carries out the desk's messages. Whatever fails is said, and the recording goes on."""

    def __init__(self, recording: AudioRecording, tell: Callable[[Message], None]) -> None:
        self._recording, self._tell = recording, tell
        self._synced_at = 0.0
        self.complete = False

    def hear(self, message: Message) -> None:
        match message:
            case ["session", journal, start]:
                self._attempt(lambda: self._recording.begin(Path(journal), start))
            case ["end", seconds]:
                self._attempt(lambda: self._recording.end(seconds))
            case ["close"]:
                self._attempt(self._close)
            case ["alive"]:
                self._tell(["alive"])

    def tick(self, now: float) -> None:
        self._attempt(self._recording.tick)
        if now >= self._synced_at + SYNC_INTERVAL:
            self._synced_at = now
            self._attempt(self._recording.sync)

    def _close(self) -> None:
        self.complete = self._recording.close()

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._tell(["say", f"the recording of the sound failed: {type(error).__name__}: {error}"])


def main() -> int:
    held_signals.leave_to_desk()

    def tell(message: Message) -> None:
        with contextlib.suppress(OSError):  # the desk is gone
            os.write(sys.stdout.fileno(), pack([message]))

    folder = Path(sys.argv[1])
    reader = MixReader(ClockPage(clock_path(folder)), Ring(mix_path(folder), MIX_CAPACITY))
    process = AudioProcess(AudioRecording(reader, lambda text: tell(["say", text])), tell)
    messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(messages,), daemon=True).start()
    while True:
        try:
            message = messages.get(timeout=STEP)
        except queue.Empty:
            process.tick(time.perf_counter())
            continue
        process.hear(message)
        if message == ["close"]:
            return 0 if process.complete else UNWRITTEN


def _read(messages: queue.SimpleQueue[Message]) -> None:
    """At its end, also where the desk was killed, the recording is closed."""
    for line in sys.stdin.buffer:
        if line.endswith(b"\n"):
            messages.put(json.loads(line))
    messages.put(["close"])


if __name__ == "__main__":
    sys.exit(main())
