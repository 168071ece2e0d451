"""The probability of a sequence in a model, as the mass of the sampler that allows nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence

from daemon.markov.automaton import Event
from daemon.markov.conflicts import ImpossibleError
from daemon.markov.constraints import Fixed
from daemon.markov.model import MarkovModel
from daemon.markov.sampler import compile_sampler
from tests.markov.enumeration import spans


def log_probability(model: MarkovModel, events: Sequence[Event]) -> float:
    """That the model's pieces begin with `events`."""
    given = [
        Fixed(begin, lambda event, own=own: float(event == own), str(own))  # type: ignore[misc]
        for begin, _, own in spans(events)
    ]
    try:
        return compile_sampler(model, sum(event[-1] for event in events), 4, given).log_mass
    except ImpossibleError:
        return -math.inf
