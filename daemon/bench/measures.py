"""Measures of a complete jamd: latency, lateness, start, memory, floods and invalid bytes.

An independent client process sends to jamd and receives from jamd. "Above the echo" means: minus the latency of an echo
by the same client in the same run.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from daemon.bench.child_end import END_WITH_PARENT
from daemon.bench.figure import PERIOD, Figure, percentile
from daemon.bench.instruments import CHOIR, JAMD, Cost, Events, JamdProcess, background, perform
from daemon.music import smf
from daemon.music.events import is_note_off, is_note_on, note_off, note_on

ECHO = "bench echo in:midi", "bench echo out:midi"
KEYS_AND_CHOIR = f"""
clock: {{source: internal, bpm: 96, beats_per_bar: 4}}
ports: {{keys: {{direction: in}}, choir: {{direction: out}}}}
band: {CHOIR % "keys"}"""
SYNTH = "  synth: {engine: soundfont, listen: [choir]}"
THRU_CONFIG = """
clock: {source: internal, bpm: 96, beats_per_bar: 4}
ports: {keys: {direction: in, thru: [choir]}, choir: {direction: out}}
"""
BUSY = f"""
clock: {{source: internal, bpm: 120, beats_per_bar: 4}}
ports: {{choir: {{direction: out}}, busy: {{direction: out}}}}
melodies: {{twinkle: {{file: melodies/twinkle.mid, loop: true}}}}
band: {CHOIR % "twinkle"}
  second:
    engine: harmoniser
    model: bachbot
    play: {{port: busy, channels: {{soprano: 1, alto: 2, tenor: 3, bass: 4}}}}
    options: {{given: none}}
  third:
    engine: harmoniser
    model: bachbot
    play: {{port: busy, channels: {{soprano: 5, alto: 6, tenor: 7, bass: 8}}}}
    options: {{given: none}}
"""


def random_notes(count: int, apart: tuple[float, float] = (0.06, 0.12)) -> Events:
    """Single notes at random intervals (seconds), each released so long before the next that the choir is silent."""
    rng, moment, events = random.Random(1), 0.0, []
    for _ in range(count):
        moment += rng.uniform(*apart)
        pitch = rng.randint(60, 79)
        events += [(moment, note_on(1, pitch, 90)), (moment + 0.03, note_off(1, pitch))]
    return events


def first_answers(sent: Events, heard: Events, channels: range) -> list[float]:
    """Seconds from each sent note-on to the first note-on received on `channels` before the next one is sent; infinity
    if there is none."""
    ons = [stamp for stamp, message in sent if is_note_on(message)]
    answers = [stamp for stamp, message in heard if is_note_on(message) and (message[0] & 15) + 1 in channels]
    latencies = []
    for stamp, following in zip(ons, [*ons[1:], float("inf")], strict=True):
        first = next((answer for answer in answers if answer > stamp), float("inf"))
        latencies.append(first - stamp if first < following else float("inf"))
    return latencies


def latency(folder: Path, environment: dict[str, str]) -> list[Figure]:
    notes = random_notes(1000)
    with background(environment, "peer", "echo"):
        echoed = first_answers(*perform(environment, notes, *ECHO), range(1, 2))
    with JamdProcess(folder, environment, KEYS_AND_CHOIR):
        harmony = first_answers(*perform(environment, notes, *JAMD), range(2, 5))
    with JamdProcess(folder, environment, THRU_CONFIG):
        thru = first_answers(*perform(environment, notes, *JAMD), range(1, 2))

    def above(values: list[float], share: float) -> float:
        return (percentile(values, share) - percentile(echoed, share)) * 1e3

    return [
        Figure("key-in to first harmony note-out, above the echo, p50", above(harmony, 0.5), 2, "ms"),
        Figure("key-in to first harmony note-out, above the echo, p99", above(harmony, 0.99), 5, "ms"),
        Figure("thru, above the echo, p99", above(thru, 0.99), 1, "ms"),
        Figure("keys without an answer", sum(value == float("inf") for value in harmony), 0, "of 1000"),
    ]


def lateness(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """Lateness of the notes of three players for five minutes while another process loads models, by the stamps of jamd
    and of an observer."""
    load = "from daemon import models\nwhile True: models.load(models.find('bachbot'), 'harmoniser')"
    with JamdProcess(folder, environment, BUSY) as jamd:
        loader = subprocess.Popen([sys.executable, "-P", "-c", load], env=environment, preexec_fn=END_WITH_PARENT)
        try:
            silence: Events = [(300.0, b"\xb0\x07\x40")]
            _, heard = perform(environment, silence, "bench peer in:midi", JAMD[1])
        finally:
            loader.kill()
            loader.wait()
        jamd.stop()
        own = jamd.metrics()["lateness_ms"]
    # The observer does not know when beat 0 was: the earliest notes relative to their 16th (0.125 s) count as on time.
    stamps = [stamp for stamp, message in heard if is_note_on(message)]
    phases = [(stamp - stamps[0] + 0.0625) % 0.125 for stamp in stamps]
    early = percentile(phases, 0.01)
    return [
        Figure("lateness of grid notes when sent, p99", own["p99"], 0.5, "ms"),
        Figure("lateness of grid notes when sent, max", own["max"], 5, "ms"),
        Figure("the same, seen by an observer, max", (max(phases) - early) * 1e3, 5 + PERIOD * 1e3, "ms"),
        Figure(
            "the same, seen by an observer, p99", (percentile(phases, 0.99) - early) * 1e3, 0.5 + PERIOD * 1e3, "ms"
        ),
    ]


SLEEPER = """
import json, time
from daemon import realtime
realtime.request_real_time()
late = []
due = time.perf_counter()
for _ in range(5000):
    due = max(due, time.perf_counter() - 0.002) + 0.002
    time.sleep(max(due - time.perf_counter(), 0))
    late.append(time.perf_counter() - due)
print(json.dumps(late))
"""


def machine(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """Lateness of a process with the stage's priority that only sleeps, 2 ms at a time: the least on this machine."""
    command = [sys.executable, "-P", "-c", SLEEPER]
    sleeper = subprocess.run(command, env=environment, check=True, capture_output=True, preexec_fn=END_WITH_PARENT)
    late = json.loads(sleeper.stdout)
    name = "the machine: a process that only sleeps wakes late"
    return [
        Figure(f"{name}, p99", percentile(late, 0.99) * 1e3, 0.25, "ms"),
        Figure(f"{name}, max", max(late) * 1e3, 2, "ms"),
    ]


def start(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """Time to READY (median of three), memory of the default band; CPU of a band that hears and plays nothing, and of
    the default band, which plays its tune, with sound: 25 percent more than without may go to that, as in `sound`."""
    ready = []
    for _ in range(2):
        with JamdProcess(folder, environment, None) as jamd:
            ready.append(jamd.ready_after)
    with JamdProcess(folder, environment, None) as jamd:
        ready.append(jamd.ready_after)
        playing = _cost(jamd)
    with JamdProcess(folder, environment, KEYS_AND_CHOIR) as jamd:
        silent = _cost(jamd)
    with JamdProcess(folder, environment, KEYS_AND_CHOIR + SYNTH) as jamd:
        sounding = _cost(jamd)
    return [
        Figure("jamd run to READY, default band", statistics.median(ready), 2, "s"),
        Figure("memory of all processes (PSS), default band", playing.memory / 1e6, 300, "MB"),
        Figure("idle CPU: nothing is played, without sound", silent.share * 100, 3, "% of a core"),
        Figure("idle CPU: nothing is played, with sound", sounding.share * 100, 10, "% of a core"),
        Figure("CPU, default band, which plays its tune", playing.share * 100, 28, "% of a core"),
    ]


def _cost(jamd: JamdProcess) -> Cost:
    """Of 30 seconds, from five after READY on."""
    time.sleep(5)
    before = jamd.cost()
    time.sleep(30)
    return jamd.cost() - before


def render(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """One minute of melody (96 beats at 96 bpm), harmonised by the default band; the second run of two."""
    melody = smf.Track("melody")
    for beat in range(96):
        pitch = (67, 69, 71, 72, 74, 72, 71, 69)[beat % 8]
        melody.events.append((beat * smf.FILE_TICKS, note_on(1, pitch, 80)))
        melody.events.append(((beat + 1) * smf.FILE_TICKS, note_off(1, pitch)))
    (folder / "minute.mid").write_bytes(smf.to_bytes([melody], [(0, 625_000)], []))
    files = str(folder / "minute.mid"), "-o", str(folder / "out.mid")
    command = [sys.executable, "-P", "-m", "daemon", "render", *files]
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, preexec_fn=END_WITH_PARENT)
        seconds.append(time.perf_counter() - started)
    return [Figure("jamd render, one harmonised minute", seconds[-1], 2, "s")]


def flood(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """2,000 messages a second for 10 s and ten bursts of 500 messages, over thru: lost, surplus and out of order."""
    events: Events = []
    for i in range(20_000):
        events.append((i * 0.0005, bytes((0xB0 | i % 16, i // 16 % 64, i // 1024 % 128))))
        if i % 2000 == 1999:
            events += [(i * 0.0005, bytes((0xA0 | n % 16, n // 16, i // 2000))) for n in range(500)]
    with JamdProcess(folder, environment, THRU_CONFIG):
        sent, heard = perform(environment, events, *JAMD, tail=2)
    expected, messages = [message for _, message in sent], [message for _, message in heard]
    lost, surplus = Counter(expected) - Counter(messages), Counter(messages) - Counter(expected)
    received = Counter(messages) & Counter(expected)
    kept = [message for message in expected if received[message] > 0]
    disorder = sum(a != b for a, b in zip(kept, messages, strict=False)) if not surplus else 1
    return [
        Figure("flood of 25,000 messages: lost", lost.total(), 0, ""),
        Figure("flood: twice, or never sent", surplus.total(), 0, ""),
        Figure("flood: out of order", disorder, 0, ""),
    ]


def garbage(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """Random bytes for 60 s, then all notes off and a valid note: notes left sounding, the valid note, log lines."""
    rng = random.Random(3)
    events: Events = [(i * 0.005, _garbage(rng)) for i in range(12_000)]
    valid = note_on(1, 61, 99)
    ends = [note_off(c, p) for c in range(1, 17) for p in range(128)]
    events += [(60 + i * 0.001, message) for i, message in enumerate([*ends, valid, note_off(1, 61)])]
    with JamdProcess(folder, environment, THRU_CONFIG) as jamd:
        lines = len(jamd.lines)
        _, heard = perform(environment, events, *JAMD, tail=1)
        alive = jamd.process.poll() is None
        logged = len(jamd.lines) - lines
    sounding: set[tuple[int, int]] = set()
    for _, message in heard:
        if is_note_on(message):
            sounding.add((message[0] & 15, message[1]))
        elif is_note_off(message):
            sounding.discard((message[0] & 15, message[1]))
    passed = alive and valid in [message for _, message in heard[-3:]]
    return [
        Figure("random bytes for 60 s: notes left sounding", len(sounding), 0, ""),
        Figure("random bytes: crashed, or deaf afterwards", 0 if passed else 1, 0, ""),
        Figure("random bytes: log lines", logged, 4, ""),
    ]


def _garbage(rng: random.Random) -> bytes:
    """Bytes that rtmidi accepts: one to three random bytes, or random bytes that begin like system exclusive."""
    if rng.random() < 0.1:
        return bytes((0xF0, *(rng.randrange(256) for _ in range(rng.randrange(40)))))
    return bytes(rng.randrange(256) for _ in range(rng.randint(1, 3)))


MEASURES = (machine, start, render, latency, flood, garbage, lateness)
