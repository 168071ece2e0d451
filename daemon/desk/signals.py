"""What the desk is told by signals: SIGTERM and SIGINT stop, SIGHUP reloads, SIGUSR1 is panic."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

from daemon.desk.control.keyboard import foreground

STDIN = 0


class Signals:
    """Handlers for as long as the `with` block lasts. What comes before a handler is set is kept."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._hang_up = asyncio.Event()
        self._stop: Callable[[], Any] | None = None
        self._panic: Callable[[], Any] | None = None
        self._stopped = False
        self._has_terminal = foreground(STDIN) is not None

    def on_stop(self, stop: Callable[[], Any]) -> None:
        self._stop = stop
        if self._stopped:
            stop()

    def on_panic(self, panic: Callable[[], Any]) -> None:
        self._panic = panic

    async def reload(self) -> None:
        """Return at the next SIGHUP, at once if one has come meanwhile."""
        await self._hang_up.wait()
        self._hang_up.clear()

    def __enter__(self) -> Self:
        handlers: dict[str, Callable[[], None]] = {
            "SIGTERM": self._end,
            "SIGINT": self._end,
            "SIGHUP": self._hung_up,
            "SIGUSR1": self._silence,
        }
        by_number = {getattr(signal, name): handler for name, handler in handlers.items() if hasattr(signal, name)}

        def post(number: int, _frame: FrameType | None) -> None:
            self._loop.call_soon_threadsafe(by_number[number])

        for number in by_number:
            signal.signal(number, post)
        self._numbers = tuple(by_number)
        return self

    def __exit__(self, *_: object) -> None:
        for number in self._numbers:  # one more SIGTERM must not spoil the exit status
            signal.signal(number, signal.SIG_IGN)

    def _end(self) -> None:
        self._stopped = True
        if self._stop is not None:
            self._stop()

    def _hung_up(self) -> None:
        """A reload, unless it says that the terminal we were started from is gone."""
        if self._has_terminal and foreground(STDIN) is None:
            self._end()
        else:
            self._hang_up.set()

    def _silence(self) -> None:
        if self._panic is not None:
            self._panic()
