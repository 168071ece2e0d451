"""config.yaml → frozen, checked values. All mistakes are reported at once, each with its line, path and remedy."""

from collections.abc import Sequence
from pathlib import Path

from daemon.config import command_line
from daemon.config.command_line import option_values
from daemon.config.reader import read_config
from daemon.config.values import Clock, Config, MelodyFile, Member
from daemon.errors import ConfigError
from daemon.paths import find_file, resources
from daemon.yaml_file import OptionValue, YamlFile

__all__ = [
    "Clock",
    "Config",
    "MelodyFile",
    "Member",
    "OptionValue",
    "default_path",
    "load",
    "option_values",
]


def default_path() -> Path:
    """`config.yaml` in the working directory if there is one, else the one that ships with jamd."""
    own = Path("config.yaml")
    return own if own.is_file() else resources() / "config.yaml"


def load(path: Path | None = None, whole_models: bool = False, given: Sequence[OptionValue] = ()) -> Config:
    """Read and check a configuration. Raises ConfigError with all its mistakes. A damaged model, without which the
    other players can still play, is a mistake only with `whole_models`. `given`: options of the command line."""
    path = default_path() if path is None else _find(path)
    given = command_line.placed(given, path)
    file = YamlFile(path, options={option.path: option for option in given})
    config = read_config(file, whole_models)
    command_line.check(given, [port.name for port in config.ports], file)
    file.check()
    return config


def _find(path: Path) -> Path:
    """`path`; if there is no such file, the one of that name that ships with jamd, such as bands/quartet.yaml."""
    try:
        return find_file(str(path))
    except ValueError as error:
        raise ConfigError([f"{path}: {error}"]) from None
