"""Options: choices made once, in the configuration. An engine declares them as the fields of one frozen dataclass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

from daemon.errors import ConfigError

T = TypeVar("T")
TEXTS = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One option as `options_of` reads it from a dataclass; `type` is a key of `_CONVERTERS`."""

    name: str
    type: Any
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    file: bool = False

    def convert(self, value: Any) -> Any:
        """`value`, from JSON or YAML, as this option's type. Raises ConfigError."""
        convert, expected = _CONVERTERS[self.type]
        try:
            converted = convert(value)
        except (TypeError, ValueError, OverflowError):
            raise ConfigError([f"option {self.name!r} is {value!r}: give {expected}"]) from None
        for text in (converted if self.type == TEXTS else (converted,)) if self.choices else ():
            if text not in self.choices:
                raise ConfigError([f"option {self.name!r} is {text!r}: choose from {', '.join(self.choices)}"])
        return converted


def option(default: T, help: str, *, choices: tuple[str, ...] = (), file: bool = False) -> T:
    """Declares an option as a field of a dataclass, whose annotation is its type: bool, int, float, str, or
    tuple[str, ...] for a list.

    `choices`: the only values, of a list the only items. `file`: a name or the path of a file; a relative path counts
    from the configuration's folder, else from the files that ship with jamd.
    """
    declared: T = field(default=default, metadata={"help": help, "choices": choices, "file": file})
    return declared


def options_of(declaration: type[Any]) -> tuple[Option, ...]:
    """The options that a dataclass declares. Raises TypeError if it is not frozen, or if a field is not an option."""
    if not is_dataclass(declaration) or not declaration.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise TypeError(f"{declaration.__qualname__} must be a dataclass(frozen=True)")
    types, options = get_type_hints(declaration), []
    for each in fields(declaration):
        if each.default is MISSING or "help" not in each.metadata:
            raise TypeError(f"{declaration.__qualname__}.{each.name} must be declared with option(default, help)")
        if types[each.name] not in _CONVERTERS:
            raise TypeError(f"{declaration.__qualname__}.{each.name} must be bool, int, float, str or tuple[str, ...]")
        options.append(Option(each.name, types[each.name], each.default, **each.metadata))
    return tuple(options)


def make_options(declaration: type[T], values: Mapping[str, Any]) -> T:
    """The dataclass with these `values`, from JSON or YAML, and its defaults for the others. Raises ConfigError."""
    options = {each.name: each for each in options_of(declaration)}
    if unknown := sorted(values.keys() - options):
        raise ConfigError([f"unknown option {name!r}: there are {', '.join(options) or 'none'}" for name in unknown])
    return declaration(**{name: options[name].convert(value) for name, value in values.items()})


def options_to_json(options: Any) -> dict[str, Any]:
    """Every option's value by name. `make_options` reads it."""
    values = {each.name: getattr(options, each.name) for each in options_of(type(options))}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _whole_number(value: Any) -> int:
    if _number(value) != int(value):
        raise ValueError
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError
    return tuple(_text(item) for item in value)


_CONVERTERS: dict[Any, tuple[Callable[[Any], Any], str]] = {
    bool: (_flag, "true or false"),
    int: (_whole_number, "a whole number"),
    float: (_number, "a number"),
    str: (_text, "a text"),
    TEXTS: (_texts, "a list of texts"),
}
