"""Options and settings of a player, under `options`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from daemon.engines.base import Engine, Setup
from daemon.engines.options import TEXTS, Option, make_options, options_of
from daemon.engines.traces import described
from daemon.errors import ConfigError, JamdError
from daemon.paths import find_file
from daemon.player.host import create, prepare
from daemon.yaml_file import Value, YamlFile

LARGEST_NUMBER = 10**9  # of a number as an option


def read_options(
    value: Value, engine: type[Engine], model: Path | None, listen: tuple[str, ...], is_tried: bool = False
) -> Setup[Any]:
    """The engine's `Options`, the initial values of its settings and the contents of the files that the options name.
    The engine's own check follows ours; a third party's may raise anything, which is reported. `is_tried`: an engine
    without a model that has contents is got ready, as only that shows whether they can be played."""
    declared = options_of(engine.Options)
    values = value.section(*(option.name for option in declared), *(setting.name for setting in engine.settings))
    chosen = {option.name: _read_option(option, values[option.name]) for option in declared}
    settings = {s.name: values[s.name].number(s.low, s.high, s.default) for s in engine.settings}
    setup: Setup[Any] = Setup(None, settings, model, listen)
    try:
        options = make_options(engine.Options, chosen)
        files = [option.name for option in declared if option.file and option.type is str]
        setup = Setup(options, settings, model, listen, contents=_contents(engine, options, files, values))
        for name, problem in engine.mistakes(setup):
            if not values[name].is_wrong:
                values[name].report(problem)
        engine.gives_way(options)  # the stage is told the result
        if is_tried and model is None and setup.contents:
            _try(engine, setup, values)
    except Exception as error:
        problem = described(error, engine.__module__)
        value.report(f"the engine cannot check its options ({problem}): report this to the engine's author")
    return setup


def _contents(engine: type[Engine], options: Any, files: Iterable[str], values: Mapping[str, Value]) -> dict[str, Any]:
    """By option, without those that are wrong."""
    found = {}
    for name in files:
        if values[name].is_wrong:
            continue
        try:
            found[name] = engine.content(name, getattr(options, name))
        except JamdError as error:
            values[name].report(str(error))
    return {name: content for name, content in found.items() if content is not None}


def _try(engine: type[Engine], setup: Setup[Any], values: Mapping[str, Value]) -> None:
    try:
        prepare(create(engine, setup))
    except JamdError as error:
        values[next(iter(setup.contents))].report(str(error))


def read_words(words: Sequence[str], engine: type[Engine], model: Path | None, listen: tuple[str, ...]) -> Setup[Any]:
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
    setup = read_options(value, engine, model, listen)
    if file.problems:
        raise ConfigError([f"--option {text}" for _, _, text in sorted(set(file.problems))])
    return setup


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
