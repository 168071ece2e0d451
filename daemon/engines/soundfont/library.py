"""FluidSynth's library, through pyfluidsynth: loaded in silence."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from ctypes import CFUNCTYPE, c_char_p, c_int, c_void_p
from typing import Any

_STDERR = 2
_FLUID_ERR, _FLUID_DBG = 1, 4  # levels of messages: 0 is the gravest, the last one is DBG
_LogFunction = CFUNCTYPE(None, c_int, c_char_p, c_void_p)
_SYNTH, _CHANNEL = ("synth", c_void_p, 1), ("channel", c_int, 1)
_UNDECLARED: dict[str, tuple[Any, ...]] = {  # of FluidSynth's functions, by pyfluidsynth: result and parameters
    "fluid_set_log_function": (c_void_p, ("level", c_int, 1), ("function", _LogFunction, 1), ("data", c_void_p, 1)),
    "fluid_synth_add_default_mod": (c_int, _SYNTH, ("modulator", c_void_p, 1), ("mode", c_int, 1)),
    "fluid_synth_channel_pressure": (c_int, _SYNTH, _CHANNEL, ("value", c_int, 1)),
    "fluid_synth_key_pressure": (c_int, _SYNTH, _CHANNEL, ("key", c_int, 1), ("value", c_int, 1)),
    "fluid_synth_pin_preset": (c_int, _SYNTH, ("font", c_int, 1), ("bank", c_int, 1), ("program", c_int, 1)),
    "fluid_synth_write_float": (
        *(c_int, _SYNTH, ("frames", c_int, 1)),
        *(("left", c_void_p, 1), ("left_offset", c_int, 1), ("left_step", c_int, 1)),
        *(("right", c_void_p, 1), ("right_offset", c_int, 1), ("right_step", c_int, 1)),
    ),
}
_MOST_ERRORS = 8
_errors: list[str] = []  # the library's messages since they were last asked for


class LibraryMissing(Exception):
    """Why FluidSynth cannot be used."""


def load() -> Any:
    """The module `fluidsynth`, with the functions that it does not declare. Raises LibraryMissing."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # where CI is set, it prints what it finds
            import fluidsynth
    except (ImportError, OSError, AttributeError, TypeError) as error:  # the package, the library, or a part of it
        raise LibraryMissing("FluidSynth is not installed") from error
    for name, (result, *parameters) in _UNDECLARED.items():
        if not hasattr(fluidsynth, name):
            setattr(fluidsynth, name, fluidsynth.cfunc(name, result, *parameters))
        if getattr(fluidsynth, name) is None:
            raise LibraryMissing("FluidSynth is older than version 2.2")
    for level in range(_FLUID_DBG + 1):
        fluidsynth.fluid_set_log_function(level, _KEEP if level <= _FLUID_ERR else _IGNORE, None)
    return fluidsynth


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """While a file is loaded: libinstpatch, which FluidSynth may ask when it cannot read a file, writes to stderr."""
    try:
        kept = os.dup(_STDERR)
    except OSError:  # it is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, _STDERR)
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
        os.close(nowhere)


def take_errors() -> list[str]:
    """The library's messages about errors since the last call, the cause first."""
    found = [*_errors]
    _errors.clear()
    return found


def _keep(level: int, message: bytes, data: int) -> None:
    if len(_errors) < _MOST_ERRORS:
        _errors.append(message.decode(errors="replace"))


_KEEP, _IGNORE = _LogFunction(_keep), _LogFunction()  # the latter is a null pointer
