"""Measures of MIDI clock in that need no ports: `MidiClockIn` against simulated masters."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path

from daemon.bench.figure import Figure, percentile
from daemon.clocks.midi_clock_in import MidiClockIn
from daemon.music.events import CLOCK_START, CLOCK_TICK
from daemon.music.events import TICKS_PER_BEAT as TICKS

MASTERS = 100
BEATS = 64
LOCK_BEATS = 2  # beats after which the clock should be locked


def follower(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """A clock at 96 bpm follows masters at 120 bpm with jitter, from the first tick on; and masters that go from 60 to
    180 bpm without jitter."""
    due = [tick * 60 / 120 / TICKS for tick in range(BEATS * TICKS)]
    masters = []
    for seed in range(MASTERS):
        rng = random.Random(seed)
        masters.append(_errors(due, sorted(moment + jitter(rng) for moment in due), 96))
    p99s = [percentile(errors, 0.99) for errors in zip(*masters, strict=True)]
    locked = max(tick for tick, p99 in enumerate(p99s) if p99 > 0.001) + 1
    after = [error for errors in masters for error in errors[LOCK_BEATS * TICKS :]]
    ramps = [max(_errors(ramp, ramp, 60)[8 * TICKS :]) for ramp in (_ramp_in_time(), _ramp_in_beats())]
    return [
        Figure(
            "clock, jitter σ = 1 ms: locked (phase error p99 ≤ 1 ms from there on)", locked / TICKS, LOCK_BEATS, "beats"
        ),
        Figure("clock, jitter σ = 1 ms: phase error after two beats, p99", percentile(after, 0.99) * 1e3, 1, "ms"),
        Figure("clock, 60 → 180 bpm over 16 bars: phase error, max", max(ramps) * 1e3, 5, "ms"),
    ]


def jitter(rng: random.Random) -> float:
    """Seconds: normally distributed with σ = 1 ms, clipped at ± 3 ms."""
    return min(max(rng.gauss(0, 0.001), -0.003), 0.003)


def _errors(due: Sequence[float], received: Sequence[float], bpm: float) -> list[float]:
    """Absolute difference in seconds between the clock's beat and the master's, for each tick of the master.

    `due`, `received`: times of the master's ticks; `bpm`: the clock's tempo before the first tick.
    """
    clock = MidiClockIn(bpm)
    clock.hear(bytes([CLOCK_START]), received[0])
    errors, count = [], 0
    for tick, moment in enumerate(due):
        while count < len(received) and received[count] <= moment:
            clock.hear(bytes([CLOCK_TICK]), received[count])
            count += 1
        errors.append(abs(clock.tempo.seconds_at(tick / TICKS) - moment))
    return errors


def _ramp_in_time() -> list[float]:
    """Due times of the ticks of 8 beats at 60 bpm, 64 beats linear in time up to 180 bpm, and 8 beats at 180 bpm."""
    growth = (180**2 - 60**2) / 2 / 64 / 60  # bpm per second
    return _with_steady_ends(
        [(math.sqrt(60**2 + 120 * growth * tick / TICKS) - 60) / growth for tick in range(64 * TICKS + 1)]
    )


def _ramp_in_beats() -> list[float]:
    """Due times as in `_ramp_in_time`, with the 64 beats linear in beats."""
    growth = (180 - 60) / 64  # bpm per beat
    return _with_steady_ends([math.log1p(growth * tick / TICKS / 60) * 60 / growth for tick in range(64 * TICKS + 1)])


def _with_steady_ends(ramp: list[float]) -> list[float]:
    """`ramp` between 8 beats at 60 bpm and 8 beats at 180 bpm."""
    before = [(tick - 8 * TICKS) / TICKS for tick in range(8 * TICKS)]
    after = [ramp[-1] + (tick + 1) * 60 / 180 / TICKS for tick in range(8 * TICKS)]
    return before + ramp + after


CLOCK_MEASURES = (follower,)
