"""The engines of the band's members, each under `engine`."""

from __future__ import annotations

from typing import NamedTuple

from daemon.config.names import Section
from daemon.engines.audio import AudioEngine
from daemon.engines.base import Engine, engine_class, engine_names
from daemon.errors import EngineError
from daemon.suggestions import nearest
from daemon.yaml_file import Value

MEMBER_KEYS = ("engine", "model", "listen", "play", "options")


class Installed(NamedTuple):
    """An engine and its name."""

    name: str
    engine: type[Engine]

    @property
    def is_instrument(self) -> bool:
        return issubclass(self.engine, AudioEngine)


def read_engines(band: Section) -> dict[str, Installed]:
    """By member; without those whose engine cannot be loaded. In place of a name that is wrong, and reported, the
    nearest one counts, with which the rest of the member is checked."""
    installed = engine_names()  # slow: reads the metadata of all installed packages
    found: dict[str, Installed] = {}
    for member, section in band.items():
        value = section.section(*MEMBER_KEYS)["engine"]
        wanted = value.one_of(installed, what="an installed engine")
        name = wanted if wanted in installed else nearest(wanted, installed)
        if name and (engine := _load(name, value)) is not None:
            found[member] = Installed(name, engine)
    return found


def _load(name: str, value: Value) -> type[Engine] | None:
    try:
        return engine_class(name)
    except EngineError as error:
        value.report(str(error))
    return None
