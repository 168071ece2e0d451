"""config.yaml → frozen, checked values. All mistakes are told at once, each with its line, path and remedy."""

from pathlib import Path

from daemon.config.checks import Reader
from daemon.config.values import Choice, Clock, Config, MelodyFile, Member
from daemon.config.yaml_file import YamlFile
from daemon.paths import resources

__all__ = ["Choice", "Clock", "Config", "MelodyFile", "Member", "default_path", "load"]


def default_path() -> Path:
    """`config.yaml` in the working directory if there is one, else the one that ships with jamd."""
    own = Path("config.yaml")
    return own if own.is_file() else resources() / "config.yaml"


def load(path: Path | None = None) -> Config:
    """Read and check a configuration. Raises ConfigError with everything that is wrong with it."""
    file = YamlFile(path or default_path())
    config = Reader(file).config()
    file.check()
    return config
