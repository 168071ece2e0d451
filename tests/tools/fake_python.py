"""Another Python on another machine, for tests/test_install.py: `fake_python.py MACHINE VERSION BASE VENV …`.

The rest is what any Python takes. `-c CODE` is run by this Python, which claims VERSION and has those modules only that
the packages listed in MACHINE/packages and the virtual environment VENV (or "") bring. `-m venv` and `-m pip install`
are imitated.
"""

import ctypes
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

NO_WHEEL = "ERROR: No matching distribution found for python-rtmidi>=1.5.8"
NO_NETWORK = "ERROR: No matching distribution found for hatchling>=1.27"
LIBRARIES = {  # and the packages that bring them
    "libasound.so.2": ("libasound2", "python3-rtmidi"),
    "libfluidsynth.so.3": ("libfluidsynth3",),
    "libportaudio.so.2": ("libportaudio2",),
}
SITE = "lib/python3/site-packages"


def executable(machine: Path, version: str, base: str, is_of_venv: bool = False) -> str:
    """The text of an executable that is this fake."""
    fake = [sys.executable, "-I", "-S", __file__, str(machine), version, base]
    venv = '"$(cd "$(dirname "$0")/.." && pwd)"' if is_of_venv else "''"
    return f'#!/bin/sh\nexec {shlex.join(fake)} {venv} "$@"\n'


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def main(machine: Path, version: str, base: str, venv: str, *arguments: str) -> None:
    if arguments[0] == "-c":
        pretend(machine, version, base, venv)
        exec(arguments[1], {})
    elif arguments[:2] == ("-m", "venv"):
        folder = Path.cwd() / arguments[-1]
        shutil.rmtree(folder, ignore_errors=True)
        (folder / SITE).mkdir(parents=True)
        write(folder / "bin" / "python", executable(machine, version, base, is_of_venv=True))
        (folder / "bin" / "activate").write_text(str(folder))
    elif arguments[:2] == ("-m", "pip"):
        print("WARNING: Running pip as the 'root' user")
        install(machine, version, Path(venv) / SITE / "rtmidi", is_to_build="--only-binary" not in arguments)


def install(machine: Path, version: str, rtmidi: Path, is_to_build: bool) -> None:
    if (machine / "no network").exists():
        sys.exit(NO_NETWORK)
    if rtmidi.exists():
        return
    if version < "3.13":
        rtmidi.write_text("wheel")
    elif is_to_build:
        rtmidi.write_text("built")
    else:
        sys.exit(NO_WHEEL)


def pretend(machine: Path, version: str, base: str, venv: str) -> None:
    packages = {path.name for path in (machine / "packages").iterdir()}
    modules = {"rtmidi": base == "/usr" and "python3-rtmidi" in packages, "pip": False}
    modules["ensurepip"] = base != "/usr" or "python3-venv" in packages
    if venv:
        modules |= {"rtmidi": (Path(venv) / SITE / "rtmidi").exists(), "pip": True}
    for name, is_there in modules.items():
        sys.modules[name] = ModuleType(name) if is_there else None  # type: ignore[assignment]
    if modules["rtmidi"]:
        sys.modules["rtmidi"].__file__ = str(machine / "dist-packages" / "rtmidi" / "__init__.py")

    def load_library(name: str) -> None:
        if not packages & set(LIBRARIES[name]):
            raise OSError(name)

    ctypes.CDLL = load_library  # type: ignore[assignment, misc]
    sysconfig.get_path = lambda name: str(machine / name)  # type: ignore[assignment, misc]
    major, minor = version.split(".")
    sys.version_info = (int(major), int(minor), 0, "final", 0)  # type: ignore[assignment]
    sys.version, sys.platform = version, "linux"
    sys.prefix, sys.base_prefix = venv or base, base
    sys._base_executable = str(machine / "bin" / f"python{version}")  # type: ignore[attr-defined]


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
