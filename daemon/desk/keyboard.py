"""The computer's own keys, while `jamd run` has the terminal: tap the tempo, start, stop, panic."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

ACTIONS = {" ": "tap", "s": "start or stop", "c": "continue", "p": "panic"}
HELP = "space taps the tempo, s starts and stops, c continues, p is panic, Ctrl-C ends"

Act = Callable[[str, float], None]  # one of ACTIONS, seconds


@contextlib.contextmanager
def keys(stream: TextIO | None, act: Act) -> Iterator[bool]:
    """Report keys for as long as the `with` block lasts; False where there is no terminal to have them from."""
    if sys.platform == "win32" or stream is None or not stream.isatty():
        yield False
        return
    import termios
    import tty

    terminal = stream.fileno()
    if os.tcgetpgrp(terminal) != os.getpgrp():  # in the background: the keys are somebody else's
        yield False
        return
    before = termios.tcgetattr(terminal)
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)  # put there later, to read is an error and must not stop the music
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)

    def read() -> None:
        stamp = time.perf_counter()
        try:
            pressed = os.read(terminal, 64)
        except OSError:
            pressed = b""
        if not pressed:  # it is gone, or another's now
            loop.remove_reader(terminal)
        for key in pressed.decode(errors="replace"):
            if (action := ACTIONS.get(key.lower())) is not None:
                act(action, stamp)

    loop = asyncio.get_running_loop()
    tty.setcbreak(terminal, termios.TCSANOW)
    loop.add_reader(terminal, read)
    try:
        yield True
    finally:
        loop.remove_reader(terminal)
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(terminal, termios.TCSANOW, before)
