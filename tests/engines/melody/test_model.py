"""States of a melody model: their probabilities, and that a state can be continued twice."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from daemon import models
from daemon.engines.melody.model import MelodyModel
from daemon.errors import ModelError

DATA = Path(__file__).parents[2] / "data"
TINY = ("tiny_melody", "tiny_melody_attention")


def opened(name, **changes):
    artifact = models.verify(DATA / f"{name}.onnx")
    return MelodyModel(replace(artifact, sidecar=replace(artifact.sidecar, **changes)))


@pytest.mark.parametrize("name", TINY)
def test_probabilities_add_up_to_one_and_depend_on_the_events_heard(name):
    model = opened(name)
    state = model.start(3.0, 2.5)
    seen = []
    for step, event in enumerate([14, 0, 16, 0, 1, 14]):
        state = model.step(state, event, (2.75 + step / 4) % 3)
        assert state.log_probs.shape == (38,) and state.log_probs.dtype == np.float64
        assert np.exp(state.log_probs).sum() == pytest.approx(1, abs=1e-6)
        seen.append(state.log_probs)
    assert all(not np.allclose(a, b) for a, b in pairwise(seen))


@pytest.mark.parametrize("name", TINY)
def test_a_state_can_be_continued_twice(name):
    model = opened(name)
    state = model.start(4.0)
    for step in range(20):
        state = model.step(state, 14 + step % 5, step / 4 % 4)
    kept = state.log_probs.copy()
    first = model.step(model.step(state, 20, 1.25), 0, 1.5)
    model.step(model.step(state, 30, 1.25), 1, 1.5)
    assert np.array_equal(first.log_probs, model.step(model.step(state, 20, 1.25), 0, 1.5).log_probs)
    assert np.array_equal(kept, state.log_probs)


def test_the_state_before_the_first_event():
    assert np.allclose(opened("tiny_melody_attention").start(4.0).log_probs, -np.log(38))
    assert not np.allclose(opened("tiny_melody").start(4.0).log_probs, -np.log(38))
    there, here = (opened("tiny_melody").start(4.0, position).log_probs for position in (0.0, 3.0))
    assert not np.allclose(there, here), "a pick-up is at another place in the bar"


def test_an_unknown_encoding_is_refused():
    wanted = r"tiny_melody.json: `encoding` is 'mono', .* knows basic, lookback, attention, jamd: export"
    with pytest.raises(ModelError, match=wanted):
        opened("tiny_melody", encoding="mono")


def test_another_interface_is_refused():
    with pytest.raises(ModelError, match=r"tiny_melody.json: `interface` is 'hit', .*'step': choose another model"):
        opened("tiny_melody", interface="hit")
