"""The particle filter with the shipped model: better than harmony from left to right, and within the rules."""

from pathlib import Path

import numpy as np
import pytest

from daemon import models
from daemon.encodings.chorale import LOWEST, REST, UNKNOWN
from daemon.engines.harmoniser.look_ahead import LAG, PARTICLES
from daemon.engines.harmoniser.model import ChoraleModel
from daemon.engines.harmoniser.particle_filter import ParticleFilter
from daemon.engines.shared.line import melody_lines
from daemon.music.melody import load_melody
from export_tools.harmoniser.compare import Sampling, count_parallels, left_to_right, look_ahead, measure

MELODIES = Path(__file__).parents[3] / "melodies"


@pytest.fixture(scope="module")
def model() -> ChoraleModel:
    return ChoraleModel(models.load(models.find("bachbot"), "harmoniser"))


@pytest.fixture(scope="module")
def sopranos() -> list[np.ndarray]:
    """Symbols of the first six bars of two shipped melodies, without the rest before an upbeat."""
    out = []
    for name in ("old_hundredth", "ode_to_joy"):
        line = melody_lines(load_melody(MELODIES / f"{name}.mid", name), ("soprano",))["soprano"]
        pitches = [line.at(frame).pitch for frame in range(120)]
        out.append(np.array([pitch - LOWEST for pitch in pitches if pitch is not None])[:96])
    return out


def test_looking_ahead_is_better_than_left_to_right(model: ChoraleModel, sopranos: list[np.ndarray]) -> None:
    """At the same temperature: likelier notes, a melody better prepared, fewer parallels."""
    cases = [(soprano, Sampling(seed, 0.7, 0.95)) for soprano in sopranos for seed in (1, 2, 3)]
    ahead = measure(model, [look_ahead(model, *case, PARTICLES, LAG) for case in cases])
    plain = measure(model, [left_to_right(model, *case) for case in cases])
    assert ahead["nll_per_note"] < plain["nll_per_note"]
    assert ahead["nll_all"] < 0.95 * plain["nll_all"]
    assert ahead["fifths"] + ahead["octaves"] <= plain["fifths"] + plain["octaves"]


def test_no_voice_crosses_or_leaves_its_range(model: ChoraleModel, sopranos: list[np.ndarray]) -> None:
    soprano = sopranos[0][:48]
    piece = look_ahead(model, soprano, Sampling(1, 1.5, 1.0), 4, 4)
    assert (piece[:, 0] == soprano).all()
    assert (np.diff(piece, axis=1) <= 0).all()
    assert (piece < REST).all()


def test_each_16th_continues_the_one_before(model: ChoraleModel) -> None:
    """Particles that disagree with a 16th that was returned are dropped."""
    ahead = ParticleFilter(model, 8, np.random.default_rng(3), 0)
    last = None
    for frame in range(60):
        known = np.array([34 + (frame // 4) % 5, UNKNOWN, UNKNOWN, UNKNOWN])
        ahead.extend(known, np.array([frame % 4 == 0] * 4), frame % 16, 1.2, 1.0)
        if frame >= 6:
            step = ahead.next_step()
            if last is not None:
                assert (step.previous == last.symbols).all()
                follows = model.advance(
                    last.state, last.symbols, last.held, np.array([(frame - 6) % 16]), np.array([2])
                )
                # 8-bit weights: a batch shares a scale, so rows differ by up to 0.05; another 16th is 2.3 away
                np.testing.assert_allclose(follows.context, step.state.context, atol=0.2)
            last = step


@pytest.mark.parametrize("rest", [3, 15, 16, 17, 40])
def test_the_model_is_not_run_during_a_long_rest_and_the_music_is_the_same(
    model: ChoraleModel, rest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    advance = model.advance
    monkeypatch.setattr(model, "advance", lambda *arguments: runs.append(None) or advance(*arguments))

    def play(needs_state: bool) -> list[list[list[int]]]:
        ahead, played = ParticleFilter(model, 8, np.random.default_rng(3), 0), []
        for frame in range(rest + 40):
            if 20 <= frame < 20 + rest:
                ahead.extend_rest(frame % 16, needs_state)
            else:
                known = np.array([34 + (frame // 4) % 5, UNKNOWN, UNKNOWN, UNKNOWN])
                ahead.extend(known, np.array([frame % 4 == 0] * 4), frame % 16, 0.5, 0.95)
            if frame >= 6:
                step = ahead.next_step()
                played.append([step.symbols.tolist(), step.held.tolist()])
        return played

    whole = play(needs_state=True)
    before = len(runs)
    assert play(needs_state=False) == whole
    assert len(runs) - before == before - max(rest - 15, 0)


def test_parallels_are_counted() -> None:
    def count(*frames: tuple[int, int, int, int]) -> tuple[int, int]:
        return count_parallels(np.array(frames) - LOWEST)

    assert count((72, 67, 64, 60), (74, 69, 65, 60)) == (0, 0)
    assert count((72, 67, 64, 53), (74, 67, 64, 55)) == (1, 0)  # soprano and bass: a twelfth to a twelfth
    assert count((72, 67, 64, 60), (74, 67, 65, 62)) == (0, 1)
    assert count((72, 67, 64, 60), (72, 67, 64, 60)) == (0, 0)  # nothing moves
    assert count((72, 67, 60, 60), (74, 67, 53, 53)) == (0, 1)  # unisons
    assert count((72, 67, 64, 48), (60, 59, 57, 60)) == (0, 0)  # octaves, but in different directions
    assert count((72, 60, 55, 48), (74, 62, 57, 50)) == (1, 3)
