"""The drums engine with a fake model: what is played and when, and the requests to the model."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from daemon.encodings.drums.hits import INSTRUMENTS, Hit
from daemon.engines.base import Setup
from daemon.engines.drums.engine import Drums
from daemon.engines.drums.guide import Guide
from daemon.engines.drums.interface import DrawRequest
from daemon.engines.drums.kit import PIECE_OF, PIECES
from daemon.engines.drums.primer import shipped_grooves
from daemon.engines.options import options_of
from daemon.errors import ModelError
from daemon.music.events import Action, MidiEvent, Play, Stop, note_on
from tests.engines.drums.fake import GRID, FakeModel, eighths, make, plays, run, window

KICK, SNARE, CLOSED, OPEN, CRASH, TOM = 36, 38, 42, 46, 49, 43


def on(beat: float, velocity: int, pitch: int = 60, source: str = "keys") -> MidiEvent:
    return MidiEvent(beat, source, note_on(1, pitch, velocity))


def onsets_of(actions: list[Action], pitch: int) -> list[float]:
    return [beat for beat, note in plays(actions) if note == pitch]


# Timing


def test_the_first_bar_is_the_groove_and_the_model_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    played = plays(run(make(monkeypatch, FakeModel(lambda tick: SNARE), groove="rock"), 0, 8, tempo=96.0))
    assert played[:2] == [(0.0, KICK), (0.0, CLOSED)]  # with the notes that the groove has a little before the bar line
    groove = shipped_grooves()["rock"]
    later = [(note.tick / 480, INSTRUMENTS[note.instrument]) for note in groove.notes if 40 < note.tick < 1880]
    assert [hit for hit in played if 0.1 < hit[0] < 3.9] == [
        (pytest.approx(beat, abs=1e-4), note) for beat, note in later
    ]
    assert {pitch for beat, pitch in played if beat > 3.9} == {SNARE}


def test_a_hit_is_sent_before_the_model_advances(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    engine = make(monkeypatch, model)
    run(engine, 0, 8)
    played = len(model.hits)
    actions = engine.generate(window(8.0))
    assert isinstance(next(actions), Play) and len(model.hits) == played
    assert list(actions) == [] and len(model.hits) == played + 1


@pytest.mark.parametrize("beat", [0.0, 8.0, 6.5, 101.75])
@pytest.mark.parametrize("meter", [4.0, 3.0, 3.5, 5.0])
def test_the_entry_is_at_its_position_in_the_bar(monkeypatch: pytest.MonkeyPatch, beat: float, meter: float) -> None:
    engine = make(monkeypatch)
    engine.reset({}, beat, 5)
    actions = run(engine, beat, beat + 6 * meter, meter)
    assert all(action.onset >= beat for action in actions)
    kicks = onsets_of(actions, KICK)
    second = (beat // meter + 2) * meter
    assert {second + number * meter for number in range(4)} <= set(kicks)
    assert plays(actions)[0][0] < beat + 0.6


def test_a_hit_before_its_16th_is_played_in_the_window_before(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(shift=-12))
    run(engine, 0, 7.75)
    ahead = [action for action in engine.generate(window(7.75)) if isinstance(action, Play)]
    assert [(action.onset, action.pitch) for action in ahead] == [(pytest.approx(8 - 12 / 480, abs=0.01), KICK)]
    assert not list(engine.generate(window(8.0)))


def test_every_hit_lies_in_its_window_whatever_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    engine, start = make(monkeypatch, FakeModel(shift=-7), {"swing": 62.0}), 0.0
    onsets: list[float] = []
    while start < 64:
        length = float(random.choice([0.25, 0.25, 0.1, 0.33, 1.0, 0.0]))
        for action in engine.generate(window(start, length, tempo=float(random.uniform(40, 220)))):
            assert start <= action.onset < start + length + 2e-3
            onsets += [action.onset] if isinstance(action, Play) else []
        start += length
    assert onsets == sorted(onsets) and len(onsets) > 100


def test_there_is_no_drift_in_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    kicks = set(onsets_of(run(make(monkeypatch, FakeModel(lambda tick: KICK if tick == 0 else None)), 0, 7200), KICK))
    assert {4.0 * bar for bar in range(1, 1800)} <= kicks


def test_bars_have_the_new_length_after_a_change_of_meter(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch)
    run(engine, 0, 8)
    actions = [a for n in range(72) for a in engine.generate(window(8 + n / 4, meter=3.0, line=8.0))]
    assert {8.0 + 3 * bar for bar in range(1, 6)} <= set(onsets_of(actions, KICK))


def test_the_limits_of_two_hands_hold_across_a_change_of_meter(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(lambda tick: KICK if tick == 0 else None, shift=-12))
    actions = run(engine, 0, 8)
    actions += [a for n in range(24) for a in engine.generate(window(8 + n / 4, meter=3.0, line=8.0))]
    kicks = onsets_of(actions, KICK)
    assert [beat < 8 for beat in kicks if 7.9 < beat < 8.1] == [True]  # early, and not again on the beat
    assert all(later - sooner > 0.17 for sooner, later in pairwise(kicks))  # beats: 85 ms


def test_repeated_and_missing_windows_do_not_move_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch)
    played = plays(run(engine, 0, 8))
    assert not list(engine.generate(window(7.5)))
    assert not list(engine.generate(window(3.0)))
    later = plays(run(engine, 9.25, 16))  # five are missing
    assert later == [(beat, pitch) for beat, pitch in plays(run(make(monkeypatch), 0, 16)) if beat >= 9.25]
    assert played
    jumped = plays(run(engine, 1000.5, 1008))
    assert (1004.0, KICK) in jumped
    assert (104.0, KICK) in plays(run(engine, 102, 108))  # a jump back


def test_lateness_does_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(FakeModel):
        """Every hit is a tick later than the one before."""

        def draw(self, state: int, rng: np.random.Generator, request: DrawRequest) -> Hit:
            return Hit(241, INSTRUMENTS.index(SNARE), 100)

    played = plays(run(make(monkeypatch, Late()), 0, 400))
    assert max(abs((beat + 0.25) % 0.5 - 0.25) for beat, _ in played) < 0.05


def test_the_drummer_returns_to_the_groove_every_eight_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wandering(FakeModel):
        """Every hit is on the next instrument; the state also counts the hits."""

        def advance(self, state: int, hit: Hit, tempo: float) -> int:
            return state + hit.gap + (1 << 32)

        def draw(self, state: int, rng: np.random.Generator, request: DrawRequest) -> Hit:
            return Hit(480 - (state & 0xFFFF) % 480, (state >> 32) % 17, 100)

    engine = make(monkeypatch, Wandering())
    played = plays(run(engine, 0, 128))
    bars = [[(beat - 4 * bar, pitch) for beat, pitch in played if 4 * bar <= beat < 4 * bar + 4] for bar in range(32)]
    assert bars[8] == bars[16] == bars[24] != bars[15]


# Requests to the model


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
    fine = make(monkeypatch, FakeModel(lambda tick: CLOSED), {"swing": 60.0}, swing_of="sixteenths")
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
    short."""

    class Filling(FakeModel):
        def draw(self, state: int, rng: np.random.Generator, request: DrawRequest) -> Hit:
            gap = 120 if request.latest < 240 else 240
            return Hit(gap - state % gap, INSTRUMENTS.index(CLOSED), 30)

    def count(intensity: float) -> int:
        return len(plays(run(make(monkeypatch, Filling(), {"intensity": intensity}), 4, 28)))

    assert count(0.0) < count(0.5) == 8 + 5 * 8 < count(0.75) < count(1.0)


def test_faint_hits_are_played_after_a_beat_of_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Faint(FakeModel):
        """Soft hits off the quarters only."""

        def draw(self, state: int, rng: np.random.Generator, request: DrawRequest) -> Hit:
            return Hit(480 - (state - 240) % 480, INSTRUMENTS.index(CLOSED), 5)

    engine = make(monkeypatch, Faint(), {"intensity": 0.0})
    onsets = [beat for beat, _ in plays(run(engine, 0, 64))]
    assert max(later - sooner for sooner, later in pairwise([*onsets, 64.0])) <= 2


# The kit


def test_a_closed_hi_hat_ends_an_open_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(lambda tick: (CLOSED, OPEN)[tick % 480 == 240] if tick % 240 == 0 else None)
    actions = run(make(monkeypatch, model), 0, 8)
    stops = [action.onset for action in actions if isinstance(action, Stop)]
    assert [beat for beat in stops if beat >= 5] == [5.0, 6.0, 7.0]


def test_every_note_has_a_duration_of_a_beat_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    for action in run(make(monkeypatch, FakeModel(lambda tick: INSTRUMENTS[tick // 120 % 17])), 0, 64):
        assert isinstance(action, Stop) or (action.duration is not None and 0 < action.duration <= 1)


@pytest.mark.parametrize("swing", [50.0, 67.0, 75.0])
@pytest.mark.parametrize("tempo", [40.0, 120.0, 220.0, 2000.0])
def test_at_most_two_hands_strike_at_once(monkeypatch: pytest.MonkeyPatch, tempo: float, swing: float) -> None:
    """With a model that always strikes as soon as it may."""

    class Greedy(FakeModel):
        def draw(self, state: int, rng: np.random.Generator, request: DrawRequest) -> Hit:
            earliest = request.earliest
            instrument = int(rng.choice(np.flatnonzero(earliest == earliest.min())))
            return Hit(max(int(earliest[instrument]), 0), instrument, 100)

    actions = [
        a
        for a in run(make(monkeypatch, Greedy(), {"swing": swing}), 4, 20, tempo=tempo)
        if isinstance(a, Play) and a.onset >= 8
    ]
    pieces = {getattr(Drums.Options(), piece.name): piece for piece in PIECES}
    assert len(actions) > 20
    for note, piece in pieces.items():
        struck = sorted(action.onset for action in actions if action.pitch == note)
        apart = min(piece.apart, 100 / 480 * 60 / tempo)  # seconds
        assert all((b - a) * 60 / tempo >= apart - 1e-6 for a, b in pairwise(struck)), piece
    hands = sorted(action.onset for action in actions if pieces[action.pitch].name not in ("kick", "pedal_hat"))
    least = min(0.025, 100 / 480 * 60 / tempo)
    assert all((b - a) * 60 / tempo >= least - 1e-6 for a, b in zip(hands, hands[2:], strict=False))


def test_pieces_can_have_other_notes_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(), snare=40.0, closed_hat=-1.0)
    assert {pitch for _, pitch in plays(run(engine, 0, 8))} == {KICK, 40}


def test_the_voices_are_the_groups_of_the_kit_on_channel_10() -> None:
    assert Drums.channel == 10 and set(Drums.voices) == {"kick", "snare", "hihat", "toms", "cymbals"}
    assert sorted(note for piece in PIECES for note in piece.notes) == sorted(INSTRUMENTS)
    assert all(INSTRUMENTS[n] in PIECES[piece].notes for n, piece in enumerate(PIECE_OF))


# Grooves


def test_a_random_groove_has_the_bar_of_the_song(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, groove="random")
    names: dict[float, set[str]] = {}
    for meter in (4.0, 3.0, 5.0, 7.0):
        for seed in range(40):
            engine.reset({}, 0.0, seed)
            run(engine, 0, 0.25, meter)
            names.setdefault(meter, set()).add(engine._primer.name)
    assert names[3.0] == {"waltz", "three", "six_eight"} and names[5.0] == {"five"}
    assert len(names[4.0]) == 10 and not names[4.0] & names[3.0]
    assert len(names[7.0]) > 5  # no groove has such a bar: any
    engine = make(monkeypatch, groove="random", style="funk")
    for seed in range(10):
        engine.reset({}, 0.0, seed)
        run(engine, 0, 0.25)
        assert engine._primer.name == "funk"


def test_a_groove_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=96)
    notes = [(0, 36), (96, 38), (96, 36), (96, 38)]
    track = [mido.Message("note_on", channel=9, note=note, velocity=90, time=gap) for gap, note in notes]
    file.tracks.append(mido.MidiTrack(track))
    file.save(tmp_path / "mine.mid")
    engine = make(monkeypatch, groove=str(tmp_path / "mine.mid"))
    assert plays(run(engine, 0, 4)) == [(0.0, 36), (1.0, 38), (2.0, 36), (3.0, 38)]
    engine.reset({}, 0, 2)
    assert plays(run(engine, 0, 3, meter=3.0)) == [(0.0, 36), (1.0, 38), (2.0, 36)]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"groove": "polka"}, r"drums: `groove`: polka: there is no such file.*choose one of random, ballad"),
        ({"groove": str(Path(__file__))}, "not a whole"),
        ({"style": "polka"}, r"`style`: 'polka' is not a style of the model f: choose one of funk, rock"),
        ({"kick": 128.0}, "`kick`: 128 is not a MIDI note: choose 0 to 127"),
        ({"kick": -0.5}, "`kick`: -0.5 is not a MIDI note: choose 0 to 127"),
        ({piece.name: -1.0 for piece in PIECES}, "every piece of the kit is -1"),
    ],
)
def test_invalid_options_are_refused_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(ModelError, match=text):
        make(monkeypatch, FakeModel(eighths), **options)


def test_a_model_is_required() -> None:
    with pytest.raises(ModelError, match="no model"):
        Drums(Setup(Drums.Options())).prepare()


def test_every_option_setting_and_groove_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "engines.md").read_text(encoding="utf-8")
    text = page.partition("## drums")[2].partition("\n## ")[0]
    for option in options_of(Drums.Options):
        assert f"`{option.name}`" in text and all(f"`{choice}`" in text for choice in option.choices)
    assert ", ".join(f"{getattr(Drums.Options(), piece.name):g}" for piece in PIECES) in text
    for setting in Drums.settings:
        assert f"| `{setting.name}` | {setting.low:g} … {setting.high:g} | {setting.default:g} |" in text
    assert all(f"`{name}`" in text for name in shipped_grooves())
