"""Five hundred bars by the shipped models: playing that one can play along with for hours."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from daemon import models
from daemon.engines.base import Setup
from daemon.engines.drums.engine import Drums
from daemon.engines.options import make_options
from daemon.music.events import Play
from tests.engines.drums.fake import window

MODELS = ("drums", "drums_rnn")
BARS = 500
KICK, SNARES, CYMBALS, CRASH = 36, (37, 38), (42, 44, 46, 51, 53), 49


def play(model: str, bars: int, meter: float = 4.0, **options: float | str) -> list[Play]:
    """`bars` bars, with a fill every eight bars."""
    settings = {name: float(value) for name, value in options.items() if not isinstance(value, str)}
    words = {name: value for name, value in options.items() if isinstance(value, str)}
    engine = Drums(Setup(make_options(Drums.Options, {"groove": "rock", **words}), settings, models.find(model)))
    engine.prepare()
    engine.reset({}, 0.0, 1)
    windows = (window(number / 4, meter=meter, tempo=110.0) for number in range(round(bars * meter * 4)))
    return [action for each in windows for action in engine.generate(each) if isinstance(action, Play)]


@cache
def session(model: str) -> list[Play]:
    return play(model, BARS)


def sixteenths(hits: list[Play], pitches: tuple[int, ...]) -> list[set[int]]:
    """By bar, the numbers of the 16ths on which one of `pitches` is struck."""
    bars: list[set[int]] = [set() for _ in range(BARS + 1)]
    for hit in hits:
        if hit.pitch in pitches:
            bar, place = divmod(round(hit.onset * 4), 16)
            bars[bar].add(place)
    return bars[:BARS]


@pytest.mark.parametrize("model", MODELS)
def test_there_are_neither_long_rests_nor_too_many_hits(model: str) -> None:
    hits = session(model)
    onsets = [hit.onset for hit in hits]
    assert max(b - a for a, b in pairwise(onsets)) <= 4.0
    per_bar = Counter(round(onset * 4) // 16 for onset in onsets)
    assert min(per_bar[bar] for bar in range(BARS)) >= 3
    assert 8 <= len(hits) / BARS <= 30 and max(per_bar.values()) <= 60
    assert max(Counter(round(onset * 4) for onset in onsets).values()) <= 7


@pytest.mark.parametrize("model", MODELS)
def test_there_is_a_backbeat_or_a_steady_cymbal_to_the_end(model: str) -> None:
    hits = session(model)
    backbeat = [{4, 12} <= bar for bar in sixteenths(hits, SNARES)]
    steady = [len(bar) >= 4 for bar in sixteenths(hits, CYMBALS)]
    kept = [a or b for a, b in zip(backbeat, steady, strict=True)]
    assert sum(kept) / BARS > 0.9
    assert sum(kept[-100:]) > 85
    ones = [0 in bar for bar in sixteenths(hits, (KICK,))]
    assert sum(ones) / BARS > 0.5 and sum(ones[-100:]) > 40


@pytest.mark.parametrize("model", MODELS)
def test_timing_velocities_and_bars_vary(model: str) -> None:
    hits = session(model)
    away = [(hit.onset * 4 + 0.5) % 1 - 0.5 for hit in hits]  # 16ths
    assert 0.02 < np.std(away) < 0.3
    assert np.std([hit.velocity for hit in hits]) > 12
    bars: dict[int, set[tuple[int, int]]] = {}
    for hit in hits:
        bar, place = divmod(round(hit.onset * 4), 16)
        bars.setdefault(bar, set()).add((place, hit.pitch))
    assert len({frozenset(bar) for bar in bars.values()}) > 100


@pytest.mark.parametrize("model", MODELS)
def test_fills_come_every_eight_bars(model: str) -> None:
    crashes = [hit.onset for hit in session(model) if hit.pitch == CRASH]
    landed = [bar for bar in range(8, BARS, 8) if any(abs(onset - 4 * bar) < 0.1 for onset in crashes)]
    assert len(landed) > 0.95 * (BARS // 8 - 1)


@pytest.mark.parametrize(("groove", "meter"), [("waltz", 3.0), ("six_eight", 3.0), ("five", 5.0), ("rock", 3.5)])
def test_other_meters(groove: str, meter: float) -> None:
    hits = play("drums", 40, meter, groove=groove)
    assert max(b.onset - a.onset for a, b in pairwise(hits)) <= meter
    strong = [hit for hit in hits if abs((hit.onset + 0.1) % meter - 0.1) < 0.12 and hit.pitch == KICK]
    assert len(strong) >= 12


def test_intensity_makes_the_playing_denser_and_louder() -> None:
    soft, loud = (play("drums", 60, intensity=intensity) for intensity in (0.0, 1.0))
    assert len(loud) > 1.2 * len(soft)
    assert np.mean([hit.velocity for hit in loud]) > 1.2 * np.mean([hit.velocity for hit in soft])
