import shutil
from pathlib import Path

import pytest

from daemon.paths import resources


@pytest.fixture
def system_unit(tmp_path: Path) -> Path:
    """jamd.service with system.conf as its drop-in, as docs/operations.md installs them for the whole system."""
    unit = Path(shutil.copy(resources() / "systemd" / "jamd.service", tmp_path))
    (tmp_path / "jamd.service.d").mkdir()
    shutil.copy(resources() / "systemd" / "system.conf", tmp_path / "jamd.service.d")
    return unit
