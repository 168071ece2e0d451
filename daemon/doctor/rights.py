"""What the system grants to the stage: real-time priority and locked memory."""

from __future__ import annotations

import contextlib
import os
import sys

from daemon.doctor.finding import Finding, attention, ok
from daemon.doctor.subject import Subject
from daemon.errors import JamdError

REMEDY = (
    "as root: printf '@audio - rtprio 95\\n@audio - memlock unlimited\\n' >/etc/security/limits.d/audio.conf; "
    "usermod -aG audio NAME; then log in again (docs/operations.md, Real time)"
)


def real_time(subject: Subject) -> Finding:
    return _granted(subject, "fifo", "RLIMIT_RTPRIO", "SCHED_FIFO", "notes may be late while other programs are busy")


def memory(subject: Subject) -> Finding:
    return _granted(subject, "memory", "RLIMIT_MEMLOCK", "locked", "notes may be late when memory is short")


def _granted(subject: Subject, key: str, limit: str, what: str, otherwise: str) -> Finding:
    if sys.platform != "linux":
        return ok("not used on this system")
    why = ""
    try:
        granted = bool(subject.granted()[key])
    except JamdError as error:
        granted, why = False, f" ({error})"
    limits = f"limit {_limit(limit)}, {'' if _in_audio_group() else 'not '}in the group audio"
    if granted:
        return ok(f"{what} is granted ({limits})" if key == "fifo" else f"can be {what} ({limits})")
    refused = "not granted" if key == "fifo" else "cannot be locked"
    return attention(f"{refused}{why} ({limits}): {otherwise}", REMEDY)


def _limit(name: str) -> str:
    if sys.platform == "win32":
        return "none"
    import resource

    soft, hard = resource.getrlimit(getattr(resource, name))
    value = hard if name == "RLIMIT_RTPRIO" else soft
    if value == resource.RLIM_INFINITY:
        return "unlimited"
    return f"{value >> 10} KB" if name == "RLIMIT_MEMLOCK" else str(value)


def _in_audio_group() -> bool:
    if sys.platform != "win32":
        import grp

        with contextlib.suppress(KeyError):
            return grp.getgrnam("audio").gr_gid in (*os.getgroups(), os.getegid())
    return False
