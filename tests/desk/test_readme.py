"""The excerpt of config.yaml in README.md, in place of the same keys of config.yaml."""

import re
from pathlib import Path

import yaml

from daemon.config import load
from daemon.paths import resources
from tests.tools.loudness import GAIN


def test_the_excerpt_connects_a_synthesiser(tmp_path: Path) -> None:
    (excerpt,) = re.findall(r"^```yaml\n(.*?)^```$", (resources() / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    shipped = yaml.safe_load((resources() / "config.yaml").read_text())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**shipped, **yaml.safe_load(excerpt)}))
    ports = {port.name: port.connect for port in load(tmp_path / "config.yaml").ports}
    assert ports == {"keys": None, "choir": "fluidsynth"}


def test_the_synthesiser_has_the_gain_that_is_measured() -> None:
    readme = (resources() / "README.md").read_text(encoding="utf-8")
    assert readme.count(f"`fluidsynth -g {GAIN} ") == readme.count("`fluidsynth -") == 2
