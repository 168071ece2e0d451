"""Measures of the melody and drum engines: computing time per step, and the timing of answers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from daemon import models
from daemon.bench.figure import Figure, percentile
from daemon.bench.instruments import Events, JamdProcess, perform
from daemon.engines.base import Setup
from daemon.music.events import MidiEvent, Window, control_change, is_note_on, note_off, note_on

if TYPE_CHECKING:
    from daemon.engines.melody.engine import MelodyPlayer

DRUMS = ("drums", "drums_rnn")
MELODIES = ("melody", "melody_basic", "melody_lookback", "melody_attention")
PAUSE = 0.02  # seconds between two steps: as in a player, caches get cold and the CPU clock slows down meanwhile
STEPS = 300
WARM_UP = 1100  # steps before the measured ones: more than the memory of a model
CLICK = 10  # the metronome's channel
BEAT = 0.3  # seconds
CALL_AND_ANSWER = f"""
clock: {{source: internal, bpm: {60 / BEAT:g}, beats_per_bar: 4, metronome: {{port: voice, channel: {CLICK}}}}}
ports: {{keys: {{direction: in}}, voice: {{direction: out}}}}
band:
  melody:
    engine: melody
    model: melody
    listen: [keys]
    play: {{port: voice, channels: {{melody: 1}}}}
    options: {{phrase: control}}
controls: {{keys: {{cc 64: sustain}}}}
"""


def melody(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """One step of each model; 16ths of an answer; the first note of an answer, requested at various times in a beat."""
    figures = [
        Figure(f"one step of {name}, {PAUSE * 1e3:g} ms apart, p99", percentile(_steps(name), 0.99) * 1e3, 0.3, "ms")
        for name in MELODIES
    ]
    sixteenth = percentile(_sixteenths(), 0.99) * 1e3
    figures.append(Figure(f"one 16th of an answer, all of it, {PAUSE * 1e3:g} ms apart, p99", sixteenth, 1, "ms"))
    figures.append(Figure("a hundred bars of melody, offline", _hundred_bars(), 1, "s"))
    with JamdProcess(folder, environment, CALL_AND_ANSWER):
        first_notes = _first_notes(*perform(environment, _calls(), "jamd keys:midi", "jamd voice:midi", tail=1))
    near = [late for before, late in first_notes if 0.03 <= before <= 0.07]
    return [
        *figures,
        Figure("an answer's first note, from its beat, asked for 30 to 70 ms before it, max", max(near), 10, "ms"),
        Figure("the same, asked for at any time, max", max(late for _, late in first_notes), 10, "ms"),
    ]


def _answering() -> MelodyPlayer:
    """An engine that answers from beat 400 on, for a hundred bars: the call was a note held for a hundred bars."""
    from daemon.engines.melody.engine import MelodyPlayer  # loads ONNX Runtime, which other measures do not need

    engine = MelodyPlayer(Setup(MelodyPlayer.Options(phrase="control"), {}, models.find("melody"), ("keys",)))
    engine.prepare()
    engine.reset({}, 0.0, 1)
    for frame in range(1600):
        list(engine.generate(_window(frame)))
        if frame in (0, 1599):
            list(engine.listen(MidiEvent(frame / 4, "keys", note_on(1, 60, 80) if frame == 0 else note_off(1, 60))))
    list(engine.listen(MidiEvent(399.9, "keys", control_change(1, 64, 127))))
    return engine


def _steps(name: str) -> list[float]:
    """Seconds for each step of the network, after the warm-up."""
    from daemon.engines.melody.model import MelodyModel

    artifact = models.load(models.find(name), "melody")
    model = MelodyModel(artifact)
    state, seconds = model.start(4.0), []
    for number in range(WARM_UP + STEPS):
        if number >= WARM_UP:
            time.sleep(PAUSE)
        event = 0 if number % 2 else 14 + number * 5 % 12
        start = time.perf_counter()
        state = model.step(state, event, (number + 1) % 16 / 4)
        seconds.append(time.perf_counter() - start)
    return seconds[WARM_UP:]


def _sixteenths() -> list[float]:
    """Seconds for each 16th of an answer: one step of the network and the choice of the event."""
    engine, seconds = _answering(), []
    for frame in range(1600, 1600 + STEPS):
        time.sleep(PAUSE)
        start = time.perf_counter()
        list(engine.generate(_window(frame)))
        seconds.append(time.perf_counter() - start)
    return seconds


def _hundred_bars() -> float:
    """Seconds in which the engine plays a hundred bars."""
    engine = _answering()
    start = time.perf_counter()
    notes = sum(1 for frame in range(1600, 3200) for _ in engine.generate(_window(frame)))
    assert notes > 100
    return time.perf_counter() - start


def drums(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """One step of each model (draw a hit and feed it back), and a hundred bars."""
    figures = [
        Figure(f"one step of {name}, {PAUSE * 1e3:g} ms apart, p99", percentile(_hits(name), 0.99) * 1e3, 0.2, "ms")
        for name in DRUMS
    ]
    return [*figures, Figure("a hundred bars of drums, offline", _hundred_bars_of_drums(), 1, "s")]


def _hits(name: str) -> list[float]:
    """Seconds for each hit: draw it and advance."""
    import numpy as np

    from daemon.engines.drums.interface import DrawRequest
    from daemon.engines.drums.model import drums_model

    artifact = models.load(models.find(name), "drums")
    model, random = drums_model(artifact), np.random.default_rng(1)
    state, seconds, request = model.start(1920, 0, 120.0), [], DrawRequest(temperature=0.9, top_p=0.95)
    for _ in range(STEPS):
        time.sleep(PAUSE)
        start = time.perf_counter()
        state = model.advance(state, model.draw(state, random, request), 120.0)
        seconds.append(time.perf_counter() - start)
    return seconds


def _hundred_bars_of_drums() -> float:
    """Seconds in which the engine plays a hundred bars, with the entry in the first bar."""
    from daemon.engines.drums.engine import Drums

    engine = Drums(Setup(Drums.Options(groove="rock"), {}, models.find("drums"), ()))
    engine.prepare()
    engine.reset({}, 0.0, 1)
    start = time.perf_counter()
    notes = sum(1 for frame in range(1600) for _ in engine.generate(_window(frame)))
    assert notes > 500
    return time.perf_counter() - start


def _window(frame: int) -> Window:
    return Window(frame / 4, frame / 4 + 0.25, frame // 16 * 4.0, 4.0, 120.0)


def _calls() -> Events:
    """Calls: a note and a press of the pedal each, at intervals of four beats and 5 ms."""
    calls: Events = []
    for number in range(60):
        moment = number * (4 * BEAT + 0.005)
        calls += [(moment, note_on(1, 60 + number % 12, 90)), (moment + 0.1, note_off(1, 60 + number % 12))]
        calls += [(moment + 0.2, control_change(1, 64, 127)), (moment + 0.25, control_change(1, 64, 0))]
    return calls


def _first_notes(sent: Events, heard: Events) -> list[tuple[float, float]]:
    """For each press of the pedal: seconds to the next beat, and ms from that beat to the answer's first note.

    The metronome's clicks are the beats. A press within 5 ms of a beat is left out, as the answer may begin on that
    beat or on the next.
    """
    clicks = [stamp for stamp, message in heard if is_note_on(message) and (message[0] & 15) + 1 == CLICK]
    notes = [stamp for stamp, message in heard if is_note_on(message) and (message[0] & 15) + 1 != CLICK]
    pairs = []
    for pressed in (stamp for stamp, message in sent if message[0] & 0xF0 == 0xB0 and message[2]):
        beat = next((stamp for stamp in clicks if stamp > pressed), float("inf"))
        if min(abs(stamp - pressed) for stamp in clicks) > 0.005:
            first = next((stamp for stamp in notes if stamp > pressed), float("inf"))
            pairs.append((beat - pressed, abs(first - beat) * 1e3))
    return pairs


ENGINE_MEASURES = (melody, drums)
