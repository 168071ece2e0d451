"""What makes a process punctual, as far as the system allows it; what it does not allow is said."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

PRIORITY = 30  # above everything that is not real time, below audio servers as they are usually set up
REFUSED = {  # what to say where something is not allowed
    "fifo": "no real-time priority: notes may be late while other programs are busy; see docs/operations.md",
    "memory": "memory is not locked: notes may be late when the machine is short of it; see docs/operations.md",
}
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_PR_SET_TIMERSLACK = 29
_MADV_DONTNEED = 4


def become_punctual() -> dict[str, bool]:
    """For the thread that calls: {"fifo": …, "memory": …}, whether they were allowed."""
    sys.setswitchinterval(0.0005)
    if sys.platform != "linux":
        return {"fifo": False, "memory": False}
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    return {"fifo": raise_threads([0]), "memory": _lock_memory(library)}


def raise_threads(threads: Iterable[int]) -> bool:
    """SCHED_FIFO for threads of this process (0: the one that calls), which their children do not inherit."""
    if sys.platform != "linux":
        return False
    import resource

    _, limit = resource.getrlimit(resource.RLIMIT_RTPRIO)
    allowed = True
    for thread in threads:
        for priority in (PRIORITY, min(PRIORITY, limit) if limit > 0 else 1):
            try:
                policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
                os.sched_setscheduler(thread, policy, os.sched_param(priority))
                break
            except OSError:
                continue
        else:
            allowed = False
    return allowed


def ordinary_threads() -> set[int]:
    """Threads of this process that have no real-time priority."""
    if sys.platform != "linux":
        return set()
    found = set()
    for name in os.listdir("/proc/self/task"):
        try:
            if os.sched_getscheduler(int(name)) & ~os.SCHED_RESET_ON_FORK == os.SCHED_OTHER:
                found.add(int(name))
        except OSError:  # it has just ended
            continue
    return found


def freeze() -> None:
    """What lives now lives as long as the process: never look through it again, and collect only in `tidy`."""
    gc.collect()
    gc.freeze()
    gc.disable()


def tidy() -> None:
    """Collect what died in a circle since `freeze`. For a moment in which nothing is due."""
    gc.collect()


def let_go_of_shared_memory() -> None:
    """Of JACK's 104 MB, keep in this process only what is used.

    libjack locks everything when it opens a client, and so has all of it mapped; the server keeps it in memory anyway.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "/dev/shm/jack-" in line:
            start, end = (int(address, 16) for address in line.split()[0].split("-"))
            library.munlock(ctypes.c_void_p(start), ctypes.c_size_t(end - start))
            library.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)


def suspended_seconds() -> float:
    """How long the machine has slept since it started; the difference of two calls tells of a suspend in between."""
    if sys.platform != "linux":
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def _lock_memory(library: ctypes.CDLL) -> bool:
    """Keep what was once touched. Only without a limit: under one, the first allocation beyond it would fail."""
    if sys.platform != "linux":
        return False
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft != resource.RLIM_INFINITY and not _may_lock():
        return False
    return bool(library.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0)


def _may_lock() -> bool:
    """Whether this process has CAP_IPC_LOCK, to which the limit does not apply (capabilities(7))."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> 14 & 1)
    return False
