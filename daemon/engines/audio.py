"""The base class of audio engines, which render sound from MIDI messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from daemon.engines.base import Engine, Setting
from daemon.wire import MUTE

if TYPE_CHECKING:  # engines are loaded wherever a configuration is read
    import numpy as np
    from numpy.typing import NDArray

GAIN = Setting("gain", -60.0, 12.0, 0.0, "loudness, in dB; −60: silent")
PAN = Setting("pan", -1.0, 1.0, 0.0, "from −1 (left) to 1 (right)")

DEFAULT_ENGINE = "soundfont"  # of an instrument that no configuration describes
RATES = (8_000, 192_000)  # the lowest and the highest `own_rate`


class AudioEngine(Engine):
    """An instrument of the band: it renders the MIDI messages that it is sent. Every call comes from one thread, in
    order: `prepare`, then `play`, `render` and `control`; it is never reset, and asked for no notes.

    `setup.rate` is the number of frames per second that `render` is asked for: `own_rate`, if that is set, else the one
    of the band; what an engine renders at its own rate is converted. The host applies GAIN and PAN, with which
    `settings` begin, and MUTE: a subclass with settings of its own writes `settings = (*AudioEngine.settings, …)`.
    `notice`: a line for the log, once the engine is prepared, about what it does without.
    """

    own_rate: ClassVar[int | None] = None
    settings: ClassVar[tuple[Setting, ...]] = (GAIN, PAN)
    notice: str = ""

    def play(self, message: bytes) -> None:
        """Take a MIDI message of any kind, which takes effect at the next frame. Control changes 120 and 123 end every
        note of their channel."""

    def render(self, out: NDArray[np.float32]) -> None:
        """Fill `out`, of shape (frames, 2), with the next frames, −1 … 1: of any number, and where a message falls also
        of a single one. No file is read, nothing waits, and nothing grows here."""
        out.fill(0)

    @classmethod
    def declaration_mistakes(cls) -> Iterator[str]:
        yield from super().declaration_mistakes()
        settings, rate, (low, high) = cls.settings, cls.own_rate, RATES
        if isinstance(settings, tuple):
            if settings[:2] != AudioEngine.settings:
                yield "settings does not begin with GAIN and PAN: write settings = (*AudioEngine.settings, …)"
            if any(getattr(setting, "name", "") == MUTE for setting in settings):
                yield f"the setting {MUTE!r} is one that every instrument has: give yours another name"
        if rate is not None and not (isinstance(rate, int) and low <= rate <= high):
            yield f"own_rate is {rate!r}: give frames per second from {low} to {high}, or None for the band's rate"
