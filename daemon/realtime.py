"""Real-time priority, locked memory and no garbage collection, as far as the system allows."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

PRIORITY = 30  # SCHED_FIFO, of the stage: below audio servers as they are usually set up
SPEAKER_PRIORITY, INSTRUMENT_PRIORITY = 25, 20  # MIDI never waits for sound
REFUSALS = {  # log lines for what is not allowed
    "fifo": "no real-time priority: notes may be late while other programs are busy; see docs/operations.md",
    "memory": "memory is not locked: notes may be late when the machine is short of it; see docs/operations.md",
}
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_PR_SET_PDEATHSIG, _PR_SET_TIMERSLACK = 1, 29
_MADV_DONTNEED = 4


def request_real_time(priority: int = PRIORITY) -> dict[str, bool]:
    """For the calling thread and its process: {"fifo": …, "memory": …}, whether each was allowed."""
    sys.setswitchinterval(0.0005)
    if sys.platform != "linux":
        return {"fifo": False, "memory": False}
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    return {"fifo": raise_priority([0], priority), "memory": _lock_memory(library)}


def die_with_parent() -> None:
    """Have Linux kill this process with its parent, even if it is stopped (SIGSTOP) or hangs."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def raise_priority(threads: Iterable[int], priority: int = PRIORITY) -> bool:
    """SCHED_FIFO for threads of this process (0: the calling one), not inherited by their children.

    Where `priority` is beyond the limit, the highest priority allowed. Returns whether every thread got it.
    """
    if sys.platform != "linux":
        return False
    import resource

    _, limit = resource.getrlimit(resource.RLIMIT_RTPRIO)
    allowed = True
    for thread in threads:
        for level in (priority, min(priority, limit) if limit > 0 else 1):
            try:
                policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
                os.sched_setscheduler(thread, policy, os.sched_param(level))
                break
            except OSError:
                continue
        else:
            allowed = False
    return allowed


def ordinary_threads() -> set[int]:
    """Threads of this process without real-time priority; none where the system does not list threads."""
    if sys.platform != "linux" or not os.path.isdir("/proc/self/task"):
        return set()
    found = set()
    for name in os.listdir("/proc/self/task"):
        try:
            if os.sched_getscheduler(int(name)) & ~os.SCHED_RESET_ON_FORK == os.SCHED_OTHER:
                found.add(int(name))
        except OSError:  # the thread has just ended
            continue
    return found


def freeze_objects() -> None:
    """Turn automatic garbage collection off; objects that exist now are never traversed again (`collect_garbage`)."""
    gc.collect()
    gc.freeze()
    gc.disable()


def collect_garbage() -> None:
    """Collect reference cycles that died since `freeze_objects`. To be called while nothing is due."""
    gc.collect()


def release_jack_memory() -> None:
    """Unlock and release JACK's shared memory (104 MB) in this process; what is used is mapped again on access.

    libjack locks all memory when it opens a client, and so maps the whole; the server keeps it in memory anyway.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    for line in _own_lines("maps"):
        if "/dev/shm/jack-" in line:
            start, end = (int(address, 16) for address in line.split()[0].split("-"))
            library.munlock(ctypes.c_void_p(start), ctypes.c_size_t(end - start))
            library.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)


def suspended_seconds() -> float:
    """Seconds that the machine was suspended since it started; two calls differ if there was a suspend in between."""
    if sys.platform != "linux":
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def _lock_memory(library: ctypes.CDLL) -> bool:
    """Keep every page in memory once it was touched. Not under a limit: the first allocation beyond it would fail."""
    if sys.platform != "linux":
        return False
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft != resource.RLIM_INFINITY and not _may_lock():
        return False
    return bool(library.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0)


def _may_lock() -> bool:
    """Whether this process has CAP_IPC_LOCK, to which the limit does not apply (capabilities(7))."""
    for line in _own_lines("status"):
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> 14 & 1)
    return False


def _own_lines(name: str) -> list[str]:
    """The lines of /proc/self/NAME; none where /proc is not mounted."""
    with contextlib.suppress(OSError):
        return Path("/proc/self", name).read_text().splitlines()
    return []
