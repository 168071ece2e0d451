"""Sessions: states start at zero and follow the `_next` convention; functions of a graph are run one at a time."""

from pathlib import Path

import numpy as np
import pytest

from daemon import models
from daemon.models.golden import golden_feeds
from daemon.models.session import BoundFunction, GraphFunction, RecurrentSession
from tests.models import third_party

DATA = Path(__file__).parents[1] / "data"
TOGETHER = 2  # the number that runs all functions of tiny_drums


def test_states_start_at_zero_and_are_carried_on(tmp_path: Path) -> None:
    session = RecurrentSession(models.load(third_party.write(tmp_path)), ["total"])
    states = session.zeros(2)
    assert {name: array.tolist() for name, array in states.items()} == {"level": [[0.0] * 3] * 2}
    ones, pair = np.ones((2, 3), np.float32), np.array([[1, 0], [0, 1]])
    feeds = {"note": np.array([0, 3]), "pair": pair, "gate": ones, "offset": np.array(0, np.float32)}
    (first,), after = session.run(feeds, states)
    assert np.allclose(first, third_party.TABLE[[0, 3]] + third_party.MIX)
    assert np.allclose(after["level"], first) and not states["level"].any()
    (second,), later = session.run(feeds, after)
    assert np.allclose(later["level"], first + second)


@pytest.mark.parametrize("bound", [False, True])
def test_a_function_is_run_alone_bound_or_not(bound: bool) -> None:
    """The tiny drum model's golden input, row by row, through each of its functions."""
    artifact = models.load(DATA / "tiny_drums.onnx")
    feeds = golden_feeds(artifact.sidecar.inputs, seed=3, rows=2)
    names = list(artifact.sidecar.outputs)
    whole = dict(zip(names, artifact.session.run(names, {**feeds, "function": np.array(TOGETHER)}), strict=True))
    session = RecurrentSession(artifact, ["summary", "joint"], 0, bound)
    when = (BoundFunction if bound else GraphFunction)(artifact, ["offsets", "velocities"], 1)
    kept = []
    for row in range(2):
        one = {name: feed[row : row + 1] for name, feed in feeds.items() if name != "function"}
        advance = {name: one[name] for name in ("x", "wishes", "window", "places")}
        outputs, states = session.run(advance, {name: one[name] for name in ("h", "c")})
        offsets = when.run({name: one[name] for name in ("seen", "which", "anchors")})
        kept.append([*outputs, states["h"], states["c"], *offsets])
    for name, *rows in zip(("summary", "joint", "h_next", "c_next", "offsets", "velocities"), *kept, strict=True):
        assert np.allclose(np.concatenate(rows), whole[name], atol=1e-5), f"{name}, also after a later run"


def test_a_bound_function_has_a_fixed_number_of_rows() -> None:
    artifact = models.load(DATA / "tiny_drums.onnx")
    feeds = golden_feeds(artifact.sidecar.inputs, seed=3, rows=5)
    asked = {name: feeds[name] for name in ("seen", "which", "anchors")}
    expected = GraphFunction(artifact, ["offsets"], 1).run(asked)[0]
    assert expected.shape == (5, 120)
    assert np.allclose(BoundFunction(artifact, ["offsets"], 1, rows=5).run(asked)[0], expected, atol=1e-6)
    with pytest.raises(ValueError, match="broadcast"):
        BoundFunction(artifact, ["offsets"], 1, rows=4).run(asked)
