"""Recordings, the folder of the sockets, other jamds, and the systemd unit."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from daemon.doctor.finding import Finding, attention, ok, problem
from daemon.doctor.subject import Subject
from daemon.errors import JamdError

LEAST_SPACE = 500 << 20  # bytes: two days of the default band
SYSTEMCTL_TIMEOUT = 5.0  # seconds
UNIT = "jamd"


def recordings(subject: Subject) -> Finding:
    config = subject.config
    folder = Path("sessions") if config is None else config.recording
    if folder is None:
        return ok("turned off (recording.directory)")
    folder = folder.absolute()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
        free = shutil.disk_usage(existing).free
    except OSError as error:
        text = f"{folder}: cannot be written ({error.strerror}): jamd plays and records nothing"
        return attention(text, "name another folder under recording.directory")
    sizes = [file.stat().st_size for file in folder.glob("*.journal")] if folder.is_dir() else []
    text = f"{folder}: can be written, {free >> 20:,} MB free"
    if sizes:
        text += f"; {len(sizes)} {'journal' if len(sizes) == 1 else 'journals'} with {_size(sum(sizes))}"
    if free < LEAST_SPACE:
        return attention(text, "make room: jamd records about 9 MB an hour and deletes nothing (docs/operations.md)")
    return ok(text)


def _size(count: int) -> str:
    return f"{count >> 20:,} MB" if count >= 1 << 20 else f"{-(-count >> 10)} KB"


def sockets(subject: Subject) -> Finding:
    from daemon.desk.runtime import runtime_folder

    unusable: list[str] = []
    try:
        with runtime_folder(unusable.append) as folder:
            place = folder.parent
    except JamdError as error:
        return problem(str(error), "see the message: jamd cannot start")
    if unusable:
        return attention("; ".join(unusable), "see the message: jamd plays")
    return ok(f"{place}: can be used")


def others(subject: Subject) -> Finding:
    from daemon.desk.runtime import running

    if found := running():
        remedy = "if that is not meant, end it: its ports have the same names (systemctl --user stop jamd, or kill PID)"
        return attention("\n".join(f"a jamd of this user is running: {each}" for each in found), remedy)
    return ok("no other jamd of this user is running")


def unit(subject: Subject) -> Finding:
    states, failed = [], []
    for manager, option in (("user", "--user"), ("system", "--system")):
        state = _unit_state(option)
        if state.get("LoadState", "not-found") == "not-found":
            continue
        states.append(
            f"{manager} unit: {state.get('ActiveState')} ({state.get('SubState')}), {state.get('UnitFileState')}, "
            f"restarts {state.get('NRestarts')}; {state.get('StatusText', '')}".rstrip("; ")
        )
        if state.get("ActiveState") == "failed":
            failed.append(f"journalctl {option if manager == 'user' else ''} -u {UNIT} -e".replace("  ", " "))
    if failed:
        return attention("\n".join(states), f"read its log: {'; '.join(failed)}")
    return ok("\n".join(states) or f"there is no unit {UNIT}")


def _unit_state(option: str) -> dict[str, str]:
    """Empty without systemd."""
    names = "LoadState,ActiveState,SubState,UnitFileState,NRestarts,StatusText"
    command = ["systemctl", option, "show", UNIT, f"--property={names}"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SYSTEMCTL_TIMEOUT, check=True, stdin=subprocess.DEVNULL,
            env=os.environ | {"LC_ALL": "C"},
        )  # fmt: skip
        return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    return {}
