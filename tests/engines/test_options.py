"""Options: declared once, read by everyone, converted from YAML and JSON."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from daemon.engines.options import TEXTS, Option, make_options, option, options_of, options_to_json
from daemon.errors import ConfigError


@dataclass(frozen=True)
class Many:
    flag: bool = option(False, "a flag")
    whole: int = option(3, "a whole number")
    number: float = option(0.5, "a number")
    text: str = option("", "a text")
    mode: str = option("dorian", "a choice", choices=("dorian", "lydian"))
    path: str = option("six", "a file", file=True)
    modes: tuple[str, ...] = option(("dorian",), "choices", choices=("dorian", "lydian"))


def test_the_declaration_is_the_table() -> None:
    modes = ("dorian", "lydian")
    assert options_of(Many) == (
        Option("flag", bool, False, "a flag"),
        Option("whole", int, 3, "a whole number"),
        Option("number", float, 0.5, "a number"),
        Option("text", str, "", "a text"),
        Option("mode", str, "dorian", "a choice", modes),
        Option("path", str, "six", "a file", file=True),
        Option("modes", TEXTS, ("dorian",), "choices", modes),
    )


def test_values_from_json_have_the_declared_types_and_others_their_defaults() -> None:
    assert make_options(Many, {}) == Many()
    made = make_options(Many, {"whole": 36.0, "number": 2, "modes": ["lydian", "dorian"]})
    assert made == Many(whole=36, number=2.0, modes=("lydian", "dorian"))
    assert type(made.whole) is int and type(made.number) is float and type(made.modes) is tuple
    assert options_to_json(made) == {
        "flag": False, "whole": 36, "number": 2.0, "text": "", "mode": "dorian", "path": "six",
        "modes": ["lydian", "dorian"],
    }  # fmt: skip
    assert make_options(Many, options_to_json(made)) == made


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"flag": 1}, "option 'flag' is 1: give true or false"),
    ({"whole": 3.5}, "option 'whole' is 3.5: give a whole number"),
    ({"whole": True}, "option 'whole' is True: give a whole number"),
    ({"whole": float("inf")}, "option 'whole' is inf: give a whole number"),
    ({"number": "3"}, "option 'number' is '3': give a number"),
    ({"number": None}, "option 'number' is None: give a number"),
    ({"text": 3}, "option 'text' is 3: give a text"),
    ({"mode": ["dorian"]}, r"option 'mode' is \['dorian'\]: give a text"),
    ({"mode": "locrian"}, "option 'mode' is 'locrian': choose from dorian, lydian"),
    ({"modes": "dorian"}, "option 'modes' is 'dorian': give a list of texts"),
    ({"modes": ["dorian", 1]}, "option 'modes' is .* give a list of texts"),
    ({"modes": ["dorian", "locrian"]}, "option 'modes' is 'locrian': choose from dorian, lydian"),
    ({"mood": "blue"}, "unknown option 'mood': there are flag, whole, number, text, mode, path, modes"),
]


@pytest.mark.parametrize(("values", "text"), WRONG, ids=[text for _, text in WRONG])
def test_a_wrong_value_is_named_with_what_to_give(values: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=f"^{text}$"):
        make_options(Many, values)


@dataclass
class NotFrozen:
    mode: str = option("dorian", "a choice")


@dataclass(frozen=True)
class Undeclared:
    mode: str = "dorian"


@dataclass(frozen=True)
class WithoutDefault:
    mode: str = field(metadata={"help": "a choice"})


@dataclass(frozen=True)
class OddType:
    mode: complex = option(1j, "a number")


@pytest.mark.parametrize(
    ("declaration", "text"),
    [
        (NotFrozen, r"NotFrozen must be a dataclass\(frozen=True\)"),
        (str, r"str must be a dataclass\(frozen=True\)"),
        (Undeclared, r"Undeclared.mode must be declared with option\(default, help\)"),
        (WithoutDefault, r"WithoutDefault.mode must be declared with option\(default, help\)"),
        (OddType, "OddType.mode must be bool, int, float, str or tuple"),
    ],
)
def test_a_declaration_that_cannot_be_read_is_refused(declaration: type, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        options_of(declaration)
