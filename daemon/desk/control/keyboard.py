"""The computer's own keys, while `jamd run` has the terminal: tap the tempo, start, stop, panic."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from daemon.commands import Command, ContinueTransport, Panic, StartTransport, StopTransport, TapBeat

COMMANDS: Mapping[str, Callable[[bool], Command]] = {  # by key, given whether the transport runs
    " ": lambda running: TapBeat(),
    "s": lambda running: StopTransport() if running else StartTransport(),
    "c": lambda running: ContinueTransport(),
    "p": lambda running: Panic(),
}
HELP = "space taps the tempo, s starts from the top or stops, c continues, p is panic, Ctrl-C ends"
ESCAPE = "\x1b"  # begins what arrows and function keys send, whose letters are no keys
LOOK = 0.5  # seconds between looks whose the terminal is: a shell's `fg` of what runs already sends no signal

Post = Callable[[Command, float], None]  # a command and its stamp (seconds)


def foreground(terminal: int) -> int | None:
    """The process group that has the keys of `terminal`; None where that does not control us, or no longer."""
    if sys.platform == "win32":
        return None
    try:
        return os.tcgetpgrp(terminal)
    except OSError:
        return None


@contextlib.contextmanager
def keys(stream: TextIO | None, post: Post, running: Callable[[], bool]) -> Iterator[bool]:
    """Report keys for as long as the `with` block lasts, whenever we are in the foreground; whether we are now."""
    if sys.platform == "win32" or stream is None or not stream.isatty() or foreground(stream.fileno()) is None:
        yield False
        return
    import termios
    import tty

    terminal, loop = stream.fileno(), asyncio.get_running_loop()
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)  # in the background, to read is an error and must not stop the music
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    before: list[Any] | None = None  # how to leave the terminal, while it is ours
    timer: asyncio.TimerHandle | None = None

    def is_ours() -> bool:
        return foreground(terminal) == os.getpgrp()

    def look() -> None:
        nonlocal before, timer
        timer = loop.call_later(LOOK, look)
        if not is_ours():
            before = None
            loop.remove_reader(terminal)
            return
        with contextlib.suppress(termios.error):
            found = termios.tcgetattr(terminal)
            if before is None or found[3] & termios.ICANON:  # ours again; or a shell had it while we were stopped
                before = found
                tty.setcbreak(terminal, termios.TCSANOW)
            loop.add_reader(terminal, read)

    def read() -> None:
        stamp = time.perf_counter()
        try:
            pressed = os.read(terminal, 64)
        except OSError:
            pressed = b""
        if not pressed:  # it is gone, or another's now
            loop.remove_reader(terminal)
        for key in pressed.decode(errors="replace").partition(ESCAPE)[0]:
            if (command := COMMANDS.get(key.lower())) is not None:
                post(command(running()), stamp)

    look()
    try:
        yield before is not None
    finally:
        if timer is not None:
            timer.cancel()
        loop.remove_reader(terminal)
        if before is not None and is_ours():
            with contextlib.suppress(termios.error):
                termios.tcsetattr(terminal, termios.TCSANOW, before)
