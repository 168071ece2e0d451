"""config.yaml as a whole: each section is read and checked in a module of its own."""

from __future__ import annotations

import secrets
from dataclasses import replace
from functools import cache
from pathlib import Path
from stat import S_ISDIR

from daemon.clocks.table import CLOCK_SOURCES
from daemon.config.audio import read_audio
from daemon.config.band import BandReader
from daemon.config.clock import read_clock
from daemon.config.controls import read_controls
from daemon.config.engines import MEMBER_KEYS, read_engines
from daemon.config.instruments import Routes
from daemon.config.listen import read_played
from daemon.config.melodies import MELODY_KEYS, read_melodies
from daemon.config.names import PORT_KEYS, entries_of, read_names
from daemon.config.ports import read_port
from daemon.config.sounds import SoundReader
from daemon.config.values import RANDOM, Config
from daemon.engines.base import brings_timing, engine_class
from daemon.paths import expand
from daemon.spec import INTERNAL
from daemon.yaml_file import Value, YamlFile

MAX_SEED = 2**31
_SECTIONS = ("clock", "ports", "audio", "melodies", "band", "controls", "recording", "seed")
_NO_FOLDERS = ("off", "none", "no", "false", "on", "yes", "true")  # what a person writes to turn recording off or on


def read_config(file: YamlFile, whole_models: bool) -> Config:
    """Every section; problems are reported to `file`. `whole_models`: a damaged model is a problem, too."""
    top = file.read().section(*_SECTIONS)
    ports = entries_of(top["ports"], PORT_KEYS)
    melodies = entries_of(top["melodies"], MELODY_KEYS)
    band = entries_of(top["band"], MEMBER_KEYS)
    engines = read_engines(band)
    instruments = [name for name, installed in engines.items() if installed.is_instrument]
    names = read_names(top, ports, melodies, band)
    for name in ports.keys() & instruments:
        band[name].report(f"there is a port {name!r} already: choose another name")
    names = replace(names, instruments=tuple(name for name in instruments if name not in ports))
    played = {name: read_played(band[name].section(*MEMBER_KEYS)["listen"], names) for name in instruments}
    sounds = SoundReader(Routes(played, names.outputs))
    reader = BandReader(names, sounds, engines, played, whole_models)
    members, melody_files = reader.members(band), read_melodies(top["melodies"], melodies, names, sounds)
    timings = {
        member.name: engine_class(member.engine).timing(member.setup)
        for member in members
        if member.engine and brings_timing(engine_class(member.engine))
    }
    clock = read_clock(top["clock"], names, timings)
    follows = clock.source in CLOCK_SOURCES and clock.source != INTERNAL
    seed, is_drawn = _read_seed(top["seed"])
    recording, records_audio = _read_recording(top["recording"])
    return Config(
        path=file.path,
        clock=clock,
        ports=tuple(replace(read_port(name, value, names), sounds=sounds.of(name)) for name, value in ports.items()),
        melodies=melody_files,
        band=tuple(replace(m, heard_sounds=sounds.of(m.name)) if m.is_instrument else m for m in members),
        controls=tuple(
            read_controls(
                top["controls"], names, {name: installed.engine for name, installed in engines.items()}, follows
            )
        ),
        recording=recording,
        seed=seed,
        seed_is_drawn=is_drawn,
        options=tuple(file.options.values()),
        audio=read_audio(top["audio"]),
        records_audio=records_audio,
    )


@cache
def _drawn_seed() -> int:
    """Drawn once by each process, so that a reload changes no player."""
    return secrets.randbelow(MAX_SEED + 1)


def _read_seed(value: Value) -> tuple[int, bool]:
    """The seed, and whether it was drawn at random."""
    text = value.text("0") if value.is_text else ""
    if text == RANDOM:
        return _drawn_seed(), True
    if not text.isalpha():
        return value.integer(0, MAX_SEED, 0), False
    value.report(f"{text!r} is no seed: write a whole number from 0 to {MAX_SEED}, or {RANDOM}")
    return 0, False


def _read_recording(value: Value) -> tuple[Path | None, bool]:
    """The folder of recordings (None, for no recording, if `directory` is null), and whether audio is recorded, too."""
    section = value.section("directory", "audio")
    directory, audio = section["directory"], section["audio"]
    if directory.node is not None and not directory.given:
        if audio.flag(False):
            audio.report("nothing is recorded without a folder: name one under `directory`, or write false")
        return None, False
    return _read_folder(directory), audio.flag(False)


def _read_folder(directory: Value) -> Path | None:
    text = directory.text("sessions")
    if not text.strip() or (directory.given and text.lower() in _NO_FOLDERS):
        directory.report(f"{text!r} is not a folder: `null` turns recording off, ./{text or 'NAME'} is a folder")
        return None
    try:
        folder = expand(text)
        if not S_ISDIR(folder.stat().st_mode):  # exists() hides from Python 3.14 on why a folder cannot be
            directory.report(f"{folder} is a file: name a folder")
        return folder
    except FileNotFoundError:
        return folder
    except ValueError as error:
        directory.report(str(error))
    except OSError as error:  # for instance a name that is too long
        directory.report(f"cannot be a folder ({error}): name another one")
    return None
