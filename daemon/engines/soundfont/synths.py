"""Which synthesiser the engine plays with: FluidSynth with a soundfont, or the built-in one."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

from daemon.engines.soundfont.finding import general_midi, named
from daemon.engines.soundfont.fluid_synth import FluidSynth
from daemon.engines.soundfont.library import LibraryMissing
from daemon.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOUND = "default"  # in place of a soundfont's name
INSTALL = "install libfluidsynth3 and a soundfont, such as timgm6mb-soundfont (docs/engines.md)"


class Synth(Protocol):
    """Plays the messages of 16 channels; `render` fills an array of shape (frames, 2)."""

    def play(self, message: bytes) -> None: ...
    def render(self, out: NDArray[np.float32]) -> None: ...
    def set_reverb(self, level: float) -> None: ...


def make_synth(wanted: str, rate: int, program: int) -> Synth:
    """The synthesiser for a soundfont's path or name, or FOUND. `program`, 1–128: that of channels that are given none.
    Raises ModelError."""
    try:
        if wanted != FOUND:
            return FluidSynth(named(wanted), rate, program)
        for soundfont in general_midi():
            with contextlib.suppress(ModelError):  # the next one may do
                return FluidSynth(soundfont, rate, program)
    except LibraryMissing as error:
        raise ModelError(f"{error}: {INSTALL}") from None
    raise ModelError(f"no soundfont was found: {INSTALL}")
