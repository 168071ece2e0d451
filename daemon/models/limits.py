"""Limits for the process that loads a model: a graph of a few bytes may unfold to any size, or never end."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

LOAD_MEMORY = 1 << 30  # bytes that the process may grow by …
MEMORY_PER_BYTE = 8  # … and for each byte of the model's file; Linux only
LOAD_TIMEOUT = 30.0  # seconds
REMEDY = "choose another model"
ERROR = "jamd: "  # before an error on stderr
_CRASHES = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT")  # that native code raises in its own process
_WINDOWS_CRASH = 0xC0000000  # exit statuses of native errors begin here


def exit_with(text: str) -> None:
    """End the process with the error: a run of ONNX Runtime cannot be interrupted otherwise."""
    sys.stderr.write(f"{ERROR}{text}\n")
    sys.stderr.flush()
    os._exit(2)


def ends_process(path: Path, reason: str) -> str:
    """The error for a model upon which its process ends."""
    return f"{path}: ends the process that loads the model ({reason}): {REMEDY}"


def is_native_crash(status: int) -> bool:
    """Whether native code ended a process with exit status `status`, and no signal from outside, such as SIGKILL."""
    return status >= _WINDOWS_CRASH or -status in (getattr(signal, name, None) for name in _CRASHES)


@contextlib.contextmanager
def limited(path: Path, give_up: Callable[[str], object] = exit_with, seconds: float | None = None) -> Iterator[None]:
    """While the model at `path` is loaded: limit the memory, and call `give_up`, on a thread, after LOAD_TIMEOUT.

    What exceeds the memory fails with MemoryError or an error of ONNX Runtime.
    """
    seconds = LOAD_TIMEOUT if seconds is None else seconds
    text = f"{path}: the model is not ready after {seconds:g} s (does its graph end?): {REMEDY}"
    timer = threading.Timer(seconds, give_up, [text])
    timer.daemon = True
    before = limit_memory(path)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if before is not None and sys.platform == "linux":
            import resource

            resource.setrlimit(resource.RLIMIT_DATA, before)


def limit_memory(path: Path) -> tuple[int, int] | None:
    """From now on, let this process grow no more than the model at `path` needs. Returns the limits before.

    None without a limit: on another system than Linux, or without /proc.
    """
    if sys.platform != "linux":
        return None
    if (grown := _data_size()) is None:
        return None
    import resource

    soft, hard = before = resource.getrlimit(resource.RLIMIT_DATA)
    size = path.stat().st_size if path.is_file() else 0
    limit = grown + LOAD_MEMORY + MEMORY_PER_BYTE * size
    for other in (soft, hard):
        limit = limit if other == resource.RLIM_INFINITY else min(limit, other)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    return before


def memory_error(path: Path, error: Exception) -> str | None:
    """The message for a model that failed with `error` because `ulimit -v` leaves too little memory; otherwise None."""
    if sys.platform == "win32" or not (isinstance(error, MemoryError) or "bad_alloc" in str(error)):
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    return (
        f"{path}: not enough memory within the limit of {limit >> 20} MiB: raise `ulimit -v`, or choose another model"
    )


def _data_size() -> int | None:
    """Bytes of this process that count for RLIMIT_DATA; None if they are unknown."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) << 10
    return None
