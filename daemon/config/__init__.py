"""config.yaml → frozen, checked values. All mistakes are reported at once, each with its line, path and remedy."""

import os
from pathlib import Path

from daemon.config.reader import read_config
from daemon.config.values import Clock, Config, MelodyFile, Member
from daemon.config.yaml_file import YamlFile
from daemon.errors import ConfigError
from daemon.paths import expand, resources

__all__ = ["Clock", "Config", "MelodyFile", "Member", "default_path", "load"]


def default_path() -> Path:
    """`config.yaml` in the working directory if there is one, else the one that ships with jamd."""
    own = Path("config.yaml")
    return own if own.is_file() else resources() / "config.yaml"


def load(path: Path | None = None, whole_models: bool = False) -> Config:
    """Read and check a configuration. Raises ConfigError with all its mistakes. A damaged model, without which the
    other players can still play, is a mistake only with `whole_models`."""
    file = YamlFile(default_path() if path is None else _find(path))
    config = read_config(file, whole_models)
    file.check()
    return config


def _find(path: Path) -> Path:
    """`path`; if there is no such file, the one of that name that ships with jamd, such as bands/quartet.yaml."""
    try:
        path = path if os.path.exists(path) else expand(str(path))
    except ValueError as error:
        raise ConfigError([f"{path}: {error}"]) from None
    shipped = resources() / path
    return shipped if not os.path.exists(path) and os.path.isfile(shipped) else path
