"""YAML as values that know their line: every mistake is noted where it stands, and all are told at once."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from daemon.errors import ConfigError

LARGEST = 64 << 10  # bytes
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")


class _Loader(yaml.SafeLoader):
    """Builds nodes only. Aliases could make a small file huge, tags could ask for any type: nobody needs them."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        for what in ("anchor", "tag"):
            if getattr(event, what, None) is not None:
                problem = f"anchors, aliases and tags ({getattr(event, what)!r}) are not read here: write the value out"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        return super().compose_node(parent, index)


@dataclass(slots=True)
class YamlFile:
    """The file at `path`, and what is wrong with it: (line, column, text)."""

    path: Path
    problems: list[tuple[int, int, str]] = field(default_factory=list)

    def read(self) -> Value:
        """The whole file. Raises ConfigError if it cannot be read or is no YAML."""
        try:
            data = self.path.read_bytes()
            if len(data) > LARGEST:
                raise ConfigError([f"{self.path}: more than {LARGEST} bytes: this is not a configuration of jamd"])
            return Value(self, "", _Loader(data.decode("utf-8-sig")).get_single_node())
        except OSError as error:
            problem = f"{self.path}: cannot be read ({error.strerror}): name a file with -c FILE"
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            problem = f"{self.path}:{line}: not UTF-8: save it again in that encoding"
        except RecursionError:
            problem = f"{self.path}: nested too deeply: this is not a configuration of jamd"
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = ", ".join(part for part in (error.context, error.problem) if part)
            problem = f"{self.path}:{mark.line + 1 if mark else 1}: {what}: correct the YAML there"
        except yaml.YAMLError as error:
            problem = f"{self.path}: not YAML ({' '.join(str(error).split())}): save it again as plain text"
        raise ConfigError([problem])

    def check(self) -> None:
        """Raise what was noted so far, in the file's order, if anything."""
        if self.problems:
            raise ConfigError([f"{self.path}:{line}: {text}" for line, _, text in sorted(set(self.problems))])


@dataclass(frozen=True, slots=True)
class Value:
    """What stands at a dotted path; without a node, nothing does. Readers note what is wrong and return the default."""

    file: YamlFile
    path: str
    node: yaml.Node | None
    key: yaml.Node | None = None  # what to point at: the key, else the value

    @property
    def given(self) -> bool:
        """Whether something stands there. null is nothing."""
        return self.node is not None and not self._is(("", "~", "null"))

    @property
    def is_text(self) -> bool:
        return self.given and isinstance(self.node, yaml.ScalarNode)

    @property
    def is_wrong(self) -> bool:
        """Whether something is noted already."""
        return any(text.startswith(f"{self.path}: ") for *_, text in self.file.problems)

    def wrong(self, what: str) -> None:
        at = self.key or self.node
        line, column = (at.start_mark.line + 1, at.start_mark.column) if at else (1, 0)
        self.file.problems.append((line, column, f"{self.path or 'the file'}: {what}"))

    def entries(self) -> dict[str, Value]:
        """A mapping with names of any kind, each once."""
        if not self.given:
            return {}
        if not isinstance(self.node, yaml.MappingNode):
            self.wrong("is not a mapping: write `name: value` lines below it")
            return {}
        found: dict[str, Value] = {}
        for key, node in self.node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            value = Value(self.file, f"{self.path}.{name}".lstrip("."), node, key)
            if not isinstance(key, yaml.ScalarNode):
                value.wrong("a key must be one word")
                continue
            if name in found:
                value.wrong("stands here twice: delete one")
            found[name] = value
        return found

    def section(self, *keys: str) -> dict[str, Value]:
        """A mapping with these keys and no others; those that are not there are there without a node."""
        found = self.entries()
        for name in found.keys() - set(keys):
            found[name].wrong(f"unknown key{meant(name, keys)}")
        is_mapping = not self.given or isinstance(self.node, yaml.MappingNode)
        file = (
            self.file if is_mapping else YamlFile(self.file.path)
        )  # that it is none is said: nothing in it is missing
        return {k: found.get(k) or Value(file, f"{self.path}.{k}".lstrip("."), None, self.key) for k in keys}

    def items(self) -> list[Value]:
        """A list, or one value for a list of one."""
        if not self.given:
            return []
        if isinstance(self.node, yaml.SequenceNode):
            return [Value(self.file, f"{self.path}[{n}]", node) for n, node in enumerate(self.node.value)]
        return [self]

    def text(self, default: str | None = None, what: str = "it") -> str:
        """One word or line. Without a default it must be there."""
        if not self.given:
            if default is None:
                self.wrong(f"is missing: give {what}")
            return default or ""
        if not isinstance(self.node, yaml.ScalarNode):
            self.wrong("must be one word, not a list or a mapping")
            return default or ""
        return str(self.node.value)

    def one_of(self, choices: Iterable[str], default: str | None = None, what: str = "a choice") -> str:
        choices = list(choices)
        value = self.text(default, what + (f" ({', '.join(choices)})" if choices else ""))
        if value not in choices and self.is_text:
            self.wrong(f"{value!r} is not {what}{meant(value, choices)}")
        return value

    def number(self, low: float, high: float, default: float) -> float:
        if not self.given:
            return default
        try:
            if not isinstance(self.node, yaml.ScalarNode) or self.node.style:
                raise ValueError
            value = float(self.node.value)
        except ValueError:
            self.wrong(f"is not a number: give one from {low:.10g} to {high:.10g}")
            return default
        if not (math.isfinite(value) and low <= value <= high):
            self.wrong(f"{self.node.value} is out of range: give a number from {low:.10g} to {high:.10g}")
            return default
        return value

    def integer(self, low: int, high: int, default: int) -> int:
        value = self.number(low, high, default)
        if value != int(value):
            self.wrong(f"{value:g} is not whole: give a whole number from {low} to {high}")
        return int(value)

    def flag(self, default: bool) -> bool:
        if not self.given:
            return default
        if not self._is(_TRUE) and not self._is(_FALSE):
            self.wrong("is neither true nor false")
            return default
        return self._is(_TRUE)

    def _is(self, words: tuple[str, ...]) -> bool:
        plain = isinstance(self.node, yaml.ScalarNode) and not self.node.style
        return plain and self.node is not None and self.node.value.lower() in words


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `word` may have been meant to be."""
    known = list(known)
    close = get_close_matches(word, known, 1) or get_close_matches(word.lower(), known, 1)
    return close[0] if close else None


def meant(word: str, known: Iterable[str]) -> str:
    """The end of a message about `word`, which is none of the `known`."""
    known = list(known)
    if (near := nearest(word, known)) is not None:
        return f": did you mean {near!r}?"
    return f": there are {', '.join(known)}" if known else ": there is nothing of that kind"
