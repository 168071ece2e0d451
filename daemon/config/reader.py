"""config.yaml as a whole: each section is read and checked in a module of its own."""

from __future__ import annotations

from pathlib import Path

from daemon.config.band import BandReader
from daemon.config.clock import read_clock
from daemon.config.controls import read_controls
from daemon.config.melodies import read_melodies
from daemon.config.names import read_names
from daemon.config.ports import read_port
from daemon.config.values import Config
from daemon.config.yaml_file import Value, YamlFile


def read_config(file: YamlFile, whole_models: bool) -> Config:
    """Every section; problems are reported to `file`. `whole_models`: a damaged model is a problem, too."""
    top = file.read().section("clock", "ports", "melodies", "band", "controls", "recording", "seed")
    ports, melodies, band = (top[section].entries() for section in ("ports", "melodies", "band"))
    names = read_names(ports, melodies, band)
    reader = BandReader(names, whole_models)
    members = reader.members(band)
    return Config(
        path=file.path,
        clock=read_clock(top["clock"], names),
        ports=tuple(read_port(name, value, names) for name, value in ports.items()),
        melodies=read_melodies(top["melodies"], names),
        band=members,
        controls=tuple(read_controls(top["controls"], names, reader.engines)),
        recording=_read_recording(top["recording"]),
        seed=top["seed"].integer(0, 2**31, 0),
    )


def _read_recording(value: Value) -> Path | None:
    """The folder of recordings; None, for no recording, if `directory` is null."""
    directory = value.section("directory")["directory"]
    if directory.node is not None and not directory.given:
        return None
    folder = Path(text := directory.text("sessions"))
    try:
        folder = folder.expanduser()
        if folder.is_file():
            directory.report(f"{folder} is a file: name a folder")
    except RuntimeError:  # ~NAME of an unknown user
        directory.report(f"there is no home folder for {text!r}: write the path without ~")
    except OSError as error:  # for instance a name that is too long
        directory.report(f"cannot be a folder ({error}): name another one")
    return folder
