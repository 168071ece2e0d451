"""README's excerpt of config.yaml, in place of the same keys."""

import re
from pathlib import Path

import yaml

from daemon.config import load
from daemon.paths import resources


def test_a_synthesiser_is_connected(tmp_path: Path) -> None:
    (piece,) = re.findall(r"^```yaml\n(.*?)^```$", (resources() / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    shipped = yaml.safe_load((resources() / "config.yaml").read_text())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**shipped, **yaml.safe_load(piece)}))
    ports = {port.name: port.connect for port in load(tmp_path / "config.yaml").ports}
    assert ports == {"keys": None, "choir": "fluidsynth"}
