"""Measures of the composition of lead sheets: compiling, samples, memory, and a peer.

Events begin on 16ths and triplets. Chords are drawn first, then melodies on these chords; each figure is that of the
slowest style.
"""

from __future__ import annotations

import json
import random
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from daemon.bench.child_end import END_WITH_PARENT
from daemon.bench.figure import Figure
from daemon.errors import JamdError
from daemon.markov.automaton import Event
from daemon.markov.constraints import Boundary, Constraint, Fixed
from daemon.markov.events import REST, TICKS, MelodyEvent
from daemon.markov.layers import Layer, OnGrid, Span
from daemon.markov.max_order import Stop, without_copies
from daemon.markov.model import Corpus, MarkovModel
from daemon.markov.sampler import compile_sampler
from daemon.music.leadsheet import Key, LeadSheet
from daemon.paths import resources
from daemon.song.composer import MOST_TRIES, Composer, Wishes
from daemon.song.composing.melody import home_of
from daemon.song.composing.models import Models, load_styles
from daemon.song.composing.section import Drawn, SectionComposer
from daemon.song.description import MAX_BARS, NoteRule, Song, SongSection
from daemon.song.reader import read_song
from daemon.song.styles.style import model_of
from daemon.song.styles.style_file import find_style, load_style, shipped_styles
from daemon.usage import warn

BAR = 4 * TICKS
BARS, ORDER, MAX_ORDER = 32, 2, 8
SAMPLES, RANGE = 50, (57, 81)
CHORUSES, SONGS = 6, "*.yaml"
LENGTHS = (16, 64, 256, 1024)  # bars
TRACKS, TRACK_EVENTS, KEYS, HIGH_ORDER, EVENTS = 120, 96, 12, 4, 32  # as vo-regular-bp 0.1.1 reports
PEER, PEER_LENGTH, PEER_SAMPLES = "markovconstraints", 64, 200
Result = TypeVar("Result")
_RHYTHMS = ((12, 12, 12, 12), (18, 6, 12, 12), (6,) * 8, (24, 12, 6, 6), (8, 8, 8, 12, 12), (36, 12), (12, 24, 12))


class Style(NamedTuple):
    name: str
    mode: str
    melodies: Sequence[Sequence[MelodyEvent]]
    melody: MarkovModel


def leadsheet(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """32 bars of each style; songs; the length in bars; a corpus of order 4 in all keys; the same problem as a peer."""
    styles = _styles()
    by_style = [_of_style(style) for style in styles]
    slowest = [max(figures, key=lambda figure: figure.value) for figures in zip(*by_style, strict=True)]
    alone = [*_in_long_songs(environment), *_in_all_keys(environment)]
    return [*slowest, *_of_songs(), *_by_length(styles[0]), *alone, *_beside_peer(styles[0])]


def _styles() -> list[Style]:
    """The styles that ship with jamd, in 4/4, in the mode of most of their pieces."""
    styles = []
    for name in shipped_styles():
        style = load_style(find_style(name))
        modes = Counter(piece.mode for piece in style.pieces)
        mode = max(modes, key=modes.__getitem__)
        melody = model_of([(style, 1.0)], "melody", mode, ORDER, (4, 4))
        styles.append(Style(name, mode, [piece.melody for piece in style.pieces], melody))
    return styles


def _of_style(style: Style) -> list[Figure]:
    """A section without chords or notes, compiled and drawn as those of songs."""
    section, of_song = SongSection("A", BARS, phrases=(4,) * (BARS // 4)), ((style.name, 1.0),)
    key, draws, chance = Key(0, style.mode), range(SAMPLES), np.random.default_rng(1)
    song = Song("", key, (4, 4), 120.0, ("A",), (section,), style=of_song, max_order=MAX_ORDER, range=RANGE)
    models = Models(song, load_styles(song))
    home, copies = home_of(song, models.melody.events), models.copies
    assert copies is not None
    composer, compiling = _timed(lambda: SectionComposer(song, section, models, home))
    chords = composer.chords(chance)

    def draw(stop: Stop | None = None, of: SectionComposer = composer) -> Drawn:
        return of.draw(chords, of.suiting(chords), chance, stop)

    first, drawing_first = _timed(draw)
    seconds = [_timed(lambda: (composer.chords(chance), draw()))[1] for _ in draws]
    tries = [_timed(lambda: without_copies(draw, copies, MOST_TRIES)) for _ in draws]
    notes = [(tick, pitch) for tick, (pitch, _) in first.placed if pitch != REST]
    tick, pitch = notes[len(notes) // 2]
    fixed = replace(section, notes=(NoteRule(tick / TICKS, 0.0, (home + pitch,)),))
    _, again = _timed(lambda: draw(None, SectionComposer(song, fixed, models, home)))
    name = f"{BARS} bars of order {ORDER}, chords and melody"
    return [
        Figure(f"{name}: compile, and the first sample", (compiling + drawing_first) * 1e3, 250, "ms"),
        Figure(f"{name}: a sample, p50", statistics.median(seconds) * 1e3, 2, "ms"),
        Figure(
            f"the same melody without copies of {MAX_ORDER} notes, p50",
            statistics.median(taken for _, taken in tries) * 1e3,
            20,
            "ms",
        ),
        Figure("the same, samples that are copies", (1 - SAMPLES / sum(n for (_, n), _ in tries)) * 100, 99, "%"),
        Figure("the same, compiled and drawn again with one note fixed", again * 1e3, 300, "ms"),
    ]


def _of_songs() -> list[Figure]:
    """The slowest song that ships with jamd and has blanks to compose."""
    first, further, chance = [0.0], [0.0], np.random.default_rng(1)
    for path in sorted((resources() / "songs").glob(SONGS)):
        if (song := read_song(path)).style:
            composer, compiling = _timed(lambda song=song: Composer(song))  # type: ignore[misc]
            seconds = [_timed(lambda composer=composer: composer.compose(chance))[1] for _ in range(CHORUSES)]  # type: ignore[misc]
            first.append(compiling + seconds[0])
            further.append(statistics.median(seconds[1:]))
    return [
        Figure("a song that ships with jamd: its first chorus", max(first), 1, "s"),
        Figure("the same, each further chorus, p50", max(further) * 1e3, 1000, "ms"),
    ]


def _by_length(style: Style) -> list[Figure]:
    """Time to compile and to draw one melody, per bar, by that of a fourth of the bars."""
    seconds = {}
    for bars in LENGTHS:
        span = Span(bars * BAR, BAR)
        layer = Layer(style.melody, (OnGrid(span.length), *_phrases(bars)))
        _, taken = _timed(lambda layer=layer, span=span: layer.sampler(span).sample(np.random.default_rng(1)))  # type: ignore[misc]
        seconds[bars] = taken / bars
    return [
        Figure(f"a bar of {longer}, beside one of {bars}", seconds[longer] / seconds[bars], 1.5, "times")
        for bars, longer in pairwise(LENGTHS)
    ]


def _in_all_keys(environment: dict[str, str]) -> list[Figure]:
    seconds, memory = _alone("first_sample", environment)
    name = f"{TRACKS} tracks of {TRACK_EVENTS} notes in {KEYS} keys, order {HIGH_ORDER}, {EVENTS} notes"
    return [
        Figure(f"{name}: first sample", seconds, 1, "s"),
        Figure(f"{name}: peak memory of the process", memory, 300, "MB"),
    ]


def _in_long_songs(environment: dict[str, str]) -> list[Figure]:
    _, memory = _alone("long_song", environment)
    return [Figure(f"{MAX_BARS:,} bars, two choruses alike: peak memory of the process", memory, 1000, "MB")]


def _alone(function: str, environment: dict[str, str]) -> tuple[float, float]:
    """What a function of this module prints, in a process of its own, for its memory."""
    command = [sys.executable, "-P", "-c", f"from {__name__} import {function}; {function}()"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, preexec_fn=END_WITH_PARENT)
    if done.returncode:
        raise JamdError(f"{function} failed: {done.stderr.strip()[-300:]}")
    seconds, memory = json.loads(done.stdout)
    return seconds, memory


def long_song() -> None:
    """Print the seconds in which two choruses of MAX_BARS bars are composed, the second one near the first, and the
    peak of the memory in MB, as JSON."""
    bars, folk = (SongSection("A", MAX_BARS),), (("folk", 1.0),)
    composer = Composer(Song("long", Key(0), (4, 4), 120.0, ("A",), bars, style=folk, max_order=0, range=(57, 81)))

    def choruses() -> LeadSheet:
        like = composer.compose(np.random.default_rng(1))
        return composer.compose(np.random.default_rng(2), like, Wishes(similarity=0.6))

    _, seconds = _timed(choruses)
    print(json.dumps([seconds, _peak_memory()]))


def first_sample() -> None:
    """Print the seconds from the corpus to the first sample, and the peak of the memory in MB, as JSON."""
    tracks = [_track(random.Random(number), TRACK_EVENTS) for number in range(TRACKS)]
    corpus = Corpus(tuple(_moved(track, key) for key in range(KEYS) for track in tracks))

    def sample() -> tuple[Event, ...]:
        model = MarkovModel([(corpus, 1.0)], HIGH_ORDER)
        length = EVENTS * TICKS // 2
        ends = Fixed(length - TICKS, lambda event: float(event[0] % 12 == 0), "last note")
        return compile_sampler(model, length, BAR, (ends,)).sample(np.random.default_rng(1))

    _, seconds = _timed(sample)
    print(json.dumps([seconds, _peak_memory()]))


def _peak_memory() -> float:
    """Of this process, in MB."""
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None
    return int(peak[1]) * 1024 / 1e6


def _beside_peer(style: Style) -> list[Figure]:
    """Pitches only, all quarter notes: the first, the middle and the last one are given."""
    if find_spec(PEER) is None:
        warn(f"leadsheet: not compared with {PEER}, which is not installed: pip install {PEER}==0.1")
        return []
    peer = import_module(f"{PEER}.markov_chain")
    pieces = [[pitch for pitch, _ in piece if pitch != REST] for piece in style.melodies]
    notes = tuple(tuple((pitch, TICKS) for pitch in piece) for piece in pieces)
    given = {0: 0, PEER_LENGTH // 2: 4, PEER_LENGTH - 1: 0}
    allowed = [[given[at]] if at in given else None for at in range(PEER_LENGTH)]
    constraints = [_fixed(at * TICKS, pitch) for at, pitch in given.items()]
    model, chance = MarkovModel([(Corpus(notes), 1.0)], ORDER), np.random.default_rng(1)
    matrices = peer.parse_sequences(pieces, ORDER)
    sampler, compiling = _timed(lambda: compile_sampler(model, PEER_LENGTH * TICKS, BAR, constraints))
    process, peer_compiling = _timed(lambda: peer.get_markov_process(matrices, allowed))
    _, samples = _timed(lambda: [sampler.sample(chance) for _ in range(PEER_SAMPLES)])
    _, peer_samples = _timed(lambda: [peer.generate(process) for _ in range(PEER_SAMPLES)])
    name = f"{PEER_LENGTH} quarter notes, three of them given: beside {PEER}"
    return [
        Figure(f"{name}, compile", compiling / peer_compiling, 1, "times"),
        Figure(f"{name}, a sample", samples / peer_samples, 1, "times"),
    ]


def _timed(call: Callable[[], Result]) -> tuple[Result, float]:
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def _phrases(bars: int) -> tuple[Constraint, ...]:
    return (Boundary(range(0, bars * BAR, 4 * BAR), "phrases"),)


def _fixed(tick: int, pitch: int) -> Fixed:
    return Fixed(tick, lambda event: float(event[0] == pitch), f"note {pitch}")


def _moved(track: Sequence[MelodyEvent], semitones: int) -> tuple[MelodyEvent, ...]:
    return tuple((pitch if pitch == REST else pitch + semitones, duration) for pitch, duration in track)


def _track(chance: random.Random, events: int) -> tuple[MelodyEvent, ...]:
    """A melody in steps and leaps of a major scale, with the rhythms of bars that come again."""
    rhythms = [chance.choice(_RHYTHMS) for _ in range(3)]
    scale, place = (0, 2, 4, 5, 7, 9, 11), 7
    track: list[MelodyEvent] = []
    while len(track) < events:
        for duration in chance.choice(rhythms):
            place = min(max(place + chance.choice((-2, -1, -1, 0, 1, 1, 2, 4, -4)), 0), 14)
            track.append((REST if chance.random() < 0.08 else scale[place % 7] + 12 * (place // 7) - 12, duration))
    return tuple(track[:events])
