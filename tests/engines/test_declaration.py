"""Wrong class attributes of an engine are found when it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from daemon.engines.audio import GAIN, PAN, AudioEngine
from daemon.engines.base import Engine, Setting, engine_class, engine_names
from daemon.engines.declaration import declaration_mistakes
from daemon.engines.options import option


@dataclass(frozen=True)
class WrongChoice:
    mode: str = option("locrian", "the mode", choices=("dorian", "lydian"))


@dataclass(frozen=True)
class WrongType:
    drone: int = option(36.5, "the drone")  # type: ignore[assignment]


@dataclass(frozen=True)
class NearlyRightType:
    width: float = option(2, "the width")


@dataclass(frozen=True)
class WithoutHelp:
    drone: int = option(36, "")


@dataclass(frozen=True)
class UnknownAnnotation:
    drone: "Note" = option(36, "the drone")  # type: ignore[name-defined] # noqa: F821, UP037, RUF009


@dataclass(frozen=True)
class Named:
    often: bool = option(False, "of the same name as a setting")


OFTEN = Setting("often", 0, 1, 0.5, "how often")
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"voices": "double"}, "voices is 'double': give a tuple of names"),
    ({"voices": ()}, "voices is (): give a tuple"),
    ({"voices": ("a", "b", "a")}, "voices has a name twice (a, b, a)"),
    ({"voices": tuple(map(str, range(17)))}, "there are 17 voices for 16 channels"),
    ({"channel": 17}, "channel is 17: give one from 1 to 16, or None"),
    ({"lead": -0.1}, "lead is -0.1: give seconds from 0 to 10"),
    ({"tolerance": "1 s"}, "tolerance is '1 s': give seconds"),
    ({"Options": WrongChoice}, "the default of the option 'mode' is 'locrian': choose from dorian, lydian"),
    ({"Options": WrongType}, "the default of the option 'drone' is 36.5: give a whole number"),
    ({"Options": NearlyRightType}, "the default of the option 'width' is 2: give one of its type"),
    ({"Options": WithoutHelp}, "the option 'drone' has no help"),
    ({"Options": UnknownAnnotation}, "name 'Note' is not defined"),
    ({"Options": dict}, "dict must be a dataclass(frozen=True)"),
    ({"settings": OFTEN}, "give a tuple of Setting(name, low, high, default, help)"),
    ({"settings": (Setting("x", 1, 0, 0.5, "x"),)}, "'x' goes from 1 to 0 with the default 0.5: put them in order"),
    ({"settings": (Setting("x", 0, 1, 2, "x"),)}, "'x' goes from 0 to 1 with the default 2"),
    ({"settings": (Setting("x", 0, float("inf"), 2, "x"),)}, "'x' has a range or a default that is no number"),
    ({"settings": (Setting("x.y", 0, 1, 0, "x"),)}, "a setting is called 'x.y'"),
    ({"settings": (Setting("x", 0, 1, 0, ""),)}, "the setting 'x' has no help"),
    ({"settings": (OFTEN, OFTEN)}, "the setting 'often' has the name of another setting or option"),
    ({"settings": (OFTEN,), "Options": Named}, "the setting 'often' has the name of another setting or option"),
]


@pytest.mark.parametrize(("attributes", "text"), WRONG, ids=[text for _, text in WRONG])
def test_a_wrong_class_attribute_is_one_mistake(attributes: dict[str, Any], text: str) -> None:
    (mistake,) = declaration_mistakes(type("Wrong", (Engine,), attributes))
    assert text in mistake


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        (
            {"settings": (OFTEN,)},
            "settings does not begin with GAIN and PAN: write settings = (*AudioEngine.settings, …)",
        ),
        ({"settings": (PAN, GAIN)}, "settings does not begin with GAIN and PAN"),
        (
            {"settings": (GAIN, PAN, Setting("mute", 0, 1, 0, "x"))},
            "the setting 'mute' is one that every instrument has",
        ),
        ({"settings": OFTEN}, "give a tuple of Setting(name, low, high, default, help)"),
        ({"own_rate": 0}, "own_rate is 0: give frames per second from 8000 to 192000, or None for the band's rate"),
        ({"own_rate": 44_100.0}, "own_rate is 44100.0: give frames per second"),
        ({"voices": ()}, "voices is (): give a tuple"),
    ],
)
def test_a_wrong_class_attribute_of_an_audio_engine_is_one_mistake(attributes: dict[str, Any], text: str) -> None:
    (mistake,) = type("Wrong", (AudioEngine,), attributes).declaration_mistakes()
    assert text in mistake


def test_an_audio_engine_of_which_nothing_is_wrong() -> None:
    attributes = {"settings": (GAIN, PAN, OFTEN), "own_rate": 44_100}
    assert list(type("Right", (AudioEngine,), attributes).declaration_mistakes()) == []


def test_all_mistakes_are_found_at_once() -> None:
    attributes = {"voices": (), "lead": None, "settings": (Setting("x", 1, 0, 0.5, ""),), "Options": WrongType}
    assert len(list(declaration_mistakes(type("Wrong", (Engine,), attributes)))) == 5


@pytest.mark.parametrize("name", engine_names())
def test_an_engine_that_is_registered_has_none(name: str) -> None:
    assert list(declaration_mistakes(engine_class(name))) == []
