"""How far unconstrained samples of a style are from its pieces: by the frequencies of pairs of successive events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from daemon.markov.events import REST
from daemon.markov.sampler import compile_sampler
from daemon.song.styles.style import LAYERS, Style, model_of
from daemon.song.styles.style_maker import COMPOSED

BARS, SAMPLES = 16, 300
Events = Sequence[Any]
PAIRS: dict[str, Callable[[Any], Any]] = {  # what of an event is counted
    "of events": lambda event: event,
    "of pitch classes or chords": lambda event: event[:-1] if len(event) > 2 or event[0] == REST else event[0] % 12,
    "of durations": lambda event: event[-1],
}


def distances(style: Style, layer: str, seed: int) -> dict[str, dict[str, float]]:
    """Total variation, 0 to 1, between the pairs in the pieces, those in major and the most frequent meter, and the
    pairs in samples of 16 bars without any constraint; to compare with, between two halves of the pieces."""
    random = np.random.default_rng(seed)
    meter = Counter(piece.meter for piece in style.pieces).most_common(1)[0][0]
    chosen = style.chosen("major", meter)
    pieces, bar = [LAYERS[layer](piece) for piece in chosen], chosen[0].bar
    sampler = compile_sampler(model_of([(style, 1.0)], layer, "major", COMPOSED, meter), BARS * bar, bar)
    samples = [sampler.sample(random) for _ in range(SAMPLES)]
    order = random.permutation(len(pieces)).tolist()
    halves = [[pieces[number] for number in order[side::2]] for side in (0, 1)]
    return {
        name: {"samples": _distance(pieces, samples, of), "halves": _distance(*halves, of)}
        for name, of in PAIRS.items()
    }


def _distance(some: Sequence[Events], others: Sequence[Events], of: Callable[[Any], Any]) -> float:
    shares = [_shares(sequences, of) for sequences in (some, others)]
    total = sum(abs(shares[0].get(pair, 0) - shares[1].get(pair, 0)) for pair in shares[0] | shares[1])
    return round(total / 2, 3)


def _shares(sequences: Sequence[Events], of: Callable[[Any], Any]) -> dict[Any, float]:
    counts = Counter(pair for events in sequences for pair in pairwise(map(of, events)))
    return {pair: count / counts.total() for pair, count in counts.items()}
