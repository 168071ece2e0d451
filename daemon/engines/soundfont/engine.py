"""The engine `soundfont`: the instruments of General MIDI, from a soundfont."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar

from daemon.engines.audio import AudioEngine
from daemon.engines.base import Setting, Setup
from daemon.engines.options import option
from daemon.engines.soundfont.finding import named
from daemon.engines.soundfont.synths import BUILT_IN, FOUND, Synth, make_synth
from daemon.errors import ModelError
from daemon.music.events import Action
from daemon.music.general_midi import PROGRAMS, containing, find_program
from daemon.music.plan import Plan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class SoundfontOptions:
    soundfont: str = option(
        FOUND, "a soundfont (SF2, SF3): its path, or the name of an installed one; default; or built-in", file=True
    )
    program: str = option("acoustic grand piano", "what channels play with that nothing else sets a program on")


class Soundfont(AudioEngine):
    """Plays what it is sent on 16 channels, of which channel 10 has drums."""

    Options = SoundfontOptions
    settings: ClassVar[tuple[Setting, ...]] = (
        *AudioEngine.settings,
        Setting("reverb", 0.0, 1.0, 0.2, "level of the reverb; 0: none"),
    )

    options: SoundfontOptions

    @classmethod
    def mistakes(cls, setup: Setup[SoundfontOptions]) -> Iterator[tuple[str, str]]:
        wanted, program = setup.options.soundfont, setup.options.program
        if wanted not in (FOUND, BUILT_IN):
            try:
                named(wanted)
            except ModelError as error:
                yield "soundfont", str(error)
        if _program(program) is None:
            near = containing(program, 1)[:1] or get_close_matches(program.casefold(), PROGRAMS, 1)
            remedy = f"did you mean {near[0]!r}?" if near else "give a name (docs/daw.md) or a number from 1 to 128"
            yield "program", f"{program!r} is not an instrument of General MIDI: {remedy}"

    def prepare(self) -> None:
        if mistakes := [f"`{name}`: {problem}" for name, problem in self.mistakes(self.setup)]:
            raise ModelError(f"soundfont: {'; '.join(mistakes)}")
        program = _program(self.options.program) or 1
        self._synth: Synth
        self._synth, self.notice = make_synth(self.options.soundfont, self.setup.rate, program)
        self._synth.set_reverb(self.values["reverb"])

    def control(self, name: str, value: float, beat: float) -> Iterable[Action | Plan]:
        if name == "reverb":
            self._synth.set_reverb(value)
        return super().control(name, value, beat)

    def play(self, message: bytes) -> None:
        self._synth.play(message)

    def render(self, out: NDArray[np.float32]) -> None:
        self._synth.render(out)


def _program(text: str) -> int | None:
    """The program, 1–128, of a name or number."""
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 128:
        return int(text)
    return find_program(text, 1)
