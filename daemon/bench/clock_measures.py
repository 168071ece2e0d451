"""The figures of `jamd bench` for the clock that need no ports: the follower against simulated masters."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path

from daemon.bench.measures import Figure, percentile
from daemon.clocks.midi_clock_in import MidiClockIn
from daemon.music.events import START, TICK
from daemon.music.events import TICKS_PER_BEAT as TICKS

MASTERS = 100
BEATS = 64
LOCK = 2  # beats


def follower(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """120 bpm with jitter, heard from the first tick on by one that expects 96; and 60 → 180 bpm without."""
    due = [tick * 60 / 120 / TICKS for tick in range(BEATS * TICKS)]
    masters = []
    for seed in range(MASTERS):
        rng = random.Random(seed)
        masters.append(_errors(due, sorted(moment + _jitter(rng) for moment in due), 96))
    p99s = [percentile(errors, 0.99) for errors in zip(*masters, strict=True)]
    locked = max(tick for tick, p99 in enumerate(p99s) if p99 > 0.001) + 1
    after = [error for errors in masters for error in errors[LOCK * TICKS :]]
    ramps = [max(_errors(ramp, ramp, 60)[8 * TICKS :]) for ramp in (_ramp_in_time(), _ramp_in_beats())]
    return [
        Figure("clock, jitter σ = 1 ms: locked (phase error p99 ≤ 1 ms from there on)", locked / TICKS, LOCK, "beats"),
        Figure("clock, jitter σ = 1 ms: phase error after two beats, p99", percentile(after, 0.99) * 1e3, 1, "ms"),
        Figure("clock, 60 → 180 bpm over 16 bars: phase error, max", max(ramps) * 1e3, 5, "ms"),
    ]


def _jitter(rng: random.Random) -> float:
    return min(max(rng.gauss(0, 0.001), -0.003), 0.003)


def _errors(due: Sequence[float], heard: Sequence[float], bpm: float) -> list[float]:
    """Seconds, without sign, between our beat and the master's, at every moment when one of its ticks is due."""
    ours = MidiClockIn(bpm)
    ours.hear(bytes([START]), heard[0])
    errors, taken = [], 0
    for tick, moment in enumerate(due):
        while taken < len(heard) and heard[taken] <= moment:
            ours.hear(bytes([TICK]), heard[taken])
            taken += 1
        errors.append(abs(ours.tempo.seconds_at(tick / TICKS) - moment))
    return errors


def _ramp_in_time() -> list[float]:
    """When the ticks are due of 8 beats of 60 bpm, 64 in which it grows to 180 by so much a second, and 8 more."""
    growth = (180**2 - 60**2) / 2 / 64 / 60  # bpm a second
    return _around([(math.sqrt(60**2 + 120 * growth * tick / TICKS) - 60) / growth for tick in range(64 * TICKS + 1)])


def _ramp_in_beats() -> list[float]:
    """The same, by so much a beat."""
    growth = (180 - 60) / 64  # bpm a beat
    return _around([math.log1p(growth * tick / TICKS / 60) * 60 / growth for tick in range(64 * TICKS + 1)])


def _around(ramp: list[float]) -> list[float]:
    before = [(tick - 8 * TICKS) / TICKS for tick in range(8 * TICKS)]
    after = [ramp[-1] + (tick + 1) * 60 / 180 / TICKS for tick in range(8 * TICKS)]
    return before + ramp + after


CLOCK_MEASURES = (follower,)
