"""jamd itself, Python, the operating system, and the packages."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from daemon import __version__
from daemon.doctor.finding import Finding, attention, ok, problem
from daemon.doctor.subject import Subject
from daemon.paths import resources

SHIPPED = ("config.yaml", "models", "melodies", "grooves", "bands", "songs")
REQUIRED = (
    *("numpy", "onnxruntime", "python-rtmidi", "PyYAML", "rich", "typer"),
    *("pyfluidsynth", "sounddevice", "soundfile", "soxr"),  # for sound
)
OPTIONAL = ("verovio", "LinkPython-extern")  # the first is required where there are wheels of it
LEAST_MEMORY = 300 << 20  # bytes
GIT_TIMEOUT = 3.0  # seconds


def jamd(subject: Subject) -> Finding:
    folder = resources()
    is_checkout = (folder / "pyproject.toml").is_file()
    place = f"in the checkout {folder}{_commit(folder)}" if is_checkout else f"installed in {sys.prefix}"
    text = f"{__version__}, {place}"
    if missing := [name for name in SHIPPED if not (folder / name).exists()]:
        return problem(f"{text}; {folder} lacks {', '.join(missing)}", "install jamd again")
    return ok(text)


def _commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_TIMEOUT, check=True)
        return f" at {done.stdout.strip()}"
    return ""


def python(subject: Subject) -> Finding:
    return ok(f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}")


def system(subject: Subject) -> Finding:
    name = platform.system()
    with contextlib.suppress(OSError):
        name = platform.freedesktop_os_release().get("PRETTY_NAME", name)
    cores = os.cpu_count() or 1
    text = f"{name}, {platform.system()} {platform.release()}, {platform.machine()}, {cores} processors"
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    text += f", load {load:.1f}"
    available = _available_memory()
    if available is not None:
        text += f", {available >> 20} MB of memory free"
        if available < LEAST_MEMORY:
            return attention(text, "close programs that need much memory")
    if load > cores:
        return attention(text, "close programs that keep the processors busy: notes may be late")
    return ok(text)


def _available_memory() -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return None


def packages(subject: Subject) -> Finding:
    found, missing = [], []
    for name in (*REQUIRED, *OPTIONAL):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing += [name] if name in REQUIRED else []
    if missing:
        return problem(f"{', '.join(found)}; not installed: {', '.join(missing)}", "install jamd again")
    return ok(", ".join(found))
