"""The excerpt of config.yaml in README.md, in place of the same keys of config.yaml; the picture of a terminal."""

import re
from pathlib import Path

import yaml

from daemon.config import load
from daemon.desk.sound_state import SoundState
from daemon.desk.view.layout import lay_out
from daemon.desk.view.picture import Picture, Row
from daemon.paths import resources
from tests.tools.loudness import GAIN


def test_the_excerpt_connects_a_synthesiser(tmp_path: Path) -> None:
    (excerpt,) = re.findall(r"^```yaml\n(.*?)^```$", (resources() / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    shipped = yaml.safe_load((resources() / "config.yaml").read_text())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**shipped, **yaml.safe_load(excerpt)}))
    band = load(tmp_path / "config.yaml")
    ports = {port.name: port.connect for port in band.ports}
    assert ports == {"keys": None, "choir": "fluidsynth"}
    assert band.speaker is None, "every note is heard once"


def test_the_synthesiser_has_the_gain_that_is_measured() -> None:
    readme = (resources() / "README.md").read_text(encoding="utf-8")
    assert readme.count(f"`fluidsynth -g {GAIN} ") == readme.count("`fluidsynth -") == 2


def test_the_terminal_looks_as_shown() -> None:
    voices = (("soprano", "C5"), ("alto", "G4"), ("tenor", "E4"), ("bass", "C4"))
    sound = SoundState({}, "USB Audio", known=True, delay=0.023, figures={"peak_db": -9.2})
    rows = (
        Row("keys", "leads", (("", "C5"),)),
        Row("twinkle", "waits", (("", ""),)),
        Row("choir", "C", voices, is_player=True),
        Row("synth", "", (("", sound.text),), is_player=True, dim=True),
    )
    picture = Picture("3.1", "96 bpm", "plays", rows, "choir.temperature 0.50 → 0.72", True)
    shown = "\n".join(line.text for line in lay_out(picture, 80, 24))
    assert f"→ keys\n{shown}\n```" in (resources() / "README.md").read_text()
