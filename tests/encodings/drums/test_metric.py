"""The history of the metric encoding, against a computation from all hits."""

from dataclasses import fields

import numpy as np
import pytest

from daemon.encodings.drums import metric
from daemon.encodings.drums.hits import COUNT, Conditioning, Hit
from daemon.encodings.drums.metric import (
    AHEAD,
    ANCHORS,
    CELL,
    CHANNELS,
    EARLIEST,
    FEATURES,
    LAST,
    LAST_SHIFT,
    PRIOR,
    RATE,
    MetricHistory,
    anchors,
    observe,
    start,
)

BAR = 4 * 480


def random_hits(count: int, seed: int) -> list[Hit]:
    """16ths with random offsets, simultaneous hits, and rests of some bars."""
    rng = np.random.default_rng(seed)
    out, before, cell = [], 0, 0
    for _ in range(count):
        cell += int(rng.choice([0, 1, 2, 3, 70], p=[0.3, 0.4, 0.2, 0.09, 0.01]))
        tick = max(before, cell * CELL + int(rng.integers(-50, 55)), 0)
        out.append(Hit(tick - before, int(rng.integers(COUNT)), int(rng.integers(1, 128))))
        before = tick
    return out


def play(hits: list[Hit], bar: int = BAR) -> MetricHistory:
    history = start(bar)
    for hit in hits:
        history = observe(history, hit)
    return history


def cells(hits: list[Hit]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each hit: cell, offset in cells, velocity 0..1."""
    ticks = np.cumsum([hit.gap for hit in hits])
    cell = (ticks - EARLIEST) // CELL
    return cell, (ticks - cell * CELL) / CELL, np.array([hit.velocity / 127 for hit in hits])


@pytest.mark.parametrize("bar", [1920, 1440, 840, 2400])
def test_the_history_of_a_place_is_what_was_played_there_the_last_two_times(bar: int) -> None:
    hits = random_hits(300, seed=bar)
    history = play(hits, bar)
    cell, shift, velocity = cells(hits)
    places = bar // CELL
    for place in range(places):
        latest = range(place, history.cell, places)[::-1]
        for back, recalled in ((0, history.by_place[:, LAST]), (1, history.by_place[:, PRIOR])):
            for instrument in range(COUNT):
                there = [
                    (v, s) for c, s, v, h in zip(cell, shift, velocity, hits, strict=True)
                    if len(latest) > back and c == latest[back] and h.instrument == instrument
                ]  # fmt: skip
                wanted = max((v for v, _ in there), default=0.0)
                assert recalled[place, instrument] == pytest.approx(wanted)
                if back == 0 and there:
                    assert history.by_place[place, LAST_SHIFT, instrument] == pytest.approx(
                        [s for v, s in there if v == wanted][-1], abs=1e-6
                    )


def test_the_rate_of_playing_is_the_mean_of_the_first_bars() -> None:
    kick_on_one = [Hit(0, 0, 100)] + [hit for _ in range(3) for hit in (Hit(BAR // 2, 5, 60), Hit(BAR // 2, 0, 100))]
    history = play([*kick_on_one, Hit(BAR // 2, 5, 60), Hit(10, 5, 60)])
    assert history.by_place[0, RATE, 0] == pytest.approx(1)
    assert history.by_place[8, RATE, 5] == pytest.approx(1)
    assert history.by_place[8, RATE, 0] == history.by_place[3, RATE, 0] == 0
    assert history.visits == [4] * 8 + [3] * 8


def test_mean_offsets_are_kept_by_place_and_instrument() -> None:
    late = [Hit(20 if n == 0 else 480, 2, 100) for n in range(12)]
    history = play(late)
    assert [anchors(history, 4, n)[4] * CELL / 8 for n in (2, 3)] == pytest.approx([20, 0])
    assert history.mean_shift * CELL == pytest.approx(20, abs=6)


def test_a_hit_has_its_tick_and_leaves_the_history_before_unchanged() -> None:
    hits = random_hits(60, seed=1)
    history = start(BAR, 700)
    ticks = 700 + np.cumsum([hit.gap for hit in hits])
    for hit, tick in zip(hits, ticks.tolist(), strict=True):
        before = {f.name: np.copy(getattr(history, f.name)) for f in fields(history)}
        after = observe(history, hit)
        assert (after.tick, -60 <= after.offset < 60, after.instrument) == (tick, True, hit.instrument)
        assert all(np.array_equal(getattr(history, name), value) for name, value in before.items())
        history = after


def test_shapes_and_finite_numbers_after_any_hits() -> None:
    for bar in (120, 240, 1920, 9600):
        history = start(bar)
        for hit in [*random_hits(50, seed=3), Hit(100_000, 3, 127), Hit(0, 4, 1), Hit(0, 3, 90)]:
            history = observe(history, hit)
            x, window = metric.features(history, 120.0), metric.window(history)
            known = np.array([[anchors(history, ahead, n) for n in range(COUNT)] for ahead in range(AHEAD)])
            assert (x.shape, window.shape) == ((FEATURES,), (AHEAD, COUNT, CHANNELS))
            assert known.shape == (AHEAD, COUNT, ANCHORS)
            assert x.dtype == window.dtype == known.dtype == np.float32
            assert np.isfinite(x).all() and np.isfinite(window).all() and np.isfinite(known).all()
            assert np.abs(x).max() < 20 and np.abs(known).max() < 20
            assert metric.places(history).max() < metric.PLACES


def test_the_window_has_the_hits_one_and_two_beats_before() -> None:
    history = play([Hit(0, 0, 127), Hit(480, 2, 127), Hit(250, 5, 127)])  # cells 0, 4 and 6; the last is 10 ticks late
    window = metric.window(history)
    one, two = np.argwhere(window[..., 3]).tolist(), np.argwhere(window[..., 4]).tolist()
    assert one == [[2, 2], [4, 5]]
    assert two == [[2, 0], [6, 2], [8, 5]]
    assert [anchors(history, ahead, 5)[11] for ahead in range(AHEAD)] == pytest.approx([0] * AHEAD)


def test_another_bar_clears_the_places_and_keeps_the_rest() -> None:
    history = play(random_hits(60, seed=5))
    moved = metric.moved_to_bar(history, 1440, 500)
    assert (moved.places, moved.tick, moved.mean_shift) == (12, 500, history.mean_shift)
    assert not moved.by_place.any() and history.by_place.any()
    assert metric.moved_to_bar(history, BAR, history.tick % BAR) is history


def test_conditioning_as_a_vector() -> None:
    styles = ("jazz", "rock")
    assert not metric.conditioning_vector(Conditioning(), styles).any()
    vector = metric.conditioning_vector(Conditioning("rock", False, 0.5, 4.0), styles)
    assert vector.tolist() == [0, 1, 0, 1, 0.5, 1, 0.5, 1]
    assert metric.conditioning_vector(Conditioning("polka", True), styles).tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
