"""The drums engine with a fake model: fills, intensity, settings, and models that do not know the bar."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from daemon.encodings.drums.hits import INSTRUMENTS, Hit
from daemon.engines.drums.guide import Guide
from daemon.engines.drums.interface import DrawRequest
from daemon.engines.drums.primer import shipped_grooves
from daemon.music.events import Action, MidiEvent, Play, note_on
from tests.engines.drums.fake import (
    CLOSED,
    CRASH,
    GRID,
    KICK,
    SNARE,
    FakeModel,
    make,
    onsets_of,
    plays,
    run,
    window,
)


def on(beat: float, velocity: int, pitch: int = 60, source: str = "keys") -> MidiEvent:
    return MidiEvent(beat, source, note_on(1, pitch, velocity))


def test_a_fill_every_n_bars_ends_with_crash_and_kick(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    engine = make(monkeypatch, model, {"fill_every": 4.0})
    actions: list[Action] = []
    filled = set()
    for bar in range(17):
        model.requests.clear()
        actions += run(engine, 4 * bar, 4 * bar + 4)
        filled |= {bar for request in model.requests if request.conditioning.fill}
    assert filled == {3, 7, 11, 15}
    assert onsets_of(actions, CRASH) == [16.0, 32.0, 48.0, 64.0]
    assert {16.0, 32.0, 48.0, 64.0} <= set(onsets_of(actions, KICK))


def test_bars_are_counted_across_changes_of_meter(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(), {"fill_every": 4.0})
    actions, beat = [], 0.0
    for bar in range(17):
        meter = 4.0 if bar < 5 else 3.0 if bar < 11 else 3.5
        for number in range(round(meter * 4)):
            actions += list(engine.generate(window(beat + number / 4, meter=meter, line=beat)))
        beat += meter
    assert onsets_of(actions, CRASH) == [16.0, 29.0, 41.5, 55.5], "the starts of bars 4, 8, 12 and 16"


def test_a_controller_that_never_sends_zero_requests_a_fill_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel())
    actions = run(engine, 0, 1)
    for beat in (1, 9):
        engine.control("fill", 1.0, 0.0)
        actions += run(engine, beat, beat + 8)
    assert onsets_of(actions, CRASH) == [4.0, 12.0]


def test_without_fill_every_fills_are_on_demand_only(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    engine = make(monkeypatch, model)
    actions = run(engine, 0, 41)
    assert not any(request.conditioning.fill for request in model.requests)
    engine.control("fill", 1.0, 0.0)
    actions += run(engine, 41, 41.25)
    assert model.requests[-1].conditioning.fill
    actions += run(engine, 41.25, 50)
    engine.control("fill", 0.9, 0.0)  # still above 0.5: no request
    actions += run(engine, 50, 60)
    assert onsets_of(actions, CRASH) == [44.0]
    engine.control("fill", 0.0, 0.0)
    engine.control("fill", 0.5, 0.0)
    actions = run(engine, 60, 63.5)
    assert onsets_of(actions, CRASH) == [] and model.requests[-1].conditioning.fill
    engine.control("fill", 0.0, 0.0)
    engine.control("fill", 0.5, 0.0)  # too late for this bar: the next one
    assert onsets_of(run(engine, 63.5, 76), CRASH) == [68.0]


def test_a_fill_pedal_that_is_down_requests_no_fill_at_a_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    engine = make(monkeypatch, model)
    engine.reset({}, 16.0, 3)
    engine.control("fill", 0.0, 0.0)
    engine.control("fill", 1.0, 0.0)  # as the stage sends the settings again
    run(engine, 16, 24)
    assert not any(request.conditioning.fill for request in model.requests)


def test_intensity_is_that_of_the_setting_or_of_the_players(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    engine = make(monkeypatch, model, {"intensity": 0.5, "follow": 1.0})
    groove = GRID

    def requested_at(beat: float) -> tuple[float, float]:
        run(engine, beat, beat + 4)
        return model.requests[-1].conditioning.loudness, model.requests[-1].conditioning.density

    assert requested_at(0) == (
        pytest.approx(groove.loudness, abs=1 / 32),
        pytest.approx(len(groove.notes) / 8, abs=1 / 32),
    )
    for sixteenth in range(16):
        assert list(engine.listen(on(4 + sixteenth / 4, 127))) == []
        list(engine.listen(on(4 + sixteenth / 4, 1, source="other")))
    loud, dense = requested_at(4)
    assert loud > groove.loudness * 1.15 and dense > len(groove.notes) / 8 * 1.15
    for bar in range(8):
        list(engine.listen(on(12.1 + 2 * bar, 20)))
    soft, sparse = requested_at(26)
    assert soft < groove.loudness and sparse < len(groove.notes) / 8
    assert requested_at(40)[0] == pytest.approx(groove.loudness, abs=1 / 32)  # the players have stopped
    engine.control("intensity", 1.0, 0.0)
    assert requested_at(44)[0] == pytest.approx(min(groove.loudness * 2**0.6, 1), abs=1 / 32)
    engine.control("follow", 0.0, 0.0)
    list(engine.listen(on(48, 1)))
    assert requested_at(48)[0] == pytest.approx(min(groove.loudness * 2**0.6, 1), abs=1 / 32)


def test_settings_and_style_reach_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    engine = make(monkeypatch, model, {"temperature": 0.3}, style="funk")
    run(engine, 0, 5)
    assert (model.requests[-1].conditioning.style, model.requests[-1].temperature) == ("funk", 0.3)
    engine.control("temperature", 1.2, 0.0)
    engine.control("top_p", 0.5, 0.0)
    run(engine, 5, 6)
    assert (model.requests[-1].top_p, model.requests[-1].temperature) == (0.5, 1.2)


def test_swing_delays_the_off_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    swing = make(monkeypatch, FakeModel(), {"swing": 200 / 3})
    assert {round(beat % 1, 3) for beat, _ in plays(run(swing, 0, 16)) if beat >= 4} == {0.0, 0.667}
    fine = make(
        monkeypatch,
        FakeModel(lambda tick: SNARE if tick % 960 == 480 else CLOSED),
        {"swing": 60.0},
        swing_of="sixteenths",
    )
    assert {round(beat % 1, 3) for beat, _ in plays(run(fine, 0, 16)) if beat >= 4} == {0.0, 0.3, 0.5, 0.8}


class WithoutBar(FakeModel):
    """Does not know the bar: strikes every 123 ticks the instrument with the greatest weight there."""

    def __init__(self) -> None:
        super().__init__(follows=frozenset())

    def draw(self, state: int, rng: np.random.Generator, request: DrawRequest) -> Hit:
        earliest, place = request.earliest, request.bar_bias
        gap = max(123, int(earliest.min()))
        weights = np.where(earliest <= gap, place[:, (state + gap) % place.shape[1]], -np.inf)
        return Hit(gap, int(weights.argmax()), 100)


def test_a_model_that_does_not_know_the_bar_is_kept_to_the_groove(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, groove = make(monkeypatch, WithoutBar(), groove="rock"), shipped_grooves()["rock"]
    played = [hit for hit in plays(run(engine, 0, 400)) if hit[0] >= 4]
    near: list[bool] = []  # for each hit at a note of the groove: whether the groove has that pitch there
    for beat, pitch in played:
        there = {
            INSTRUMENTS[note.instrument]
            for note in groove.notes
            if abs((beat * 480 - note.tick + 1920) % 3840 - 1920) < 25
        }
        near += [pitch in there] if there else []
    assert sum(near) / len(near) > 0.95 and len(near) > 700
    assert max(abs((beat * 4 + 0.5) % 1 - 0.5) for beat, _ in played) < 0.3  # of a 16th


@pytest.mark.parametrize("beat", [0.0, 4.0])
def test_model_and_guide_are_at_the_same_bar_of_the_groove(monkeypatch: pytest.MonkeyPatch, beat: float) -> None:
    """Also after the return to the groove in the middle of a groove of two bars."""
    places: list[int] = []
    states: list[int] = []

    class Recording(WithoutBar):
        def draw(self, state: int, rng: np.random.Generator, request: DrawRequest) -> Hit:
            states.append(state % 3840)
            return super().draw(state, rng, request)

    place = Guide.place
    monkeypatch.setattr(
        Guide, "place", lambda guide, hit, last, *rest: places.append(last % 3840) or place(guide, hit, last, *rest)
    )
    engine = make(monkeypatch, Recording())
    engine.reset({}, beat, 1)
    run(engine, beat, 80)
    assert places == states and len(places) > 200


def test_a_model_without_velocities_gets_those_of_the_groove_scaled_by_the_intensity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def loudness(intensity: float) -> float:
        engine = make(monkeypatch, WithoutBar(), {"intensity": intensity})
        return float(np.mean([a.velocity for a in run(engine, 0, 40) if isinstance(a, Play) and a.onset >= 4]))

    soft, groove, loud = loudness(0.0), loudness(0.5), loudness(1.0)
    assert soft < groove * 0.7 and loud > groove * 1.2


def test_intensity_adds_and_leaves_out_hits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first bar of GRID, with velocities from 60 to 67, then a model that plays eighths, and 16ths if `latest` is
    short; the backbeat is added."""

    class Filling(FakeModel):
        def draw(self, state: int, rng: np.random.Generator, request: DrawRequest) -> Hit:
            gap = 120 if request.latest < 240 else 240
            return Hit(gap - state % gap, INSTRUMENTS.index(CLOSED), 30)

    def count(intensity: float) -> int:
        return len(plays(run(make(monkeypatch, Filling(), {"intensity": intensity}), 4, 28)))

    assert count(0.0) < count(0.5) == 8 + 5 * (8 + 2) < count(0.75) < count(1.0)


def test_faint_hits_are_played_after_a_beat_of_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Faint(FakeModel):
        """Soft hits off the quarters only."""

        def draw(self, state: int, rng: np.random.Generator, request: DrawRequest) -> Hit:
            return Hit(480 - (state - 240) % 480, INSTRUMENTS.index(CLOSED), 5)

    engine = make(monkeypatch, Faint(), {"intensity": 0.0})
    onsets = [beat for beat, _ in plays(run(engine, 0, 64))]
    assert max(later - sooner for sooner, later in pairwise([*onsets, 64.0])) <= 2
