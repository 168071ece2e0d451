"""`sound`: the sound of jamd over JACK, recorded by an independent client beside a bare player of a tone.

Every band plays the instrument of tone.py beside its own, whose tone shows what is missing in the sound, and whose
clicks show when a note is heard.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from daemon.audio.clock import RATE
from daemon.audio.ring import CHANNELS
from daemon.bench import tone
from daemon.bench.figure import Figure, percentile
from daemon.bench.instruments import CHOIR, JAMD, JamdProcess, background, perform, play
from daemon.bench.jack_server import JackServer
from daemon.bench.measures import random_notes
from daemon.bench.sound_analysis import Samples, decibels, first_of_each, gaps, nearest_differences, onsets
from daemon.music.events import is_note_on
from daemon.paths import resources
from daemon.speaker.playback import Playback
from daemon.speaker.timekeeper import Timekeeper

SECONDS = 60.0  # that each band plays, unless `--seconds` says otherwise
BLOCK = 480  # frames: 10 ms
BLOCKS = (256, 128, 64)  # frames, tried in this order; at 32 JACK's dummy driver stands still
TRIAL = 20.0  # seconds of each of them
SKEW = 1e-4
BANDS = {"default band": "config.yaml", "quartet": "bands/quartet.yaml"}
JAMD_OUT = ["jamd speaker:out_0", "jamd speaker:out_1"]
BARE_PLAYER, BARE_OUT = ("tone", str(BLOCK), "bench bare"), ["PortAudio:out_0"]
TO_JAMD = ["bench recorder:midi_out", JAMD[0]]
FROM_JAMD = [JAMD[1], "bench recorder:midi_in"]
APART = 0.05  # seconds between notes, at least, that are heard apart
SLOWLY = 0.1, 0.2  # seconds between notes
TWINKLE = yaml.safe_load(f"""
clock: {{bpm: 96}}
ports: {{keys: {{direction: in}}, choir: {{direction: out}}}}
melodies: {{twinkle: {{file: melodies/twinkle.mid, loop: true}}}}
band: {CHOIR % "twinkle"}""")


@dataclass(frozen=True, slots=True)
class Recording:
    """`audio`: an array for each recorded port. Times in frames. What is recorded is heard a `period` later."""

    audio: Samples
    sent: list[tuple[int, bytes]]
    heard: list[tuple[int, bytes]]
    rate: int
    period: int


def sound(folder: Path, environment: dict[str, str], seconds: float = SECONDS) -> Iterator[Figure]:
    """All figures of the sound; each band plays for `seconds`."""
    environment = tone.register(folder / "engines", environment)
    yield _skewed_clock()
    yield from _beside_midi(folder, environment)
    yield from _note_to_sound(folder, environment)
    yield from _alignment(folder, environment)
    for name, path in BANDS.items():
        yield from _band(folder, environment, name, path, seconds)
    yield _smallest_block(folder, environment)


def _band(folder: Path, environment: dict[str, str], name: str, path: str, seconds: float) -> list[Figure]:
    """A shipped band at 10 ms blocks, beside a bare player: what is missing in their sound, level, and cost."""
    band = yaml.safe_load((resources() / path).read_text(encoding="utf-8"))
    with JackServer(BLOCK) as server:
        private = environment | server.env
        with JamdProcess(folder, private, _config(band, BLOCK, listen=[])) as jamd, background(private, *BARE_PLAYER):
            time.sleep(5)
            before, xruns = jamd.cost(), server.xruns()
            recorded = _record(folder, private, [*JAMD_OUT, *BARE_OUT], seconds)
            xruns = server.xruns() - xruns
            cost = jamd.cost() - before
            jamd.stop()
            own = jamd.metrics()["sound"]
        with JamdProcess(folder, private, _config(band, None)) as jamd:
            time.sleep(5)
            before = jamd.cost()
            time.sleep(min(seconds, SECONDS))
            without = jamd.cost() - before
    *heard, bare = recorded.audio
    missing = max(gaps(samples, recorded.rate) for samples in heard)
    bare_missing = gaps(bare, recorded.rate)
    counted = own["under_runs"] + sum(own["missing"].values())
    peak = decibels(float(np.max(np.abs(heard))))
    unit = f"in {seconds:g} s, {xruns} XRuns"
    return [
        Figure(f"{name}, 10 ms blocks: gaps in the sound; target: those of a bare player", missing, bare_missing, unit),
        Figure("the same, counted by jamd: under-runs and missing blocks", counted, bare_missing, unit),
        Figure(f"{name}: peak", peak, -1, "dBFS"),
        Figure("the same, below full scale", -peak, 12, "dB"),
        Figure(f"{name}: CPU with sound, above that without", (cost.share - without.share) * 100, 25, "% of a core"),
        Figure(f"{name}: memory with sound (PSS), above that without", (cost.memory - without.memory) / 1e6, 150, "MB"),
    ]


def _smallest_block(folder: Path, environment: dict[str, str]) -> Figure:
    """Of the default band, at periods of the same size."""
    band = yaml.safe_load((resources() / "config.yaml").read_text(encoding="utf-8"))
    clean = BLOCK
    for block in BLOCKS:
        with JackServer(block) as server:
            private = environment | server.env
            with JamdProcess(folder, private, _config(band, block, listen=[])):
                recorded = _record(folder, private, JAMD_OUT[:1], TRIAL)
        if gaps(recorded.audio[0], recorded.rate):
            break
        clean = block
    return Figure(f"the smallest block without a gap in {TRIAL:g} s", clean, BLOCK, "frames")


def _note_to_sound(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """Keys that an instrument plays, at 10 ms blocks, beside a bare player that clicks at its next block."""
    events = random_notes(200, SLOWLY)
    seconds = events[-1][0] + 1
    keys = {"ports": {"keys": {"direction": "in"}}, "clock": {"bpm": 96}}
    with JackServer(BLOCK) as server:
        private = environment | server.env
        with background(private, *BARE_PLAYER):
            to_bare = [TO_JAMD[0], "bench bare:midi"]
            bare = _delays(_record(folder, private, BARE_OUT, seconds, [to_bare], events))
        with JamdProcess(folder, private, _config(keys, BLOCK, listen=["keys"])):
            heard = _delays(_record(folder, private, JAMD_OUT[:1], seconds, [TO_JAMD], events))
    name = "note-on to sound at 10 ms blocks, above a bare player"
    return [
        Figure(f"{name}, p50", (percentile(heard, 0.5) - percentile(bare, 0.5)) * 1e3, 20, "ms"),
        Figure(f"{name}, p99", (percentile(heard, 0.99) - percentile(bare, 0.99)) * 1e3, 20, "ms"),
        Figure("note-on to sound, with the device's and JACK's own part, p99", percentile(heard, 0.99) * 1e3, 40, "ms"),
    ]


def _delays(recorded: Recording) -> list[float]:
    """Seconds from each note-on to its click; infinity: there is none."""
    clicks = onsets(recorded.audio[0], recorded.rate, APART)
    sent = [frame for frame, message in recorded.sent if is_note_on(message)]
    heard = [next((click for click in clicks if click > frame), float("inf")) for frame in sent]
    return [(click - frame) / recorded.rate for click, frame in zip(heard, sent, strict=True)]


def _alignment(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """The same notes at the MIDI output and in the sound, in periods of 64 frames: rtmidi sends at a period's start."""
    with JamdProcess(folder, environment, _config(TWINKLE, BLOCK, listen=["choir"])):
        recorded = _record(folder, environment, JAMD_OUT[:1], 2 * TRIAL, [FROM_JAMD])
    notes = [frame for frame, message in recorded.heard if is_note_on(message)]
    chords = first_of_each(notes, recorded.rate, APART)
    clicks = [frame + recorded.period for frame in onsets(recorded.audio[0], recorded.rate, APART)]
    apart = [abs(frames) / recorded.rate for frames in nearest_differences(chords, clicks)]
    heard = [seconds for seconds in apart if seconds < APART]
    measured = heard or [float("inf")]
    return [
        Figure("chords at the MIDI output and in the sound: apart, p50", percentile(measured, 0.5) * 1e3, 2, "ms"),
        Figure("the same, p99", percentile(measured, 0.99) * 1e3, 2, "ms"),
        Figure("chords that were not heard", len(chords) - len(heard), 0, f"of {len(chords)}"),
    ]


def _skewed_clock() -> Figure:
    """Simulated: ten minutes of a device that is 100 ppm too fast and late by up to 1 ms at random, at 10 ms blocks."""
    rng, playback = random.Random(1), Playback(RATE, CHANNELS)
    keeper, begin, errors = Timekeeper(playback, RATE, BLOCK, 1, 0.0), None, list[float]()
    for first in range(0, 600 * RATE, BLOCK):
        taken = first / (RATE * (1 + SKEW))
        playback.calls.append((first, BLOCK, taken + min(rng.expovariate(3000), 0.001), 0.01))
        playback.taken = first + BLOCK
        keeper.update()
        if begin is None and keeper.is_known:
            begin = keeper.begin(0, taken)
        if begin is not None and first > 590 * RATE:
            errors.append(abs(keeper.clock.heard_at(first - begin) - taken - 0.01))
    name = "a device clock 100 ppm off, simulated: sound and MIDI apart in the tenth minute, max"
    return Figure(name, max(errors) * 1e3, 2, "ms")


def _beside_midi(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """READY, lateness and key latency of the default band with sound, and their ratio to those without."""
    events = random_notes(150, SLOWLY)
    band = yaml.safe_load((resources() / "config.yaml").read_text(encoding="utf-8"))
    band["clock"] |= {"bpm": 240, "metronome": {"port": "choir", "channel": 10}}  # the choir follows the keys
    band["melodies"]["twinkle"]["thru"] = ["choir"]
    notes = 0
    ready: dict[bool, list[float]] = {True: [], False: []}
    lateness: dict[bool, list[float]] = {True: [], False: []}
    latency: dict[bool, list[float]] = {True: [], False: []}
    for has_sound in (False, True) * 3:
        with JamdProcess(folder, environment, _config(band, BLOCK if has_sound else None)) as jamd:
            ready[has_sound].append(jamd.ready_after)
            perform(environment, events, *JAMD)
            jamd.stop()
            metrics = jamd.metrics()
        notes = metrics["lateness_ms"]["count"]
        lateness[has_sound].append(metrics["lateness_ms"]["p99"])
        latency[has_sound].append(metrics["latency_ms"]["choir"]["p99"])
    kinds = {"ready": ready, "late": lateness, "key": latency}
    with_sound, without = (
        {kind: statistics.median(values[has_sound]) for kind, values in kinds.items()} for has_sound in (True, False)
    )
    return [
        Figure("jamd run to READY with sound", with_sound["ready"], 2, "s"),
        Figure("the same without sound", without["ready"], 2, "s"),
        Figure(f"lateness of {notes} grid notes with sound, p99", with_sound["late"], 0.5, "ms"),
        Figure("the same, beside that without sound", with_sound["late"] / without["late"], 1.5, "times"),
        Figure("key to first note-out with sound, p99", with_sound["key"], 5, "ms"),
        Figure("the same, beside that without sound", with_sound["key"] / without["key"], 1.5, "times"),
    ]


def _config(band: Mapping[str, Any], block: int | None, listen: Sequence[str] | None = None) -> str:
    """The configuration `band` with sound in blocks of `block` frames, or without sound. `listen`: what the instrument
    of tone.py plays; None: there is none."""
    config = {key: value for key, value in band.items() if key != "recording"}
    config["audio"] = {"device": None} if block is None else {"block": block}
    if listen is not None:
        config["band"] = config.get("band", {}) | {"tone": {"engine": tone.ENGINE, "listen": list(listen)}}
    return yaml.safe_dump(config, sort_keys=False)


def _record(
    folder: Path,
    environment: dict[str, str],
    sources: list[str],
    seconds: float,
    connect: Sequence[list[str]] = (),
    events: Sequence[tuple[float, bytes]] = (),
) -> Recording:
    """Record ports of JACK, with MIDI to and from the ports that are connected. Raises JamdError."""
    file = folder / "sound.npy"
    score = {"sources": sources, "connect": list(connect), "seconds": seconds}
    return Recording(**play(environment, ("audio_peer", str(file)), score, events), audio=np.load(file))
