"""The wheel, installed into an environment of its own and used from another folder."""

import json
import subprocess
import tarfile
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import daemon
from daemon.paths import resources

SHIPPED = ("bands", "config.yaml", "melodies", "models", "systemd")


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
