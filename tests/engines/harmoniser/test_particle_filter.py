"""The particle filter with the shipped model: better than harmony from left to right, and within the rules."""

from pathlib import Path

import numpy as np
import pytest

from daemon import models
from daemon.encodings.chorale import LOWEST, REST, UNKNOWN, no_hints
from daemon.engines.harmoniser.model import ChoraleModel
from daemon.engines.harmoniser.particle_filter import ParticleFilter
from daemon.engines.shared.line import melody_lines
from daemon.music.melody import load_melody

MELODIES = Path(__file__).parents[3] / "melodies"


@pytest.fixture(scope="module")
def model() -> ChoraleModel:
    return ChoraleModel(models.load(models.find("bachbot"), "harmoniser"))


def test_no_voice_crosses_or_leaves_its_range(model: ChoraleModel) -> None:
    line = melody_lines(load_melody(MELODIES / "old_hundredth.mid", "tune"), ("soprano",))["soprano"]
    pitches = [pitch for frame in range(60) if (pitch := line.at(frame).pitch) is not None]
    soprano = np.array(pitches[:48]) - LOWEST
    ahead, steps = ParticleFilter(model, 4, np.random.default_rng(1), 0), []
    for frame, symbol in enumerate(soprano):
        struck = np.array([frame == 0 or symbol != soprano[frame - 1], False, False, False])
        ahead.extend(np.array([symbol, UNKNOWN, UNKNOWN, UNKNOWN]), struck, frame % 16, 1.5, 1.0)
        if frame >= 4:
            steps.append(ahead.next_step().symbols[0])
    piece = np.array(steps)
    assert (piece[:, 0] == soprano[: len(piece)]).all()
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
                follows = model.advance(last.state, last.symbols, last.held, np.array([(frame - 6) % 16]), no_hints(1))
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
