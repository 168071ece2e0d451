"""The wheel, installed into an environment of its own and used from another folder."""

import json
import subprocess
import tarfile
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import daemon
from daemon.paths import resources

SHIPPED = ("bands", "config.yaml", "grooves", "melodies", "models", "songs", "systemd")


def shipped() -> set[str]:
    tops = [resources() / name for name in SHIPPED]
    files = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*")) if path.is_file()]
    return {str(path.relative_to(resources())) for path in files if "__pycache__" not in path.parts}


def python(installed: Path, folder: Path, code: str) -> str:
    command = [str(installed / "bin" / "python"), "-I", "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_wheel_carries_what_the_checkout_has(wheel: Path) -> None:
    prefix = f"jamd-{daemon.__version__}.data/data/share/jamd/"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.removeprefix(prefix) for name in names if name.startswith(prefix)} == shipped()
    assert "daemon/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "export_tools/"))]


def test_sdist_is_the_project(sdist: Path) -> None:
    top = f"jamd-{daemon.__version__}/"
    with tarfile.open(sdist) as archive:
        names = {name.removeprefix(top) for name in archive.getnames()}
    assert shipped() < names
    assert {"CHANGELOG.md", "LICENSE", "Makefile", "README.md", "pyproject.toml", "tests/conftest.py"} < names
    assert not [name for name in names if name.startswith((".venv", "sessions", "tests/.venv"))]


def test_installed_jamd_finds_its_resources(installed: Path, tmp_path: Path) -> None:
    found = Path(python(installed, tmp_path, "from daemon.paths import resources; print(resources())"))
    assert found == installed / "share" / "jamd"
    assert (found / "melodies" / "twinkle.mid").read_bytes() == (resources() / "melodies" / "twinkle.mid").read_bytes()


def test_no_other_distribution_owns_daemon(installed: Path, tmp_path: Path) -> None:
    owners = "import importlib.metadata as m, json; print(json.dumps(m.packages_distributions()['daemon']))"
    assert set(json.loads(python(installed, tmp_path, owners))) == {"jamd"}
    assert set(packages_distributions().get("daemon", [])) <= {"jamd"}  # here; installed editable, jamd is not listed


def jamd(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [installed / "bin" / "jamd", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_installed_jamd_plays_what_ships_with_it(installed: Path, tmp_path: Path) -> None:
    assert jamd(installed, tmp_path, "--version").stdout == f"jamd {daemon.__version__}\n"
    assert jamd(installed, tmp_path, "models").returncode == 0
    melody = resources() / "melodies" / "twinkle.mid"
    done = jamd(installed, tmp_path, "render", str(melody), "-o", "harmony.mid")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "harmony.mid").stat().st_size > melody.stat().st_size


def test_installed_jamd_checks_an_engine_without_pytest(installed: Path, tmp_path: Path) -> None:
    assert python(installed, tmp_path, "import importlib.util; print(importlib.util.find_spec('pytest'))") == "None"
    done = jamd(installed, tmp_path, "check-engine", "melody", "--model", "melody")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.count("  ok  ") == 6


def test_a_package_that_overwrote_daemon_is_told_apart(installed: Path, tmp_path: Path) -> None:
    """As python-daemon would, by its own `daemon/__init__.py`."""
    package = Path(python(installed, tmp_path, "import daemon; print(daemon.__path__[0])"))
    (tmp_path / "daemon").mkdir()
    for path in package.glob("*.py"):
        (tmp_path / "daemon" / path.name).write_bytes(b"" if path.name == "__init__.py" else path.read_bytes())
    done = subprocess.run([installed / "bin" / "python", "-m", "daemon"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "another package has overwritten" in done.stderr
