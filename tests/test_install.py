"""`make install` on machines of many kinds: the Makefile with fakes of Python, pip and apt, and without a network."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.tools.fake_python import NO_NETWORK, SITE, executable, write

ROOT = Path(__file__).parents[1]
TOOLS = ("cat", "dirname", "env", "grep", "ln", "make", "rm", "sh", "touch", "true")
INSTALLS = "Installing jamd into .venv: about a minute …\n"
SOUND = "libportaudio2 libfluidsynth3 timgm6mb-soundfont"
PACKAGES = f"Installing packages of the system: python3-venv python3-rtmidi {SOUND} …\n"
ADVICE = (
    "For sound without another program, please install PortAudio and FluidSynth; on Debian and Ubuntu: "
    f"sudo apt-get install {SOUND}\n"
)
BUILD = "Installing packages of the system: g++ pkgconf libasound2-dev libjack-jackd2-dev python3.13-dev …\n"
BUILDS = "Building python-rtmidi: half a minute …\n"
FAKES = {
    "id": 'cat "$machine"/uid',
    "uname": "echo Linux",
    "sudo": '[ -e "$machine"/sudo ] && shift && exec "$@"',
    "apt-cache": '[ ! -e "$machine"/unavailable/"$2" ]',
    "apt-get": """
        [ "$2" = update ] || echo "Reading package lists..."
        while [ "$1" != install ]; do [ $# -gt 0 ] || exit 0; shift; done; shift
        [ ! -e "$machine"/locked ] || { echo "E: Could not get lock"; exit 100; }
        for package; do case $package in -*) ;; *) : >"$machine"/packages/$package;; esac; done
        [ ! -e "$machine"/packages/g++ ] || ln -sf sh "$machine"/bin/g++""",
    "pkg-config": '[ -e "$machine"/packages/libasound2-dev ] && [ -e "$machine"/packages/libjack-jackd2-dev ]',
}


class Machine:
    """A checkout in a folder with a space in its name, on a Linux where apt works for root, with a system's Python."""

    def __init__(
        self, folder: Path, system: str = "3.13", packages: str = "python3-venv python3-rtmidi", sound: str = SOUND
    ) -> None:
        self.folder, self.checkout, self.bin = folder, folder / "a checkout", folder / "bin"
        for name in ("packages", "unavailable", "include", "dist-packages/rtmidi", "a checkout", "bin"):
            (folder / name).mkdir(parents=True)
        (folder / "dist-packages" / "python_rtmidi-1.5.8.dist-info").mkdir()
        (folder / "include" / "Python.h").touch()
        (folder / "uid").write_text("0")
        for name in (packages + " " + sound).split():
            (folder / "packages" / name).touch()
        for name in TOOLS:
            (self.bin / name).symlink_to(shutil.which(name) or pytest.skip(f"no {name}"))
        for name, text in FAKES.items():
            write(self.bin / name, f"#!/bin/sh\nmachine='{folder}'\n{text}\n")
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(ROOT / name, self.checkout)
        if system:
            self.python(system, "/usr")
            (self.bin / "python3").symlink_to(f"python{system}")

    def python(self, version: str, base: str = "/opt/python") -> None:
        write(self.bin / f"python{version}", executable(self.folder, version, base))

    def make(self, *arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [self.bin / "make", "install", f"SYSTEM_PYTHON={self.bin}/python3", *arguments],
            cwd=self.checkout,
            env={"PATH": str(self.bin), "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def installed(self) -> tuple[str, str]:
        """The version of the virtual environment's Python, and where its python-rtmidi comes from."""
        code = "import sys; print(sys.version)"
        command = [self.checkout / ".venv" / "bin" / "python", "-c", code]
        version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        rtmidi = self.checkout / ".venv" / SITE / "rtmidi"
        if rtmidi.is_symlink():
            assert (rtmidi.parent / "python_rtmidi-1.5.8.dist-info").is_dir()  # else pip would look for another one
            return version, "system"
        return version, rtmidi.read_text()


@pytest.mark.parametrize(
    ("system", "others", "expected"),
    [
        ("3.11", [], ("3.11", "wheel")),
        ("3.12", [], ("3.12", "wheel")),
        ("3.13", [], ("3.13", "system")),
        ("3.14", [], ("3.14", "system")),
        ("3.14", ["3.13"], ("3.14", "system")),
        ("3.13", ["3.12", "3.11"], ("3.12", "wheel")),
        ("3.10", ["3.13", "3.14"], ("3.13", "built")),
        ("3.15", ["3.11"], ("3.11", "wheel")),
    ],
)
def test_choice_of_python_and_of_python_rtmidi(
    tmp_path: Path, system: str, others: list[str], expected: tuple[str, str]
) -> None:
    machine = Machine(tmp_path, system)
    for version in others:
        machine.python(version)
    code, _, errors = machine.make()
    assert (code, errors) == (0, "")
    assert machine.installed() == expected


@pytest.mark.parametrize("system", ["3.11", "3.13"])
def test_a_fresh_system_gets_all_packages_at_once_and_two_lines(tmp_path: Path, system: str) -> None:
    machine = Machine(tmp_path, system, packages="", sound="")
    assert machine.make() == (0, PACKAGES + INSTALLS, "")
    assert machine.make() == (0, "make: Nothing to be done for 'install'.\n", "")


@pytest.mark.parametrize("sound", ["", "libportaudio2", "libfluidsynth3 timgm6mb-soundfont"])
def test_what_sound_needs_is_installed(tmp_path: Path, sound: str) -> None:
    machine = Machine(tmp_path, sound=sound)
    packages = f"Installing packages of the system: {SOUND} …\n"
    assert machine.make() == (0, packages + INSTALLS, "")
    assert all((tmp_path / "packages" / name).exists() for name in SOUND.split())
    assert machine.make() == (0, "make: Nothing to be done for 'install'.\n", "")


@pytest.mark.parametrize("obstacle", ["no rights", "no apt", "apt is busy", "not in this release"])
def test_jamd_is_installed_without_what_sound_needs(tmp_path: Path, obstacle: str) -> None:
    machine, packages = Machine(tmp_path, sound=""), f"Installing packages of the system: {SOUND} …\n"
    match obstacle:
        case "no rights":
            (tmp_path / "uid").write_text("1000")
            expected = INSTALLS + ADVICE
        case "no apt":
            (machine.bin / "apt-get").unlink()
            expected = INSTALLS + ADVICE
        case "apt is busy":
            (tmp_path / "locked").touch()
            expected = packages + INSTALLS + ADVICE
        case _:
            (tmp_path / "unavailable").mkdir(exist_ok=True)
            (tmp_path / "unavailable" / "libfluidsynth3").touch()
            expected = packages + INSTALLS + ADVICE
    code, output, errors = machine.make()
    assert (code, output) == (0, expected)
    assert errors == ("Reading package lists...\nE: Could not get lock\n" if obstacle == "apt is busy" else "")


def test_sudo_is_used_where_it_asks_for_no_password(tmp_path: Path) -> None:
    machine = Machine(tmp_path, packages="")
    (tmp_path / "uid").write_text("1000")
    (tmp_path / "sudo").touch()
    assert machine.make() == (0, PACKAGES + INSTALLS, "")


def failed(machine: Machine, *arguments: str) -> list[str]:
    """The lines of the errors, without make's own."""
    code, _, errors = machine.make(*arguments)
    lines = errors.splitlines()
    assert code == 2
    assert lines.pop().startswith("make: *** ")
    return lines


def test_one_line_names_the_packages_if_they_cannot_be_installed(tmp_path: Path) -> None:
    machine = Machine(tmp_path, packages="")
    (tmp_path / "uid").write_text("1000")
    (line,) = failed(machine)
    assert "sudo apt-get install python3-venv python3-rtmidi" in line


def test_what_apt_prints_is_shown_if_it_fails(tmp_path: Path) -> None:
    machine = Machine(tmp_path, packages="")
    (tmp_path / "locked").touch()
    *log, line = failed(machine)
    assert log == ["Reading package lists...", "E: Could not get lock"]
    assert "sudo apt-get install python3-venv python3-rtmidi" in line


@pytest.mark.parametrize("system", ["3.10", "3.15"])
def test_one_line_if_the_python_is_too_old_or_too_new(tmp_path: Path, system: str) -> None:
    machine = Machine(tmp_path, system)
    (tmp_path / "packages" / "python3-rtmidi").unlink()
    (line,) = failed(machine)
    assert line.startswith("jamd needs Python 3.11 to 3.14")
    assert not (tmp_path / "packages" / "python3-rtmidi").exists()  # neither would help


def test_the_tools_of_a_build_are_installed_for_a_python_without_a_package(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "3.10", packages="libasound2")
    machine.python("3.13")
    assert machine.make() == (0, INSTALLS + BUILD + BUILDS, "")
    assert machine.installed() == ("3.13", "built")


def test_one_line_names_the_tools_of_a_build_if_they_cannot_be_installed(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "3.10", packages="libasound2")
    machine.python("3.13")
    (tmp_path / "uid").write_text("1000")
    (line,) = failed(machine)
    assert "sudo apt-get install g++ pkgconf libasound2-dev libjack-jackd2-dev python3.13-dev" in line


def test_what_pip_prints_is_shown_if_it_fails(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (tmp_path / "no network").touch()
    *log, line = failed(machine)
    assert log == ["WARNING: Running pip as the 'root' user", NO_NETWORK]
    assert "network" in line


def test_a_system_without_apt(tmp_path: Path) -> None:
    machine = Machine(tmp_path, packages="")
    (machine.bin / "apt-get").unlink()
    (line,) = failed(machine)
    assert line.startswith("jamd needs Python 3.11 to 3.14")


def test_jamd_without_midi_is_told_what_to_install(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "3.12", packages="python3-venv")
    (tmp_path / "uid").write_text("1000")
    code, output, errors = machine.make()
    assert (code, errors) == (0, "")
    assert output == INSTALLS + "For MIDI ports, please type: sudo apt-get install python3-rtmidi\n"


def test_a_named_python(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "3.13")
    machine.python("3.11")
    machine.python("3.12")
    assert machine.make()[0] == 0
    assert machine.installed() == ("3.12", "wheel")
    assert machine.make(f"PYTHON={machine.bin}/python3.11") == (0, INSTALLS, "")
    assert machine.installed() == ("3.11", "wheel")
    assert machine.make("PYTHON=python3.11")[1].startswith("make: Nothing to be done")
    assert machine.make()[1].startswith("make: Nothing to be done")
    (line,) = failed(machine, "PYTHON=/no where/python")
    assert "/no where/python" in line


def test_a_virtual_environment_that_works_is_kept(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "3.13")
    machine.python("3.11")
    assert machine.make()[0] == 0
    kept = machine.checkout / ".venv" / "kept"
    kept.touch()
    machine.python("3.12")  # it would be chosen now
    (machine.checkout / ".venv" / ".installed").unlink()  # as an interrupted installation leaves it
    assert machine.make() == (0, INSTALLS, "")
    assert machine.installed() == ("3.11", "wheel")
    assert kept.exists()


def test_a_virtual_environment_that_does_not_work_is_made_anew(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    environment = machine.checkout / ".venv"
    environment.mkdir()  # interrupted
    assert machine.make() == (0, INSTALLS, "")
    (environment / "bin" / "python").unlink()  # its Python was removed
    assert machine.make() == (0, INSTALLS, "")
    write(environment / "bin" / "python", executable(tmp_path, "3.13", "/usr"))  # the system's Python has no pip for it
    assert machine.make() == (0, INSTALLS, "")
    machine.checkout = machine.checkout.rename(tmp_path / "moved")
    assert machine.make() == (0, INSTALLS, "")
    assert machine.installed() == ("3.13", "system")
    assert machine.make()[1].startswith("make: Nothing to be done")


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (line,) = failed(Machine(tmp_path), "VENV=nowhere/.venv")  # root may write to every folder that there is
    assert "clone or copy jamd into a folder of your own" in line
