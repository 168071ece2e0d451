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


def test_an_engine_may_name_the_channel_of_all_its_voices(tmp_path: Path) -> None:
    tiny = Path(__file__).parent / "data" / "tiny_drums.onnx"
    band = f"ports: {{out: {{direction: out}}}}\nband: {{d: {{engine: drums, model: {tiny}, play: {{port: out}}}}}}"
    (tmp_path / "band.yaml").write_text(band)
    assert set(config.load(tmp_path / "band.yaml").band[0].channels.values()) == {10}
