"""The class attributes of an engine, checked when the engine is loaded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from daemon.engines.options import options_of
from daemon.errors import ConfigError

CHANNELS = 16
LONGEST = 10.0  # seconds, of `lead` and `tolerance`


def declaration_mistakes(engine: type[Any]) -> Iterator[str]:
    """Every mistake in the class attributes of `engine`, with its remedy."""
    yield from _voice_mistakes(engine.voices, engine.channel)
    for name in ("lead", "tolerance"):
        if not (_is_number(value := getattr(engine, name)) and 0 <= value <= LONGEST):
            yield f"{name} is {value!r}: give seconds from 0 to {LONGEST:g}"
    try:
        options = options_of(engine.Options)
    except Exception as error:  # an annotation may be any expression
        yield str(error)
        options = ()
    for option in options:
        try:
            if type(option.convert(option.default)) is not type(option.default):
                yield f"the default of the option {option.name!r} is {option.default!r}: give one of its type"
        except ConfigError as error:
            yield f"the default of the {error}"
        if not option.help:
            yield f"the option {option.name!r} has no help: describe it in a line"
    yield from _setting_mistakes(engine.settings, {option.name for option in options})


def _voice_mistakes(voices: Any, channel: Any) -> Iterator[str]:
    if not isinstance(voices, tuple) or not voices or not all(isinstance(voice, str) and voice for voice in voices):
        yield f'voices is {voices!r}: give a tuple of names, such as ("lead",)'
        return
    if len(set(voices)) < len(voices):
        yield f"voices has a name twice ({', '.join(voices)}): give each voice a name of its own"
    if channel is None and len(voices) > CHANNELS:
        yield f"there are {len(voices)} voices for {CHANNELS} channels: set `channel` to the one that all voices share"
    if channel is not None and not (isinstance(channel, int) and 1 <= channel <= CHANNELS):
        yield f"channel is {channel!r}: give one from 1 to {CHANNELS}, or None"


def _setting_mistakes(settings: Any, taken: set[str]) -> Iterator[str]:
    """`taken`: names of options, beside which settings stand in the configuration."""
    if not isinstance(settings, tuple) or not all(hasattr(each, "default") for each in settings):
        yield f"settings is {settings!r}: give a tuple of Setting(name, low, high, default, help)"
        return
    for setting in settings:
        name, low, default, high = setting.name, setting.low, setting.default, setting.high
        if not (isinstance(name, str) and name.isidentifier()):
            yield f"a setting is called {name!r}: give a name of letters, digits and _"
        elif name in taken:
            yield f"the setting {name!r} has the name of another setting or option: rename one of the two"
        taken.add(name)
        if not all(map(_is_number, (low, default, high))):
            yield f"the setting {name!r} has a range or a default that is no number: give finite numbers"
        elif not low <= default <= high:
            yield f"the setting {name!r} goes from {low:g} to {high:g} with the default {default:g}: put them in order"
        if not setting.help:
            yield f"the setting {name!r} has no help: describe it in a line"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
