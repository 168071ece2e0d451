"""Signals to the desk: SIGTERM and SIGINT stop, SIGHUP reloads, SIGUSR1 is panic, SIGTSTP (Ctrl-Z) stops the
transport before the process."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

from daemon import held_signals
from daemon.commands import Command, Panic, ReloadConfiguration, StopTransport
from daemon.desk.control.keyboard import foreground

STDIN = 0
SUSPEND_DELAY = 0.3  # seconds in which the stage ends the notes


class Signals:
    """Handles signals while the `with` block lasts. Signals that come before
    their handler is set are kept, also those that `daemon.held_signals` holds."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop: Callable[[], Any] | None = None
        self._post: Callable[[Command], Any] | None = None
        self._pending: list[Command] = []
        self._stopped = self._suspending = False
        self._has_terminal = foreground(STDIN) is not None

    def on_stop(self, stop: Callable[[], Any]) -> None:
        self._stop = stop
        if self._stopped:
            stop()

    def on_command(self, post: Callable[[Command], Any]) -> None:
        """SIGHUP and SIGUSR1 post their commands to `post`."""
        self._post = post
        while self._pending:
            post(self._pending.pop(0))

    def __enter__(self) -> Self:
        handlers: dict[str, Callable[[], None]] = {
            "SIGTERM": self._end,
            "SIGINT": self._end,
            "SIGHUP": self._reload_or_end,
            "SIGUSR1": lambda: self._give(Panic()),
            "SIGTSTP": self._suspend,
        }
        by_number = {getattr(signal, name): handler for name, handler in handlers.items() if hasattr(signal, name)}

        def post(number: int, _frame: FrameType | None) -> None:
            self._loop.call_soon_threadsafe(by_number[number])

        for number in by_number:
            signal.signal(number, post)
        held_signals.release()
        self._numbers, self._handler = tuple(by_number), post
        return self

    def __exit__(self, *_: object) -> None:
        for number in self._numbers:  # a further SIGTERM must not change the exit status
            signal.signal(number, signal.SIG_IGN)

    def _end(self) -> None:
        self._stopped = True
        if self._stop is not None:
            self._stop()

    def _reload_or_end(self) -> None:
        """SIGHUP: reload, unless the terminal that jamd was started from is gone."""
        if self._has_terminal and foreground(STDIN) is None:
            self._end()
        else:
            self._give(ReloadConfiguration())

    def _suspend(self) -> None:
        """Only the desk is stopped with the job: the stage would play on. After `fg`, a command continues."""
        if self._post is not None:
            self._post(StopTransport())
        if not self._suspending:
            self._suspending = True
            self._loop.call_later(SUSPEND_DELAY, self._stop_process)

    def _stop_process(self) -> None:
        if sys.platform != "win32":
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)  # which does nothing where no shell could continue the job
            signal.raise_signal(signal.SIGTSTP)
            signal.signal(signal.SIGTSTP, self._handler)
        self._suspending = False

    def _give(self, command: Command) -> None:
        if self._post is None:
            self._pending.append(command)
        else:
            self._post(command)
