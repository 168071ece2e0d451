"""Notices of ALSA and JACK that connections have changed, so that a cable that is cut for 30 ms is not overlooked.

A thread for each system waits for the notices and wakes the stage. libjack's own threads must not run Python: a server
that waits for their answer would wait for the interpreter, which rtmidi may keep locked until the server answers.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

from daemon import realtime
from daemon.midi.alsa import Announcement, Cut, announcements

if TYPE_CHECKING:
    from daemon.midi.jack import Semaphore

JACK_PAUSE = 0.01  # seconds between two looks at JACK's notices, which come in hundreds while a session is loaded


class Changes(NamedTuple):
    """What was noticed since the last `take`."""

    jack: list[float]  # seconds of the changes of JACK's graph; of which connection is unknown
    alsa_cut: set[Cut]  # also of connections that exist again
    alsa_lost: bool  # so many connections changed that some of the cuts are unknown


class ConnectionChanges:
    """Calls `wake` from a thread of its own when there is something to `take`."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.pending = False
        self._wake = wake
        self._jack: deque[float] = deque()
        self._alsa_cut: deque[Cut] = deque()
        self._alsa_lost = False
        self._jack_semaphore: Semaphore | None = None
        self._watches_alsa = False

    def take(self) -> Changes:
        self.pending = False
        jack = [self._jack.popleft() for _ in range(len(self._jack))]
        lost, self._alsa_lost = self._alsa_lost, False
        return Changes(jack, {self._alsa_cut.popleft() for _ in range(len(self._alsa_cut))}, lost)

    @contextlib.contextmanager
    def ours(self, are_connected: Callable[[], bool]) -> Iterator[None]:
        """For changes of JACK's graph that the stage makes. Nothing is sent within, so that a cut costs no note-off,
        unless it lasts longer: `are_connected` tells whether the known connections exist at the end."""
        before = len(self._jack)
        yield
        if not before and are_connected():
            self._jack.clear()

    def watch_jack(self) -> Semaphore:
        """The semaphore that the client of any server is to post."""
        from daemon.midi.jack import Semaphore  # here, because that needs python-rtmidi

        if self._jack_semaphore is None:
            self._jack_semaphore = Semaphore()
            Thread(target=self._hear_jack, args=(self._jack_semaphore,), daemon=True).start()
        return self._jack_semaphore

    def watch_alsa(self) -> None:
        if not self._watches_alsa:
            self._watches_alsa = True
            Thread(target=self._hear_alsa, daemon=True).start()

    def _hear_jack(self, semaphore: Semaphore) -> None:
        realtime.raise_priority([0])
        while True:
            semaphore.wait()
            self._jack.append(time.perf_counter())
            while semaphore.try_wait():
                self._jack.append(time.perf_counter())
            self._notify()
            time.sleep(JACK_PAUSE)

    def _hear_alsa(self) -> None:
        realtime.raise_priority([0])
        for cut in announcements():
            if cut is Announcement.LOST:
                self._alsa_lost = True
            elif not isinstance(cut, Announcement):
                self._alsa_cut.append(cut)
            self._notify()

    def _notify(self) -> None:
        if not self.pending:
            self.pending = True
            self._wake()
