"""Drum models in ONNX Runtime: draws keep to the limits and are distributed as the log probabilities."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon import models
from daemon.encodings.drums.hits import COUNT, Conditioning, Hit, tick_classes
from daemon.engines.drums.interface import UNREACHABLE_GAP, DrawRequest, DrumsModel
from daemon.engines.drums.model import drums_model
from daemon.errors import ModelError
from daemon.models.session import BoundFunction
from daemon.models.sidecar import TensorSpec

TINY = Path(__file__).parents[2] / "data" / "tiny_drums.onnx"
BAR = 1920
SOME = (Hit(0, 0, 100), Hit(3, 5, 60), Hit(117, 5, 40), Hit(121, 2, 110), Hit(0, 5, 70), Hit(250, 0, 90))


class FakeSession:
    """The graph of the RNN drummer, with the same outputs for every hit."""

    def __init__(self, note: Any, tick: Any) -> None:
        self.outputs = [np.log(np.asarray(half, dtype=np.float32) + 1e-30)[None] for half in (note, tick)]
        self.fed: list[tuple[int, int]] = []

    def run(self, names: list[str], feeds: dict[str, Any]) -> list[Any]:
        self.fed.append((int(feeds["note"][0]), int(feeds["tick"][0])))
        return [*self.outputs, feeds["h"] + 1, feeds["c"]]


def rnn(tick: Any = (0.25, 0.25, 0.5)) -> tuple[DrumsModel, FakeSession]:
    session = FakeSession(np.full(COUNT, 1 / COUNT), tick)
    state = TensorSpec("float32", ("batch", 2))
    sidecar = replace(
        models.read_sidecar(TINY),
        encoding="rnn-drummer",
        options={"ticks": [0, 10, 120]},
        states=("h", "c"),
        inputs={"h": state, "c": state},
    )
    return drums_model(models.Artifact(TINY, session, sidecar)), session


@pytest.fixture(scope="module")
def tiny() -> DrumsModel:
    return drums_model(models.verify(TINY))


def play(model: DrumsModel, hits: tuple[Hit, ...], tempo: float = 120.0) -> Any:
    state = model.start(BAR, 0, tempo)
    for hit in hits:
        state = model.advance(state, hit, tempo)
    return state


def test_probabilities_of_all_instruments_and_tick_classes_sum_to_one(tiny: DrumsModel) -> None:
    for count in range(len(SOME) + 1):
        assert np.exp(tiny.log_probs(play(tiny, SOME[:count]))).sum() == pytest.approx(1, abs=1e-9)


def test_only_hits_out_of_order_are_impossible(tiny: DrumsModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a model that has a single possible offset."""
    run = BoundFunction.run

    def narrow(function: BoundFunction, feeds: Any) -> Any:
        results = run(function, feeds)
        for result in results:
            if result.shape[1:] == (120,):
                result[:] = np.where(np.arange(120) == 7, 0.0, -13_000.0)
        return results

    monkeypatch.setattr(BoundFunction, "run", narrow)
    for count in range(len(SOME) + 1):
        log_probs = tiny.log_probs(play(tiny, SOME[:count]))
        assert np.isfinite(log_probs[:, 1:]).all() and np.exp(log_probs).sum() == pytest.approx(1)
        assert tiny.draw(play(tiny, SOME[:count]), np.random.default_rng(count)).gap >= 0


def test_at_one_tick_instruments_come_in_order(tiny: DrumsModel) -> None:
    after = np.exp(tiny.log_probs(play(tiny, SOME)))[:, 0]  # the last hit is the kick's
    assert after[0] == 0 and (after[1:] > 0).all()
    after = np.exp(tiny.log_probs(play(tiny, (*SOME, Hit(20, 9, 90)))))[:, 0]
    assert (after[:10] == 0).all() and (after[10:] > 0).all()


def test_draws_are_distributed_as_the_log_probabilities(tiny: DrumsModel) -> None:
    """Chi-squared over classes that are frequent enough; against another state, the same draws fail."""
    state, rng, draws = play(tiny, SOME), np.random.default_rng(5), 3000
    classes = tick_classes(tiny.ticks)
    seen = np.zeros((COUNT, len(tiny.ticks)))
    for _ in range(draws):
        hit = tiny.draw(state, rng)
        seen[hit.instrument, classes[min(hit.gap, len(classes) - 1)]] += 1

    def distance(log_probs: Any) -> tuple[float, int]:
        expected = draws * np.exp(log_probs)
        often = expected > 5
        rest = draws - seen[often].sum(), draws - expected[often].sum()
        parts = (seen[often] - expected[often]) ** 2 / expected[often]
        return float(parts.sum() + (rest[0] - rest[1]) ** 2 / rest[1]), int(often.sum())

    chi, freedom = distance(tiny.log_probs(state))
    assert freedom > 50
    assert chi < freedom + 4 * np.sqrt(2 * freedom)
    other, freedom = distance(tiny.log_probs(play(tiny, (*SOME, Hit(30, 12, 100)))))
    assert other > freedom + 20 * np.sqrt(2 * freedom)


def test_limits_hold_and_keep_the_distribution_within_them(tiny: DrumsModel) -> None:
    state, rng = play(tiny, SOME), np.random.default_rng(6)
    earliest = np.full(COUNT, UNREACHABLE_GAP)
    earliest[[2, 5]] = 40, 90
    hits = [tiny.draw(state, rng, DrawRequest(earliest=earliest, latest=300)) for _ in range(1500)]
    assert {hit.instrument for hit in hits} == {2, 5}
    assert all(earliest[hit.instrument] <= hit.gap <= 300 and 1 <= hit.velocity <= 127 for hit in hits)
    probs = np.exp(tiny.log_probs(state))
    classes = tick_classes(tiny.ticks)
    sure = [
        np.flatnonzero(np.bincount(classes[low:301]) == np.bincount(classes)[: classes[300] + 1]) for low in (40, 90)
    ]
    inside = [probs[i, kept].sum() for i, kept in zip((2, 5), sure, strict=True)]
    drawn = [
        sum(hit.instrument == i and classes[hit.gap] in kept for hit in hits)
        for i, kept in zip((2, 5), sure, strict=True)
    ]
    assert drawn[0] / sum(drawn) == pytest.approx(inside[0] / sum(inside), abs=0.05)


def test_a_latest_gap_keeps_the_distribution_of_shorter_gaps(tiny: DrumsModel) -> None:
    """Even if most of the probability lies beyond the latest gap."""
    state, rng, draws = play(tiny, SOME), np.random.default_rng(9), 1000
    hits = [tiny.draw(state, rng, DrawRequest(latest=tiny.ticks[6])) for _ in range(draws)]
    assert max(hit.gap for hit in hits) <= 32
    soon = np.exp(tiny.log_probs(state))[:, :6].sum(axis=1)  # gaps of up to 24
    seen = np.bincount([hit.instrument for hit in hits if hit.gap <= 24], minlength=COUNT)
    assert np.abs(seen / seen.sum() - soon / soon.sum()).max() < 0.04


def test_a_cell_that_is_mostly_outside_the_limits_is_drawn_as_rarely(tiny: DrumsModel) -> None:
    """Three ticks of the present cell are left: gaps of 46 to 48, in the class of 60."""
    state, rng, draws = play(tiny, SOME), np.random.default_rng(8), 2000
    assert state.history.offset == 11
    earliest = np.full(COUNT, UNREACHABLE_GAP)
    earliest[2] = 46
    probs = np.exp(tiny.log_probs(state))[2]
    soonest = tiny.ticks.index(60)  # gaps of 46 to 90
    drawn = sum(tiny.draw(state, rng, DrawRequest(earliest=earliest)).gap <= 90 for _ in range(draws)) / draws
    assert drawn == pytest.approx(probs[soonest] / probs[soonest:].sum(), abs=0.03)


@pytest.mark.parametrize("model", ["ours", "rnn"])
def test_drawing_never_fails(tiny: DrumsModel, model: str) -> None:
    drummer = tiny if model == "ours" else rnn()[0]
    rng = np.random.default_rng(7)
    never, state = np.full(COUNT, UNREACHABLE_GAP), play(drummer, SOME)
    assert drummer.draw(state, rng, DrawRequest(earliest=never)).gap >= 1
    far = never.copy()
    far[11] = 5000
    hit = drummer.draw(state, rng, DrawRequest(earliest=far, temperature=0))
    assert (hit.instrument, hit.gap >= 5000) == (11, True)
    late = drummer.draw(state, rng, DrawRequest(earliest=np.full(COUNT, 700), latest=600))
    assert late.gap == 700
    for gap in (0, 1, 60, 10_000):
        state = drummer.advance(state, Hit(gap, 16, 127), 4.0)
        request = DrawRequest(Conditioning("rock", True, 2.0, 90.0), top_p=1e-9)
        assert drummer.draw(state, rng, request).gap >= 0


def test_a_state_can_be_continued_twice(tiny: DrumsModel) -> None:
    tiny.draw(play(tiny, SOME), np.random.default_rng(1))  # from now on, no conditioning is predicted in advance
    state = play(tiny, SOME)
    before = tiny.log_probs(state)
    one = tiny.log_probs(tiny.advance(state, Hit(120, 2, 100), 120.0))
    for hit in SOME:
        tiny.draw(tiny.advance(state, hit, 90.0), np.random.default_rng(1))
    assert np.array_equal(tiny.log_probs(state), before)
    assert np.array_equal(tiny.log_probs(tiny.advance(state, Hit(120, 2, 100), 120.0)), one)


def test_the_same_seed_draws_the_same(tiny: DrumsModel) -> None:
    state = play(tiny, SOME)
    first, again = ([tiny.draw(state, rng) for _ in range(20)] for rng in map(np.random.default_rng, (3, 3)))
    assert first == again


def test_conditioning_bias_and_tempo_have_an_effect(tiny: DrumsModel) -> None:
    state, plain = play(tiny, SOME), tiny.log_probs(play(tiny, SOME))
    for conditioning in (
        Conditioning(style="jazz"),
        Conditioning(fill=True),
        Conditioning(fill=False),
        Conditioning(loudness=0.9),
        Conditioning(density=7.0),
    ):
        assert not np.allclose(tiny.log_probs(state, conditioning), plain)
    assert np.array_equal(tiny.log_probs(state, Conditioning(style="polka")), plain), "an unknown style has no effect"
    assert not np.allclose(tiny.log_probs(play(tiny, SOME, tempo=60.0)), plain)
    bias = np.zeros(COUNT, dtype=np.float32)
    bias[13] = 50
    assert tiny.draw(state, np.random.default_rng(1), DrawRequest(instrument_bias=bias)).instrument == 13
    assert tiny.follows == {"style", "fill", "loudness", "density"}


def test_a_state_can_move_to_another_bar(tiny: DrumsModel) -> None:
    state = play(tiny, SOME)
    same = tiny.at_bar(state, BAR, state.history.tick % BAR)
    assert same.history is state.history
    waltz = tiny.at_bar(state, 1440, 491)
    assert (waltz.history.places, waltz.history.tick) == (12, 491)
    assert np.exp(tiny.log_probs(waltz)).sum() == pytest.approx(1)


def test_the_rnn_drummer_takes_tick_classes_and_draws_ticks() -> None:
    model, session = rnn(tick=(0.0, 0.0, 1.0))
    state = play(model, (Hit(0, 3, 90), Hit(64, 4, 90), Hit(66, 5, 90), Hit(9999, 6, 90)))
    assert session.fed == [(3, 0), (4, 1), (5, 2), (6, 2)]
    hit = model.draw(state, np.random.default_rng(0))
    assert (hit.gap, 1 <= hit.velocity <= 127) == (120, True)
    assert (model.follows, model.styles) == (frozenset(), ())


def test_the_rnn_drummer_begins_with_the_kick_and_can_begin_in_a_random_state() -> None:
    model, _ = rnn()
    assert model.draw(model.start(BAR, 0, 120.0), np.random.default_rng(0)) == Hit(0, 0, 100)
    states = [model.start(BAR, 0, 120.0, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(states[0].tensors["h"], states[1].tensors["h"])
    assert not np.array_equal(states[0].tensors["h"], states[2].tensors["h"])


def test_a_bias_over_the_bar_steers_the_rnn_drummer() -> None:
    model, _ = rnn()
    place = np.full((COUNT, BAR), -100, dtype=np.float32)
    place[7, 360] = 0
    state = model.advance(model.start(BAR, 120, 120.0), Hit(120, 0, 100), 120.0)
    assert model.draw(state, np.random.default_rng(0), DrawRequest(bar_bias=place)) == Hit(120, 7, 100)


@pytest.mark.parametrize(
    "wrong",
    [{"encoding": "groove"}, {"encoding": ""}, {"options": {"ticks": []}}, {"options": {}}, {"interface": "step"}],
)
def test_a_sidecar_of_another_interface_or_encoding_is_refused(tiny: DrumsModel, wrong: dict[str, Any]) -> None:
    artifact = models.load(TINY, "drums")
    with pytest.raises(ModelError, match=r"tiny_drums.json: `(encoding|options.ticks|interface)`.*(again|choose)"):
        drums_model(replace(artifact, sidecar=replace(artifact.sidecar, **wrong)))
