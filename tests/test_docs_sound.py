"""docs/sound.md: its pieces of config.yaml do what the text says; its links lead somewhere."""

import re
from pathlib import Path

import pytest
import yaml

from daemon.paths import resources
from tests.test_docs_daw import with_piece

PAGE = (Path(__file__).parents[1] / "docs" / "sound.md").read_text(encoding="utf-8")
PIECES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_pieces_say_what_the_text_around_them_says(tmp_path: Path) -> None:
    instrument, own_keys, device = [with_piece(piece, tmp_path) for piece in PIECES]
    assert [(member.name, member.engine, member.listen) for member in instrument.instruments] == [
        ("synth", "soundfont", ("choir",))
    ]
    assert own_keys.instruments[0].listen == ("choir", "keys")
    assert "synth" in next(port for port in own_keys.stage.ports if port.name == "keys").thru
    assert (device.audio.device, device.audio.rate, device.audio.block, device.audio.delay) == (
        "default",
        48_000,
        256,
        0,
    )


@pytest.mark.parametrize(
    "code", ["audio: { device: null }", "controls: { keys: { note C1: { mute: synth } } }", "cc 7: synth.gain"]
)
def test_the_short_pieces_fit(code: str, tmp_path: Path) -> None:
    assert f"`{code}`" in PAGE
    piece = yaml.safe_load(code)
    with_piece(yaml.safe_dump({"controls": {"keys": piece}} if "cc 7" in piece else piece), tmp_path)


def test_the_links_lead_somewhere() -> None:
    for page, heading in re.findall(r"\]\((\w+\.md)?(?:#([\w-]+))?\)", PAGE):
        text = (resources() / "docs" / (page or "sound.md")).read_text(encoding="utf-8")
        headings = [
            re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-")
            for line in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        ]
        assert not heading or heading in headings, (page, heading)
