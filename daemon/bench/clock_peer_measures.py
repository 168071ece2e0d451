"""Clock measures over JACK: an independent client is the MIDI clock master, or receives jamd's clock."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from pathlib import Path

from daemon.bench.clock_measures import jitter
from daemon.bench.figure import PERIOD, Figure, percentile
from daemon.bench.instruments import CHOIR, JAMD, Events, JamdProcess, perform
from daemon.music.events import CLOCK_START, CLOCK_STOP, CLOCK_TICK, TICKS_PER_BEAT, is_note_on

TICK_MESSAGE = bytes((CLOCK_TICK,))
BPM = 120
TICK_SECONDS = 60 / BPM / TICKS_PER_BEAT
LOCK_TICKS = 2 * TICKS_PER_BEAT  # ticks
SECONDS = 60.0
STARTS = 8
FOLLOW = """
clock: {source: midi, port: keys, send: [choir]}
ports: {keys: {direction: in}, choir: {direction: out}}
"""
STARTED = f"""
clock: {{source: midi, port: keys}}
ports: {{keys: {{direction: in}}, choir: {{direction: out}}}}
melodies: {{twinkle: {{file: melodies/twinkle.mid, loop: true}}}}
band: {CHOIR % "twinkle"}"""
LEAD = f"""
clock: {{source: internal, bpm: {BPM}, beats_per_bar: 4, send: [choir]}}
ports: {{choir: {{direction: out}}}}
melodies: {{twinkle: {{file: melodies/twinkle.mid, loop: true, thru: [choir]}}}}
"""


def clock_in(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """120 bpm with jitter for a minute, then eight starts after another tempo. jamd follows the peer's clock and sends
    its own, which the peer receives. The constant delay is subtracted."""
    rng = random.Random(1)
    events, due = _master(rng, 0.1, BPM, round(SECONDS / TICK_SECONDS))
    starts = [due]
    for _ in range(STARTS):
        at_80_bpm, _ = _master(rng, events[-1][0] + 1, 80, 2 * TICKS_PER_BEAT)
        events += at_80_bpm
        at_120_bpm, due = _master(rng, events[-1][0] + 1, BPM, 2 * LOCK_TICKS)
        events += at_120_bpm
        starts.append(due)
    with JamdProcess(folder, environment, FOLLOW):
        sent, heard = perform(environment, events, *JAMD)
    zero = statistics.median(stamp - moment for (stamp, _), (moment, _) in zip(sent, events, strict=True))
    starts_heard = _ticks_by_start(heard)
    errors = [
        [tick - zero - moment for tick, moment in zip(ticks, due, strict=False)]
        for ticks, due in zip([starts_heard[0], *starts_heard[2::2]], starts, strict=True)
    ]
    delay = statistics.median(errors[0][LOCK_TICKS:])
    steady = [error - delay for error in errors[0][LOCK_TICKS:]]
    restarted = [error - delay for start in errors[1:] for error in start[LOCK_TICKS:]]
    name = "clock in over JACK, jitter σ = 1 ms: phase error"
    observed = 1 + PERIOD * 1e3
    return [
        Figure(f"{name}, p99", _p99(_sixteenths(steady)), 1, "ms"),
        Figure("the same, tick by tick as an observer hears it, p99", _p99(steady), observed, "ms"),
        Figure("the same, two beats after another tempo, p99", _p99(restarted), observed, "ms"),
    ]


def _p99(errors: Sequence[float]) -> float:
    """The 99th percentile of absolute errors in seconds, in milliseconds."""
    return percentile([abs(error) for error in errors], 0.99) * 1e3


def _sixteenths(errors: Sequence[float]) -> list[float]:
    """Mean errors of six ticks each: rtmidi sends at the start of a JACK period, which is no error of the clock."""
    return [statistics.fmean(errors[i : i + 6]) for i in range(0, len(errors) - 5, 6)]


def _master(rng: random.Random, start: float, bpm: float, count: int) -> tuple[Events, list[float]]:
    """Start, `count` ticks with jitter, Stop; and the due times of the ticks."""
    due = [start + 0.01 + tick * 60 / bpm / TICKS_PER_BEAT for tick in range(count)]
    ticks = [(moment + jitter(rng), TICK_MESSAGE) for moment in due]
    return [(start, bytes((CLOCK_START,))), *ticks, (due[-1] + 0.01, bytes((CLOCK_STOP,)))], due


def _ticks_by_start(heard: Events) -> list[list[float]]:
    """For each Start, the stamps of the ticks from there to Stop."""
    found: list[list[float]] = []
    running = False
    for stamp, message in heard:
        if message[0] == CLOCK_START:
            found.append([])
        running = message[0] == CLOCK_START or (running and message[0] != CLOCK_STOP)
        if running and message == TICK_MESSAGE:
            found[-1].append(stamp)
    return found


def clock_out(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """jamd's clock and a melody for a minute: lateness by the stage's own stamps, and by those of an observer."""
    with JamdProcess(folder, environment, LEAD) as jamd:
        silence: Events = [(SECONDS, b"\xb0\x07\x40")]
        _, heard = perform(environment, silence, "bench peer in:midi", JAMD[1])
        jamd.stop()
        own = jamd.metrics()["ticks_ms"]
    ticks = [stamp for stamp, message in heard if message == TICK_MESSAGE]
    late = [stamp - ticks[0] - number * TICK_SECONDS for number, stamp in enumerate(ticks)]
    observed = percentile(late, 0.99) - percentile(late, 0.01)  # the earliest ticks count as on time
    drift = _slope(late) * 600 / TICK_SECONDS / TICK_SECONDS  # ticks in 10 minutes
    return [
        Figure("clock out: lateness of ticks when sent, p99", own["p99"], 0.5, "ms"),
        Figure("the same, seen by an observer, p99", observed * 1e3, 0.5 + PERIOD * 1e3, "ms"),
        Figure("clock out: drift in 10 minutes, worked out from one", math.floor(abs(drift)), 0, "ticks"),
    ]


def clock_start(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """Eight starts, a second after each stop: from a start's soprano to the last voice of its first chord."""
    events: Events = []
    for _ in range(STARTS):
        events += _master(random.Random(1), events[-1][0] + 1 if events else 1, BPM, TICKS_PER_BEAT)[0]
    with JamdProcess(folder, environment, STARTED):
        _, heard = perform(environment, events, *JAMD)
    notes = [(stamp, message[0] & 15) for stamp, message in heard if is_note_on(message)]
    starts = [stamp for number, (stamp, _) in enumerate(notes) if not number or stamp - notes[number - 1][0] > 0.5]
    spread = [
        next((stamp for stamp, voice in notes if voice == 3 and stamp >= start), math.inf) - start for start in starts
    ]
    return [
        Figure("start by MIDI clock: soprano to bass of the first chord, max", max(spread) * 1e3, 10, "ms"),
        Figure("starts by MIDI clock without a note", STARTS - len(starts), 0, f"of {STARTS}"),
    ]


def _slope(values: Sequence[float]) -> float:
    """Slope of the least-squares line: change from value to value."""
    return statistics.linear_regression(range(len(values)), values).slope


CLOCK_PEER_MEASURES = (clock_in, clock_out, clock_start)
