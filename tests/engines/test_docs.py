"""docs/engines.md: the engine that it shows is one, and its tables are those of the engines."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import mido
import pytest

from daemon import config
from daemon.contract.calls import LISTEN
from daemon.contract.check import Checker
from daemon.contract.rules import RULES
from daemon.contract.subject import Subject
from daemon.engines.base import Engine, Setup, engine_class, engine_names
from daemon.engines.options import options_of
from daemon.models.limits import LOAD_TIMEOUT
from daemon.music.events import MidiEvent, Play, Stop, Window, note_off, note_on
from daemon.music.plan import Plan
from daemon.paths import resources
from daemon.performance.players import ANSWER_TIMEOUT
from tests.engines.page import TEXT, Package, commands, section

TWINKLE = resources() / "melodies" / "twinkle.mid"


(EXAMPLE,) = (code for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if "class Doubler" in code)


def test_the_example_plays() -> None:
    names: dict[str, Any] = {}
    exec(EXAMPLE, names)
    doubler = names["Doubler"]
    (drone,) = options_of(doubler.Options)
    assert (drone.name, drone.type, drone.default) == ("drone", int, 36)
    engine = doubler(Setup(doubler.Options()))
    engine.prepare()
    engine.reset({}, 0.0, 1)
    assert list(engine.listen(MidiEvent(0.5, "keys", note_on(1, 60, 80)))) == [Play(0.5, 72, 80, "double")]
    assert list(engine.listen(MidiEvent(0.6, "keys", note_off(1, 60)))) == [Stop(0.6, "double")]
    assert list(engine.generate(Window(1, 1.25, 0, 4, 96))) == [Play(1, 36, 60, "drone", 0.5)]
    assert list(engine.control("interval", -12, 2.0)) == []
    assert list(engine.listen(MidiEvent(2.5, "keys", note_on(1, 60, 80)))) == [Play(2.5, 48, 80, "double")]


def test_the_example_keeps_every_rule() -> None:
    names: dict[str, Any] = {}
    exec(EXAMPLE, names)
    doubler, checker = names["Doubler"], Checker()
    settings = {setting.name: float(setting.default) for setting in doubler.settings}
    checker.check(Subject(doubler, Setup(doubler.Options(), settings, None, LISTEN)))
    assert checker.violations == {} and not checker.tally.cut_short


def test_the_rules_of_the_page_are_those_that_are_checked() -> None:
    rules = section("### Rules")
    assert re.findall(r"^(\d)\. \*\*", rules, re.MULTILINE) == [f"{number}" for number in RULES]
    assert f"after {ANSWER_TIMEOUT:g} seconds" in rules and f"with a model, {LOAD_TIMEOUT:g} seconds" in rules


@pytest.fixture
def tutorial(tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Runs a command of the tutorial, whose package is installed."""
    return Package(tmp_path, "my_package", "shadow.yaml").run


def test_the_tutorial_ends_with_an_engine_that_plays(
    tutorial: Callable[[str], subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """Every command of the tutorial but the last, which needs a MIDI system."""
    given = commands(section("### In ten minutes"))
    assert [command.split()[1] for command in given] == ["check-engine", "check", "render", "run"]
    for command in given[:-1]:
        done = tutorial(command)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
    tracks = {track.name: track for track in mido.MidiFile(tmp_path / "shadow.mid").tracks}
    drone = [m for m in tracks["drone"] if m.type == "note_on"]
    assert {(m.note, m.channel) for m in drone} == {(38, 5)} and len(drone) == 48
    melody = [m.note for track in mido.MidiFile(TWINKLE).tracks for m in track if m.type == "note_on" and m.velocity]
    assert [m.note for m in tracks["double"] if m.type == "note_on"] == [pitch + 7 for pitch in melody]


def test_the_mistake_of_the_tutorial_is_reported_as_the_page_shows(
    tutorial: Callable[[str], subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    module = tmp_path / "site" / "my_package.py"
    text = module.read_text()
    right = 'min(max(self._held + round(self.values["interval"]), 0), 127)'
    assert right in text
    module.write_text(text.replace(right, 'self._held + round(self.values["interval"])'))
    done = tutorial("jamd check-engine doubler")
    assert done.returncode == 1
    report = TEXT.partition("rule 2  violated")[2].partition("\n\n")[0]
    shown = [line.strip() for line in report.splitlines()]
    told = [line.strip() for line in done.stdout.partition("rule 2  violated")[2].splitlines()]
    assert len(shown) == 5 and told[:5] == shown


def test_the_page_names_the_fields_of_windows_and_actions_and_the_defaults() -> None:
    text = TEXT.partition("### What it hears")[2].partition("### The life")[0]
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \| beats", text, re.MULTILINE)))
    assert named == [field.name for field in fields(Window)]
    for action in (Play, Stop, Plan):
        (arguments,) = re.findall(rf"^\| `{action.__name__}\((.*?)\)`", text, re.MULTILINE)
        assert re.findall(r"(\w+)(?:=\w+)?(?:, |$)", arguments) == [field.name for field in fields(action)]
    assert f"({Engine.lead:g} by default)" in text and f"({Engine.tolerance:g} by default)" in text
    methods = re.findall(r"^\| `(\w+)\(", text.partition("### When calls come")[2], re.MULTILINE)
    assert set(methods) == {name for name, value in vars(Engine).items() if callable(value)} - {
        "__init__", "mistakes", "Options"
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        text
        for text in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
        if "ports:" in text and not re.search("engine: (doubler|organ)", text)
    ],
)
def test_the_bands_have_no_mistakes(tmp_path: Path, text: str) -> None:
    (tmp_path / "band.yaml").write_text(text)
    assert len(config.load(tmp_path / "band.yaml").band) == 1


@pytest.mark.parametrize("name", engine_names())
def test_every_option_and_setting_is_documented(name: str) -> None:
    found = re.search(rf"^## {name}\n(.*?)(?=^## )", TEXT, re.DOTALL | re.MULTILINE)
    assert found, "it has a section of its own"
    for option in options_of(engine_class(name).Options):
        assert f"`{option.name}`" in found[1]
        assert all(f"`{choice}`" in found[1] for choice in option.choices)
    for setting in engine_class(name).settings:
        assert f"| `{setting.name}` | {setting.low:g} … {setting.high:g} | {setting.default:g} |" in found[1]
