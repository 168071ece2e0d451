"""What looking ahead is worth, with the model that ships; and what the particles may not do."""

from pathlib import Path

import numpy as np
import pytest

from daemon import models
from daemon.encodings.chorale import LOWEST, REST, UNKNOWN
from daemon.engines.harmoniser.engine import LAG, PARTICLES
from daemon.engines.harmoniser.model import ChoraleModel
from daemon.engines.harmoniser.particle_filter import ParticleFilter
from daemon.engines.shared.line import lines
from daemon.music.melody import load_melody
from export_tools.harmoniser.compare import judge, left_to_right, look_ahead, parallels

MELODIES = Path(__file__).parents[3] / "melodies"


@pytest.fixture(scope="module")
def model() -> ChoraleModel:
    return ChoraleModel(models.load(models.find("bachbot"), "harmoniser"))


@pytest.fixture(scope="module")
def sopranos() -> list[np.ndarray]:
    """Symbols of the first six bars of two tunes that ship, without the rest before a pick-up."""
    out = []
    for name in ("old_hundredth", "ode_to_joy"):
        line = lines(load_melody(MELODIES / f"{name}.mid", name), ("soprano",))["soprano"]
        pitches = [line.at(frame).pitch for frame in range(120)]
        out.append(np.array([pitch - LOWEST for pitch in pitches if pitch is not None])[:96])
    return out


def test_it_beats_left_to_right(model: ChoraleModel, sopranos: list[np.ndarray]) -> None:
    """At the same temperature: likelier notes, a melody better prepared, fewer parallels."""
    lots = [(soprano, seed) for soprano in sopranos for seed in (1, 2, 3)]
    ahead = judge(model, [look_ahead(model, soprano, seed, 0.7, 0.95, PARTICLES, LAG) for soprano, seed in lots])
    plain = judge(model, [left_to_right(model, soprano, seed, 0.7, 0.95) for soprano, seed in lots])
    assert ahead["nll_per_note"] < plain["nll_per_note"]
    assert ahead["nll_all"] < 0.95 * plain["nll_all"]
    assert ahead["fifths"] + ahead["octaves"] <= plain["fifths"] + plain["octaves"]


def test_no_voice_crosses_or_leaves_its_range(model: ChoraleModel, sopranos: list[np.ndarray]) -> None:
    soprano = sopranos[0][:48]
    piece = look_ahead(model, soprano, 1, 1.5, 1.0, 4, 4)
    assert (piece[:, 0] == soprano).all()
    assert (np.diff(piece, axis=1) <= 0).all()
    assert (piece < REST).all()


def test_what_was_heard_is_what_comes_before(model: ChoraleModel) -> None:
    """Pruning: every 16th that is heard follows from the one heard before it."""
    ahead = ParticleFilter(model, 8, np.random.default_rng(3), 0)
    last = None
    for frame in range(60):
        known = np.array([34 + (frame // 4) % 5, UNKNOWN, UNKNOWN, UNKNOWN])
        ahead.extend(known, np.array([frame % 4 == 0] * 4), frame % 16, 1.2, 1.0)
        if frame >= 6:
            written = ahead.hear()
            if last is not None:
                assert (written.previous == last.symbols).all()
                follows = model.advance(
                    last.state, last.symbols, last.held, np.array([(frame - 6) % 16]), np.array([2])
                )
                # 8-bit weights: a batch shares a scale, so rows differ by up to 0.05; another 16th is 2.3 away
                np.testing.assert_allclose(follows.context, written.state.context, atol=0.2)
            last = written


def test_the_counter_of_parallels() -> None:
    def count(*frames: tuple[int, int, int, int]) -> tuple[int, int]:
        return parallels(np.array(frames) - LOWEST)

    assert count((72, 67, 64, 60), (74, 69, 65, 60)) == (0, 0)
    assert count((72, 67, 64, 53), (74, 67, 64, 55)) == (1, 0)  # soprano and bass: a twelfth to a twelfth
    assert count((72, 67, 64, 60), (74, 67, 65, 62)) == (0, 1)
    assert count((72, 67, 64, 60), (72, 67, 64, 60)) == (0, 0)  # nothing moves
    assert count((72, 67, 60, 60), (74, 67, 53, 53)) == (0, 1)  # unisons
    assert count((72, 67, 64, 48), (60, 59, 57, 60)) == (0, 0)  # octaves, but in different directions
    assert count((72, 60, 55, 48), (74, 62, 57, 50)) == (1, 3)
