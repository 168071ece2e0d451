"""Which synthesiser the engine plays with: FluidSynth with a soundfont, or the built-in one."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Protocol

from daemon.engines.soundfont.finding import general_midi, named
from daemon.engines.soundfont.fluid_synth import FluidSynth
from daemon.engines.soundfont.library import LibraryMissing, take_errors
from daemon.engines.soundfont.sf2_file import SoundfontFile
from daemon.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOUND, BUILT_IN = "default", "built-in"  # in place of a soundfont's name
DECODED = 8  # bytes of memory for each byte of compressed samples, about
INSTALL = "install libfluidsynth3 and a soundfont, such as timgm6mb-soundfont (docs/engines.md)"


class Synth(Protocol):
    """Plays the messages of 16 channels; `render` fills an array of shape (frames, 2)."""

    def play(self, message: bytes) -> None: ...
    def render(self, out: NDArray[np.float32]) -> None: ...
    def set_reverb(self, level: float) -> None: ...


def make_synth(wanted: str, rate: int, program: int) -> tuple[Synth, str]:
    """The synthesiser for a soundfont's path or name, FOUND or BUILT_IN; and a line about the one that is missing, or
    "". `program`, 1–128: that of channels that are given none. Raises ModelError for a soundfont that is named."""
    lacking = ""
    try:
        if wanted not in (FOUND, BUILT_IN):
            return _sampled(named(wanted), rate, program), ""
        for soundfont in general_midi() if wanted == FOUND else ():
            with contextlib.suppress(ModelError):  # the next one may do
                return _sampled(soundfont, rate, program), ""
        if wanted == FOUND:
            lacking = "no General MIDI soundfont was found"
    except LibraryMissing as error:
        lacking = str(error)
    from daemon.engines.soundfont.built_in.synth import BuiltInSynth  # needs numpy

    synth = BuiltInSynth(rate, program)
    synth.prepare()
    return synth, f"{lacking}: simple computed sounds are played; for better ones, {INSTALL}" if lacking else ""


def _sampled(soundfont: SoundfontFile, rate: int, program: int) -> Synth:
    """Raises ModelError, and LibraryMissing."""
    needed = soundfont.size * (DECODED if soundfont.is_compressed else 1)
    if (memory := _memory()) and needed > memory // 2:
        text = f"may need {needed >> 20} MiB, more than half of this machine's memory"
        raise ModelError(f"{soundfont.path}: {text}: choose a smaller one")
    synth = FluidSynth(soundfont, rate, program)
    for error in take_errors():
        if "memory" in error:
            raise ModelError(f"{soundfont.path}: cannot be loaded ({error}): free some memory, or choose a smaller one")
    return synth


def _memory() -> int:
    """Bytes that this machine has; 0 if unknown."""
    if sys.platform == "win32":
        return 0
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
