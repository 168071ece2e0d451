"""YAML as values with their lines. Mistakes are collected, each with its line, and reported together."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from daemon.errors import ConfigError
from daemon.input_files import read_input
from daemon.paths import unreadable
from daemon.suggestions import listed, nearest, suggestion
from daemon.yaml_mistakes import explain

MAX_BYTES = 64 << 10
POINT = ": write a decimal number with a point, as in 0.5"
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")


class _Loader(yaml.SafeLoader):
    """Builds nodes only. Aliases are refused as they can make a small file huge, tags as they can name any type."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        for kind in ("anchor", "tag"):
            if getattr(event, kind, None) is not None:
                problem = f"anchors, aliases and tags ({getattr(event, kind)!r}) are not supported: write the value out"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        return super().compose_node(parent, index)


@dataclass(frozen=True, slots=True)
class OptionValue:
    """The `text` that an option of the command line gives for the value at a dotted `path`; an empty one is null.
    `name`: the option, as messages name it."""

    name: str
    path: str
    text: str

    def __str__(self) -> str:
        """The option and its value, as on the command line."""
        return f"{self.name}{'=' if ' ' in self.name else ' '}{self.text}".rstrip()


@dataclass(slots=True)
class YamlFile:
    """The file at `path`, and the problems found in it: (line, column, text).

    `options`: values in place of those in the file, by dotted path. Their problems have the line 0. `remedy`: what
    helps if there is no such file.
    """

    path: Path
    problems: list[tuple[int, int, str]] = field(default_factory=list)
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    wrong: set[str] = field(default_factory=set)  # the paths of values whose problems were reported
    remedy: str = "name a file with -c FILE"

    def read(self, converted: Callable[[str], str] = str) -> Value:
        """The whole file; `converted`: its text → YAML. Raises ConfigError if it cannot be read or is no YAML."""
        try:
            data = read_input(self.path, MAX_BYTES)
            return self.parse(converted(data.decode("utf-8-sig")))
        except OSError as error:
            problem = unreadable(self.path, error, self.remedy)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            problem = f"{self.path}:{line}: not UTF-8: save it again in that encoding"
        except RecursionError:
            problem = f"{self.path}: nested too deeply: write it with fewer levels"
        except yaml.MarkedYAMLError as error:
            line, reason = explain(error, data.decode("utf-8-sig"))
            problem = f"{self.path}:{line}: {reason}"
        except yaml.YAMLError as error:
            problem = f"{self.path}: not YAML ({' '.join(str(error).split())}): save it again as plain text"
        raise ConfigError([problem])

    def parse(self, text: str) -> Value:
        """`text` as the whole file. Raises yaml.YAMLError, RecursionError."""
        return Value(self, "", _Loader(text).get_single_node())

    def check(self) -> None:
        """Raise ConfigError with the problems found so far, if any: those of options, then in the file's order."""
        if self.problems:
            found = sorted(set(self.problems))
            raise ConfigError([f"{self.path}:{line}: {text}" if line else text for line, _, text in found])


@dataclass(frozen=True, slots=True)
class Value:
    """The value at a dotted path, or of an option of the command line; without a node, there is none. Its methods
    report a wrong value, and return the default or a value of the right type."""

    file: YamlFile
    path: str
    node: yaml.Node | None
    key: yaml.Node | None = None  # its line and column are reported; else those of the value
    is_option: bool = False  # then `path` is the option's name
    is_unknown: bool = False  # absent, maybe because of a mistake that was reported

    @property
    def given(self) -> bool:
        """Whether there is a value; null is none."""
        return self.node is not None and not self._is(("", "~", "null"))

    @property
    def is_text(self) -> bool:
        return self.given and isinstance(self.node, yaml.ScalarNode)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_wrong(self) -> bool:
        """Whether a problem of this value was reported."""
        return self.path in self.file.wrong

    def report(self, problem: str) -> None:
        """Only the first problem of a value is reported: others may follow from it."""
        if self.is_wrong:
            return
        self.file.wrong.add(self.path)
        node = self.key or self.node
        line, column = (0 if self.is_option else 1), 0
        if node is not None and not self.is_option:
            line, column = node.start_mark.line + 1, node.start_mark.column
        self.file.problems.append((line, column, f"{self.path or 'the file'}: {problem}"))

    def entries(self) -> dict[str, Value]:
        """A mapping with names of any kind, each once."""
        if not self.given:
            return {}
        if not isinstance(self.node, yaml.MappingNode):
            self.report("is not a mapping: write `name: value` lines below it")
            return {}
        found: dict[str, Value] = {}
        for key, node in self.node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            value = Value(self.file, f"{self.path}.{name}".lstrip("."), node, key)
            if not isinstance(key, yaml.ScalarNode):
                value.report("a key must be text, not a list or a mapping")
                continue
            if name in found:
                value.report(
                    "is given twice: delete one of the two lines, or write the name that is missing between them"
                )
            found[name] = value
        return found

    def section(self, *keys: str) -> dict[str, Value]:
        """A mapping with these keys and no others; an absent key has a value without a node."""
        found = self.entries()
        unknown = [name for name in found if name not in keys]
        for name in unknown:
            is_decimal = name.isdecimal() and not found[name].given  # `0,5` in braces
            found[name].report(f"unknown key{POINT if is_decimal else suggestion(name, keys)}")
        # What is not a mapping is reported as such, and so is an unknown key: what is absent for that reason is not.
        meant = [nearest(name, keys) for name in unknown]
        values = {
            k: found.get(k) or self._absent(k, (self.given and not self.is_mapping) or k in meant or None in meant)
            for k in keys
        }
        return values | {k: option for k in keys if (option := self._option(values[k].path)) is not None}

    def _absent(self, key: str, is_unknown: bool) -> Value:
        file = YamlFile(self.file.path) if is_unknown else self.file
        return Value(file, f"{self.path}.{key}".lstrip("."), None, self.key, is_unknown=is_unknown)

    def _option(self, path: str) -> Value | None:
        """The value that an option of the command line gives for the one at `path`."""
        if (option := self.file.options.get(path)) is None:
            return None
        return Value(self.file, option.name, yaml.ScalarNode("", option.text), is_option=True)

    def items(self) -> list[Value]:
        """A list; a single value is a list of one."""
        if not self.given:
            return []
        if isinstance(self.node, yaml.SequenceNode):
            return [Value(self.file, f"{self.path}[{n}]", node) for n, node in enumerate(self.node.value)]
        return [self]

    def text(self, default: str | None = None, what: str = "text") -> str:
        """One word or line; required if there is no default. `what` says in a message what is expected."""
        if not self.given:
            if default is None:
                self.report(f"is missing: give {what}")
            return default or ""
        if not isinstance(self.node, yaml.ScalarNode):
            self.report("must be text, not a list or a mapping")
            return default or ""
        return str(self.node.value)

    def one_of(self, choices: Collection[str], default: str | None = None, what: str = "a choice") -> str:
        value = self.text(default, what + (f" ({listed([*choices])})" if choices else ""))
        if value not in choices and self.is_text:
            self.report(f"{value!r} is not {what}{suggestion(value, choices)}")
        return value

    def number(self, low: float, high: float, default: float) -> float:
        if not self.given:
            return default
        try:
            if not isinstance(self.node, yaml.ScalarNode) or self.node.style:
                raise ValueError
            value = float(self.node.value)
        except ValueError:
            has_comma = self.is_text and re.fullmatch(r"[-+]?\d*,\d+", self.text())
            remedy = POINT if has_comma else f": give one from {low:.10g} to {high:.10g}"
            self.report(f"is not a number{remedy}")
            return default
        if not (math.isfinite(value) and low <= value <= high):
            self.report(f"{self.node.value} is out of range: give a number from {low:.10g} to {high:.10g}")
            return default
        return value

    def integer(self, low: int, high: int, default: int) -> int:
        value = self.number(low, high, default)
        if value != int(value):
            self.report(f"{value:g} is not whole: give a whole number from {low} to {high}")
        return int(value)

    def flag(self, default: bool) -> bool:
        if not self.given:
            return default
        if not self._is(_TRUE) and not self._is(_FALSE):
            self.report("is neither true nor false: write one of them")
            return default
        return self._is(_TRUE)

    def _is(self, words: tuple[str, ...]) -> bool:
        plain = isinstance(self.node, yaml.ScalarNode) and not self.node.style
        return plain and self.node is not None and self.node.value.lower() in words
