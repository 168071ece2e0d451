"""Before an ending that asks for it, the tempo slows down as performers do on average in final ritardandi:
v(x) = (1 + (w³ − 1) x)^(1/3), with x from 0 to 1 and w the tempo in the end, both as shares (Friberg and Sundberg, Does
music performance allude to locomotion?, 1999), in steps of a 16th. The last chord has the last tempo.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from daemon.music.plan import EPSILON, Section
from daemon.music.tempo import SIXTEENTH

SLOWER, SLOWEST = 0.05, 0.6  # of the tempo: less for each beat of a ritardando; the least in the end


class Ritardando:
    """`sections`: gives those that are planned. `share`: of the tempo, since it was entered last."""

    def __init__(self) -> None:
        self.sections: Callable[[], Iterable[Section]] = tuple
        self.share = 1.0

    def enter(self, beat: float) -> float:
        """The share from `beat` on."""
        self.share = self.at(beat)
        return self.share

    def at(self, beat: float) -> float:
        """The share that is planned for `beat`."""
        return next((share for each in self.sections() if (share := _share(each, beat)) is not None), 1.0)

    def next_step(self, beat: float) -> float:
        """The first beat after `beat` with another share; infinity if there is none."""
        return min((_next_step(each, beat) for each in self.sections()), default=math.inf)


def _share(section: Section, beat: float) -> float | None:
    """None before the ritardando and after the section."""
    begin, end = _span(section)
    if not begin - EPSILON <= beat < end - EPSILON:
        return None
    last = max(1 - SLOWER * section.ritardando, SLOWEST)
    done = min(_step_after(begin, beat) * SIXTEENTH / section.ritardando, 1.0)
    return float((1 + (last**3 - 1) * done) ** (1 / 3))


def _next_step(section: Section, beat: float) -> float:
    begin, end = _span(section)
    if beat < begin - EPSILON:
        return begin
    step = begin + _step_after(begin, beat) * SIXTEENTH
    if step < section.onset - EPSILON:
        return step
    return end if beat < end - EPSILON else math.inf


def _step_after(begin: float, beat: float) -> int:
    """The number of the first 16th after `beat`, counted from `begin`."""
    return math.floor((beat - begin) / SIXTEENTH + EPSILON) + 1


def _span(section: Section) -> tuple[float, float]:
    return section.onset - section.ritardando, section.onset + section.duration
