"""The base class of audio engines, which render sound from MIDI messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from daemon.engines.base import Engine, Setting

if TYPE_CHECKING:  # engines are loaded wherever a configuration is read
    import numpy as np
    from numpy.typing import NDArray

GAIN = Setting("gain", -60.0, 12.0, 0.0, "loudness, in dB; −60: silent")
PAN = Setting("pan", -1.0, 1.0, 0.0, "from −1 (left) to 1 (right)")


class AudioEngine(Engine):
    """An instrument of the band. Every call comes from one thread, in order.

    `setup.rate` is the number of frames per second that `render` is asked for: `own_rate`, if that is set, else the one
    of the band; what an engine renders at its own rate is converted. The host applies GAIN and PAN, with which
    `settings` begin: a subclass with settings of its own writes `settings = (*AudioEngine.settings, …)`. `notice`: a
    line for the log, once the engine is prepared, about what it does without.
    """

    own_rate: ClassVar[int | None] = None
    settings: ClassVar[tuple[Setting, ...]] = (GAIN, PAN)
    notice: str = ""

    def play(self, message: bytes) -> None:
        """Take a MIDI message that takes effect at the next frame. Control changes 120 and 123 end every note."""

    def render(self, out: NDArray[np.float32]) -> None:
        """Fill `out`, of shape (frames, 2), with the next frames, −1 … 1. No file is read and nothing waits here."""
