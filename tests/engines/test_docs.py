"""docs/engines.md: the engine that it shows is one, and its tables are those of the engines."""

import re
from pathlib import Path
from typing import Any

import pytest

from daemon import config
from daemon.contract.calls import LISTEN
from daemon.contract.check import Checker
from daemon.contract.rules import RULES
from daemon.contract.subject import Subject
from daemon.engines.base import Setup, engine_class, engine_names
from daemon.engines.options import options_of
from daemon.models.limits import LOAD_TIMEOUT
from daemon.music.events import MidiEvent, Play, Stop, Window, note_off, note_on
from daemon.performance.players import ANSWER_TIMEOUT

TEXT = (Path(__file__).parents[2] / "docs" / "engines.md").read_text(encoding="utf-8")


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
    rules = TEXT.partition("### Rules\n")[2]
    assert re.findall(r"^(\d)\. \*\*", rules, re.MULTILINE) == [f"{number}" for number in RULES]
    assert f"after {ANSWER_TIMEOUT:g} seconds" in rules and f"with a model, {LOAD_TIMEOUT:g} seconds" in rules


@pytest.mark.parametrize(
    "text", [text for text in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL) if "ports:" in text]
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
