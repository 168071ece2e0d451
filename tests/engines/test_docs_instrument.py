"""docs/engines.md: the instrument that it shows is one, and the rules that it gives are those that are checked."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from daemon.contract.audio import rules, sessions
from daemon.engines.audio import AudioEngine
from daemon.engines.base import Setup
from daemon.instrument.blocks import STEP
from daemon.instrument.renderer import Renderer
from daemon.music.events import note_off, note_on
from tests.engines.page import Package, block, commands, section

PAGE = section("## Write an instrument")


@pytest.fixture
def organ() -> type[AudioEngine]:
    names: dict[str, Any] = {"__name__": "my_organ"}
    exec(block("`my_organ/my_organ.py`"), names)
    engine: type[AudioEngine] = names["Organ"]
    return engine


def test_the_organ_sounds_from_note_on_to_note_off(organ: type[AudioEngine]) -> None:
    engine = organ(Setup(organ.Options(), rate=48_000))
    engine.prepare()
    renderer = Renderer(engine, 48_000)
    renderer.schedule(1_000, note_on(1, 69, 127))
    renderer.schedule(9_000, note_off(1, 69))
    out = np.zeros((10_000, 2), np.float32)
    renderer.render(0, out)
    assert not out[:1_000].any() and out[1_000:1_010].any() and not out[9_000 + 480 :].any()
    spectrum = np.abs(np.fft.rfft(out[2_000:6_800, 0]))
    assert int(spectrum.argmax()) == 44, "440 Hz"


def test_every_command_of_the_tutorial_works(tmp_path: Path) -> None:
    """But the last, which needs a MIDI system. The organ keeps every rule."""
    package = Package(tmp_path, "my_organ", "organ.yaml")
    given = commands(PAGE)
    assert [command.split()[1] for command in given] == ["check-engine", "check", "render", "run"]
    for command in given[:-1]:
        done = package.run(command)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        if " check " in command:
            assert "organ:\n    engine: organ\n    listen: [choir, keys]\n" in done.stdout
    frames, rate = soundfile.read(tmp_path / "twinkle.wav")
    assert rate == 48_000 and len(frames) > 20 * rate
    assert 0.05 < np.abs(frames).max() <= 1 and (np.abs(frames).max(axis=0) > 0.05).all()


def test_the_page_gives_the_rules_and_numbers_that_are_checked() -> None:
    text = " ".join(section("### Rules of instruments").split())
    assert re.findall(r" (\d)\. \*\*", text) == [f"{number}" for number in rules.RULES]
    assert f"{sessions.BLOCK} frames of a chord are rendered within {rules.RENDERING_TIME * 1000:g} ms" in text
    assert f"no call takes longer than {rules.ANSWER_TIMEOUT:g} seconds" in text
    assert f"stays within ±{rules.LOUDEST_CHORD:g}" in text and f"from 1 to {sessions.LONGEST_BLOCK}" in text
    assert f"{sessions.TAIL:g} seconds after" in text and f"(−{-20 * np.log10(rules.END):g} dB)" in text
    assert f"of at most {STEP} frames at once" in " ".join(PAGE.split())
    methods = set(re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE))
    assert methods == {"prepare", "play", "render", "control"}
