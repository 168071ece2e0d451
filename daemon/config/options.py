"""Options and settings of a player, under `options`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from daemon.engines.base import Engine, Setup
from daemon.engines.options import TEXTS, Option, make_options, options_of
from daemon.engines.traces import described
from daemon.errors import ConfigError
from daemon.paths import find_file
from daemon.yaml_file import Value, YamlFile

LARGEST_NUMBER = 10**9  # of a number as an option


def read_options(
    value: Value, engine: type[Engine], model: Path | None, listen: tuple[str, ...]
) -> tuple[Any, dict[str, float]]:
    """The engine's `Options` and the initial values of its settings. The engine's own check follows ours; a third
    party's may raise anything, which is reported."""
    declared = options_of(engine.Options)
    values = value.section(*(option.name for option in declared), *(setting.name for setting in engine.settings))
    chosen = {option.name: _read_option(option, values[option.name]) for option in declared}
    settings = {s.name: values[s.name].number(s.low, s.high, s.default) for s in engine.settings}
    options: Any = None
    try:
        options = make_options(engine.Options, chosen)
        for name, problem in engine.mistakes(Setup(options, settings, model, listen)):
            if not values[name].is_wrong:
                values[name].report(problem)
        engine.gives_way(options)  # the stage is told the result
    except Exception as error:
        problem = described(error, engine.__module__)
        value.report(f"the engine cannot check its options ({problem}): report this to the engine's author")
    return options, settings


def read_words(
    words: Sequence[str], engine: type[Engine], model: Path | None, listen: tuple[str, ...]
) -> tuple[Any, dict[str, float]]:
    """The same from words such as `drone=38` on a command line, where paths count from the working folder. Raises
    ConfigError with every mistake."""
    file = YamlFile(Path("--option"))
    lines = []
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or "\n" in word:
            raise ConfigError([f"--option {word}: write NAME=VALUE, as in --option temperature=0.5"])
        lines.append(f"{name}: {text}\n")
    try:
        value = file.parse("".join(lines))
    except (yaml.YAMLError, RecursionError):
        raise ConfigError([f"--option {' '.join(words)}: a value is not YAML: put it in quotes"]) from None
    options, settings = read_options(value, engine, model, listen)
    if file.problems:
        raise ConfigError([f"--option {text}" for _, _, text in sorted(set(file.problems))])
    return options, settings


def _read_option(option: Option, value: Value) -> Any:
    """The option's value; its default if none is given, or a wrong one, which is reported."""
    if not value.given:
        return option.default
    chosen = _READERS[option.type](option, value)
    return option.default if any(item.is_wrong for item in (value, *value.items())) else chosen


def _read_text(option: Option, value: Value) -> str:
    text = value.one_of(option.choices) if option.choices else value.text()
    if not (option.file and _is_path(text)):
        return text
    try:
        return str(find_file(text, value.file.path.parent.absolute()))
    except (OSError, ValueError) as error:
        value.report(str(error))
        return text


_READERS: Mapping[Any, Callable[[Option, Value], Any]] = {
    bool: lambda option, value: value.flag(option.default),
    int: lambda option, value: value.integer(-LARGEST_NUMBER, LARGEST_NUMBER, option.default),
    float: lambda option, value: value.number(-LARGEST_NUMBER, LARGEST_NUMBER, option.default),
    str: _read_text,
    TEXTS: lambda option, value: tuple(_read_text(option, item) for item in value.items()),
}


def _is_path(text: str) -> bool:
    """Whether it is a path, relative to the configuration's folder, not a name."""
    return len(Path(text).parts) > 1 or bool(Path(text).suffix)
