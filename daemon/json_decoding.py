"""JSON → values of the types that annotations name. What has another shape or range raises ValueError.

Files that others wrote or damaged are decoded with it, so that nothing behind it meets a value that cannot be.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

Decode = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """In `Annotated[float, Limits(low, high)]`: the smallest and the largest number. NaN is none."""

    low: float
    high: float


ANY_NUMBER = Limits(-1e9, 1e9)  # a year of music in beats, thirty years in seconds
ANY_INTEGER = Limits(-(2.0**63), 2.0**63)


@cache
def decoder(kind: Any) -> Decode:
    """A function from JSON to a value of type `kind`.

    Types: bool, int, float, str, None, unions of these, dict[str, …] and Mapping as any object, tuples, and dataclasses
    of these as objects without unknown keys, where a field that has a default may be missing. A dataclass may have a
    method `check`, which raises ValueError for values that do not go together.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _number(arguments[0], arguments[1])
    if origin in (Union, types.UnionType):
        return _union([decoder(each) for each in arguments])
    if origin is tuple:
        return _list(arguments[0]) if arguments[1:] == (...,) else _row([decoder(each) for each in arguments])
    if origin in (dict, Mapping):
        return _object(arguments[1])
    if kind in (int, float):
        return _number(kind, ANY_INTEGER if kind is int else ANY_NUMBER)
    if kind is str:
        return _text
    if kind is Any:
        return lambda value: value
    return _record(kind) if isinstance(kind, type) and is_dataclass(kind) else _instance(kind)


def columns(kind: type[Any]) -> dict[str, Decode]:
    """The decoders of a dataclass's fields, in their order."""
    hints = get_type_hints(kind, include_extras=True)
    return {each.name: decoder(hints[each.name]) for each in fields(kind)}


def _refuse(value: object, expected: str) -> ValueError:
    return ValueError(f"{repr(value)[:80]} is not {expected}")


def _number(kind: type[Any], limits: Limits) -> Decode:
    low, high = limits.low, limits.high
    allowed = (int,) if kind is int else (int, float)

    def decode(value: Any) -> Any:
        if type(value) in allowed and low <= value <= high:
            return value
        raise _refuse(value, f"a number from {low:g} to {high:g}")

    return decode


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _refuse(value, "a text")
    value.encode()  # half a surrogate pair can neither be printed nor written
    return value


def _instance(kind: type[Any]) -> Decode:
    def decode(value: Any) -> Any:
        if not isinstance(value, kind):
            raise _refuse(value, kind.__name__)
        return value

    return decode


def _union(decoders: list[Decode]) -> Decode:
    def decode(value: Any) -> Any:
        for each in decoders[:-1]:
            try:
                return each(value)
            except ValueError:
                continue
        return decoders[-1](value)

    return decode


def _list(kind: Any) -> Decode:
    item = decoder(kind)

    def decode(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise _refuse(value, "a list")
        return (*map(item, value),)  # as in `decode_entry`

    return decode


def _row(decoders: list[Decode]) -> Decode:
    def decode(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or len(value) != len(decoders):
            raise _refuse(value, f"a list of {len(decoders)}")
        return (*[each(item) for each, item in zip(decoders, value, strict=True)],)

    return decode


def _object(kind: Any) -> Decode:
    item = decoder(kind)

    def decode(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _refuse(value, "an object")
        return {_text(key): item(each) for key, each in value.items()}

    return decode


def _record(kind: type[Any]) -> Decode:
    decoders = columns(kind)
    items = list(decoders.items())
    check: Callable[[Any], None] = getattr(kind, "check", lambda value: None)
    required = {each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}

    def decode(value: Any) -> Any:
        if not isinstance(value, dict) or not required <= value.keys() <= decoders.keys():
            raise _refuse(value, f"an object with the keys {', '.join(decoders)}")
        if len(value) == len(items):
            made = kind(*[each(value[name]) for name, each in items])  # faster
        else:
            made = kind(**{name: decoders[name](each) for name, each in value.items()})
        check(made)
        return made

    return decode
