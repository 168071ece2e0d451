"""The set-ups that ship."""

from pathlib import Path

import pytest

from daemon import config
from daemon.errors import ConfigError
from daemon.paths import resources


def test_what_ships_is_found_from_anywhere_unless_there_is_one_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = Path("config.yaml")
    assert config.load(wanted).path == resources() / wanted
    wanted.write_text("clock: {bpm: 77}")
    assert config.load(wanted).clock.bpm == 77
    with pytest.raises(ConfigError, match=r"bands/none\.yaml: cannot be read"):
        config.load(Path("bands/none.yaml"))
