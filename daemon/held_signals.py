"""Signals for a running jamd, which would end the process before their handlers are set: held from the first moment on.
The desk handles them, for all its processes.

Imports nothing that takes time.
"""

import signal
import sys


def hold() -> None:
    """Hold the signals, and let Ctrl-C end the process without a traceback while modules are imported."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGUSR1})
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def restore() -> None:
    """A command begins: from now on Ctrl-C raises KeyboardInterrupt, and no signal is held."""
    if sys.platform != "win32" and signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    release()


def release() -> None:
    """Deliver the signals that were held. `jamd run` calls this when its handlers are set."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP, signal.SIGUSR1})


def leave_to_desk(*more: str) -> None:
    """In a process that the desk has started: ignore what a terminal sends to all processes, and the signals `more`."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", *more):
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, signal.SIG_IGN)
