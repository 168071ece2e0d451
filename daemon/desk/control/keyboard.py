"""The computer's keyboard while `jamd run` is in the foreground of a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from daemon.commands import (
    Command,
    ContinueTransport,
    Panic,
    ReloadConfiguration,
    StartTransport,
    StopTransport,
    TapBeat,
    ToggleMetronome,
)

KEY_COMMANDS: Mapping[str, Callable[[bool], Command]] = {  # by key, given whether the transport runs
    " ": lambda running: TapBeat(),
    "s": lambda running: StopTransport() if running else StartTransport(),
    "c": lambda running: ContinueTransport(),
    "m": lambda running: ToggleMetronome(),
    "p": lambda running: Panic(),
    "r": lambda running: ReloadConfiguration(),
}
HELP = (
    "space taps the tempo, s starts from the beginning or stops, c continues, m turns the metronome on or off, "
    "p silences everything, r reads the configuration again, h shows this help, Ctrl-C quits"
)
HELP_KEYS = "h?"
ESCAPE = "\x1b"  # begins the sequences of arrow and function keys, whose letters are not commands
FOREGROUND_CHECK_INTERVAL = 0.5  # seconds: a shell's `fg` of a running job sends no signal

Post = Callable[[Command, float], None]  # a command and its stamp (seconds)


def foreground(terminal: int) -> int | None:
    """The foreground process group of `terminal`; None if that is not (or no longer) our controlling terminal."""
    if sys.platform == "win32":
        return None
    try:
        return os.tcgetpgrp(terminal)
    except OSError:
        return None


@contextlib.contextmanager
def keys(
    stream: TextIO | None, post: Post, running: Callable[[], bool], say: Callable[[str], object]
) -> Iterator[None]:
    """Post the commands of pressed keys while the `with` block lasts and jamd is in the foreground.

    `say` gets HELP at the beginning, and when a person asks for help.
    """
    if sys.platform == "win32" or stream is None or not stream.isatty() or foreground(stream.fileno()) is None:
        yield
        return
    import termios
    import tty

    terminal, loop = stream.fileno(), asyncio.get_running_loop()
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)  # reading in the background must be an error, not stop jamd
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    before: list[Any] | None = None  # the terminal's attributes to restore, while jamd is in the foreground
    timer: asyncio.TimerHandle | None = None

    def in_foreground() -> bool:
        return foreground(terminal) == os.getpgrp()

    def check() -> None:
        nonlocal before, timer
        timer = loop.call_later(FOREGROUND_CHECK_INTERVAL, check)
        if not in_foreground():
            before = None
            loop.remove_reader(terminal)
            return
        with contextlib.suppress(termios.error):
            found = termios.tcgetattr(terminal)
            # In the foreground again; or jamd was stopped (Ctrl-Z) and the shell has reset the terminal meanwhile.
            if before is None or found[3] & termios.ICANON:
                before = found
                tty.setcbreak(terminal, termios.TCSANOW)
            loop.add_reader(terminal, read)

    def read() -> None:
        stamp = time.perf_counter()
        try:
            pressed = os.read(terminal, 64)
        except OSError:
            pressed = b""
        if not pressed:  # the terminal is gone, or jamd is in the background
            loop.remove_reader(terminal)
        for key in pressed.decode(errors="replace").partition(ESCAPE)[0]:
            if key.lower() in HELP_KEYS:
                say(HELP)
            elif (command := KEY_COMMANDS.get(key.lower())) is not None:
                post(command(running()), stamp)

    check()
    if before is not None:
        say(HELP)
    try:
        yield
    finally:
        if timer is not None:
            timer.cancel()
        loop.remove_reader(terminal)
        if before is not None and in_foreground():
            with contextlib.suppress(termios.error):
                termios.tcsetattr(terminal, termios.TCSANOW, before)
