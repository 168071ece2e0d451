"""systemd's own analysis of the unit, without running it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon.paths import resources

UNIT = resources() / "systemd" / "jamd.service"


@pytest.fixture(autouse=True)
def _systemd() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd on this machine; to enable: apt-get install systemd")


def analyze(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"XDG_RUNTIME_DIR": str(folder), "SYSTEMD_COLORS": "0"}
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, env=environment, check=False)


def test_verify_prints_nothing(tmp_path: Path, system_unit: Path) -> None:
    # It returns 0 for an unknown key, too: what it prints decides.
    for arguments in (["--user", str(UNIT)], [str(UNIT)], [str(system_unit)]):
        done = analyze(tmp_path, "verify", *arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_verify_reads_the_drop_in(tmp_path: Path, system_unit: Path) -> None:
    with (system_unit.parent / "jamd.service.d" / "system.conf").open("a") as drop_in:
        drop_in.write("NoSuchKey=yes\n")
    assert "NoSuchKey" in analyze(tmp_path, "verify", str(system_unit)).stderr


def test_exposure_of_the_system_unit_is_low(tmp_path: Path, system_unit: Path) -> None:
    said = analyze(tmp_path, "security", "--offline=true", str(system_unit)).stdout
    exposure = re.search(r"Overall exposure level for jamd\.service: ([\d.]+)", said)
    assert exposure is not None, said
    assert float(exposure[1]) <= 2.0, said
